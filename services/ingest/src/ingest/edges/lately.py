"""What came last, of much that comes."""


class Lately:
    """The last *most* names that were added, at least, and fewer than twice as many.

    Two sets that take turns: to drop the oldest name at each new one would touch memory that has
    grown cold, which costs more than all the rest here.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._new or name in self._old

    def add(self, name: str) -> None:
        self._new.add(name)
        if len(self._new) >= self._most:
            self._old, self._new = self._new, set()

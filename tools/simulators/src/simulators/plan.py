"""Which request is treated how: drawn from a seed, not from the order of arrival.

Two runs with one seed treat the n-th request of one message alike, however threads and pods race.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

USUAL = "ok"


@dataclass(frozen=True, slots=True)
class Plan:
    """How often what goes wrong.

    `shares` are the shares of requests by mode, the rest is treated as usual; `by_receiver` goes
    before it. `failed_share` of the accepted messages get a receipt that says failed,
    `silent_share` get none.
    """

    seed: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)
    by_receiver: Mapping[str, str] = field(default_factory=dict)
    failed_share: float = 0.0
    silent_share: float = 0.0

    def __post_init__(self) -> None:
        for shares in (self.shares.values(), (self.failed_share, self.silent_share)):
            if any(share < 0 for share in shares) or sum(shares) > 1 + 1e-9:
                raise ValueError("shares must not be negative and add up to 1 at most")

    def mode(self, receiver: str, message_id: str, nth: int) -> str:
        """Return how the *nth* request (the first is 1) for *message_id* is treated."""
        if receiver in self.by_receiver:
            return self.by_receiver[receiver]
        roll = self._roll("mode", message_id, nth)
        for mode, share in self.shares.items():
            if roll < share:
                return mode
            roll -= share
        return USUAL

    def receipt(self, message_id: str) -> str | None:
        """Return the final state that the gateway will tell, or None for silence."""
        roll = self._roll("receipt", message_id, 1)
        if roll < self.silent_share:
            return None
        return "failed" if roll < self.silent_share + self.failed_share else "delivered"

    def _roll(self, what: str, message_id: str, nth: int) -> float:
        """Return a number of [0, 1) that depends on the seed and the arguments only."""
        digest = hashlib.sha256(f"{self.seed}/{what}/{message_id}/{nth}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / (1 << 56)

"""Liquid, and no more of it than a text needs: no file, no attribute, no endless loop.

A variable that has no value is the empty text: `{% if cutoff != blank %}` asks for it. One that
nobody declared is an error.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from notifier.errors import BadText

TAGS: Final = frozenset(
    {"assign", "case", "comment", "content", "echo", "for", "break", "if", "output", "unless"}
)
FILTERS: Final = frozenset(
    {
        "append",
        "capitalize",
        "default",
        "downcase",
        "escape",
        "prepend",
        "size",
        "strip",
        "truncate",
        "upcase",
    }
)
LONGEST_TEMPLATE: Final = 8_000
CACHED: Final = 2_000


class _Bounded(Environment):
    block_nesting_limit = 8
    context_depth_limit = 8
    loop_iteration_limit = 200
    local_namespace_limit = 4_000
    output_stream_limit = 16_000


class Texts:
    """Renders templates; remembers the compiled ones."""

    def __init__(self) -> None:
        self._environment = _Bounded(undefined=StrictUndefined)
        for tag in set(self._environment.tags) - TAGS:
            if tag not in ("#", "illegal"):  # comments, and the tag that refuses unknown ones
                del self._environment.tags[tag]
        for name in set(self._environment.filters) - FILTERS:
            del self._environment.filters[name]
        self._compiled = lru_cache(maxsize=CACHED)(self._compile)

    def render(self, template: str, variables: Mapping[str, str]) -> str:
        """Return *template* filled in.

        Raises:
            BadText: Not Liquid, an unknown variable, or beyond a limit.
        """
        if len(template) > LONGEST_TEMPLATE:
            raise BadText("the template is too long")
        try:
            return self._compiled(template).render(**variables)
        except LiquidError as error:
            raise BadText(f"the template fails: {type(error).__name__}") from None

    def _compile(self, template: str) -> BoundTemplate:
        return self._environment.from_string(template)

"""Quotas of shops on events that are posted: of this process, so pods add up.

Webhooks have none: a platform that is told to wait switches its hook off.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from contracts.events import Shop
from ingest.domain.quota import NAME, WINDOW_S, Bucket, Grant, ask, quota_of
from web.problems import TooManyRequests

POLICY: Final = "events"


@dataclass(kw_only=True, eq=False)
class Quotas:
    """One per process.

    Args:
        default: Events a minute of a shop that says nothing; 0 is no bound.
        clock: Seconds, only forward.
    """

    default: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, Bucket] = field(default_factory=dict, init=False)

    def of(self, shop: Shop) -> int:
        """Return events a minute; 0 is no bound."""
        said = next((one.value for one in shop.settings if one.name == NAME), None)
        try:
            return quota_of(said, self.default)
        except ValueError:  # saved by a version that did not check it
            return self.default

    def admit(self, shop: Shop, events: int) -> Mapping[str, str]:
        """Return the headers that tell what is left; `TooManyRequests` when it is not enough.

        They are those of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/,
        version 10; none when there is no bound.
        """
        per_minute = self.of(shop)
        if per_minute == 0:
            return {}
        grant = ask(self._buckets.get(shop.shop_id), events, per_minute, self.clock())
        self._buckets[shop.shop_id] = grant.bucket
        if not grant.granted:
            raise TooManyRequests(
                f"the shop may post {per_minute} events a minute",
                retry_after_s=grant.wait_s,
                headers=_headers(grant, per_minute),
            )
        return _headers(grant, per_minute)


def _headers(grant: Grant, per_minute: int) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"{POLICY}";q={per_minute};w={WINDOW_S}',
        "RateLimit": f'"{POLICY}";r={grant.left};t={grant.wait_s or grant.full_s}',
    }

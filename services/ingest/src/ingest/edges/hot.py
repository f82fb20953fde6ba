"""The two routes of ingest that must be fast, as raw ASGI: the same work, and the same answers."""

from dataclasses import dataclass
from typing import Final

from ingest.edges import events, hooks, swift
from ingest.edges.directory import Connector
from ingest.edges.kinds import KINDS, Push
from ingest.edges.ports import Ports
from web.auth import Verifier
from web.hot import Answer, Head, RawHeaders, Tell

_PLAIN_JSON: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})


@dataclass(frozen=True, slots=True)
class HotEvents:
    """POST /v1/shops/{shop_id}/events, as long as all of it is right."""

    ports: Ports
    verifier: Verifier
    template: str = "/v1/shops/{shop_id}/events"

    def ticket(self, path: str, head: Head) -> str | None:
        shop_id = path[len("/v1/shops/") : -len("/events")]
        shop = self.ports.directory.find_shop(shop_id)
        if shop is None or not path.endswith("/events") or b"idempotency-key" in head:
            return None
        if self.ports.quotas.of(shop):  # who is bounded needs no fast way
            return None
        given = head.get(b"authorization")
        values = [] if given is None else [given.decode("latin-1")]
        events.GUARD.admit(self.verifier, values, shop_id)
        return shop_id if head.get(b"content-type") in _PLAIN_JSON else None

    async def take(self, ticket: str, headers: RawHeaders, raw: bytes) -> Answer | None:
        del headers
        plain = swift.plain(raw)
        return None if plain is None else await events.take(ticket, plain, self.ports)

    def begin(self, ticket: str, raw: bytes, traceparent: str, tell: Tell) -> bool:
        """Take a single plain order, the most usual post, without waiting for anything."""
        return events.begin(ticket, raw, traceparent, self.ports, tell)


@dataclass(frozen=True, slots=True)
class HotHooks:
    """POST /v1/hooks/{connector_id}, of known connectors whose bodies are signed.

    Whoever signs a query too comes the API's way, as all that have one.
    """

    ports: Ports
    template: str = "/v1/hooks/{connector_id}"

    def ticket(self, path: str, head: Head) -> Connector | None:
        del head
        known = self.ports.directory.known_connector(path[len("/v1/hooks/") :])
        kind = None if known is None else KINDS.get(known.kind)
        return known if kind is None or kind.has_secrets else None

    async def take(self, ticket: Connector, headers: RawHeaders, raw: bytes) -> Answer | None:
        return await hooks.take(ticket, Push(raw, headers), self.ports)

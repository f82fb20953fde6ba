"""Shops and connectors, whole in memory: the hot path asks no database.

Refreshed every 5 s, used stale while Postgres is away. What this process changes is known at once.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.events import Shop
from ingest.edges.shops import SealedConnector, ShopStore
from ingest.edges.store import SOURCE
from ingest.errors import NotDurable, UnknownConnector, UnknownShop
from plumbing.away import is_transient
from plumbing.clock import business_clock
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer
from plumbing.stopping import pause

REFRESH_EVERY_S: Final = 5.0
LOOK_UP_EVERY_S: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connector:
    connector_id: str
    shop_id: str
    kind: str
    secrets: tuple[str, ...]
    accept_test: bool
    config: str | None
    api: str | None = None


@dataclass(kw_only=True, eq=False)
class Directory:
    engine: AsyncEngine
    sealer: Sealer
    now: Callable[[], datetime]  # this machine's clock
    _shops: dict[str, Shop] = field(default_factory=dict, init=False)
    _connectors: dict[str, tuple[SealedConnector, Connector]] = field(
        default_factory=dict, init=False
    )
    _changes: int = field(default=0, init=False)
    _ahead: timedelta = field(default=timedelta(0), init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def business_now(self) -> datetime:
        """Return business time as last compared with Postgres; good for bounds, not for dues."""
        return self.now() + self._ahead

    async def shop(self, shop_id: str) -> Shop:
        """Return a shop from memory; one that is not there is looked up at most once a second."""
        found = self._shops.get(shop_id)
        if found is None and await self._look_again():
            found = self._shops.get(shop_id)
        if found is None:
            raise UnknownShop("no such shop")
        return found

    def known_shop(self, shop_id: str) -> Shop:
        """Return a shop that has a connector: it was loaded before, or with it."""
        return self._shops[shop_id]

    def find_shop(self, shop_id: str) -> Shop | None:
        """Return a shop from memory alone."""
        return self._shops.get(shop_id)

    def known_connector(self, connector_id: str) -> Connector | None:
        """Return a connector from memory alone."""
        found = self._connectors.get(connector_id)
        return None if found is None else found[1]

    async def connector(self, connector_id: str) -> Connector:
        found = self._connectors.get(connector_id)
        if found is None and await self._look_again():
            found = self._connectors.get(connector_id)
        if found is None:
            raise UnknownConnector("no such hook")
        return found[1]

    def note_shop(self, shop: Shop) -> None:
        known = self._shops.get(shop.shop_id)
        if known is None or known.revision < shop.revision:
            self._shops[shop.shop_id] = shop

    def note_connector(self, sealed: SealedConnector) -> None:
        self._changes += 1
        self._connectors[sealed.connector_id] = (sealed, self._opened(sealed))

    def drop_connector(self, connector_id: str) -> None:
        self._changes += 1
        self._connectors.pop(connector_id, None)

    async def run(self, stop: asyncio.Event) -> None:
        while not await pause(stop, REFRESH_EVERY_S):
            try:
                await self.refresh()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                if not is_transient(error):
                    raise
                log.warning("shops and connectors are used stale: the database is away")

    async def refresh(self) -> None:
        changes = self._changes
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            store = ShopStore(conn)
            shops = await store.all_shops()
            connectors = await store.all_connectors()
            before = self.now()
            theirs = await business_clock(conn)
        self._ahead = theirs - before
        for shop in shops:
            self.note_shop(shop)
        if changes == self._changes:  # else what we read is older than what we know
            known = self._connectors
            self._connectors = {
                one.connector_id: (
                    known[one.connector_id]
                    if one.connector_id in known and known[one.connector_id][0] == one
                    else (one, self._opened(one))
                )
                for one in connectors
            }

    async def refresh_clock(self) -> None:
        """Compare the clocks now: a demo or a test may have moved business time a moment ago."""
        try:
            async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
                before = self.now()
                self._ahead = await business_clock(conn) - before
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if not is_transient(error):
                raise

    async def _look_again(self) -> bool:
        """Refresh unless that was done within the second; whoever asks meanwhile waits for it."""
        async with self._busy:
            if time.monotonic() - self._looked_at < LOOK_UP_EVERY_S:
                return True
            try:
                await self.refresh()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                if not is_transient(error):
                    raise
                raise NotDurable("shops cannot be looked up now: send the same again") from None
            self._looked_at = time.monotonic()
        return True

    def _opened(self, sealed: SealedConnector) -> Connector:
        secrets = json.loads(self.sealer.unseal(sealed.secrets, sealed.context))
        api = None
        if sealed.api is not None:
            api = self.sealer.unseal(sealed.api, sealed.api_context).decode()
        return Connector(
            sealed.connector_id,
            sealed.shop_id,
            sealed.kind,
            tuple(secrets),
            sealed.accept_test,
            sealed.config,
            api,
        )

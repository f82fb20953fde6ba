"""What the routes work with, made by main and found in the app's state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ingest.app.note_fact import NewOrder, register_orders, settle
from ingest.domain.facts import Fact, OrderRef, Waiting
from ingest.domain.push import Task
from ingest.edges.directory import Directory
from ingest.edges.imports.upload import Uploads
from ingest.edges.people import PeopleStore
from ingest.edges.publisher import Publisher
from ingest.edges.push_log import PushLog
from ingest.edges.quotas import Quotas
from ingest.edges.rejected import push_context
from ingest.edges.shops import ShopStore
from ingest.edges.store import SOURCE, PostgresStore
from ingest.errors import NotDurable
from plumbing.away import is_transient
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer
from web.shop_session import shop_tx


@dataclass(frozen=True, kw_only=True, eq=False)
class Registry:
    """The registries, each call one transaction that sees one shop."""

    engine: AsyncEngine
    sealer: Sealer
    partitions: int
    now: Callable[[], datetime]
    wake: Callable[[], None]  # the outbox relay

    async def settle(self, shop_id: str, waiting: Sequence[Waiting]) -> list[Fact]:
        try:
            async with shop_tx(self.engine, SOURCE, shop_id) as conn:
                store = PostgresStore(conn, self.partitions, self.now())
                return await settle(store, shop_id, waiting)
        except (SQLAlchemyError, OSError) as error:
            raise _not_now(error) from None

    async def keep_texts(self, shop_id: str, texts: Mapping[str, tuple[Fact, str]]) -> None:
        try:
            async with shop_tx(self.engine, SOURCE, shop_id) as conn:
                people = PeopleStore(conn, self.sealer, self.partitions, self.now())
                await people.keep_texts(texts.values())
        except (SQLAlchemyError, OSError) as error:
            raise _not_now(error) from None

    async def spell(self, shop_id: str, aliases: Sequence[tuple[str, str, str]]) -> None:
        orders = {
            NewOrder(shop_id, spelled, OrderRef(order_id, customer_id))
            for spelled, order_id, customer_id in aliases
        }
        try:
            async with shop_tx(self.engine, SOURCE, shop_id) as conn:
                store = PostgresStore(conn, self.partitions, self.now())
                await register_orders(store, orders)
        except (SQLAlchemyError, OSError) as error:
            raise _not_now(error) from None
        self.wake()

    async def keep_push(
        self,
        *,
        shop_id: str,
        connector_id: str,
        digest: bytes,
        reason: str,
        body: bytes,
        task: Task | None,
    ) -> None:
        """Keep a signed body that says nothing to us, or asks for a person, for an operator."""
        sealed = self.sealer.seal(body, push_context(shop_id, digest))
        try:
            async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
                await ShopStore(conn).keep_push(
                    shop_id=shop_id,
                    connector_id=connector_id,
                    digest=digest,
                    reason=reason,
                    sealed=sealed,
                    task=task,
                )
        except (SQLAlchemyError, OSError) as error:
            raise _not_now(error) from None


@dataclass(frozen=True, kw_only=True, eq=False)
class Ports:
    directory: Directory
    publisher: Publisher
    registry: Registry
    push_log: PushLog
    sealer: Sealer
    quotas: Quotas
    uploads: Uploads
    partitions: int
    shop_zone: str  # of shops that name none
    trusted_proxies: int
    now: Callable[[], datetime]
    wake: Callable[[], None]
    merges_customers: bool = False


def get_ports(request: Request) -> Ports:
    ports: Ports = request.app.state.ports
    return ports


def _not_now(error: Exception) -> Exception:
    """Return what the sender is told: to come again, unless we are wrong ourselves."""
    if is_transient(error):
        return NotDurable("the registry does not answer: send the same again")
    return error

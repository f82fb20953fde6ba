"""Shops and connectors in Postgres."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.events import AttributeType, OwnAttribute, Shop, Variable
from ingest.domain.push import Task
from ingest.edges.store import SOURCE
from ingest.edges.tables import connector, pull, push_log, rejected_push, shop
from plumbing import outbox
from plumbing.records import place

_NAMES = [field.name for field in fields(Shop) if field.name not in ("settings", "attributes")]


@dataclass(frozen=True, slots=True)
class SealedConnector:
    connector_id: str
    shop_id: str
    kind: str
    secrets: bytes
    accept_test: bool
    created_at: datetime
    config: str | None
    api: bytes | None = None

    @property
    def context(self) -> bytes:
        return connector_context(self.connector_id)

    @property
    def api_context(self) -> bytes:
        return api_context(self.connector_id)


@dataclass(frozen=True, slots=True)
class RejectedPush:
    id: int
    connector_id: str
    reason: str
    received_at: datetime
    task: str | None
    subject: str | None


def connector_context(connector_id: str) -> bytes:
    """Return what binds sealed secrets to their connector."""
    return b"connector:" + connector_id.encode()


def api_context(connector_id: str) -> bytes:
    """Return what binds a platform's credentials to their connector."""
    return b"connector-api:" + connector_id.encode()


class ShopStore:
    """One open transaction; as the API it sees one shop only."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def all_shops(self) -> list[Shop]:
        rows = await self._conn.execute(select(shop).order_by(shop.c.shop_id))
        return [_shop(row) for row in rows]

    async def shops(self, after: str, limit: int) -> list[Shop]:
        page = select(shop).where(shop.c.shop_id > after).order_by(shop.c.shop_id).limit(limit)
        return [_shop(row) for row in await self._conn.execute(page)]

    async def shop(self, shop_id: str, *, lock: bool = False) -> Shop | None:
        wanted = select(shop).where(shop.c.shop_id == shop_id)
        rows = await self._conn.execute(wanted.with_for_update() if lock else wanted)
        row = rows.one_or_none()
        return None if row is None else _shop(row)

    async def add_shop(self, new: Shop) -> bool:
        """Insert; False when the id is taken."""
        put = insert(shop).values(**_columns(new)).on_conflict_do_nothing()
        added = await self._conn.scalar(put.returning(shop.c.shop_id))
        return added is not None

    async def change_shop(self, new: Shop) -> None:
        columns = _columns(new)
        put = insert(shop).values(**columns)
        await self._conn.execute(
            put.on_conflict_do_update(
                constraint=shop.primary_key,
                set_={**columns, "changed_at": text("clock_timestamp()")},
            )
        )

    async def announce(self, known: Shop, partitions: int, at: datetime) -> None:
        encoded = codec.encode(known, source=SOURCE, at=at)
        await outbox.put(self._conn, [place(encoded, partitions)])

    async def all_connectors(self) -> list[SealedConnector]:
        rows = await self._conn.execute(select(connector).order_by(connector.c.connector_id))
        return [SealedConnector(**row._mapping) for row in rows]  # noqa: SLF001 - its public name

    async def connectors(self, shop_id: str) -> list[SealedConnector]:
        wanted = select(connector).where(connector.c.shop_id == shop_id)
        rows = await self._conn.execute(wanted.order_by(connector.c.created_at))
        return [SealedConnector(**row._mapping) for row in rows]  # noqa: SLF001 - its public name

    async def add_connector(  # noqa: PLR0913 - one a column, all by name
        self,
        *,
        connector_id: str,
        shop_id: str,
        kind: str,
        secrets: bytes,
        accept_test: bool,
        config: str | None,
        api: bytes | None,
    ) -> SealedConnector:
        row = {
            "connector_id": connector_id,
            "shop_id": shop_id,
            "kind": kind,
            "secrets": secrets,
            "accept_test": accept_test,
            "config": config,
            "api": api,
        }
        put = insert(connector).values(**row).returning(connector.c.created_at)
        created_at = (await self._conn.execute(put)).scalar_one()
        if api is not None:
            await self.ask(connector_id, shop_id)
        return SealedConnector(
            connector_id, shop_id, kind, secrets, accept_test, created_at, config, api
        )

    async def ask(self, connector_id: str, shop_id: str) -> None:
        """Note that the platform is to be asked from now on; with other credentials, at once."""
        now = text("clock_timestamp()")
        row = {"connector_id": connector_id, "shop_id": shop_id, "mark": now, "next_at": now}
        put = insert(pull).values(**row)
        await self._conn.execute(
            put.on_conflict_do_update(
                constraint=pull.primary_key, set_={"next_at": now, "failures": 0}
            )
        )

    async def pull_of(self, shop_id: str, connector_id: str) -> Row[Any] | None:
        wanted = select(pull).where(pull.c.connector_id == connector_id, pull.c.shop_id == shop_id)
        return (await self._conn.execute(wanted)).one_or_none()

    async def connector(
        self, shop_id: str, connector_id: str, *, lock: bool = False
    ) -> SealedConnector | None:
        wanted = select(connector).where(
            connector.c.connector_id == connector_id, connector.c.shop_id == shop_id
        )
        rows = await self._conn.execute(wanted.with_for_update() if lock else wanted)
        row = rows.one_or_none()
        return None if row is None else SealedConnector(**row._mapping)  # noqa: SLF001 - its public name

    async def change_connector(self, changed: SealedConnector) -> None:
        await self._conn.execute(
            update(connector)
            .where(connector.c.connector_id == changed.connector_id)
            .values(
                secrets=changed.secrets,
                accept_test=changed.accept_test,
                config=changed.config,
                api=changed.api,
            )
        )

    async def delete_connector(self, shop_id: str, connector_id: str) -> bool:
        gone = delete(connector).where(
            connector.c.connector_id == connector_id, connector.c.shop_id == shop_id
        )
        found = await self._conn.execute(gone.returning(connector.c.connector_id))
        await self._conn.execute(
            delete(pull).where(pull.c.connector_id == connector_id, pull.c.shop_id == shop_id)
        )
        await self._conn.execute(
            delete(push_log).where(
                push_log.c.connector_id == connector_id, push_log.c.shop_id == shop_id
            )
        )
        return found.one_or_none() is not None

    async def keep_push(
        self,
        *,
        shop_id: str,
        connector_id: str,
        digest: bytes,
        reason: str,
        sealed: bytes,
        task: Task | None = None,
    ) -> None:
        """Keep a signed body that makes no facts; its repetition is the same one."""
        row = {
            "shop_id": shop_id,
            "connector_id": connector_id,
            "digest": digest,
            "reason": reason,
            "sealed": sealed,
            "task": None if task is None else task.kind,
            "subject": None if task is None else task.subject,
        }
        await self._conn.execute(insert(rejected_push).values(**row).on_conflict_do_nothing())

    async def rejected_pushes(
        self, after: int, limit: int, *, tasks_only: bool
    ) -> Sequence[RejectedPush]:
        columns = [rejected_push.c[field.name] for field in fields(RejectedPush)]
        page = select(*columns).where(rejected_push.c.id > after).order_by(rejected_push.c.id)
        if tasks_only:
            page = page.where(rejected_push.c.task.is_not(None))
        return [RejectedPush(*row) for row in await self._conn.execute(page.limit(limit))]

    async def put_away(self, kept_id: int) -> bool:
        """Delete a kept push; return whether it was there."""
        gone = delete(rejected_push).where(rejected_push.c.id == kept_id)
        found = await self._conn.execute(gone.returning(rejected_push.c.id))
        return found.one_or_none() is not None


def _shop(row: Row[Any]) -> Shop:
    known = {name: getattr(row, name) for name in _NAMES}
    settings = tuple(Variable(name, value) for name, value in sorted(row.settings.items()))
    return Shop(**known, settings=settings, attributes=tuple(map(_own, row.attributes)))


def _own(said: dict[str, Any]) -> OwnAttribute:
    return OwnAttribute(
        said["name"], AttributeType(said["type"]), said["label"], tuple(said["choices"])
    )


def _columns(known: Shop) -> dict[str, Any]:
    columns = {name: getattr(known, name) for name in _NAMES}
    settings = {one.name: one.value for one in known.settings}
    return {**columns, "settings": settings, "attributes": [*map(asdict, known.attributes)]}

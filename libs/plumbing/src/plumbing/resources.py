"""What a process opens and must close: the database, the producer. And who it is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from plumbing.limits import Limits

CONNECT_WITHIN_S: Final = 5.0
POOL_WAIT_S: Final = 5.0
RECYCLE_S: Final = 1800
MAX_BATCH_BYTES: Final = 256 * 1024  # before compression; a topic takes 1 MiB
MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024

# The server drops a client whose machine is gone within 25 s, and with it locks and leases.
_SERVER_SETTINGS: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",
}

_ENTER: Final = text(
    """
    select set_config('role', :role, true),
           set_config('lock_timeout', :lock, true),
           set_config('statement_timeout', :statement, true),
           set_config('idle_in_transaction_session_timeout', :idle, true),
           case when cast(current_setting('server_version_num') as int) >= 170000
                then set_config('transaction_timeout', '0', true)  -- else its clock runs on
                  || set_config('transaction_timeout', :transaction, true) end
    """
)
_JUDGE: Final = text(
    """
    select session_user::text as login,
           me.rolsuper or me.rolbypassrls as mighty,
           pg_has_role(session_user, api.oid, 'MEMBER') as api,
           pg_has_role(session_user, worker.oid, 'MEMBER') as worker,
           api.rolsuper or api.rolbypassrls or worker.rolsuper or worker.rolbypassrls
             as mighty_roles,
           exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname = :schema
                     and c.relowner in (me.oid, api.oid, worker.oid)) as owns,
           exists (select from pg_namespace n where n.nspname = :schema) as schema
    from pg_roles me
    left join pg_roles api on api.rolname = :api
    left join pg_roles worker on worker.rolname = :worker
    where me.rolname = session_user
    """
)


class WrongRole(Exception):
    """The database login cannot be trusted to see one shop at a time; the text says why."""


def schema_of(service: str) -> str:
    return service.replace("-", "_")


def owner_role(service: str) -> str:
    return schema_of(service) + "_owner"


def api_role(service: str) -> str:
    return schema_of(service) + "_api"


def worker_role(service: str) -> str:
    return schema_of(service) + "_worker"


@asynccontextmanager
async def open_engine(url: str, *, app: str, pool: int = 8) -> AsyncIterator[AsyncEngine]:
    """Open the pool of connections. Nothing connects before the first use.

    Args:
        url: postgresql+asyncpg://...
        app: Shown in pg_stat_activity.
        pool: Connections at most. Who finds none free waits 5 s, then fails.
    """
    engine = create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=RECYCLE_S,
        pool_pre_ping=True,  # a backend that was ended at rest is replaced before it is used
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_WITHIN_S,
            "server_settings": {"application_name": app, **_SERVER_SETTINGS},
        },
    )
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def worker_tx(engine: AsyncEngine, role: str) -> AsyncIterator[AsyncConnection]:
    """Open a transaction as *role*, such as `worker_role("segmenter")`."""
    async with engine.begin() as conn:
        await conn.execute(text("select set_config('role', :role, true)"), {"role": role})
        yield conn


async def enter(
    conn: AsyncConnection, role: str, limits: Limits, lock_timeout_ms: int | None = None
) -> None:
    """Make the transaction that begins with this one of *role*, with the database's timeouts."""
    settings = {
        "role": role,
        "lock": str(lock_timeout_ms or limits.lock_timeout_ms),
        "statement": str(limits.statement_timeout_ms),
        "idle": str(limits.idle_timeout_ms),
        "transaction": str(limits.transaction_timeout_ms),
    }
    await conn.execute(_ENTER, settings)


async def check_role(conn: AsyncConnection, service: str) -> None:
    """Tell whether the login is fit for *service*.

    Raises:
        WrongRole: It passes row-level security, owns what it should only use, or has not the
            service's two roles.
    """
    names = {"schema": schema_of(service), "api": api_role(service), "worker": worker_role(service)}
    row = (await conn.execute(_JUDGE, names)).one()
    if row.mighty:
        raise WrongRole(f"{row.login} is superuser or has BYPASSRLS: row-level security is void")
    for role, member in ((names["api"], row.api), (names["worker"], row.worker)):
        if member is None:
            raise WrongRole(f"the role {role} does not exist: run the bootstrap")
        if not member:
            raise WrongRole(f"{row.login} is no member of {role}")
    if row.mighty_roles:
        raise WrongRole(f"{names['api']} or {names['worker']} has BYPASSRLS")
    if not row.schema:
        raise WrongRole(f"the schema {names['schema']} does not exist: run the bootstrap")
    if row.owns:
        raise WrongRole(f"{row.login} or one of its roles owns tables in {names['schema']}")


@asynccontextmanager
async def open_producer(
    servers: str, *, request_timeout_ms: int = 10_000
) -> AsyncIterator[AIOKafkaProducer]:
    """Start a producer that repeats without doubling and is answered by all replicas.

    One error of sequence, or one batch that expired, makes it useless: close it, open another.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        request_timeout_ms=request_timeout_ms,
        metadata_max_age_ms=30_000,
        max_request_size=MAX_REQUEST_BYTES,
        max_batch_size=MAX_BATCH_BYTES,
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()

"""A table with a guard in one service's schema, and a gate between us and Postgres."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing.migrate import rls
from plumbing.resources import open_engine
from support.database import Db, connect
from support.gate import Gate
from web.settings import Port, ServiceSettings

SERVICE = "segmenter"
TOKEN_SECRET = "0123456789abcdef0123456789abcdef"


class Settings(ServiceSettings):
    http_port: Port = 0
    ops_port: Port = 0


@pytest.fixture
async def gate(db: Db) -> AsyncIterator[Gate]:
    server = make_url(db.server_url)
    made = Gate(server.host or "", server.port or 5432)
    await made.open()
    yield made
    await made.shut()


@pytest.fixture
def settings(db: Db, gate: Gate) -> ServiceSettings:
    """Settings whose database lies behind the gate."""
    url = make_url(db.url(SERVICE)).set(host="127.0.0.1", port=gate.here)
    return Settings(
        environment="test",
        database_url=SecretStr(url.render_as_string(hide_password=False)),
        kafka_servers="127.0.0.1:9092",
        token_secret=SecretStr(TOKEN_SECRET),
    )


@pytest.fixture
async def engine(db: Db) -> AsyncIterator[AsyncEngine]:
    """A pool of two connections, so that they are used again and again."""
    async with open_engine(db.url(SERVICE), app=SERVICE, pool=2) as made:
        yield made


@pytest.fixture
async def probe(db: Db) -> None:
    """The table `probe`: two shops, three rows each."""
    owner = await connect(db.owner_url(SERVICE))
    await owner.execute("create table probe (shop_id text not null, name text not null)")
    for statement in rls("probe", SERVICE):
        await owner.execute(statement)
    await owner.close()
    admin = await connect(db.admin_url)
    await admin.execute(
        "insert into segmenter.probe"
        " select shop, shop || n from unnest(array['tea', 'silk']) shop, generate_series(1, 3) n"
    )
    await admin.close()

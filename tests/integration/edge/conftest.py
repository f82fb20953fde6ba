"""An API built as services build theirs, called in memory."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from web.app import build_api
from web.auth import issue_local_token
from web.settings import Port, ServiceSettings

SECRET = "0123456789abcdef0123456789abcdef"

Build: TypeAlias = Callable[..., FastAPI]
Call: TypeAlias = Callable[[FastAPI], httpx.AsyncClient]
Bearer: TypeAlias = Callable[..., dict[str, str]]


class Settings(ServiceSettings):
    http_port: Port = 0
    ops_port: Port = 0


@pytest.fixture
def settings() -> ServiceSettings:
    return Settings(
        environment="test",
        database_url=SecretStr("postgresql+asyncpg://u:p@127.0.0.1/huiliu"),
        kafka_servers="127.0.0.1:9092",
        token_secret=SecretStr(SECRET),
    )


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def build(settings: ServiceSettings, registry: CollectorRegistry) -> Build:
    def build(router: APIRouter, **more: Any) -> FastAPI:
        return build_api("Test", [router], settings, registry=registry, **more)

    return build


@pytest.fixture
def call() -> Call:
    def call(app: FastAPI) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app)
        return httpx.AsyncClient(transport=transport, base_url="http://test")

    return call


@pytest.fixture
def bearer() -> Bearer:
    def bearer(shop: str = "tea", scopes: Iterable[str] = ("things:read",)) -> dict[str, str]:
        return {"Authorization": f"Bearer {issue_local_token(SECRET, shop, scopes)}"}

    return bearer

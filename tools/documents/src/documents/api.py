"""Ingest's API as OpenAPI 3.1: what a running one shows at /openapi.json, without running it."""

import base64
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from ingest.main import SERVICE, api_of
from ingest.settings import Settings


def ingest() -> dict[str, Any]:
    return ingest_api().openapi()


def ingest_api() -> FastAPI:
    """Return ingest's API as it is composed, which can answer nothing but what it is."""
    nothing = "0" * 32  # a document holds no secret, and nobody is asked for it
    settings = Settings(
        environment="test",
        database_url=SecretStr("postgresql+asyncpg://127.0.0.1/nowhere"),
        kafka_servers="127.0.0.1:9",
        token_secret=SecretStr(nothing),
        data_key=SecretStr(base64.b64encode(nothing.encode()).decode()),
    )
    return api_of(settings, None, SERVICE)

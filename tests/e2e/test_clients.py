"""Who knows only docs/api can use ingest: clients made of the documents, against one that runs."""

import json
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from demo.house import ROOT, Pod, token
from support.processes import said
from support.town import Town

API: Final = ROOT / "docs" / "api"
USES: Final = Path(__file__).parent / "uses"
MADE: Final = ROOT / ".local" / "clients"
PYTHON: Final = MADE / "venv" / "bin" / "python"
TYPESCRIPT: Final = MADE / "typescript"

pytestmark = pytest.mark.asyncio(loop_scope="module")
needs_python = pytest.mark.skipif(
    not (MADE / "python" / ".ok").exists(), reason="the Python client is not made: make clients"
)
needs_typescript = pytest.mark.skipif(
    not (TYPESCRIPT / ".ok").exists(),
    reason="the TypeScript client is not made: install node 20 with npm, then make clients",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ingest(unstarted_town: Town) -> Pod:
    await unstarted_town.start("ingest")
    return unstarted_town.pods["ingest"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(ingest: Pod) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token(ttl_s=600)}"}
    async with httpx.AsyncClient(base_url=ingest.url, headers=headers, trust_env=False) as http:
        yield http


async def test_a_running_ingest_shows_the_document(http: httpx.AsyncClient) -> None:
    written = json.loads((API / "ingest.openapi.json").read_text("utf-8"))

    assert (await http.get("/openapi.json")).json() == written


async def test_the_examples_of_the_document_are_good(http: httpx.AsyncClient) -> None:
    document = json.loads((API / "ingest.openapi.json").read_text("utf-8"))

    def examples(path: str) -> Mapping[str, Any]:
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        return {
            name: one["value"]
            for name, one in content["examples"].items()
            if "api" not in one["value"]  # such a connector asks its platform, and there is none
        }

    async def asked(path: str) -> dict[str, int]:
        address = path.replace("{shop_id}", "tea-house")
        return {
            name: (await http.post(address, json=body)).status_code
            for name, body in examples(path).items()
        }

    for path, status in {
        "/v1/shops": 201,
        "/v1/shops/{shop_id}/events": 200,
        "/v1/shops/{shop_id}/connectors": 201,
    }.items():
        answers = await asked(path)
        assert answers == dict.fromkeys(answers, status)


@needs_python
async def test_the_generated_python_client_opens_a_shop_posts_an_order_and_meets_a_problem(
    ingest: Pod,
) -> None:
    code, out = await said(
        *(PYTHON, USES / "client.py", ingest.url, token(ttl_s=600)),
        PYTHONPATH=str(MADE / "python"),
    )

    assert code == 0, out
    assert json.loads(out) == {
        "revision": 1,
        "accepted": 1,
        "again": 409,
        "problem": "urn:huiliu:problem:unprocessable",
        "field": "/currency",
        "stranger": "urn:huiliu:problem:not-found",
    }


@needs_python
async def test_the_openapi_document_is_valid() -> None:
    document = API / "ingest.openapi.json"

    assert await said(PYTHON, "-m", "openapi_spec_validator", document) == (0, f"{document}: OK\n")


@needs_typescript
async def test_a_typescript_program_compiles_when_it_is_right_and_not_when_it_is_wrong() -> None:
    """What is wrong in it is marked so; a mark on what is right fails too."""
    shutil.copy(USES / "client.ts", TYPESCRIPT)

    compiler = TYPESCRIPT / "node_modules" / ".bin" / "tsc"
    assert await said(compiler, "--noEmit", "--project", TYPESCRIPT) == (0, "")


@needs_typescript
async def test_the_asyncapi_document_is_valid() -> None:
    shutil.copy(USES / "asyncapi.mjs", TYPESCRIPT)
    document = API / "topics.asyncapi.json"

    assert await said("node", TYPESCRIPT / "asyncapi.mjs", document) == (
        0,
        "12 channels, 0 errors\n",
    )

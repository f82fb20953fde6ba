"""Generated requests at every route of ingest: what it answers is what its document says.

A few hundred, of one seed; `make fuzz` draws thousands, and others each time.
"""

import os
import random
import re
from pathlib import Path
from typing import Final

import pytest

from demo.house import ROOT, token
from localstack import Stack
from support.processes import said
from support.town import Town, open_town

USES: Final = Path(__file__).parent / "uses"
VENV: Final = ROOT / ".local" / "clients" / "venv"
LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
SHOP: Final = "tea-house"
SECRET: Final = "0123456789abcdef"
# A busy machine is no refusal.
PATIENT: Final = {"HUILIU_KAFKA_ACK_S": "10", "HUILIU_DURABLE_S": "20"}
PHASES: Final = "examples,coverage,fuzzing,stateful" if LONG else "examples,fuzzing"
MOST: Final = 400 if LONG else 25  # requests of each operation, of those that are drawn
LEAST_CASES: Final = 5_000 if LONG else 300

pytestmark = pytest.mark.skipif(
    not (VENV / ".ok").exists(), reason="Schemathesis is not installed: make clients"
)


@pytest.mark.timeout(3600 if LONG else 240)
async def test_ingest_answers_as_its_document_says(
    kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    async with open_town(kafka, postgres, tmp_path, PATIENT) as town:
        await town.start("ingest")
        await town.open_shop(SHOP)
        await fuzz(town)


async def fuzz(town: Town) -> None:
    path = f"/v1/shops/{SHOP}/connectors"
    wanted = [{"kind": kind, "secrets": [SECRET]} for kind in ("shopify", "woocommerce")]
    made = [await town.api.post("ingest", path, one) for one in wanted for _ in range(2)]
    drawn = random.SystemRandom().randrange(2**32) if LONG else 1
    seed = os.environ.get("FUZZ_SEED") or drawn

    code, out = await said(
        *(VENV / "bin" / "schemathesis", "--no-color", "--config-file", USES / "fuzz.toml", "run"),
        *(ROOT / "docs" / "api" / "ingest.openapi.json", "--url", town.pods["ingest"].url),
        *("--header", f"Authorization: Bearer {token(ttl_s=3600)}"),
        *("--phases", PHASES, "--generation-allow-x00", "false"),  # a NUL is no JSON of ours
        *("--max-examples", str(MOST), "--seed", str(seed), "--generation-database", "none"),
        *("--continue-on-failure", "--output-truncate", "false", "--request-timeout", "60"),
        within_s=3600,
        PYTHONPATH=str(USES),
        SCHEMATHESIS_HOOKS="fuzzing",
        FUZZED_SHOP=SHOP,
        FUZZED_CONNECTORS=",".join(one["connector_id"] for one in made),
        COLUMNS="200",
    )

    assert code == 0, out
    cases = re.search(r"([\d,]+) generated", out)
    assert cases is not None, out
    assert int(cases[1].replace(",", "")) >= LEAST_CASES, out

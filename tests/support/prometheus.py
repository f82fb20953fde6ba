"""Debian's Prometheus, with the configuration that we ship and other targets."""

import asyncio
import contextlib
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from localstack import free_port
from support.eventually import eventually

ROOT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = ROOT / "deploy" / "prometheus"
RULES: Final = SHIPPED / "rules.yml"
Sample = tuple[Mapping[str, str], float]


def binary(name: str) -> str:
    """Return where *name* is; skip the test where Debian's package is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; on Debian: apt-get install prometheus")
    return found


@dataclass(frozen=True, eq=False)
class Prometheus:
    """A running one."""

    client: httpx.AsyncClient

    async def query(self, expr: str) -> list[Sample]:
        answer = await self._get("/api/v1/query", query=expr)
        if answer["resultType"] == "scalar":
            return [({}, float(answer["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in answer["result"]]

    async def alerts(self, state: str) -> set[str]:
        """Return the names of the alerts that are in *state* now."""
        found = (await self._get("/api/v1/alerts"))["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == state}

    async def fired(self, since: float) -> set[str]:
        """Return the names of the alerts that fired at any evaluation after *since* (monotonic)."""
        past_s = max(1, round(time.monotonic() - since))
        found = await self.query(f'last_over_time(ALERTS{{alertstate="firing"}}[{past_s}s])')
        return {labels["alertname"] for labels, _ in found}

    async def _get(self, path: str, **params: str) -> Any:
        answer = await self.client.get(path, params=params)
        told = answer.json()
        assert told["status"] == "success", told
        return told["data"]


def config_for(targets: Mapping[str, int]) -> str:
    """Return the shipped configuration, with the rules' own place and these ports by job."""
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text("utf-8"))
    config["rule_files"] = [str(SHIPPED / name) for name in config["rule_files"]]
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
    return yaml.safe_dump(config)


@asynccontextmanager
async def open_prometheus(folder: Path, targets: Mapping[str, int]) -> AsyncIterator[Prometheus]:
    """Run it on loopback until the body ends."""
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(config_for(targets), "utf-8")
    with (folder / "prometheus.log").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            binary("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False
        ) as client:

            async def ready() -> bool:
                assert process.returncode is None, (folder / "prometheus.log").read_text("utf-8")
                try:
                    return (await client.get("/-/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready, within_s=30)
            yield Prometheus(client)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()

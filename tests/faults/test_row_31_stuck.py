"""A client that hangs is noticed and replaced; a database that is down makes nobody restart."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from demo.house import Pod
from localstack import Stack, free_port
from support.deaf import Deafener, deafening
from support.eventually import eventually
from support.load import Load, count_again, differing, forget_change, misannounced, segmented
from support.town import SWIFT, Town, open_town
from support.trial import ROOT, Trial

FOUND_WITHIN_S: Final = 10.0
# Only of the one that hangs. Its look at the lag may meet the deaf proxy too, which costs 3 s.
IMPATIENT: Final = {"HUILIU_STUCK_AFTER_S": "4"}


@dataclass(frozen=True, slots=True)
class Behind:
    """A broker with a second door, which is advertised as the proxy before it."""

    stack: Stack
    proxy: Deafener

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.proxy.own_port}"


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Behind]:
    plain, controller, door, proxied = (free_port() for _ in range(4))
    listeners = f"PLAINTEXT://127.0.0.1:{plain},DOOR://127.0.0.1:{door}"
    overrides = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},DOOR://127.0.0.1:{proxied}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,DOOR:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    folder = Path(tempfile.mkdtemp(prefix="kafka-", dir=ROOT / ".local" / "tests"))
    ports = {"kafka": plain, "controller": controller}
    try:
        async with (
            Stack(folder, postgres=False, ports=ports, kafka_overrides=overrides) as stack,
            deafening("127.0.0.1", door, proxied) as proxy,
        ):
            yield Behind(stack, proxy)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _all_in(town: Town, load: Load) -> bool:
    return await segmented(town) == load.recomputed()


async def _segmenter(town: Town, behind: Behind) -> Pod:
    """Start the one that reads through the proxy."""
    pod = await town.house.start(
        "segmenter",
        town.ports["segmenter"],
        {**IMPATIENT, "HUILIU_KAFKA_SERVERS": behind.servers},
    )
    town.pods["segmenter"] = pod
    await pod.ready()
    return pod


async def _wedge(behind: Behind) -> float:
    """Restart the broker, and let the reader come back to one that hears nothing; return when."""
    before = len(behind.proxy.unheard)
    await behind.stack.kill_kafka()
    behind.proxy.deafens = True
    await behind.stack.start_kafka()
    await eventually(lambda: len(behind.proxy.unheard) > before, within_s=30)
    behind.proxy.deafens = False
    return time.monotonic()


@pytest.mark.row(31)
async def test_a_client_that_hangs_after_a_broker_restart_is_found_and_replaced(
    trial: Trial, behind: Behind, postgres: str, tmp_path: Path
) -> None:
    waits: list[float] = []
    codes: list[int] = []
    said: list[bool] = []
    async with open_town(behind.stack, postgres, tmp_path, SWIFT) as town:
        load = Load(town, trial.seed)
        await town.start("ingest")
        pod = await _segmenter(town, behind)
        await town.open_shop()
        await load.push(2)
        await eventually(partial(_all_in, town, load), within_s=30)
        for number in range(trial.size(1, 5)):
            wedged_at = await _wedge(behind)
            await load.push(2)
            codes.append(await pod.ended(60))
            waits.append(time.monotonic() - wedged_at)
            said.append('"stuck"' in pod.log.read_text("utf-8"))
            trial.tell(f"hang {number + 1}: found after {waits[-1]:.1f} s")
            pod = await _segmenter(town, behind)
            await eventually(partial(_all_in, town, load), within_s=60)
        await town.clock.rest()

        trial.fired("hung clients", len(behind.proxy.unheard), at_least=trial.size(1, 5))
        trial.fired("ended by the watchdog", sum(said), at_least=trial.size(1, 5))
        trial.figure("slowest_found_s", max(waits))
        trial.none("ends but by the watchdog", other_ends(codes))
        trial.none("found too late", late(waits))
        trial.control("ends but by the watchdog", other_ends([*codes, 0]))
        trial.control("found too late", late([*waits, FOUND_WITHIN_S + 1]))
        await _judge(trial, town, load)


def other_ends(codes: Sequence[int]) -> list[int]:
    return [code for code in codes if code != 1]


def late(waits: Sequence[float]) -> list[float]:
    return [wait for wait in waits if wait > FOUND_WITHIN_S]


async def _judge(trial: Trial, town: Town, load: Load) -> None:
    """Look for what was lost or done twice; then plant such defects and look again."""
    trial.none("wrong customers", differing(load.recomputed(), await segmented(town)))
    trial.none("changes not announced once", await misannounced(town))
    await count_again(town)
    trial.control("wrong customers", differing(load.recomputed(), await segmented(town)))
    await forget_change(town)
    trial.control("changes not announced once", await misannounced(town))


@pytest.mark.row(31)
async def test_without_postgres_nobody_restarts_and_all_goes_on_after(
    trial: Trial, kafka: Stack, postgres_stack: Stack, tmp_path: Path
) -> None:
    away_s = trial.size(20.0, 600.0)
    async with open_town(kafka, postgres_stack.admin_url, tmp_path, SWIFT) as town:
        load = Load(town, trial.seed)
        await town.start()
        await town.open_shop()
        await load.push(2)
        await eventually(partial(_all_in, town, load), within_s=30)
        pids = {name: pod.process.pid for name, pod in town.pods.items()}

        await postgres_stack.stop_postgres()
        began = time.monotonic()
        while time.monotonic() < began + away_s:
            await load.push()  # ingest goes on by Kafka
            assert all(pod.alive for pod in town.pods.values()), "a pod ended"
            await asyncio.sleep(away_s / 20)
        spent_s = time.monotonic() - began
        await postgres_stack.start_postgres()
        await town.look_again()
        await eventually(partial(_all_in, town, load), within_s=60)
        recovered_s = time.monotonic() - began - spent_s
        await town.clock.rest()

        trial.fired("seconds without Postgres", spent_s, at_least=int(away_s))
        trial.figure("watchdog_limit_s", SWIFT["HUILIU_STUCK_AFTER_S"])
        trial.figure("all_in_again_after_s", recovered_s)
        trial.none("restarts", restarted(town, pids))
        await _judge(trial, town, load)
        town.pods["reporting"].kill()
        await town.pods["reporting"].ended(10)
        trial.control("restarts", restarted(town, pids))


def restarted(town: Town, pids: Mapping[str, int]) -> set[tuple[str, int]]:
    """Return who had one of *pids* and does not live under it any more."""
    alive = {name: pod.process.pid for name, pod in town.pods.items() if pod.alive}
    return pids.items() - alive.items()

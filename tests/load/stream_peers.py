"""The peers of the segmenter on a backlog: Quix Streams and Bytewax, each with the same fold."""

import asyncio
import itertools
import json
import shutil
import subprocess
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.topics import ORDERS
from demo.house import Failed
from load.bed import PEER_PYTHON, PEERS, ROOT, Bed
from load.frame import Progress, Run, Tell
from load.orders_log import Backlog, Standing, Who
from support.eventually import eventually

DONE_WITHIN_S: Final = 600
PRELOADED_WITHIN_S: Final = 900
# The protobuf code, and what the peers share.
PYTHONPATH: Final = f"{ROOT / 'libs' / 'contracts' / 'src'}:{ROOT / 'tests'}"


@dataclass(eq=False)
class Quix:
    """The same fold, its state in RocksDB and on a changelog topic.

    With *tells* it publishes each change of place too, as ours does; without, it keeps sums alone.
    """

    bed: Bed
    backlog: Backlog
    form: str
    tells: bool = False
    name: str = "Quix Streams"
    _state: Path | None = None  # that each run begins with
    _ends: dict[TopicPartition, int] = field(default_factory=dict)  # of what it holds
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def preload(self, tell: Tell) -> None:
        """Take the known customers' orders without a changelog: a run's own begins empty."""
        known, group = self.backlog.log.known, f"quix-{time.time_ns()}"
        progress = Progress(f"{self.name} preloads", known, tell)
        folder, out = self.bed.folder / "quix-preload", self.bed.folder / "quix-preload.json"
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bed.kafka.kafka_servers)
        await admin.start()
        try:
            async with self._process(group, folder, known, "preload", out) as process:

                async def ended() -> bool:
                    committed = await admin.list_consumer_group_offsets(group)
                    progress.at(sum(max(0, at.offset) for at in committed.values()))
                    return process.returncode is not None

                await eventually(ended, within_s=PRELOADED_WITHIN_S, every_s=1)
            if process.returncode:
                raise Failed(f"{self.name} ended with {process.returncode}; see {self.bed.folder}")
        finally:
            await admin.close()
        self._state, self._ends = folder / group, await self.bed.ends()

    async def run(self) -> Run:
        number = next(self._runs)
        folder, out = self.bed.folder / f"quix-{number}", self.bed.folder / f"quix-{number}.json"
        group = f"quix-{time.time_ns()}"
        if self._state is not None:
            await asyncio.to_thread(shutil.copytree, self._state, folder / group)
            await self._begin_at(group)
        what = "told" if self.tells else "timed"
        async with self._process(group, folder, self.backlog.log.events, what, out) as process:
            await asyncio.wait_for(process.wait(), DONE_WITHIN_S)
        read = partial(
            subprocess.run,
            [str(PEER_PYTHON), str(PEERS / "quix_state.py"), str(folder)],
            capture_output=True,
            check=True,
        )
        held = json.loads((await asyncio.to_thread(read)).stdout)
        shutil.rmtree(folder)
        found: dict[Who, Standing] = {}
        for key, (orders, money, place) in held.items():
            shop_id, _, customer_id = key.partition(":")
            found[shop_id, customer_id] = (orders, money, place)
        return _run(self.backlog, found, out)

    def _process(
        self, group: str, folder: Path, events: int, what: str, out: Path
    ) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        return self.bed.process(
            [
                *(str(PEER_PYTHON), str(PEERS / "quix.py"), self.bed.kafka.kafka_servers, ORDERS),
                *(group, str(folder), str(events), self.form, what, str(out)),
            ],
            subject=True,
            settings={"PYTHONPATH": PYTHONPATH},
        )

    def forget(self) -> None:
        if self._state is not None:
            shutil.rmtree(self._state.parent)

    async def _begin_at(self, group: str) -> None:
        """Let *group* go on where the preload ended."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bed.kafka.kafka_servers, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign(list(self._ends))
            await consumer.commit(self._ends)
        finally:
            await consumer.stop()


@dataclass(eq=False)
class Bytewax:
    """The same fold by `stateful_map`, its state in memory: nothing survives its end."""

    bed: Bed
    backlog: Backlog
    name: str = "Bytewax"

    async def run(self) -> Run:
        out, state = self.bed.folder / "bytewax.json", self.bed.folder / "bytewax-state.json"
        for file in (out, state):
            file.unlink(missing_ok=True)
        command = [
            *(str(PEER_PYTHON), str(PEERS / "bytewax_flow.py"), self.bed.kafka.kafka_servers),
            *(ORDERS, str(self.backlog.log.events), str(out), str(state)),
        ]
        async with self.bed.process(
            command, subject=True, settings={"PYTHONPATH": PYTHONPATH}
        ) as process:
            await asyncio.wait_for(process.wait(), DONE_WITHIN_S)
        held = json.loads(state.read_text())
        found: dict[Who, Standing] = {}
        for key, (orders, money, _, place, _) in held.items():
            shop_id, _, customer_id = key.partition(":")
            found[shop_id, customer_id] = (orders, money, place)
        return _run(self.backlog, found, out)


def _run(backlog: Backlog, found: dict[Who, Standing], out: Path) -> Run:
    """Return what a peer wrote to *out* of its run."""
    took: dict[str, Any] = json.loads(out.read_text())
    return Run(
        backlog.log.events,
        took["wall_s"],
        took["cpu_s"],
        int(took["peak_rss_bytes"]),
        backlog.differs(found),
        {"changes": took["changes"]},
    )

"""What a signed body, or one that was asked for, becomes: durable facts, or a kept push.

A kept push is what nobody can read, or what a platform asks of a person.
"""

import hashlib
import logging
from typing import Any

from ingest import metrics
from ingest.app.accept_facts import accept_push
from ingest.domain.push import Reading, Task
from ingest.domain.reading import Unmappable, micros
from ingest.edges.directory import Connector
from ingest.edges.events import AHEAD
from ingest.edges.kinds.kind import Kind
from ingest.edges.ports import Ports
from ingest.edges.push_log import Outcome

log = logging.getLogger(__name__)


async def take(
    connector: Connector, kind: Kind, signed: bytes, body: Any, ports: Ports
) -> tuple[Outcome, str]:
    """Make what *body* says durable; return what became of it, and why not all of it is a fact.

    What cannot be read is kept for an operator. `NotDurable` when nothing can be promised.
    """
    try:
        reading = await kind.read(body, connector, ports)
        await _check_times(reading, ports)
    except Unmappable as error:
        await keep(connector, kind, signed, body, str(error), ports)
        return "kept", str(error)
    outcomes = await accept_push(
        connector.shop_id,
        reading.everything(),
        reading.aliases,
        registry=ports.registry,
        log=ports.publisher,
    )
    for what, times in (reading.notes or {}).items():
        metrics.NOTES.labels(connector.kind, what).inc(times)
    if reading.task is not None:
        await keep(connector, kind, signed, body, reading.task, ports)
        return "task", reading.task.reason
    too_large = any(one.status == "too_large" for one in outcomes)
    refused = "larger than a record may be" if too_large else reading.refused
    if refused is None:
        return "accepted", ""
    await keep(connector, kind, signed, body, refused, ports)
    return "partly", refused


async def keep(
    connector: Connector, kind: Kind, signed: bytes, body: Any, why: str | Task, ports: Ports
) -> None:
    """Keep *signed*, sealed, since it cannot be read or is a task; its repetition is the same."""
    identity = kind.identity(signed, body, connector)
    task, reason = (why, why.reason) if isinstance(why, Task) else (None, why)
    await ports.registry.keep_push(
        shop_id=connector.shop_id,
        connector_id=connector.connector_id,
        digest=hashlib.sha256(identity).digest(),
        reason=reason,
        body=signed,
        task=task,
    )
    log.warning("push kept", extra={"connector_kind": connector.kind, "reason": reason})


async def _check_times(reading: Reading, ports: Ports) -> None:
    """A version from the future would win over every later one."""
    newest_us = max((_version_us(one.said.fact) for one in reading.everything()), default=0)
    if newest_us <= micros(ports.directory.business_now() + AHEAD):
        return
    await ports.directory.refresh_clock()
    if newest_us > micros(ports.directory.business_now() + AHEAD):
        raise Unmappable("a time ahead of now")


def _version_us(fact: object) -> int:
    version_us: int = getattr(fact, "version_us", 0)
    return version_us

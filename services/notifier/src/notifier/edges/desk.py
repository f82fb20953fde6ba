"""POST /v1/receipts/{gateway_id}: what gateways report, each signed in its own way.

The order of work: address (404), body (413, 415), signature over the bytes as they came (401),
read (422), note, and the gateway's own success answer. Nothing here ever sends a message.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Final, assert_never

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.events import Channel
from notifier import metrics
from notifier.app.note_opt_out import note_opt_out, note_reply
from notifier.app.note_receipt import note_receipts
from notifier.domain.receipts import Receipt
from notifier.domain.replies import OptOut, Reply
from notifier.domain.reports.report import Report, Sender
from notifier.edges.receipt_store import ReceiptStore
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, Reporter
from notifier.edges.vault import Vault
from notifier.errors import ForgedReceipt, UnknownGateway, Unreadable
from plumbing.away import is_transient
from plumbing.clock import business_clock
from plumbing.resources import worker_role, worker_tx
from web.bodies import limited_body
from web.hot import Answer
from web.peers import peer_of
from web.problems import Unavailable
from webhooks import BadSignature

ROLE: Final = worker_role("notifier")
RESULTS: Final = (
    *("moved", "repeated", "waiting", "reply", "opted_out", "nobody"),
    *("unmapped", "unreadable", "forged"),
)
RECEIPTS_PATH: Final = "/v1/receipts/{gateway_id}"

log = logging.getLogger(__name__)

receipts = APIRouter(tags=["receipts"])


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Takes what gateways report.

    Args:
        reporters: By the end of their addresses.
        gateways: Whose messages a reporter speaks of, by its channel.
        aws: For who reports by SNS.
        trusted_proxies: How many stand before this process.
        unix_time: Judges the age of signatures.
        on_commit: Called when something may have to be published.
    """

    engine: AsyncEngine
    vault: Vault
    partitions: int
    reporters: Mapping[str, Reporter]
    gateways: Mapping[Channel, str]
    aws: Aws
    trusted_proxies: int
    unix_time: Callable[[], float]
    on_commit: Callable[[], None]

    def __post_init__(self) -> None:
        for one in self.reporters.values():  # at nought from the beginning
            for result in RESULTS:
                metrics.NEWS.labels(one.kind, result)

    def reporter(self, gateway_id: str) -> Reporter:
        found = self.reporters.get(gateway_id)
        if found is None:
            raise UnknownGateway("no gateway of that name reports here")
        return found

    def call(self, request: Request, body: bytes) -> Call:
        return Call(
            path=request.scope["path"],
            query=request.scope["query_string"].decode("latin-1"),
            headers=request.headers.raw,
            body=body,
            peer=peer_of(request.scope, self.trusted_proxies),
            at_s=self.unix_time(),
        )

    async def take(self, reporter: Reporter, call: Call) -> Answer:
        """Note what *call* says, and return what its sender wants to hear."""
        count = partial(metrics.NEWS.labels, reporter.kind)
        sender = Sender(
            gateway=self.gateways[reporter.channel],
            blind=partial(self.vault.address_hash, reporter.channel),
            is_signed=reporter.is_signed,
        )
        try:
            report = await reporter.read(call, sender, self.aws)
        except BadSignature:
            count("forged").inc()
            raise ForgedReceipt("the signature is missing, wrong or too old") from None
        except Unreadable:
            count("unreadable").inc()
            raise
        results = await self._noted(report)
        told = Counter(results)
        for result, number in told.items():
            count(result).inc(number)
        log.info("report noted", extra={"gateway": reporter.kind, "results": dict(told)})
        return reporter.answer(results)

    async def _noted(self, report: Report) -> list[str]:
        try:
            results = await self._note(report)
        except (SQLAlchemyError, OSError) as error:
            if not is_transient(error):
                raise
            raise Unavailable("the database is busy") from None
        self.on_commit()
        return [*results, *["unmapped"] * report.silent, *["unreadable"] * report.unreadable]

    async def _note(self, report: Report) -> list[str]:
        """Note receipts in one transaction; then each word of a person, whose locks come first."""
        results: list[str] = []
        told = [one for one in report.news if isinstance(one, Receipt)]
        if told:
            async with self._store() as (store, now):
                results += await note_receipts(store, told, now)
        for one in report.news:
            match one:
                case Receipt():
                    pass
                case Reply():
                    async with self._store() as (store, now):
                        stopped = await note_reply(store, one, now)
                    results.append("opted_out" if stopped else "reply")
                case OptOut():
                    async with self._store() as (store, now):
                        known = await note_opt_out(store, one, now)
                    results.append("opted_out" if known else "nobody")
                case other:
                    assert_never(other)
        return results

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[tuple[ReceiptStore, datetime]]:
        async with worker_tx(self.engine, ROLE) as conn:
            yield ReceiptStore(conn, self.vault, self.partitions), await business_clock(conn)


def get_desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


@receipts.post(RECEIPTS_PATH, operation_id="note_gateway_news")
async def note_gateway_news(
    gateway_id: str, request: Request, desk: Annotated[Desk, Depends(get_desk)]
) -> Response:
    """Take receipts and replies from a gateway, in the gateway's own form.

    Our own: a receipt is `{"message_id", "provider_id", "state": "sent|delivered|failed", "at"}`,
    a reply `{"from", "text", "message_id"}`, signed as Standard Webhooks; the answer is
    `{"result"}`.
    """
    reporter = desk.reporter(gateway_id)
    call = desk.call(request, await limited_body(request))
    answer = await desk.take(reporter, call)
    return Response(answer.content, answer.status, media_type=answer.media_type.decode())

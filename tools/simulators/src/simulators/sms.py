"""An SMS gateway: takes signed requests, keeps a ledger, misbehaves, tells receipts and replies.

POST anything with {"id", "to", "text", "sender"}, signed by Standard Webhooks: 202 {"id": ...}.
GET /ledger: what was accepted, as JSON. Like most gateways it knows no repeats: a message that is
posted twice is sent twice.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, assert_never

from simulators.callbacks import Callbacks
from simulators.http_wire import HttpServer, Request, Wire
from simulators.ledger import Ledger
from simulators.plan import Plan
from webhooks import BadJson, BadSignature, standard, strict_json

FIELDS = ("id", "to", "text", "sender")


class SmsMode(StrEnum):
    """The first three are definite answers; what follows leaves the sender in the dark."""

    OK = "ok"
    REFUSED = "refused"  # 422, not sent
    TOO_MANY = "too-many"  # 429, not sent
    ERROR = "error"  # 500 after accepting
    RESET = "reset"  # RST after accepting
    HANG = "hang"  # accepts and says nothing
    DRIP = "drip"  # accepts and answers too slowly to wait for
    GARBLED = "garbled"  # accepts and answers 200 with half a JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    receipt_after_s: float = 0.05
    drip_every_s: float = 0.5
    retry_after_s: int = 1


def utc_now() -> datetime:
    return datetime.now(UTC)


class SmsGateway:
    """`async with SmsGateway(secret=...) as gateway:` then `gateway.url`, `gateway.ledger`.

    Args:
        secret: `whsec_...`; checks what comes in and signs receipts and replies.
        receipts_url: Where receipts and replies are posted; without it there are none.
        plan: Which requests go wrong; by default none.
        ledger_path: Keep the ledger in this file too.
        host, port: Where to listen; port 0 takes a free one.
        pace: How long things take.
        clock: What receipts say of the time.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        secret: str,
        receipts_url: str | None = None,
        plan: Plan | None = None,
        ledger_path: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        standard.key_of(secret)
        self.ledger = Ledger(ledger_path)
        self.plan = plan or Plan()  # may be replaced while it runs
        for mode in {*self.plan.shares, *self.plan.by_receiver.values()}:
            SmsMode(mode)
        self._secret = secret
        self._pace = pace or Pace()
        self._clock = clock
        self._server = HttpServer(self._answer, host=host, port=port)
        self._receipts_url = receipts_url
        self._callbacks: Callbacks | None = None
        self._seen = Counter(entry["id"] for entry in self.ledger.requests)
        self._replies = 0

    @property
    def url(self) -> str:
        """Where the notifier posts."""
        return f"{self._server.address}/v1/messages"

    @property
    def callbacks(self) -> Callbacks:
        if self._callbacks is None:
            raise RuntimeError("the gateway was given no receipts_url, or does not run")
        return self._callbacks

    async def __aenter__(self) -> Self:
        if self._receipts_url is not None:
            self._callbacks = Callbacks(self._receipts_url, self._secret)
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()
        if self._callbacks is not None:
            await self._callbacks.close()
        self.ledger.close()

    async def reply(self, sender: str, text: str, *, to: str = "") -> int:
        """A person (E.164) answers by SMS. Return the status that we got, 0 for none."""
        self._replies += 1
        message = {"type": "reply", "from": sender, "to": to, "text": text, "at": self._now()}
        return await self.callbacks.tell(f"reply_{self._replies}_{time.time_ns()}", message)

    async def _answer(self, request: Request, wire: Wire) -> None:
        if request.method == "GET":
            await wire.answer(200, self.ledger.accepted)
            return
        try:
            standard.verify(request.body, request.headers, [self._secret], time.time())
            message = read_message(request.body)
        except BadSignature:
            await wire.answer(401, {"error": "signature"})
        except BadJson as error:
            await wire.answer(400, {"error": str(error)})
        else:
            await self._treat(message, wire)

    async def _treat(self, message: Mapping[str, str], wire: Wire) -> None:
        message_id = message["id"]
        self._seen[message_id] += 1
        nth = self._seen[message_id]
        mode = SmsMode(self.plan.mode(message["to"], message_id, nth))
        accepted = mode not in {SmsMode.REFUSED, SmsMode.TOO_MANY}
        provider_id = "p-" + hashlib.sha256(f"{message_id}/{nth}".encode()).hexdigest()[:16]
        entry: dict[str, Any] = {name: message[name] for name in FIELDS}
        entry |= {"accepted": accepted, "mode": mode, "provider_id": provider_id, "at": self._now()}
        self.ledger.append(entry)
        if accepted:
            self._plan_receipt(message_id, provider_id)
        await self._act(mode, provider_id, wire)

    async def _act(self, mode: SmsMode, provider_id: str, wire: Wire) -> None:
        match mode:
            case SmsMode.OK | SmsMode.REFUSED | SmsMode.TOO_MANY | SmsMode.ERROR:
                status, body = self._plain_answer(mode, provider_id)
                wait_s = self._pace.retry_after_s if status == 429 else None
                await wire.answer(status, body, retry_after_s=wait_s)
            case SmsMode.RESET:
                wire.reset()
            case SmsMode.HANG:
                await wire.hang()
            case SmsMode.DRIP:
                await wire.drip(202, {"id": provider_id}, self._pace.drip_every_s)
            case SmsMode.GARBLED:
                await wire.answer_text(200, b'{"id": "p-')
            case other:
                assert_never(other)

    def _plain_answer(self, mode: SmsMode, provider_id: str) -> tuple[int, Mapping[str, str]]:
        if mode is SmsMode.OK:
            return 202, {"id": provider_id}
        return {
            SmsMode.REFUSED: (422, {"error": "the number cannot be reached"}),
            SmsMode.TOO_MANY: (429, {"error": "slower"}),
        }.get(mode, (500, {"error": "internal"}))

    def _plan_receipt(self, message_id: str, provider_id: str) -> None:
        state = self.plan.receipt(message_id)
        if state is None or self._callbacks is None:
            return
        receipt = {
            "type": "receipt",
            "message_id": message_id,
            "provider_id": provider_id,
            "state": state,
            "at": self._now(),
        }
        msg_id = f"receipt_{provider_id}"
        self._callbacks.tell_later(msg_id, receipt, self._pace.receipt_after_s)

    def _now(self) -> str:
        return self._clock().isoformat()


def read_message(body: bytes) -> Mapping[str, str]:
    """Return the request's fields; raise BadJson when one is missing or no text."""
    message = strict_json(body)
    if not isinstance(message, dict):
        raise BadJson("an object is needed")
    for name in FIELDS:
        if not isinstance(message.get(name), str) or not message[name]:
            raise BadJson(f"{name} must be a text")
    return message

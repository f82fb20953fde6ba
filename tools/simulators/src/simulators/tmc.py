"""Taobao's message service: a queue that gives the same messages until they are confirmed.

POST a signed call of taobao.tmc.messages.consume or .confirm, as a form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl

from simulators.http_wire import HttpServer, Request, Wire
from webhooks import top


@dataclass(eq=False)
class TmcQueue:
    """`async with TmcQueue() as queue:` then `queue.put(message)`, `queue.url`.

    Args:
        app_key, app_secret: Of the app; each call is signed with them.
        confirms: Asked for each confirmation whether it succeeds.
        waiting: What is not confirmed, by id.
        given: How many messages were given away.
    """

    app_key: str = "1023"
    app_secret: str = "app-secret"  # noqa: S105 - of a simulator
    confirms: Callable[[], bool] = lambda: True
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    given: int = 0
    _server: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        self._server = HttpServer(self._answer)

    @property
    def url(self) -> str:
        return f"{self._server.address}/router/rest"

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    def put(self, message: Mapping[str, Any]) -> None:
        self.waiting[str(message["id"])] = dict(message)

    async def _answer(self, request: Request, wire: Wire) -> None:
        asked = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        raw = {name.encode(): value.encode() for name, value in asked.items()}
        if asked.get("sign") != top.sign(self.app_secret, raw, b""):
            await self._say(wire, {"error_response": {"code": 25, "msg": "Invalid signature"}})
            return
        match asked["method"]:
            case "taobao.tmc.messages.consume":
                some = list(self.waiting.values())[: int(asked["quantity"])]
                self.given += len(some)
                messages = {"tmc_message": some} if some else {}
                await self._say(wire, {"tmc_messages_consume_response": {"messages": messages}})
            case "taobao.tmc.messages.confirm":
                good = self.confirms()
                for one in asked["s_message_ids"].split(",") if good else ():
                    self.waiting.pop(one, None)
                await self._say(wire, {"tmc_messages_confirm_response": {"is_success": good}})
            case _:
                await self._say(wire, {"error_response": {"code": 22, "msg": "Invalid method"}})

    async def _say(self, wire: Wire, body: Any) -> None:
        await wire.answer(200, body)

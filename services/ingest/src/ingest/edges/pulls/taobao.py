"""Taobao's message service (TMC): messages wait in a queue until they are confirmed.

https://open.taobao.com/api.htm?docId=21985&docType=2 (taobao.tmc.messages.consume) and 21984
(confirm). Only what is durable here is confirmed there; what is not comes again after ten minutes.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

import httpx
from pydantic import Field

from ingest.domain import reading
from ingest.edges.pulls.pull import Now, Page, Pull, PullFailed, ask
from web.bodies import Strict
from webhooks import top

MOST: Final = 100
GATEWAY: Final = "https://eco.taobao.com/router/rest"


class TaobaoApi(Strict):
    """An app of Taobao's Open Platform that is subscribed to the shop's messages."""

    url: Annotated[
        str, Field(max_length=300, pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]*$")
    ] = GATEWAY
    app_key: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
    app_secret: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
    group: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")] = "default"


async def _pages(
    client: httpx.AsyncClient, api: TaobaoApi, _: datetime, now: Now
) -> AsyncIterator[Page]:
    """Yield what waits; the queue knows itself where we are."""
    while True:
        said = await _call(
            client,
            api,
            "taobao.tmc.messages.consume",
            {"group_name": api.group, "quantity": str(MOST)},
            now,
        )
        messages = list(reading.objects(reading.object_of(said, "messages"), "tmc_message"))
        if not messages:
            return
        ids = [reading.maybe_id(one, "id") for one in messages]
        confirm = partial(_confirm, client, api, [one for one in ids if one is not None], now)
        yield Page([messages], confirm=confirm)
        if len(messages) < MOST:
            return


async def _confirm(client: httpx.AsyncClient, api: TaobaoApi, ids: Sequence[str], now: Now) -> None:
    said = await _call(
        client,
        api,
        "taobao.tmc.messages.confirm",
        {"group_name": api.group, "s_message_ids": ",".join(ids)},
        now,
    )
    if said.get("is_success") is not True:
        raise PullFailed("messages could not be confirmed")


async def _call(
    client: httpx.AsyncClient, api: TaobaoApi, method: str, said: Mapping[str, str], now: Now
) -> Mapping[str, Any]:
    named = {
        **said,
        "method": method,
        "app_key": api.app_key,
        "timestamp": top.stamp(now()),  # the gateway judges how old it is
        "format": "json",
        "v": "2.0",
        "sign_method": "md5",
    }
    raw = {name.encode(): value.encode() for name, value in named.items()}
    form = {**named, "sign": top.sign(api.app_secret, raw, b"")}
    answer = await ask(client, client.build_request("POST", api.url, data=form))
    wrapped = method.removeprefix("taobao.").replace(".", "_") + "_response"
    found = answer.get(wrapped) if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        code = reading.object_of(answer, "error_response").get("code") if answer else None
        raise PullFailed(
            f"the gateway refuses: code {code if isinstance(code, int) else 'unknown'}"
        )
    return found


PULL: Final = Pull(api=TaobaoApi, every=timedelta(minutes=1), pages=_pages)

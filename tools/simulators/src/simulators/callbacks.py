"""What a gateway tells us later: signed, and told again until it is taken."""

import asyncio
import json
import time
from collections.abc import Mapping

import httpx

from webhooks import standard

TRIES = 8
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


class Callbacks:
    """Posts to one URL, each message in a task of its own. `close` drops what is still untold."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._client = httpx.AsyncClient(timeout=10, trust_env=False)
        self._telling: set[asyncio.Task[int]] = set()
        self.statuses: list[int] = []  # the last answer to each message; 0: none came

    def tell_later(self, msg_id: str, message: Mapping[str, str], after_s: float) -> None:
        task = asyncio.create_task(self._tell_after(msg_id, message, after_s))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    @property
    def pending(self) -> int:
        """How many messages are still to be told."""
        return len(self._telling)

    async def tell(self, msg_id: str, message: Mapping[str, str]) -> int:
        """Return the status of the last answer, or 0 when none came."""
        status = 0
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**tried))
            status = await self._post(msg_id, json.dumps(message, ensure_ascii=False).encode())
            if 200 <= status < 300:
                break
        self.statuses.append(status)
        return status

    async def close(self) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._client.aclose()

    async def _tell_after(self, msg_id: str, message: Mapping[str, str], after_s: float) -> int:
        await asyncio.sleep(after_s)
        return await self.tell(msg_id, message)

    async def _post(self, msg_id: str, body: bytes) -> int:
        now_s = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": msg_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": standard.sign(self._secret, msg_id, now_s, body),
        }
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError:
            return 0
        return answer.status_code

"""The five services as the demo's shop talks to them: HTTP, and nothing else."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from demo.house import Failed

MAX_BATCH = 500
PATIENCE = 20  # answers that ask to come again, a quarter of a second apart


class Api:
    """Calls with an operator's token. An answer that is no success is `Failed`, with its text."""

    def __init__(self, urls: Mapping[str, str], token: str) -> None:
        self._urls = urls
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"}, timeout=20.0, trust_env=False
        )
        self.events_in = 0

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, service: str, path: str, **query: str | int) -> Any:
        return await self._call("GET", service, path, params=query)

    async def post(self, service: str, path: str, body: Any) -> Any:
        return await self._call("POST", service, path, json=body)

    async def put(self, service: str, path: str, body: Any) -> Any:
        return await self._call("PUT", service, path, json=body)

    async def say(self, shop_id: str, *events: Mapping[str, Any]) -> None:
        """Push facts; none may be refused. While ingest asks to wait, wait."""
        for start in range(0, len(events), MAX_BATCH):
            await self._say(shop_id, events[start : start + MAX_BATCH])

    async def _say(self, shop_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        answer = await self.post("ingest", f"/v1/shops/{shop_id}/events", {"events": list(events)})
        refused = [one for one in answer["results"] if one["status"] == "rejected"]
        if refused:
            raise Failed(f"ingest refused {len(refused)} of {len(events)} events: {refused[0]}")
        self.events_in += len(events)

    async def hook(self, connector_id: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Push a webhook as its platform does: raw bytes and a signature."""
        url = f"{self._urls['ingest']}/v1/hooks/{connector_id}"
        answer = await self._client.post(url, content=body, headers=dict(headers))
        if not answer.is_success:
            raise Failed(f"POST {url}: {answer.status_code} {answer.text[:300]}")
        self.events_in += 1

    async def _call(self, method: str, service: str, path: str, **options: Any) -> Any:
        url = self._urls[service] + path
        answer = await self._client.request(method, url, **options)
        for _ in range(PATIENCE):
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.25)
            answer = await self._client.request(method, url, **options)
        if not answer.is_success:
            raise Failed(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

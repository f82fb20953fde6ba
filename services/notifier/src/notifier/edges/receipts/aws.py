"""The only calls that a report makes us do: to SNS, for its certificates and its handshake."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx

from web.problems import Unavailable
from webhooks import BadSignature, sns

WITHIN_S: Final = 5.0
MAX_BYTES: Final = 64 * 1024
MOST_KEPT: Final = 16  # of certificates: a topic has one, and for some days two


@dataclass(kw_only=True, eq=False)
class Aws:
    """Keeps the certificates that were good; one call at a time, whoever wants another.

    Args:
        client: Follows no redirect and uses no proxy; checks TLS by the name of the host.
        unix_time: Tells whether a certificate is good now.
    """

    client: httpx.AsyncClient
    unix_time: Callable[[], float]
    _known: dict[str, sns.Certificate] = field(default_factory=dict, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def certificate(self, url: str) -> sns.Certificate:
        """Return the certificate at *url*, which is one of `sns.certificate_url`.

        Raises:
            BadSignature: There is none that is good.
            Unavailable: SNS does not answer.
        """
        now = datetime.fromtimestamp(self.unix_time(), UTC)
        found = self._good(url, now)
        if found is None:
            async with self._turn:
                found = self._good(url, now) or await self._fetched(url, now)
        return found

    async def confirm(self, url: str) -> None:
        """Confirm a subscription at *url*, which is one of `sns.confirmation_url`."""
        async with self._turn:
            await self._get(url)

    def _good(self, url: str, now: datetime) -> sns.Certificate | None:
        known = self._known.get(url)
        return None if known is None or now >= known.ends_at else known

    async def _fetched(self, url: str, now: datetime) -> sns.Certificate:
        found = sns.certificate(await self._get(url), now)
        self._known.pop(url, None)
        while len(self._known) >= MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known[url] = found
        return found

    async def _get(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(WITHIN_S), self.client.stream("GET", url) as response:
                if 400 <= response.status_code < 500:
                    raise BadSignature  # nothing of SNS's is there
                if response.status_code != httpx.codes.OK:
                    raise Unavailable("AWS SNS does not answer")
                answer = bytearray()
                async for chunk in response.aiter_bytes():
                    answer += chunk
                    if len(answer) > MAX_BYTES:
                        raise BadSignature
                return bytes(answer)
        except (httpx.HTTPError, OSError):
            raise Unavailable("AWS SNS does not answer") from None

"""HTTP to addresses that shops name: never to a host inside.

A name is looked up once, each of its addresses must be a public one, and the connection goes to one
that was looked at: a name that answers otherwise the second time gains nothing.
"""

import asyncio
import socket
from ipaddress import ip_address
from typing import Final

import httpx
from typing_extensions import override

CONNECT_S: Final = 5.0
ANSWER_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


class Inside(httpx.ConnectError):
    """The address is none that a shop may name."""


class OnlyOutside(httpx.AsyncBaseTransport):
    """Connects to public addresses by TLS.

    Args:
        allow_inside: Plain HTTP and addresses of this machine too: for a local stack and tests.
    """

    def __init__(self, *, allow_inside: bool) -> None:
        self._allow_inside = allow_inside
        self._inner = httpx.AsyncHTTPTransport(retries=0, limits=httpx.Limits(max_connections=8))

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if url.scheme != "https" and not self._allow_inside:
            raise Inside("https is needed", request=request)
        address = await self._address(url.host, url.port or 443, request)
        # The header Host was set before, and certificates are checked by the name.
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=address)
        return await self._inner.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _address(self, host: str, port: int, request: httpx.Request) -> str:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise httpx.ConnectError("the host is not known", request=request) from None
        addresses = [str(one[4][0]) for one in found]
        if not self._allow_inside and not all(map(_is_public, addresses)):
            raise Inside("the host is none outside", request=request)
        return addresses[0]


def _is_public(address: str) -> bool:
    known = ip_address(address.partition("%")[0])
    mapped = getattr(known, "ipv4_mapped", None) or getattr(known, "sixtofour", None)
    judged = mapped or known
    return judged.is_global and not judged.is_multicast


def open_outside(*, allow_inside: bool) -> httpx.AsyncClient:
    """Open the client for shops' APIs: no redirect, no proxy, no cookie that stays."""
    return httpx.AsyncClient(
        transport=OnlyOutside(allow_inside=allow_inside),
        timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
    )

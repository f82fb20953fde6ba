"""Answers that carry an ETag: who asks again with it is told that nothing changed, without a body.

RFC 9110, 8.8.3 and 13.1.2. The tag is of the body's bytes, so it needs no version of what is shown;
the answer is made all the same, only the way is saved.
"""

from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from typing_extensions import override

# A cache must ask: what was shown may have changed by the next event, and it is one shop's alone.
CACHE_CONTROL = "private, no-cache"


class TaggedRoute(APIRoute):
    """A route whose GET is answered with an ETag, and with 304 to who has that body already."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            response = await handle(request)
            body = getattr(response, "body", b"")  # one that streams has none
            if request.method != "GET" or response.status_code != 200 or not body:
                return response
            tag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
            kept = {"ETag": tag, "Cache-Control": CACHE_CONTROL}
            if _names(request.headers.getlist("If-None-Match"), tag):
                return Response(status_code=304, headers=kept)
            response.headers.update(kept)
            return response

        return tagged


def _names(given: list[str], tag: str) -> bool:
    """Tell whether a list of tags, weak ones as good as strong ones, has *tag*."""
    tags = [one.strip().removeprefix("W/") for line in given for one in line.split(",")]
    return tag in tags or "*" in tags

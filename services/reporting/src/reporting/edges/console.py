"""The console: one static page of our own files, which asks this API with the reader's token."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

FILES: Final = Path(__file__).parents[1] / "console"
PATHS: Final = ("/console", "/console/files")
# The page holds no data: whoever has no token sees an empty form. Nothing comes from elsewhere.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def mount_console(app: FastAPI) -> None:
    async def console(_: Request) -> Response:
        return FileResponse(FILES / "index.html", headers=HEADERS)

    app.add_route("/console", console, include_in_schema=False)
    app.mount("/console/files", StaticFiles(directory=FILES))

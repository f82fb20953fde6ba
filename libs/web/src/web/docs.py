"""The API's own manual at /docs: Swagger UI from our own files, which works offline."""

from html import escape
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

PATHS = ("/openapi.json", "/docs", "/docs/files")
FILES = Path(__file__).parent / "static" / "swagger"

# Icons in the style sheet are data: URLs; nothing comes from another host.
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title}</title>
  <link rel="icon" href="/docs/files/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body data-openapi="/openapi.json">
  <div id="swagger"></div>
  <script src="/docs/files/swagger-ui-bundle.js"></script>
  <script src="/docs/files/initializer.js"></script>
</body>
</html>
"""


def mount_docs(app: FastAPI) -> None:
    page = _PAGE.format(title=escape(app.title))

    async def docs(_: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    app.add_route("/docs", docs, include_in_schema=False)
    app.mount("/docs/files", StaticFiles(directory=FILES))

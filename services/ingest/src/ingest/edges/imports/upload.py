"""A file as it comes in: piece by piece into Postgres, sealed, never whole in memory.

multipart/form-data (RFC 7578), in whatever order its parts come.
"""

import codecs
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from sqlalchemy.ext.asyncio import AsyncEngine

from ingest.edges.imports.store import ImportStore
from ingest.edges.store import SOURCE
from plumbing.seal import Sealer
from web.bodies import in_time
from web.problems import BadRequest, FieldError, Unavailable, Unprocessable, UnsupportedMedia
from web.shop_session import shop_tx

MOST_FILE_BYTES: Final = 512 * 1024 * 1024
PIECE_BYTES: Final = 256 * 1024
MOST_FIELD_BYTES: Final = 64 * 1024
MOST_HEADER_BYTES: Final = 4096
MOST_FIELDS: Final = 8
AT_ONCE: Final = 4
FILE: Final = "file"

_Take: TypeAlias = Callable[[bytes, int, int], None]

_DECODERS: Final = (("utf-8-sig", "utf-8"), ("gb18030", "gb18030"))


@dataclass(frozen=True, slots=True)
class Came:
    """What came: the fields of the form, and of the file its size and what it begins with."""

    fields: dict[str, str]
    encoding: str | None  # of text, utf-8-sig or gb18030
    beginning: bytes
    size_bytes: int


class Encoding:
    """Which of the encodings that are taken a text can be, as far as it came."""

    def __init__(self) -> None:
        self._left = [
            (name, codecs.getincrementaldecoder(decoder)()) for name, decoder in _DECODERS
        ]

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        self._left = [one for one in self._left if _decodes(one[1], piece, final)]

    @property
    def name(self) -> str | None:
        return self._left[0][0] if self._left else None


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes, final: bool) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


class Form:
    """Takes a body apart; what comes of the file is handed over, the other parts are kept."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, bytearray] = {}
        self._name = ""
        self._header = (bytearray(), bytearray())
        self._file: list[bytes] = []
        self._is_whole = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._of_header(0),
                "on_header_value": self._of_header(1),
                "on_header_end": self._end_header,
                "on_headers_finished": self._start,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> bytes:
        """Return what *piece* holds of the file."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise BadRequest("the body is not multipart/form-data") from None
        found, self._file = b"".join(self._file), []
        return found

    def finish(self) -> dict[str, str]:
        """Return the fields; `BadRequest` if the body ended before its end."""
        if not self._is_whole:
            raise BadRequest("the body ends before its last boundary")
        try:
            return {name: value.decode() for name, value in self.fields.items() if name != FILE}
        except UnicodeDecodeError:
            raise BadRequest("a field of the form is not UTF-8") from None

    def _begin(self) -> None:
        self._name = ""

    def _of_header(self, which: int) -> _Take:
        def collect(data: bytes, start: int, end: int) -> None:
            self._header[which].extend(data[start:end])
            if len(self._header[which]) > MOST_HEADER_BYTES:
                raise BadRequest("a header of a part is too long")

        return collect

    def _end_header(self) -> None:
        name, value = (bytes(one) for one in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")

    def _start(self) -> None:
        if not self._name or self._name in self.fields or len(self.fields) == MOST_FIELDS:
            raise BadRequest("each part has a name, no two the same, and there are few")
        self.fields[self._name] = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            self._file.append(data[start:end])
            return
        kept = self.fields[self._name]
        kept += data[start:end]
        if len(kept) > MOST_FIELD_BYTES:
            raise Unprocessable(errors=[FieldError(f"/{self._name[:40]}", "too_long")])

    def _end(self) -> None:
        self._is_whole = True


@dataclass(kw_only=True, eq=False)
class Uploads:
    """One per process: takes a few files at once."""

    engine: AsyncEngine
    sealer: Sealer
    _busy: int = field(default=0, init=False)

    async def take(self, request: Request, shop_id: str, import_id: str) -> Came:
        """Keep the file of *request* as that of the import, which is made for it.

        Raises:
            Problem: It did not come whole, or not as a form with a file; nothing is kept then.
        """
        form = Form(_boundary(request))
        if self._busy >= AT_ONCE:
            raise Unavailable("other files are coming in: send it again")
        self._busy += 1
        try:
            async with shop_tx(self.engine, SOURCE, shop_id) as conn:
                await ImportStore(conn, self.sealer).add(import_id, shop_id)
            return await self._keep(request, form, shop_id, import_id)
        finally:
            self._busy -= 1

    async def drop(self, shop_id: str, import_id: str) -> None:
        async with shop_tx(self.engine, SOURCE, shop_id) as conn:
            await ImportStore(conn, self.sealer).drop(import_id)

    async def _keep(self, request: Request, form: Form, shop_id: str, import_id: str) -> Came:
        encoding, beginning = Encoding(), b""
        number = size = 0
        async for piece in _pieces(request, form):
            encoding.feed(piece)
            beginning = beginning or piece
            async with shop_tx(self.engine, SOURCE, shop_id) as conn:
                store = ImportStore(conn, self.sealer)
                await store.keep_piece(import_id, shop_id, number, piece)
            number += 1
            size += len(piece)
        encoding.feed(b"", final=True)
        if not size:
            raise Unprocessable("no file has come", errors=[FieldError("/file", "missing")])
        return Came(form.finish(), encoding.name, beginning, size)


async def _pieces(request: Request, form: Form) -> AsyncIterator[bytes]:
    """Yield the file in pieces of one size, the last one aside."""
    held = bytearray()
    stream = request.stream()
    while (came := await in_time(anext(stream, None))) is not None:
        held += form.feed(came) if came else b""
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)


def _boundary(request: Request) -> bytes:
    given = request.headers.getlist("content-type")
    media, options = parse_options_header(given[0] if len(given) == 1 else "")
    boundary = options.get(b"boundary", b"")
    if media != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMedia("send the file as multipart/form-data")
    return boundary

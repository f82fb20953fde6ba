"""Imports over HTTP: send a file, see how far it is, get what was not taken."""

import csv
import json
import secrets as dice
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from importlib.util import find_spec
from io import BytesIO, StringIO
from typing import Annotated, Any, Final, cast, get_args

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from ingest.domain.columns import BadColumns, Kind, recognise
from ingest.edges.imports.sheets import BadFile, csv_rows
from ingest.edges.imports.store import ImportStore, Run, State
from ingest.edges.imports.upload import Came
from ingest.edges.imports.wire import Form
from ingest.edges.ports import Ports, get_ports
from ingest.edges.store import SOURCE
from ingest.errors import ImportEnded
from plumbing.seal import Sealer
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor, encode_cursor, instant_of, micros_of
from web.problems import FieldError, NotFound, Unprocessable
from web.shop_session import Engine, shop_tx
from webhooks import BadJson, strict_json

PATH: Final = "/v1/shops/{shop_id}/imports"
PAGE: Final = 500
BOM: Final = "\ufeff"  # so that spreadsheets read it as UTF-8

_KINDS: Final = get_args(Kind)
_FIELDS: Final = frozenset({"kind", "mapping", "dry_run"})
_FORM: Final = {
    "type": "object",
    "required": ["file", "kind"],
    "additionalProperties": False,
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "CSV in UTF-8 or GB18030, XLSX or Parquet; at most 1,000,000 rows",
        },
        "kind": {"type": "string", "enum": [*_KINDS]},
        "mapping": {
            "type": "string",
            "description": "JSON: column to field, of columns without a usual name",
        },
        "dry_run": {"type": "boolean", "description": "only tell what would be rejected"},
    },
}

router = APIRouter(prefix=PATH, tags=["imports"])

ThePorts = Annotated[Ports, Depends(get_ports)]
ImportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
read_imports = Depends(require("imports:read"))
write_imports = Depends(require("imports:write"))


class ImportAnswer(BaseModel):
    import_id: str
    kind: str
    form: str = Field(description="csv, xlsx or parquet")
    encoding: str
    dry_run: bool
    state: State
    error: str | None = Field(description="why it failed")
    columns: dict[str, str] = Field(description="what each column that is used was taken for")
    size_bytes: int
    rows: int = Field(description="that were read, without the header")
    accepted: int
    rejected: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ImportsAnswer(BaseModel):
    imports: list[ImportAnswer]
    cursor: str | None


@router.post(
    "",
    operation_id="add_import",
    status_code=202,
    dependencies=[write_imports],
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}
    },
)
async def add_import(
    shop_id: ShopId, request: Request, engine: Engine, ports: ThePorts
) -> ImportAnswer:
    """Take a file of historical orders or customers. 202 means that it survives any crash."""
    await ports.directory.shop(shop_id)
    import_id = f"im_{dice.token_urlsafe(18)}"
    try:
        came = await ports.uploads.take(request, shop_id, import_id)
        said = _judged(came)
        async with shop_tx(engine, SOURCE, shop_id) as conn:
            run = await ImportStore(conn, ports.sealer).begin(import_id, said)
    except BaseException:
        await ports.uploads.drop(shop_id, import_id)
        raise
    return _answer(run)


@router.get("", operation_id="list_imports", dependencies=[read_imports])
async def list_imports(
    shop_id: ShopId,
    engine: Engine,
    ports: ThePorts,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query()] = None,
) -> ImportsAnswer:
    """List imports of the last 30 days, the newest first."""
    place = decode_cursor(cursor, int, str)
    before = None if place is None else (instant_of(place[0]), str(place[1]))
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ImportStore(conn, ports.sealer).runs(before, limit)
    more = None
    if len(found) == limit:
        more = encode_cursor(micros_of(found[-1].created_at), found[-1].import_id)
    return ImportsAnswer(imports=[_answer(one) for one in found], cursor=more)


@router.get("/{import_id}", operation_id="get_import", dependencies=[read_imports])
async def get_import(
    shop_id: ShopId, import_id: ImportId, engine: Engine, ports: ThePorts
) -> ImportAnswer:
    """Tell how far it has come."""
    return _answer(await _found(engine, ports.sealer, shop_id, import_id))


@router.get(
    "/{import_id}/rejects",
    operation_id="get_import_rejects",
    dependencies=[read_imports],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_import_rejects(
    shop_id: ShopId, import_id: ImportId, engine: Engine, ports: ThePorts
) -> StreamingResponse:
    """Give the rows that were not taken: line, reason, and the row as it was. Kept for 30 days."""
    run = await _found(engine, ports.sealer, shop_id, import_id)
    return StreamingResponse(_rejects(engine, ports.sealer, run), media_type="text/csv")


@router.delete(
    "/{import_id}",
    operation_id="cancel_import",
    status_code=204,
    dependencies=[write_imports],
)
async def cancel_import(
    shop_id: ShopId, import_id: ImportId, engine: Engine, ports: ThePorts
) -> None:
    """Stop it and forget its file; what was taken stays taken."""
    await _found(engine, ports.sealer, shop_id, import_id)
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        ended = await ImportStore(conn, ports.sealer).end(import_id, "cancelled")
    if not ended:
        raise ImportEnded("it has ended: what it brought stays")


async def _found(engine: AsyncEngine, sealer: Sealer, shop_id: str, import_id: str) -> Run:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        run = await ImportStore(conn, sealer).find(shop_id, import_id)
    if run is None:
        raise NotFound("no such import")
    return run


async def _rejects(engine: AsyncEngine, sealer: Sealer, run: Run) -> AsyncIterator[bytes]:
    yield (BOM + _csv([["line", "reason", *run.header]])).encode()
    line = 0
    while True:
        async with shop_tx(engine, SOURCE, run.shop_id) as conn:
            page = await ImportStore(conn, sealer).rejects(run.import_id, line, PAGE)
        if not page:
            return
        yield _csv([[str(at), reason, *cells] for at, reason, cells in page]).encode(
            "utf-8", "replace"
        )
        line = page[-1][0]


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _judged(came: Came) -> dict[str, Any]:
    """Return what is to be done with a file; `Unprocessable` when that cannot be."""
    kind, form, mapping = _kind(came), _form(came), _mapping(came)
    if form == "csv":
        _check_header(came, kind, mapping)
    return {
        "kind": kind,
        "form": form,
        "encoding": came.encoding or "" if form == "csv" else "",
        "mapping": json.dumps(mapping),
        "dry_run": _dry_run(came),
        "size_bytes": came.size_bytes,
    }


def _kind(came: Came) -> Kind:
    unknown = sorted(came.fields.keys() - _FIELDS)
    if unknown:
        raise _wrong("*", "unknown_field", f"a form has {', '.join(sorted(_FIELDS))} and a file")
    kind = came.fields.get("kind", "")
    if kind not in _KINDS:
        raise _wrong("kind", "unknown", f"say what the rows are: {' or '.join(_KINDS)}")
    return cast("Kind", kind)


def _form(came: Came) -> Form:
    if came.beginning.startswith(b"PK\x03\x04"):
        return "xlsx"
    if came.beginning.startswith(b"PAR1"):
        if find_spec("duckdb") is None:
            raise _wrong("file", "format", "Parquet is not read here: send it as CSV or XLSX")
        return "parquet"
    if came.encoding is None:
        raise _wrong("file", "format", "it is neither a workbook nor text in UTF-8 or GB18030")
    return "csv"


def _mapping(came: Came) -> dict[str, str]:
    spelled = came.fields.get("mapping")
    if not spelled:
        return {}
    try:
        said = strict_json(spelled.encode())
    except BadJson:
        said = None
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise _wrong("mapping", "type", "a mapping is a JSON object of column to field")
    return said


def _dry_run(came: Came) -> bool:
    said = came.fields.get("dry_run", "false")
    if said not in ("true", "false"):
        raise _wrong("dry_run", "type", "dry_run is true or false")
    return said == "true"


def _check_header(came: Came, kind: Kind, mapping: dict[str, str]) -> None:
    try:
        first = next(csv_rows(BytesIO(came.beginning), came.encoding or ""), None)
        recognise([] if first is None else first.cells, kind, mapping)
    except (BadColumns, BadFile) as error:
        raise _wrong("file", "columns", str(error)) from None
    except UnicodeDecodeError:
        raise _wrong("file", "columns", "its first line does not end") from None


def _wrong(name: str, code: str, why: str) -> Unprocessable:
    return Unprocessable(why, errors=[FieldError(f"/{name}", code)])


def _answer(run: Run) -> ImportAnswer:
    return ImportAnswer.model_validate(run, from_attributes=True)

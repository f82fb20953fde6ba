"""`huiliu import`: bring in a shop's history from a file, and wait until it is in."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from huiliu_cli.client import Service, Session
from huiliu_cli.dead_letters import AsJson
from huiliu_cli.errors import BadSetting, Refused, Unreachable
from huiliu_cli.files import text_of
from huiliu_cli.render import printable, show, show_json

READ: Final = "imports:read"
WRITE: Final = "imports:write"
LOOK_EVERY_S: Final = 0.5
LOOKS_A_LINE: Final = 20  # where no terminal shows them
PATIENCE: Final = 120  # looks in a row at a service that does not answer
SHOWN: Final = ("import_id", "state", "error", "rows", "accepted", "rejected", "columns")


class Kind(StrEnum):
    ORDERS = "orders"
    CUSTOMERS = "customers"


def import_file(  # noqa: PLR0913 - one option a choice
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8 or GB18030, XLSX or Parquet.")],
    shop: Annotated[str, typer.Option("--shop", help="Whose history it is.")],
    kind: Annotated[Kind, typer.Option("--kind", help="What its rows are.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell which rows would be rejected.")
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(help='JSON: {"column": "field"}, of columns without a usual name.'),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where to write the rows that were not taken, as CSV.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring in historical orders or customers, and wait until it is done."""
    session: Session = ctx.obj
    path = f"/v1/shops/{quote(shop, safe='')}/imports"
    spelled = "" if mapping is None else text_of(mapping)
    run = _sent(session, path, file, kind, spelled, dry_run=dry_run)
    typer.echo(f"{file.name} is import {printable(run['import_id'])}", err=True)
    place = f"{path}/{quote(run['import_id'], safe='')}"
    for look in count(1):
        if run["ended_at"] is not None:
            break
        run = _looked(session, place)
        _tell(run, look)
    if rejects is not None:
        found = session.fetch(Service.INGEST, f"{place}/rejects", scope=READ)
        _write(rejects, found)
    if as_json:
        show_json(run)
    else:
        show({name: run[name] for name in SHOWN})
    if run["rejected"] and rejects is None:
        typer.echo("--rejects FILE writes down the rejected rows, each with its reason", err=True)
    if run["state"] != "done":
        raise Refused(f"the import {run['state']}: what it had brought by then stays")


def _sent(
    session: Session, path: str, file: Path, kind: Kind, mapping: str, *, dry_run: bool
) -> Any:
    fields = {"kind": kind.value, "dry_run": "true" if dry_run else "false"}
    if mapping:
        fields["mapping"] = mapping
    try:
        opened = file.open("rb")
    except OSError as error:
        raise BadSetting(f"{file} cannot be read: {error.strerror}") from None
    with opened:
        return session.send_file(
            Service.INGEST, path, scope=WRITE, name=file.name, file=opened, fields=fields
        )


def _looked(session: Session, place: str) -> Any:
    """Return how far it is; whoever takes it in may be starting anew meanwhile."""
    for _ in range(PATIENCE):
        time.sleep(LOOK_EVERY_S)
        with suppress(Unreachable):
            return session.ask(Service.INGEST, "GET", place, scope=READ)
    return session.ask(Service.INGEST, "GET", place, scope=READ)


def _tell(run: Mapping[str, Any], look: int) -> None:
    """Tell how far it is: a terminal has one line for it, a log gets one now and then."""
    told, has_ended = f"{run['rows']} rows, {run['rejected']} rejected", run["ended_at"] is not None
    if sys.stderr.isatty():
        typer.echo(f"\r{told}", err=True, nl=has_ended)
    elif has_ended or look % LOOKS_A_LINE == 0:
        typer.echo(told, err=True)


def _write(file: Path, found: bytes) -> None:
    try:
        file.write_bytes(found)
    except OSError as error:
        raise BadSetting(f"{file} cannot be written: {error.strerror}") from None

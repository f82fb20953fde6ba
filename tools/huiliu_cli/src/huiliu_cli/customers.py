"""`huiliu attributes` and `huiliu edits`: what a shop notes of its customers."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from huiliu_cli.client import Service, Session, shop_path
from huiliu_cli.dead_letters import AsJson
from huiliu_cli.files import json_of, text_of
from huiliu_cli.render import printable, show, show_json, show_rows

WRITE: Final = "customers:write"

attributes = typer.Typer(no_args_is_help=True, help="What a shop notes of its customers.")
edits = typer.Typer(no_args_is_help=True, help="Changes of many customers at once.")

Shop = Annotated[str, typer.Option("--shop", help="Whose it is.")]


@attributes.command("list")
def list_attributes(ctx: typer.Context, shop: Shop, *, as_json: AsJson = False) -> None:
    """List a shop's own attributes."""
    session: Session = ctx.obj
    path = shop_path(shop, "attributes")
    rows = session.ask(Service.INGEST, "GET", path, scope="shops:read")["attributes"]
    if as_json:
        show_json(rows)
        return
    show_rows(rows, "this shop has no attributes yet", "name", "type", "label", "choices")


@attributes.command("define")
def define_attribute(  # noqa: PLR0913 - one option a choice
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Lower case, as skin_type.")],
    kind: Annotated[
        str,
        typer.Argument(metavar="TYPE", help="text, number, date, boolean, choice or choices."),
    ],
    shop: Shop,
    *,
    label: Annotated[str, typer.Option(help="What people read.")] = "",
    choices: Annotated[list[str] | None, typer.Option("--choice", help="May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Define an attribute, or change its label and choices."""
    session: Session = ctx.obj
    body = {"type": kind, "label": label, "choices": choices or []}
    path = shop_path(shop, "attributes", name)
    made = session.ask(Service.INGEST, "PUT", path, scope="shops:write", body=body)
    (show_json if as_json else show)(made)


@attributes.command("remove")
def remove_attribute(ctx: typer.Context, name: str, shop: Shop) -> None:
    """Take no more values of an attribute."""
    session: Session = ctx.obj
    session.ask(Service.INGEST, "DELETE", shop_path(shop, "attributes", name), scope="shops:write")
    typer.echo("it is no attribute any more")


@edits.command("make")
def make_edit(
    ctx: typer.Context,
    customers: Annotated[Path, typer.Argument(help="A file with an id a line, - for stdin.")],
    change: Annotated[Path, typer.Argument(help="JSON: what is set, as the API has it.")],
    shop: Shop,
    *,
    source: Annotated[str, typer.Option(help="Where this is known from.")],
    as_json: AsJson = False,
) -> None:
    """Set the same for up to 1,000 customers."""
    session: Session = ctx.obj
    ids = [line for line in text_of(customers).splitlines() if line]
    body = {"customers": ids, "change": json_of(change), "source": source}
    path = shop_path(shop, "customers", "edits")
    _tell(session.ask(Service.INGEST, "POST", path, scope=WRITE, body=body), as_json=as_json)


@edits.command("list")
def list_edits(ctx: typer.Context, shop: Shop, *, as_json: AsJson = False) -> None:
    """List the latest changes of many customers."""
    session: Session = ctx.obj
    path = shop_path(shop, "customers", "edits")
    rows = session.ask(Service.INGEST, "GET", path, scope="customers:read")["edits"]
    if as_json:
        show_json(rows)
        return
    columns = ("edit_id", "at", "by", "source", "customers", "reverted_at")
    show_rows(rows, "nothing has been changed of many yet", *columns)


@edits.command("revert")
def revert_edit(
    ctx: typer.Context,
    edit: Annotated[str, typer.Argument()],
    shop: Shop,
    *,
    as_json: AsJson = False,
) -> None:
    """Set what was there before; what was said since then stays."""
    session: Session = ctx.obj
    path = shop_path(shop, "customers", "edits", edit, "revert")
    _tell(session.ask(Service.INGEST, "POST", path, scope=WRITE), as_json=as_json)


def _tell(edit: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(edit)
        return
    back = "" if edit["reverted_at"] is None else ", and taken back"
    typer.echo(f"edit {printable(edit['edit_id'])}: {edit['customers']} customers changed{back}")

"""`huiliu merges`: which customers are one person, to be looked at, said and undone."""

from typing import Annotated, Final

import typer

from huiliu_cli.client import Service, Session, shop_path
from huiliu_cli.dead_letters import AsJson
from huiliu_cli.render import printable, show, show_json, show_rows

READ: Final = "customers:read"
WRITE: Final = "customers:write"

app = typer.Typer(no_args_is_help=True, help="Which customers are one person.")

Shop = Annotated[str, typer.Option("--shop", help="Whose customers.")]


@app.command("list")
def list_merges(ctx: typer.Context, shop: Shop, *, as_json: AsJson = False) -> None:
    """List the latest merges that stand, and why."""
    session: Session = ctx.obj
    rows = session.ask(Service.INGEST, "GET", shop_path(shop, "merges"), scope=READ)["merges"]
    if as_json:
        show_json(rows)
        return
    show_rows(rows, "nobody has been merged", "alias_id", "survivor_id", "why", "decided_at")


@app.command()
def doubtful(ctx: typer.Context, shop: Shop, *, as_json: AsJson = False) -> None:
    """List contacts that too many share to merge anybody: somebody must judge."""
    session: Session = ctx.obj
    path = shop_path(shop, "merges", "doubtful")
    rows = session.ask(Service.INGEST, "GET", path, scope=READ)["doubtful"]
    if as_json:
        show_json(rows)
        return
    show_rows(rows, "nothing is in doubt", "why", "since", "customers")


@app.command()
def person(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="Any id of the person.")],
    shop: Shop,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell which customers are the same person as this one."""
    session: Session = ctx.obj
    path = shop_path(shop, "customers", customer, "person")
    found = session.ask(Service.INGEST, "GET", path, scope=READ)
    if as_json:
        show_json(found)
    else:
        show(found)


@app.command("make")
def make_merge(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument()],
    second: Annotated[str, typer.Argument()],
    shop: Shop,
    *,
    as_json: AsJson = False,
) -> None:
    """Say that two customers are one person."""
    session: Session = ctx.obj
    body = {"customers": [first, second]}
    found = session.ask(Service.INGEST, "POST", shop_path(shop, "merges"), scope=WRITE, body=body)
    if as_json:
        show_json(found)
    else:
        show(found)


@app.command()
def undo(
    ctx: typer.Context,
    alias: Annotated[str, typer.Argument(help="The alias, as `list` has it.")],
    shop: Shop,
) -> None:
    """Restore a customer who was merged into another; they are not merged again by themselves."""
    session: Session = ctx.obj
    session.ask(Service.INGEST, "DELETE", shop_path(shop, "merges", alias), scope=WRITE)
    typer.echo(f"{printable(alias)} is a person apart")

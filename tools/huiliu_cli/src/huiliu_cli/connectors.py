"""`huiliu connectors`: wire a shop's system or a courier to Huiliu, and look after its secrets."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from huiliu_cli.client import Service, Session
from huiliu_cli.dead_letters import AsJson
from huiliu_cli.files import json_of, text_of
from huiliu_cli.render import printable, show, show_json, show_rows

READ: Final = "connectors:read"
WRITE: Final = "connectors:write"

app = typer.Typer(no_args_is_help=True, help="Hooks for shops' systems and couriers.")

Shop = Annotated[str, typer.Option("--shop", help="Whose it is.")]
Id = Annotated[str, typer.Argument(metavar="CONNECTOR", help="Its id, as `list` has it.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="A file whose only line is the secret, - for standard input; else asked."),
]
Config = Annotated[
    Path | None, typer.Option(help="JSON: what the kind must be told beside the secret.")
]
ApiFile = Annotated[
    Path | None,
    typer.Option(
        "--api-file",
        help="JSON, - for standard input: how the platform is asked for what its pushes did not"
        " bring (woocommerce, taobao).",
    ),
]


@app.command("add")
def add_connector(  # noqa: PLR0913 - one option a choice
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="shopify, woocommerce, standard, ...")],
    shop: Shop,
    *,
    secret_file: SecretFile = None,
    no_secret: Annotated[
        bool, typer.Option(help="Of kinds that sign nothing, or are only asked.")
    ] = False,
    config: Config = None,
    api_file: ApiFile = None,
    accept_test: Annotated[bool, typer.Option(help="Take the platform's test bodies too.")] = False,
    public_url: Annotated[
        str | None, typer.Option(help="Where ingest is seen from outside; else its own address.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open a hook and print the address to give to the sender."""
    session: Session = ctx.obj
    body: dict[str, Any] = {
        "kind": kind,
        "secrets": [] if no_secret else [_secret(secret_file)],
        "accept_test": accept_test,
    }
    if config is not None:
        body["config"] = json_of(config)
    if api_file is not None:
        body["api"] = json_of(api_file)
    made = session.ask(Service.INGEST, "POST", _path(shop), scope=WRITE, body=body)
    url = f"{(public_url or session.url_of(Service.INGEST)).rstrip('/')}{made['path']}"
    if as_json:
        show_json({**made, "url": url})
        return
    typer.echo(f"connector {printable(made['connector_id'])} is open; the sender posts to")
    typer.echo(printable(url))


@app.command("list")
def list_connectors(ctx: typer.Context, shop: Shop, *, as_json: AsJson = False) -> None:
    """List a shop's connectors."""
    session: Session = ctx.obj
    rows = session.ask(Service.INGEST, "GET", _path(shop), scope=READ)["connectors"]
    if as_json:
        show_json(rows)
        return
    columns = ("connector_id", "kind", "active_secrets", "accept_test", "path", "created_at")
    show_rows(rows, "this shop has no connectors yet", *columns)


@app.command("rotate")
def rotate_secret(
    ctx: typer.Context,
    connector: Id,
    shop: Shop,
    *,
    secret_file: SecretFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a secret. The older ones stay good until `keep` drops them."""
    _change(ctx, shop, connector, {"new_secret": _secret(secret_file)}, as_json=as_json)


@app.command("keep")
def keep_secrets(
    ctx: typer.Context,
    connector: Id,
    number: Annotated[int, typer.Argument(min=1, max=5, help="How many of the newest.")],
    shop: Shop,
    *,
    as_json: AsJson = False,
) -> None:
    """Forget all secrets but the newest so many."""
    _change(ctx, shop, connector, {"keep_secrets": number}, as_json=as_json)


@app.command("describe")
def describe(
    ctx: typer.Context,
    connector: Id,
    config: Annotated[Path, typer.Argument(help="JSON: how it signs, what it means.")],
    shop: Shop,
    *,
    as_json: AsJson = False,
) -> None:
    """Replace the description of a generic connector."""
    _change(ctx, shop, connector, {"config": json_of(config)}, as_json=as_json)


@app.command("ask")
def ask_platform(
    ctx: typer.Context,
    connector: Id,
    api_file: Annotated[Path, typer.Argument(help="JSON, - for standard input.")],
    shop: Shop,
    *,
    as_json: AsJson = False,
) -> None:
    """Say how the platform is asked for what its pushes did not bring; it is asked at once."""
    _change(ctx, shop, connector, {"api": json_of(api_file)}, as_json=as_json)


@app.command("asked")
def show_pull(ctx: typer.Context, connector: Id, shop: Shop, *, as_json: AsJson = False) -> None:
    """Tell how far the platform has been asked, and what it refuses."""
    session: Session = ctx.obj
    found = session.ask(Service.INGEST, "GET", f"{_path(shop, connector)}/pull", scope=READ)
    if as_json:
        show_json(found)
    else:
        show(found)


@app.command("remove")
def remove_connector(ctx: typer.Context, connector: Id, shop: Shop) -> None:
    """Close a hook: whoever posts to it hears 404 from now on."""
    session: Session = ctx.obj
    session.ask(Service.INGEST, "DELETE", _path(shop, connector), scope=WRITE)
    typer.echo("it is closed")


@app.command("pushes")
def list_pushes(ctx: typer.Context, connector: Id, shop: Shop, *, as_json: AsJson = False) -> None:
    """Tell what became of a connector's last 20 pushes: to see whether the wiring works."""
    session: Session = ctx.obj
    path = f"{_path(shop, connector)}/pushes"
    rows = session.ask(Service.INGEST, "GET", path, scope=READ)["pushes"]
    if as_json:
        show_json(rows)
        return
    show_rows(rows, "nothing has been pushed yet", "at", "outcome", "reason", "size_bytes")


@app.command("kept")
def list_kept(
    ctx: typer.Context,
    shop: Shop,
    *,
    tasks: Annotated[bool, typer.Option("--tasks", help="Only what asks for a person.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List signed pushes that made no facts, with the reason, and what they ask of a person."""
    session: Session = ctx.obj
    path = _kept(shop)
    query = {"tasks": "true"} if tasks else {}
    rows = list(session.pages(Service.INGEST, path, scope=READ, at_most=limit, query=query))
    if as_json:
        show_json(rows)
        return
    columns = ("id", "connector_id", "reason", "subject", "received_at")
    nothing = "nothing asks for a person" if tasks else "every signed push could be used"
    show_rows(rows, nothing, *columns)


@app.command("put-away")
def put_away(
    ctx: typer.Context,
    shop: Shop,
    kept_id: Annotated[int, typer.Argument(min=1, help="Of the list that `kept` prints.")],
) -> None:
    """Delete a kept push: what it asked for is done, or nobody will look at it."""
    session: Session = ctx.obj
    session.ask(Service.INGEST, "DELETE", f"{_kept(shop)}/{kept_id}", scope=WRITE)
    typer.echo("put away")


def _change(
    ctx: typer.Context, shop: str, connector: str, body: Mapping[str, Any], *, as_json: bool
) -> None:
    session: Session = ctx.obj
    path = _path(shop, connector)
    changed = session.ask(Service.INGEST, "PATCH", path, scope=WRITE, body=body)
    if as_json:
        show_json(changed)
    else:
        show({name: value for name, value in changed.items() if name != "config"})


def _kept(shop: str) -> str:
    return f"/v1/shops/{quote(shop, safe='')}/kept-pushes"


def _path(shop: str, connector: str = "") -> str:
    path = f"/v1/shops/{quote(shop, safe='')}/connectors"
    return f"{path}/{quote(connector, safe='')}" if connector else path


def _secret(file: Path | None) -> str:
    """Return it without it being seen in a list of processes or a shell's history."""
    if file is None and sys.stdin.isatty():
        asked: str = typer.prompt("secret", hide_input=True)
        return asked
    return text_of(file or Path("-")).removesuffix("\n").removesuffix("\r")

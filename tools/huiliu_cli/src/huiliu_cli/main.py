"""The command line. Everything it does goes through the services' HTTP APIs.

Where the services are: HUILIU_INGEST_URL, HUILIU_SEGMENTER_URL, HUILIU_CARE_TRIGGERS_URL,
HUILIU_NOTIFIER_URL, HUILIU_REPORTING_URL; by default the ports of a local stack. Who is asking:
HUILIU_TOKEN, or for a local stack HUILIU_TOKEN_SECRET, from which a token is made for each call.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

import typer

from huiliu_cli import connectors, customers, dead_letters, imports, merges
from huiliu_cli.client import OPERATOR, Service, Session
from huiliu_cli.dead_letters import AsJson
from huiliu_cli.errors import CliError
from huiliu_cli.render import printable, show, show_json, show_rows

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Work with Huiliu's services over HTTP.",
    epilog="HUILIU_TOKEN holds the token; HUILIU_<SERVICE>_URL says where a service is.",
)
shops = typer.Typer(no_args_is_help=True, help="The shops of this installation.")
app.add_typer(customers.attributes, name="attributes")
app.add_typer(connectors.app, name="connectors")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(customers.edits, name="edits")
app.add_typer(merges.app, name="merges")
app.add_typer(shops, name="shops")
app.command("import")(imports.import_file)


@shops.command("list")
def list_shops(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List the shops with zone, currency and language."""
    session: Session = ctx.obj
    rows = list(session.pages(Service.INGEST, "/v1/shops", scope="shops:read", at_most=limit))
    if as_json:
        show_json(rows)
        return
    columns = ("shop_id", "name", "zone", "currency", "country", "locale")
    show_rows(rows, "there are no shops yet", *columns)


@app.command()
def explain(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="The customer's id, not a name or number.")],
    shop: Annotated[str, typer.Option("--shop", help="Whose customer it is.")],
    *,
    rule: Annotated[str | None, typer.Option(help="Only about this rule.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell why a customer did or did not get messages: facts, timers, decisions, deliveries."""
    session: Session = ctx.obj
    answer = session.ask(
        Service.CARE_TRIGGERS,
        "GET",
        f"/v1/shops/{quote(shop, safe='')}/explain",
        scope="care:read",
        query={"customer_id": customer, "rule_id": rule},
    )
    if as_json:
        show_json(answer)
    else:
        show(answer)


@app.command()
def token(
    ctx: typer.Context,
    *,
    scopes: Annotated[list[str], typer.Option("--scope", help="May be repeated.")],
    shop: Annotated[str, typer.Option(help="A shop, or * for an operator.")] = OPERATOR,
    ttl_s: Annotated[int, typer.Option("--seconds", min=1, help="How long it is good.")] = 3_600,
) -> None:
    """Sign a token with HUILIU_TOKEN_SECRET. For a local stack only: production has no secret."""
    session: Session = ctx.obj
    typer.echo(session.local_token(shop, scopes, ttl_s))


def run(argv: Sequence[str], session: Session) -> int:
    """Return the exit status; errors are a line on stderr."""
    try:
        app(list(argv), obj=session, prog_name="huiliu")
    except CliError as error:
        typer.echo(printable(str(error)), err=True)
        return error.exit_status
    except SystemExit as end:  # how typer tells its own exit status
        return end.code if isinstance(end.code, int) else 1
    return 0


def main() -> None:
    sys.exit(run(sys.argv[1:], Session(os.environ)))

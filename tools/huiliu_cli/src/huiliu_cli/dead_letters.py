"""`huiliu dead-letters`: look at what a service could not use, and have it tried again."""

import base64
from typing import Annotated, Any, Final

import typer

from huiliu_cli.client import Service, Session
from huiliu_cli.render import show, show_json, show_rows

SCOPE: Final = "ops:dead-letters"
PATH: Final = "/v1/dead-letters"
MAX_SHOWN_BYTES: Final = 2_000

app = typer.Typer(no_args_is_help=True, help="Records that a service could not read or use.")

Of = Annotated[Service, typer.Option("--service", "-s", help="Whose letters.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]


@app.command("list")
def list_letters(  # noqa: PLR0913 - one option a filter
    ctx: typer.Context,
    service: Of,
    *,
    topic: Annotated[str | None, typer.Option(help="Only of this topic.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only with this reason.")] = None,
    key: Annotated[str | None, typer.Option(help="Only with this record key.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List letters, the oldest first."""
    session: Session = ctx.obj
    query = {"topic": topic, "reason": reason, "key": key}
    rows = list(session.pages(service, PATH, scope=SCOPE, query=query, at_most=limit))
    if as_json:
        show_json(rows)
        return
    columns = (
        "id",
        "topic",
        "partition",
        "offset",
        "key",
        "reason",
        "first_at",
        "replay_requested",
    )
    show_rows(rows, f"{service} has no such letters", *columns)


@app.command("show")
def show_letter(
    ctx: typer.Context,
    letter_id: Annotated[int, typer.Argument(min=0)],
    service: Of,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one letter with its record, as far as it is text."""
    session: Session = ctx.obj
    letter = session.ask(service, "GET", f"{PATH}/{letter_id}", scope=SCOPE)
    if as_json:
        show_json(letter)
        return
    value = letter.pop("value_base64", None)
    headers = letter.pop("headers", [])
    show(
        {
            **letter,
            "value": readable(value),
            "headers": [
                {"name": header["name"], "value": readable(header["value_base64"])}
                for header in headers
            ],
        }
    )


@app.command("replay")
def replay_letters(  # noqa: PLR0913 - one option a choice
    ctx: typer.Context,
    letter_ids: Annotated[list[int] | None, typer.Argument(min=0, help="These letters.")] = None,
    *,
    service: Of,
    key: Annotated[str | None, typer.Option(help="All with this record key.")] = None,
    reason: Annotated[str | None, typer.Option(help="All with this reason.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for another try: the partition's owner makes it, under its own lock.

    Name letters by id, or one of --key, --reason, --all. A letter that fails again stays, with
    its new reason.
    """
    choices: list[dict[str, Any]] = [
        *([{"ids": letter_ids}] if letter_ids else []),
        *([{"key": key}] if key is not None else []),
        *([{"reason": reason}] if reason is not None else []),
        *([{"all": True}] if every else []),
    ]
    if len(choices) != 1:
        raise typer.BadParameter("name letters by id, or give one of --key, --reason, --all")
    session: Session = ctx.obj
    answer = session.ask(service, "POST", f"{PATH}/replay", scope=SCOPE, body=choices[0])
    if as_json:
        show_json(answer)
        return
    number = answer["requested"]
    typer.echo(f"{number} {'letter' if number == 1 else 'letters'} will be tried again")


@app.command("take")
def take_record(
    ctx: typer.Context,
    topic: str,
    partition: Annotated[int, typer.Argument(min=0)],
    offset: Annotated[int, typer.Argument(min=0)],
    *,
    service: Of,
) -> None:
    """Turn the record at OFFSET, which kills its consumers, into a letter.

    The partition then goes on behind it.
    """
    session: Session = ctx.obj
    body = {"topic": topic, "partition": partition, "offset": offset}
    session.ask(service, "POST", f"{PATH}/take", scope=SCOPE, body=body)
    typer.echo(f"{service} will park {topic} {partition} {offset} and go on behind it")


def readable(value_base64: str | None) -> str | None:
    """Return the bytes as text, or how many there are when they are none."""
    if value_base64 is None:
        return None
    raw = base64.b64decode(value_base64)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return f"{len(raw)} bytes that are no text (--json has them)"
    return text if len(raw) <= MAX_SHOWN_BYTES else f"{text[:MAX_SHOWN_BYTES]} ..."

"""`python -m simulators sms|smtp`: one of the servers as a process of its own, until it is stopped.

python -m simulators sms --port 8201 --secret whsec_... --receipts URL --ledger sms.jsonl
python -m simulators smtp --port 8202 --ledger mail.jsonl --share reject-receiver=0.05 --seed 7
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from simulators.plan import Plan
from simulators.sms import SmsGateway, SmsMode
from simulators.smtp import MailMode, MailServer


def main(argv: Sequence[str] | None = None) -> int:
    parser = arguments()
    given = parser.parse_args(argv)
    try:
        server = build(given)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(serve(server))
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators", description="Gateways to test on."
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    sms = kinds.add_parser("sms", help="an SMS gateway")
    sms.add_argument("--secret", required=True, help="whsec_...: checks requests, signs receipts")
    sms.add_argument("--receipts", metavar="URL", help="where receipts and replies are posted")
    smtp = kinds.add_parser("smtp", help="a mail server")
    for kind, modes in ((sms, SmsMode), (smtp, MailMode)):
        kind.add_argument("--host", default="127.0.0.1")
        kind.add_argument("--port", type=int, default=0, help="default: a free one, printed")
        kind.add_argument("--ledger", type=Path, metavar="FILE")
        kind.add_argument("--seed", type=int, default=0, help="of what goes wrong")
        kind.add_argument(
            "--share",
            action="append",
            default=[],
            metavar="MODE=PART",
            help=f"how often what goes wrong, such as {list(modes)[1]}=0.05; may be repeated: "
            + ", ".join(modes),
        )
    return parser


def build(given: argparse.Namespace) -> SmsGateway | MailServer:
    """Return the server that was asked for; ValueError when something in it does not fit."""
    plan = Plan(seed=given.seed, shares=dict(share(text) for text in given.share))
    if given.kind == "smtp":
        return MailServer(plan=plan, ledger_path=given.ledger, host=given.host, port=given.port)
    return SmsGateway(
        secret=given.secret,
        receipts_url=given.receipts,
        plan=plan,
        ledger_path=given.ledger,
        host=given.host,
        port=given.port,
    )


def share(text: str) -> tuple[str, float]:
    mode, _, part = text.partition("=")
    return mode, float(part)


async def serve(server: SmsGateway | MailServer) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running: AbstractAsyncContextManager[SmsGateway | MailServer] = server
    async with running:
        sys.stdout.write(f"listening at {address(server)}\n")
        sys.stdout.flush()
        await stop.wait()


def address(server: SmsGateway | MailServer) -> str:
    return server.url if isinstance(server, SmsGateway) else f"{server.host}:{server.port}"


if __name__ == "__main__":
    sys.exit(main())

"""`make demo`: the whole house on real input. See --help."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.house import Failed
from demo.past import DAYS, past
from demo.show import Scene, a_day, show, stand
from localstack import StackError
from localstack.places import local_folder


def main() -> int:
    arguments = _arguments()
    os.environ.setdefault("XDG_RUNTIME_DIR", str(local_folder() / "run"))
    console = Console(highlight=False)
    try:
        asyncio.run(_run(arguments, console))
    except (Failed, StackError) as error:
        console.print(f"[red]demo: {error}[/red]", markup=True, soft_wrap=True)
        return 1
    return 0


async def _run(arguments: argparse.Namespace, console: Console) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.only_up:
        await stand(console, local_folder() / "stack", stop, ends=arguments.exit)
        return
    folder = local_folder() / "demo"
    scene: Scene[Any] = past(arguments.data, arguments.days) if arguments.data else a_day()
    _begin_afresh(folder)
    await show(console, folder, scene, stop, ends=arguments.exit)


def _begin_afresh(folder: Path) -> None:
    """Forget the last demo; a demo that still runs keeps its folder, and Stack says so."""
    if (folder / "running").exists() and any((folder / "running").iterdir()):
        return
    shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end when all has been played")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="play a real shop's past: Olist's CSV files"
    )
    parser.add_argument(
        "--days",
        type=int,
        default=DAYS,
        metavar="N",
        help=f"of that past, live through the last N days ({DAYS}); two or three seconds each",
    )
    parser.add_argument("--only-up", action="store_true", help="start the house, play nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

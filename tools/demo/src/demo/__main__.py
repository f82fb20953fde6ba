"""`make demo`: the whole house on real input, then a day in a shop. See --help."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from rich.console import Console

from demo.house import Failed
from demo.show import show, stand
from localstack import StackError
from localstack.places import local_folder

INTERRUPTED = 130


def main() -> int:
    arguments = _arguments()
    os.environ.setdefault("XDG_RUNTIME_DIR", str(local_folder() / "run"))
    console = Console(highlight=False)
    try:
        return asyncio.run(_run(arguments, console))
    except (Failed, StackError) as error:
        console.print(f"[red]demo: {error}[/red]", markup=True, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


async def _run(arguments: argparse.Namespace, console: Console) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    folder = local_folder() / ("stack" if arguments.only_up else "demo")
    if not arguments.only_up:
        _begin_afresh(folder)
    work = stand if arguments.only_up else show
    playing = asyncio.create_task(work(console, folder, stop, ends=arguments.exit))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not playing.done() and not arguments.only_up:
        # Between two scenes the demo looks at `stop` itself; give it time to end in order.
        await asyncio.wait({playing}, timeout=60)
    stopped.cancel()
    return await playing


def _begin_afresh(folder: Path) -> None:
    """Forget the last demo; a demo that still runs keeps its folder, and Stack says so."""
    if (folder / "running").exists() and any((folder / "running").iterdir()):
        return
    shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end when the day has been played")
    parser.add_argument("--only-up", action="store_true", help="start the house, play nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

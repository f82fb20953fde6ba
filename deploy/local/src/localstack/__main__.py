"""`python -m localstack up|down|status|env`: the stack of this checkout, for a person.

up      start Kafka and Postgres and leave them running
down    stop them, also those that a broken run left
status  what runs; exit status 3 if nothing does
env     the addresses as lines for a shell: eval "$(python -m localstack env)"
"""

import argparse
import asyncio
import shlex
import sys
import time
from pathlib import Path

from localstack.errors import StackError
from localstack.places import local_folder
from localstack.processes import Notes, read_json
from localstack.stack import Stack, end_all


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m localstack", description="Kafka and Postgres for this checkout."
    )
    parser.add_argument("command", choices=["up", "down", "status", "env"])
    parser.add_argument(
        "--directory", type=Path, default=local_folder() / "stack", help="where the data lies"
    )
    given = parser.parse_args()
    commands = {"up": up, "down": down, "status": status, "env": env}
    try:
        return asyncio.run(commands[given.command](given.directory))
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")


async def up(directory: Path) -> int:
    started = time.monotonic()
    stack = Stack(directory, detached=True)
    await stack.start()
    tell(f"Kafka     {stack.kafka_servers}\nPostgres  {shown(stack.admin_url)}")
    tell(f"ready after {time.monotonic() - started:.1f} s; data and logs in {stack.directory}")
    stack.release()
    return 0


async def down(directory: Path) -> int:
    ended = await end_all(directory)
    tell(f"stopped: {', '.join(ended)}" if ended else "nothing was running")
    return 0


async def status(directory: Path) -> int:
    running = Notes(directory / "running").read()
    state = read_json(directory / "state.json")
    for name in ("kafka", "postgres"):
        if name in running:
            child, owner = running[name]
            whose = f"of process {owner.pid}" if owner else "on its own"
            tell(f"{name:9} pid {child.who.pid}, port {state.get(f'{name}_port')}, {whose}")
        else:
            tell(f"{name:9} not running")
    return 0 if running else 3


async def env(directory: Path) -> int:
    stack = Stack(directory, detached=True)
    if not {"kafka", "postgres"} & set(Notes(stack.directory / "running").read()):
        sys.stderr.write("nothing is running: `python -m localstack up` starts it\n")
        return 3
    await stack.start()
    tell(f"export HUILIU_KAFKA_SERVERS={shlex.quote(stack.kafka_servers)}")
    tell(f"export HUILIU_ADMIN_URL={shlex.quote(stack.admin_url)}")
    stack.release()
    return 0


def shown(url: str) -> str:
    """*url* without its password; `env` prints it whole."""
    head, _, tail = url.partition("://")
    user, _, place = tail.rpartition("@")
    return f"{head}://{user.partition(':')[0]}@{place}"


if __name__ == "__main__":
    sys.exit(main())

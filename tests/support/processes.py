"""Programs that a test runs, to see what they say."""

import asyncio
import os
from pathlib import Path


async def said(
    *command: str | Path, within_s: float = 120, **environ: str
) -> tuple[int | None, str]:
    """Run *command* with more environment; return its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={**os.environ, **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), within_s)
    return process.returncode, out.decode()

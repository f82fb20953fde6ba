"""Becomes the program it is given: `launcher.py '{"parent": 1, ...}' program arguments...`.

A script of its own, run by a fresh interpreter, since what it does is not safe between fork and
exec in a process with threads. In this order: drop to another user, ask the kernel to end us with
our parent (Linux; elsewhere a child outlives a killed parent, and the next start cleans up), exec.
"""

import ctypes
import json
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    options, program, arguments = json.loads(sys.argv[1]), sys.argv[2], sys.argv[2:]
    if options["uid"] is not None:
        os.setgroups([])
        os.setgid(options["gid"])
        os.setuid(options["uid"])
    if options["parent"] is not None and sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, options["death_signal"], 0, 0, 0)
        if os.getppid() != options["parent"]:
            sys.exit("the parent ended before its child began")
    os.execv(program, arguments)  # noqa: S606 - a shell is what we do not want in between


if __name__ == "__main__":
    main()

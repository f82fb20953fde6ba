"""`python -m plumbing.gently MODULE`: run it as one that gives way, from its first import on.

To import numpy and scipy takes seconds, which whoever answers posts and takes in facts must not
wait for.
"""

import os
import runpy
import sys
from typing import Final

NICE: Final = 10


def main() -> None:
    os.nice(NICE)
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

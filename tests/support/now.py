"""One present for a whole run of tests: a conftest is imported under two names, this once."""

from datetime import UTC, datetime
from typing import Final

NOW: Final = datetime.now(UTC).replace(microsecond=0)

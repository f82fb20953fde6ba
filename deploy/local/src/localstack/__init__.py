"""Real Apache Kafka and PostgreSQL as child processes: no Docker, no root, no installation.

`Stack` is the whole interface; `python -m localstack up|down|status|env` is the same for a person.
"""

from localstack.errors import StackError
from localstack.stack import Stack

__all__ = ["Stack", "StackError"]

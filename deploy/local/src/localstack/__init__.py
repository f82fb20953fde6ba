"""Real Apache Kafka and PostgreSQL as child processes: no Docker, no root, no installation.

`Stack` is the interface; `python -m localstack up|down|status|env` is the same for a person.
`free_port` gives ports of the same kind to what else runs beside it.
"""

from localstack.errors import StackError
from localstack.places import free_port
from localstack.stack import Stack

__all__ = ["Stack", "StackError", "free_port"]

"""What a reporting gateway is: how it proves that it reports, and what a post of it means."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from contracts.events import Channel
from notifier.domain.reports.report import Report, Sender
from notifier.edges.receipts.aws import Aws
from notifier.errors import Unreadable
from web.hot import Answer
from web.peers import Network, is_within
from webhooks import MAX_SECRETS, BadJson, BadSignature, Headers, check_secret, strict_json

NOTHING: Final = Answer(204, b"")


_PATH: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")


def _pasted_whole(secret: SecretStr) -> SecretStr:
    check_secret(secret.get_secret_value())
    return secret


def _unguessable(path: SecretStr) -> SecretStr:
    if not _PATH.fullmatch(path.get_secret_value()):
        raise ValueError("22 to 64 random letters, digits, - and _ are needed")
    return path


Path: TypeAlias = Annotated[SecretStr, AfterValidator(_unguessable)]
Secret: TypeAlias = Annotated[SecretStr, AfterValidator(_pasted_whole)]
Secrets: TypeAlias = Annotated[tuple[Secret, ...], Field(min_length=1, max_length=MAX_SECRETS)]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came.

    Args:
        path: Of its address, as received.
        query: What stands behind the question mark.
        headers: As received, in any case.
        body: All of it.
        peer: The sender's address, if it is known.
        at_s: When it came, by this pod's clock, Unix seconds.
    """

    path: str
    query: str
    headers: Headers
    body: bytes
    peer: str | None
    at_s: float


class Reporter(BaseModel, ABC):
    """One address on which a gateway reports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: ClassVar[Channel]  # whose gateway's messages it speaks of
    is_signed: ClassVar[bool] = True
    success: ClassVar[Answer] = NOTHING

    kind: str

    @abstractmethod
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        """Return what *call* says.

        Raises:
            BadSignature: It is not the gateway's.
            Unreadable: It is none of the gateway's.
            Problem: It cannot be checked now.
        """

    def answer(self, results: Sequence[str]) -> Answer:  # noqa: ARG002 - our own gateway's tells them
        """Return what the gateway wants to hear; *results* say what came of each event."""
        return self.success

    def mail_header(self, message_id: str) -> tuple[str, str] | None:  # noqa: ARG002 - few need it
        """Return what makes the gateway give our id back, in each mail."""
        return None


class ForeignReporter(Reporter):
    """Of a gateway that others made: its address is one that nobody guesses."""

    path: Path = Field(description="the end of its address")


class UnsignedReporter(ForeignReporter):
    """Nothing proves who posts but that he knows the address, and from where he does."""

    is_signed: ClassVar[bool] = False

    networks: tuple[Network, ...] = Field(
        (), max_length=50, description="where it posts from, as 203.0.113.0/24; anywhere if empty"
    )

    def demand_network(self, call: Call) -> None:
        if self.networks and not is_within(call.peer, self.networks):
            raise BadSignature


def parsed(raw: bytes) -> Any:
    """Return what JSON says; `Unreadable` when it is none."""
    try:
        return strict_json(raw)
    except BadJson as error:
        raise Unreadable(f"the body is not strict JSON: {error}") from None

"""What a kind of connector is: how it proves who sent a push, and what a body of it means."""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import Field

from care.phones import normalise
from ingest.domain.facts import Item
from ingest.domain.push import MOST_TOLD, Context, Reading
from ingest.domain.reading import Unmappable
from ingest.edges import events
from ingest.edges.directory import Connector
from ingest.edges.native import Event
from ingest.edges.ports import Ports
from ingest.edges.pulls.pull import Pull
from web.bodies import Strict
from web.hot import Answer
from webhooks import MAX_SECRETS, Headers, check_secret

C = TypeVar("C", bound=Strict)

AppId: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
Secret: TypeAlias = Annotated[str, Field(min_length=1, max_length=512)]

NOTHING: Final = Answer(204, b"")
EMPTY: Final = Answer(200, b"{}")
CODE_0: Final = Answer(200, b'{"code":0,"msg":"success"}')


class New(Strict):
    """What a caller says to add a connector; each kind narrows `kind` and `config`."""

    kind: str
    config: Strict | None
    secrets: list[Secret] = Field(
        min_length=1, max_length=MAX_SECRETS, description="all are tried; never shown again"
    )
    accept_test: bool = Field(False, description="make facts of the platform's test bodies too")
    api: Strict | None = Field(None, description="how the platform is asked for what was missed")


class NewPushed(New):
    """Of a kind that is never asked."""

    api: None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A request as it came.

    Args:
        raw: The body.
        headers: As received, in any case.
        query: What stands behind the question mark.
        peer: The sender's address, if it is known.
    """

    raw: bytes
    headers: Headers
    query: bytes = b""
    peer: str | None = None


def _plain_secret(secret: str, _config: Any) -> None:
    check_secret(secret)


def _no_greeting(_raw: bytes, _headers: Headers) -> bool:
    return False


def _no_handshake(_body: Any) -> Answer | None:
    return None


def _whole(signed: bytes, _body: Any, _connector: Connector) -> bytes:
    return signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One platform's connectors.

    Args:
        name: As the API has it.
        open: Checks the signature at a time, in Unix seconds; returns the bytes that it covers,
            which are JSON.
        read: The parsed body to facts.
        success: What the sender wants to hear.
        config: What it must be told beside the secrets.
        check_secret: Refuses a secret that the platform may sign otherwise with.
        is_greeting: Knows the unsigned push that only asks whether somebody is there.
        handshake: Answers the signed push that asks for something of it back; None to all others.
        identity: What tells one kept push from another: of the signed bytes and what they say.
        has_secrets: Whether its pushes are signed at all.
        pull: How the platform is asked for what its pushes did not bring.
    """

    name: str
    open: Callable[[Push, Connector, float], bytes]
    read: Callable[[Any, Connector, Ports], Awaitable[Reading]]
    success: Answer
    config: type[Strict] | None = None
    check_secret: Callable[[str, Any], None] = _plain_secret
    is_greeting: Callable[[bytes, Headers], bool] = _no_greeting
    handshake: Callable[[Any], Answer | None] = _no_handshake
    identity: Callable[[bytes, Any, Connector], bytes] = _whole
    has_secrets: bool = True
    pull: Pull | None = None


def by_secret(
    verify: Callable[[bytes, Headers, Sequence[str]], None],
) -> Callable[[Push, Connector, float], bytes]:
    """Return what opens a body of which all is signed, whenever that was."""

    def opened(push: Push, connector: Connector, _: float) -> bytes:
        verify(push.raw, push.headers, connector.secrets)
        return push.raw

    return opened


def by_secret_and_time(
    verify: Callable[[bytes, Headers, Sequence[str], float], object],
) -> Callable[[Push, Connector, float], bytes]:
    """Return what opens a body that was signed just now."""

    def opened(push: Push, connector: Connector, now_s: float) -> bytes:
        verify(push.raw, push.headers, connector.secrets, now_s)
        return push.raw

    return opened


def told_by(of: Callable[[Any], str | None]) -> Callable[[bytes, Any, Connector], bytes]:
    """Return what tells pushes apart by what *of* finds in their bodies, else by all of them."""

    def identity(signed: bytes, body: Any, _: Connector) -> bytes:
        found = of(body)
        return signed if found is None else found.encode()

    return identity


def of_a_shop(
    read: Callable[[Any, Context], Reading],
) -> Callable[[Any, Connector, Ports], Awaitable[Reading]]:
    """Return what reads a shop platform's bodies, which name buyers."""

    async def reader(body: Any, connector: Connector, ports: Ports) -> Reading:
        return read(body, context(connector, ports))

    return reader


def context(connector: Connector, ports: Ports) -> Context:
    shop = ports.directory.known_shop(connector.shop_id)
    key = ports.sealer.blind_index(f"guest:{connector.shop_id}")
    return Context(
        connector.shop_id,
        shop.currency,
        shop.country,
        connector.accept_test,
        partial(_keyed, key),
        normalise,
        ports.directory.business_now(),
    )


def config_of(connector: Connector, model: type[C]) -> C:
    """Return what was saved for a connector; it was checked then, so it is good."""
    if connector.config is None:
        raise ValueError("a connector without the configuration that its kind needs")
    return saved(model, connector.config)


@lru_cache(maxsize=1024)
def _saved(model: type[Strict], text: str) -> Strict:
    return model.model_validate_json(text)


def saved(model: type[C], text: str) -> C:
    found = _saved(model, text)
    if not isinstance(found, model):
        raise TypeError("a configuration of another kind")
    return found


async def of_events(
    read: Sequence[Event | events.Faults],
    connector: Connector,
    ports: Ports,
    notes: Mapping[str, int],
) -> Reading:
    """Return what events of the native API say; what is wrong with some of them is told."""
    items: list[Item] = []
    wrong: list[str] = []
    shop = ports.directory.known_shop(connector.shop_id)
    for number, one in enumerate(await events.judged(read, shop, ports)):
        if isinstance(one, tuple):
            wrong += [f"events/{number}{fault.field}: {fault.code}" for fault in one]
        else:
            items.append(one.item(connector.shop_id))
    refused = ", ".join(wrong[:MOST_TOLD])
    if not items:
        raise Unmappable(refused)
    return Reading(items=tuple(items), refused=refused or None, notes=notes)


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")

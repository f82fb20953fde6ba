"""Whose address a request comes from, behind proxies that are ours, and where that belongs."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from starlette.types import Scope

_NAME: Final = b"x-forwarded-for"


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise PydanticCustomError("format", "a network is expected, as 203.0.113.0/24") from None
    return text


Network: TypeAlias = Annotated[str, Field(max_length=50), AfterValidator(_network)]


def peer_of(scope: Scope, trusted_proxies: int) -> str | None:
    """Return the sender's address, as the outermost proxy of ours has seen it.

    Each proxy appends to X-Forwarded-For whom it talks to, so only the last *trusted_proxies*
    entries are ours; what is before them anybody may have written.

    Args:
        scope: Of an HTTP request.
        trusted_proxies: How many stand before this process; 0: the connection itself counts.

    Returns:
        The address; None when it is not known, or fewer proxies have written than there should be.
    """
    if trusted_proxies == 0:
        client = scope.get("client")
        return client[0] if client else None
    told = b",".join(value for name, value in scope["headers"] if name.lower() == _NAME)
    hops = [hop.strip() for hop in told.split(b",")]
    return hops[-trusted_proxies].decode("latin-1") if len(hops) >= trusted_proxies else None


def is_within(peer: str | None, networks: Iterable[str]) -> bool:
    """Tell whether the address *peer* belongs to one of *networks*; one that is none does not."""
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    return any(address in _parsed(one) for one in networks)


@lru_cache(maxsize=1024)
def _parsed(network: str) -> IPv4Network | IPv6Network:
    return ip_network(network)

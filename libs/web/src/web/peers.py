"""Whose address a request comes from, behind proxies that are ours."""

from starlette.types import Scope

_NAME = b"x-forwarded-for"


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

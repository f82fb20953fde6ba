"""Who sent it, as the proxies in front tell it: only what ours have written counts."""

import pytest

from web.peers import is_within, peer_of


def scope(*forwarded: bytes) -> dict[str, object]:
    headers = [(b"X-Forwarded-For", one) for one in forwarded]
    return {"type": "http", "client": ("10.0.0.9", 5000), "headers": headers}


@pytest.mark.parametrize(
    ("forwarded", "proxies", "peer"),
    [
        ([b"1.2.3.4"], 0, "10.0.0.9"),
        ([b"6.6.6.6, 1.2.3.4"], 1, "1.2.3.4"),
        ([b"6.6.6.6", b"1.2.3.4"], 1, "1.2.3.4"),
        ([b"6.6.6.6, 1.2.3.4,10.0.0.1"], 2, "1.2.3.4"),
        ([b"1.2.3.4"], 2, None),
        ([], 1, ""),
    ],
)
def test_the_last_entries_are_ours_and_what_is_before_anybody_may_write(
    forwarded: list[bytes], proxies: int, peer: str | None
) -> None:
    assert peer_of(scope(*forwarded), proxies) == peer


def test_a_socket_without_an_address_has_none() -> None:
    assert peer_of({"type": "http", "client": None, "headers": []}, 0) is None


@pytest.mark.parametrize(
    ("peer", "within"),
    [
        ("203.0.113.7", True),
        ("203.0.114.7", False),
        ("2001:db8::1", True),
        ("", False),
        ("anybody", False),
        (None, False),
    ],
)
def test_an_address_is_within_networks_or_not(peer: str | None, within: bool) -> None:
    assert is_within(peer, ["198.51.100.1/32", "203.0.113.0/24", "2001:db8::/32"]) is within
    assert not is_within(peer, [])

"""Change one bit of what was signed, and see that it is noticed."""

from collections.abc import Callable

import pytest

from webhooks import BadSignature


def flipped(raw: bytes, bit: int) -> bytes:
    """Return *raw* with one bit changed; bits are counted round and round."""
    index = bit % (len(raw) * 8)
    changed = bytearray(raw)
    changed[index // 8] ^= 1 << index % 8
    return bytes(changed)


def demand_every_bit(
    accepts: Callable[[bytes, bytes], object], body: bytes, mac: bytes, step: int = 1
) -> None:
    """Fail unless *accepts* takes the two, and neither with a bit changed; of *body* each *step*th.

    A step that is below 8 leaves no byte of the body out.
    """
    accepts(body, mac)
    for bit in range(0, len(body) * 8, step):
        with pytest.raises(BadSignature):
            accepts(flipped(body, bit), mac)
    for bit in range(len(mac) * 8):
        with pytest.raises(BadSignature):
            accepts(body, flipped(mac, bit))

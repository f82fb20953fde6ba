import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbing.seal import BadSeal, Sealer, data_key

OLD, NEW, FOREIGN = b"o" * 32, b"n" * 32, b"f" * 32


@given(st.binary(), st.binary())
def test_what_was_sealed_opens_in_its_context(plain: bytes, context: bytes) -> None:
    assert Sealer(NEW).unseal(Sealer(NEW).seal(plain, context), context) == plain


def test_the_same_text_sealed_twice_looks_different() -> None:
    assert Sealer(NEW).seal(b"x", b"") != Sealer(NEW).seal(b"x", b"")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]), id="a bit changed"),
        pytest.param(lambda sealed: sealed[:20], id="cut off"),
        pytest.param(lambda sealed: b"\x02" + sealed[1:], id="another version"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: Sealer(FOREIGN).seal(b"x", b"c"), id="a foreign key"),
        pytest.param(lambda _: Sealer(NEW).seal(b"x", b"other"), id="moved to another row"),
    ],
)
def test_what_is_not_ours_does_not_open(spoil) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with pytest.raises(BadSeal):
        Sealer(NEW).unseal(spoil(Sealer(NEW).seal(b"x", b"c")), b"c")


def test_keys_rotate_without_losing_what_was_sealed_or_indexed() -> None:
    before, after = Sealer(OLD), Sealer(NEW, older=[OLD])

    assert after.unseal(before.seal(b"x", b"c"), b"c") == b"x"
    assert after.blind_index("+8613800000000") == before.blind_index("+8613800000000")
    with pytest.raises(BadSeal):
        before.unseal(after.seal(b"x", b"c"), b"c")


def test_the_blind_index_needs_the_key() -> None:
    assert Sealer(NEW).blind_index("a") != Sealer(FOREIGN).blind_index("a")
    assert len(Sealer(NEW).blind_index("a")) == 32


def test_a_key_setting_is_base64_of_32_bytes() -> None:
    assert data_key(base64.b64encode(NEW).decode()) == NEW
    for wrong in ("", "not base64!", base64.b64encode(b"short").decode()):
        with pytest.raises(ValueError, match="base64"):
            data_key(wrong)


def test_a_sealer_refuses_a_short_key() -> None:
    with pytest.raises(ValueError, match="32"):
        Sealer(b"short")

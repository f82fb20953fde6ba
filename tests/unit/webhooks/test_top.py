"""Calls of Taobao's Open Platform: what is signed, and what a forger might try."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from support.bits import flipped
from webhooks import BadSignature, Headers, top

SECRET = "topsecret"
NOW_S = 1767578400.0  # 2026-01-05 10:00:00 in Shanghai
BODY = b"<request/>"
XML: list[tuple[bytes, bytes]] = [(b"content-type", b"text/xml; charset=utf-8")]
PARAMETERS = {
    "app_key": "1023",
    "customerId": "c1",
    "format": "xml",
    "method": "deliveryorder.confirm",
    "sign_method": "md5",
    "timestamp": "2026-01-05 10:00:00",
    "v": "2.0",
}


def signed(
    parameters: Mapping[str, str] = PARAMETERS,
    body: bytes = BODY,
    charset: str = "utf-8",
    **more: str,
) -> bytes:
    """Return the query of a call, rightly signed; *more* is added after."""
    said = {name.encode(charset): value.encode(charset) for name, value in parameters.items()}
    sign = top.sign(SECRET, said, body)
    return urlencode({**parameters, "sign": sign, **more}, encoding=charset).encode()


def test_the_worked_example_of_the_documentation_holds() -> None:
    said = {name.encode(): value.encode() for name, value in PARAMETERS.items()}

    assert top.sign(SECRET, said, BODY) == "3F208B4DDFE7F1FC8F995B950320CCE6"


def test_parameters_and_body_come_back_as_they_were_signed() -> None:
    call = top.verify(signed(), XML, BODY, ["other", SECRET], NOW_S)

    assert (call.parameters, call.body) == (PARAMETERS, "<request/>")


def test_texts_of_gbk_are_signed_as_bytes_and_read_as_text() -> None:
    said = {**PARAMETERS, "customerId": "茶庄"}
    body = "<request>茶</request>".encode("gbk")

    call = top.verify(
        signed(said, body, "gbk"),
        [(b"Content-Type", b'text/xml;charset="GBK"')],
        body,
        [SECRET],
        NOW_S,
    )

    assert (call.parameters["customerId"], call.body) == ("茶庄", "<request>茶</request>")


def test_the_fields_of_a_form_are_parameters_and_no_body() -> None:
    said = {**PARAMETERS, "items": "a b"}
    query = signed(said, b"")
    form = query.partition(b"&")[0]  # one of them comes by the body

    call = top.verify(
        query.partition(b"&")[2],
        [(b"content-type", b"application/x-www-form-urlencoded;charset=utf-8")],
        form,
        [SECRET],
        NOW_S,
    )

    assert (call.parameters, call.body) == (said, "")


def test_headers_that_are_listed_are_signed_too() -> None:
    said = {**PARAMETERS, "X-Shop": "茶"}
    query = b"&".join(one for one in signed(said).split(b"&") if not one.startswith(b"X-Shop"))
    listed: list[tuple[bytes, bytes]] = [
        *XML,
        (b"top-sign-list", b"X-Shop, "),
        (b"x-shop", b"%E8%8C%B6"),
    ]

    assert top.verify(query, listed, BODY, [SECRET], NOW_S).parameters == said
    with pytest.raises(BadSignature):
        top.verify(query, [*listed[:-1], (b"x-shop", b"tea")], BODY, [SECRET], NOW_S)
    with pytest.raises(BadSignature):
        top.verify(query, [*listed, (b"x-shop", b"%E8%8C%B6")], BODY, [SECRET], NOW_S)
    with pytest.raises(BadSignature):
        top.verify(signed(), [*XML, (b"top-sign-list", b"x-missing")], BODY, [SECRET], NOW_S)


@pytest.mark.parametrize("left_out", [True, False])
def test_empty_parameters_are_signed_by_some_and_left_out_by_others(left_out: bool) -> None:
    query = signed() + b"&extra=" if left_out else signed({**PARAMETERS, "extra": ""})

    assert top.verify(query, XML, BODY, [SECRET], NOW_S).parameters["extra"] == ""


@pytest.mark.parametrize("late_s", [-600, 0, 600])
def test_ten_minutes_either_way_are_fresh(late_s: float) -> None:
    top.verify(signed(), XML, BODY, [SECRET], NOW_S + late_s)
    with pytest.raises(BadSignature):
        top.verify(signed(), XML, BODY, [SECRET], NOW_S + late_s + (601 if late_s >= 0 else -601))


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"", id="empty"),
        pytest.param(urlencode(PARAMETERS).encode(), id="no sign"),
        pytest.param(signed() + b"&sign=x", id="sign doubled"),
        pytest.param(signed() + b"&v=2.0", id="a parameter doubled"),
        pytest.param(signed({**PARAMETERS, "sign_method": "hmac"}), id="another method"),
        pytest.param(
            signed({name: value for name, value in PARAMETERS.items() if name != "sign_method"}),
            id="no method",
        ),
        pytest.param(signed({**PARAMETERS, "timestamp": "1767578400"}), id="another time"),
        pytest.param(signed({**PARAMETERS, "timestamp": "2026-01-32 10:00:00"}), id="no day"),
        pytest.param(signed({**PARAMETERS, "timestamp": ""}), id="no time"),
        pytest.param(signed({**PARAMETERS, **{f"p{n}": "1" for n in range(200)}}), id="too many"),
        pytest.param(signed(sign="3f208b4ddfe7f1fc8f995b950320cce6"), id="lower hex"),
        pytest.param(signed(sign="é"), id="not ASCII"),
    ],
)
def test_a_call_that_is_not_signed_so_is_refused(query: bytes) -> None:
    with pytest.raises(BadSignature):
        top.verify(query, XML, BODY, [SECRET], NOW_S)


@pytest.mark.parametrize(
    "content_type", [[(b"content-type", b"text/xml;charset=utf-7")], [*XML, *XML]]
)
def test_a_charset_that_is_strange_or_doubled_is_refused(content_type: Headers) -> None:
    with pytest.raises(BadSignature):
        top.verify(signed(), content_type, BODY, [SECRET], NOW_S)


def test_what_no_header_describes_is_utf_8() -> None:
    assert top.verify(signed(), [], BODY, [SECRET], NOW_S).body == "<request/>"


def test_a_changed_bit_of_query_or_body_is_noticed_unless_it_spells_the_same() -> None:
    query = signed()
    told = top.verify(query, XML, BODY, [SECRET], NOW_S)
    for bit in range(len(BODY) * 8):
        with pytest.raises(BadSignature):
            top.verify(query, XML, flipped(BODY, bit), [SECRET], NOW_S)
    for bit in range(len(query) * 8):
        try:
            found = top.verify(flipped(query, bit), XML, BODY, [SECRET], NOW_S)
        except BadSignature:
            continue
        assert found == told  # %3A and %3a

import pytest

from plumbing import trace

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_flow_keeps_its_trace_and_gets_a_span_of_its_own() -> None:
    with trace.continued([("traceparent", PARENT.encode())]) as mine:
        assert mine == trace.current()
        assert trace.trace_id() == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert mine != PARENT
        assert mine.endswith("-01")
    assert trace.current() == ""


def test_headers_of_http_are_understood_as_well() -> None:
    with trace.continued([(b"TraceParent", PARENT.encode())]):
        assert trace.trace_id() in PARENT


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", id="a trace of noughts"),
        pytest.param(PARENT.replace("00f067aa0ba902b7", "0" * 16).encode(), id="a null span"),
        pytest.param(b"ff" + PARENT.encode()[2:], id="the version that is forbidden"),
        pytest.param(PARENT.upper().encode(), id="capitals"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_a_header_that_is_no_trace_begins_a_new_one(value: bytes) -> None:
    with trace.continued([("traceparent", value)]) as mine:
        assert len(mine) == len(PARENT)
        assert trace.trace_id() not in PARENT


def test_two_parents_are_none() -> None:
    assert trace.parent_of([("traceparent", PARENT.encode())] * 2) == ""


def test_a_batch_has_a_trace_if_its_records_share_one() -> None:
    other = trace.new()

    assert trace.common([PARENT, "", PARENT]) == PARENT
    assert trace.common([PARENT, other]) == ""
    assert trace.common([]) == ""

"""Who a customer is when the platform does not say."""

import hmac

from ingest.domain.identity import GUEST_CHARS, customer_of


def keyed(text: str) -> bytes:
    return hmac.digest(b"a shop's key", text.encode(), "sha256")


def named(
    platform_id: str | None = None, phone: str | None = None, email: str | None = None
) -> str:
    return customer_of(platform_id, phone=phone, email=email, order_id="A-1", keyed=keyed)


def test_the_platforms_id_wins() -> None:
    assert named("77", "+8613800000001", "li@example.com") == "77"


def test_a_guest_is_named_by_number_then_by_mailbox() -> None:
    by_phone = named(phone="+8613800000001", email="li@example.com")
    by_email = named(email=" Li@Example.com ")

    assert by_phone == named(phone="+8613800000001")
    assert by_email == named(email="li@example.com")
    assert by_phone != by_email
    assert by_phone.startswith("g_")
    assert len(by_phone) == 2 + GUEST_CHARS
    assert "138" not in by_phone


def test_who_tells_nothing_is_the_orders_own() -> None:
    assert named() == "o_A-1"

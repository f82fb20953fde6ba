"""Phone numbers: one spelling, and what a number tells about its owner."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

# Of some countries, the United States among them, no number tells which of the two it is.
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def normalise(raw: str, country: str) -> str | None:
    """Return *raw* as E.164, or `None` when it is no number that could exist.

    Args:
        raw: As people type it: spaces, hyphens, full-width digits, with +86, 0086 or without.
        country: ISO 3166-1; where a number without a country code belongs.
    """
    number = _parse(raw, country.upper())
    if number is None or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_mobile(phone: str) -> bool:
    """Return whether *phone*, E.164, can receive an SMS as far as its number tells."""
    number = _parse(phone, None)
    return number is not None and phonenumbers.number_type(number) in _MOBILE


def country_of(phone: str) -> str | None:
    """Return the ISO 3166-1 country of *phone*, E.164; `None` for numbers of no country."""
    number = _parse(phone, None)
    if number is None:
        return None
    found = phonenumbers.region_code_for_number(number)
    return None if found in (None, "001") else found


def _parse(raw: str, country: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(raw, country)
    except NumberParseException:
        return None

"""Qimen (奇门) calls of a warehouse to facts: a delivery that left, with its parcels.

https://open.taobao.com/docCenter: the methods are `deliveryorder.confirm` and others, with or
without `taobao.qimen.` before; bodies are XML. MD5 signs them, so a parcel's hand-over is all that
is believed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from contracts.events import Checkpoint, ShipmentFacts, ShipmentState
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByOrder, normal_number
from ingest.domain.parcels import with_route
from ingest.domain.push import Reading
from ingest.domain.reading import Unmappable

CONFIRMED: Final = "deliveryorder.confirm"
STOCK: Final = "stockchange.report"
MOST_PARCELS: Final = 100

_PREFIX: Final = "taobao.qimen."


def read(call: Any, shop_id: str, app_key: str, customer: str) -> Reading:
    """Return the facts of a signed call.

    Args:
        call: `{"parameters": {...}, "body": "<request>..."}`.
        shop_id: Ours.
        app_key: Of the app that the call must be for.
        customer: Qimen's `customerId` of the shop, which the call must be of.

    Raises:
        Unmappable: Of another app or shop, no method that we know, or no XML that is harmless.
    """
    parameters, body = call["parameters"], call["body"]
    if parameters.get("app_key") != app_key or parameters.get("customerId") != customer:
        raise Unmappable("it is of another app or shop")
    method = parameters.get("method", "").removeprefix(_PREFIX)
    if method == STOCK:
        raise Unmappable("changes of stock do not say how much there is")
    if method != CONFIRMED:
        raise Unmappable("no method that we know")
    root = _parsed(body)
    order = root.find("deliveryOrder")
    if order is None:
        raise Unmappable("deliveryOrder is missing")
    said = list(_parcels(root, shop_id, _texts(order), parameters))
    if not said:
        raise Unmappable("no package with an expressCode")
    return Reading(tuple(said))


def identity(call: Any) -> str | None:
    """Return what tells one call from another: a repetition has a time and a signature anew."""
    return f"{call['parameters'].get('method')}\x1f{call['body']}"


def _parcels(
    root: Element, shop_id: str, order: Mapping[str, str], parameters: Mapping[str, str]
) -> Iterator[ByOrder]:
    ref = reading.needed_id(order, "deliveryOrderCode")
    at = (
        reading.maybe_china(order, "orderConfirmTime")
        or reading.maybe_china(order, "operateTime")
        or reading.maybe_china(parameters, "timestamp")
    )
    if at is None:
        raise Unmappable("it says no time")
    for package in root.findall("packages/package")[:MOST_PARCELS]:
        told = _texts(package)
        number = normal_number(reading.maybe_text(told, "expressCode") or "")
        if not number or len(number) > reading.MAX_ID_CHARS:
            continue
        fact = ShipmentFacts(
            shop_id,
            UNKNOWN,
            ref,
            number,
            reading.micros(at),
            carrier=reading.maybe_text(told, "logisticsCode"),
            number=number,
        )
        yield ByOrder(ref, with_route(fact, [Checkpoint(at, ShipmentState.PICKED_UP)]))


def _parsed(text: str) -> Element:
    try:
        root: Element = fromstring(text.strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise Unmappable("no XML, or one with a DTD") from None
    return root


def _texts(element: Element) -> Mapping[str, str]:
    """Return the texts of an element's children, of each name the first."""
    found: dict[str, str] = {}
    for child in element:
        found.setdefault(child.tag, child.text or "")
    return found

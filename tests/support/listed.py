"""What services' lists hold, all pages of them."""

from datetime import date
from typing import Any

from support.batch_rfm import Rfm
from support.town import Town

PAGE = 200


async def rfm_of(town: Town, shop_id: str, as_of: date, window: int | None) -> dict[str, Rfm]:
    """Return the figures of everybody with a counted order, from the segmenter's API."""
    query: dict[str, Any] = {"as_of": as_of.isoformat(), "limit": PAGE}
    if window is not None:
        query["window_days"] = window
    found: dict[str, Rfm] = {}
    while True:
        page = await town.api.get("segmenter", f"/v1/shops/{shop_id}/customers", **query)
        for one in page["customers"]:
            rfm = one["life"] if window is None else one["window"]
            if rfm["frequency"]:
                figures = (rfm["recency_days"], rfm["frequency"], rfm["monetary_minor"])
                found[one["customer_id"]] = figures
        if page["cursor"] is None:
            return found
        query["cursor"] = page["cursor"]


async def care_list(town: Town, shop_id: str, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return a list of care-triggers, which must hold as many as it says."""
    query |= {"limit": PAGE}
    found: list[dict[str, Any]] = []
    while True:
        page = await town.api.get("care-triggers", f"/v1/shops/{shop_id}/{path}", **query)
        found += page.get("parcels", []) + page.get("reviews", [])
        if page["next_cursor"] is None:
            assert page["total"] == len(found)
            return found
        query["cursor"] = page["next_cursor"]

"""The report page in a real browser: the demo's day, all ten fields, and nothing from elsewhere."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from demo import day
from demo.house import SERVICES, token
from demo.show import Stage, live_day
from support.town import Town

CHROMIUM: Final = shutil.which("chromium")
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="the page needs a browser: apt-get install chromium"
    ),
]
# It is root's browser in a container: no sandbox, no graphics card, and no calls home.
ARGUMENTS: Final = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
]
WIDTHS: Final = (360, 1280)
LANGUAGES: Final = ("en", "zh")
FIELDS: Final = (
    *("paid_amount", "unpaid_amount", "paid_orders", "unpaid_orders", "paid_people"),
    *("unpaid_people", "people_reached", "pieces_sent", "cost", "roi"),
)
NAMES: Final = {
    "en": "Paid amount, Unpaid amount, Paid orders, Unpaid orders, Paid people, Unpaid people, "
    "People reached, Pieces sent, Cost, ROI",
    "zh": "付款金额, 未付款金额, 付款订单数, 未付款订单数, 付款人数, 未付人数, "
    "发送成功人数, 发送条数, 营销成本, ROI",
}
# By hand, from the day as it is told. Reminded: 10 to 23, of whom 10 to 15 pay (one takes 50.00
# back), and in the morning 54 to 56. Birthday: 38 to 44, one by mail; 38 to 40 buy. Twelve get 13
# parcels, three by mail. A text costs 0.045, and a mail nothing.
KNOWN: Final = {
    "bad_review": ("0.00", "0.00", "0", "0", "0", "0", "2", "2", "0.09", "–"),
    "birthday": ("695.00", "0.00", "3", "0", "3", "0", "7", "7", "0.27", "2,574.07"),
    "shipped": ("0.00", "0.00", "0", "0", "0", "0", "12", "13", "0.45", "–"),
    "unpaid_first": ("1,430.00", "2,601.00", "6", "11", "6", "11", "17", "17", "0.765", "1,869.28"),
    "": ("2,125.00", "2,601.00", "9", "11", "9", "11", "38", "39", "1.575", "1,349.21"),
}


@dataclass(eq=False)
class Visit:
    """One visitor's page, with all that it asked for and all that it complained about."""

    page: Page
    host: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def abroad(self) -> list[str]:
        """What was asked of another address than the page's own."""
        return [url for url in self.asked if not url.startswith(("data:", f"{self.host}/"))]

    async def figures(self, rule: str) -> list[str]:
        row = self.page.locator(f'#effect tr[data-rule="{rule}"]')
        return await row.locator("td").all_text_contents()

    async def is_too_wide(self) -> bool:
        found: bool = await self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(unstarted_town: Town) -> Town:
    """A house in which the demo's day has been."""
    town = unstarted_town
    await town.start()
    stage = Stage(town.stack, town.house, town.pods, town.api, town.clock, town.sms, town.mail)
    await live_day(stage, lambda *_: None)
    return town


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        await opened.close()


@asynccontextmanager
async def visit(
    browser: Browser, url: str, width: int = 1280, language: str = "en"
) -> AsyncIterator[Visit]:
    """Open *url* as somebody who was never here."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        locale={"en": "en-GB", "zh": "zh-CN"}[language],
        service_workers="block",
    )
    context.set_default_timeout(10_000)
    parts = urlsplit(url)
    visitor = Visit(await context.new_page(), f"{parts.scheme}://{parts.netloc}")
    context.on("request", lambda request: visitor.asked.append(request.url))
    context.on("requestfailed", lambda request: visitor.complaints.append(request.url))
    context.on("console", lambda said: visitor.complaints.append(f"{said.type}: {said.text}"))
    context.on("weberror", lambda error: visitor.complaints.append(str(error.error)))
    await visitor.page.goto(url)
    yield visitor
    await context.close()


def console(town: Town, access: str = "") -> str:
    address = f"{town.pods['reporting'].url}/console"
    return f"{address}#shop={day.SHOP_ID}&token={access}" if access else address


def shown(effect: dict[str, Any]) -> tuple[str, ...]:
    """Return the ten fields of the API's answer, written as the page writes them."""
    roi = "–" if effect["roi"] is None else f"{float(effect['roi']):,.2f}"
    cost = f"{effect['cost_micros'] / 1_000_000:.6f}".rstrip("0")
    cost = cost if len(cost.partition(".")[2]) >= 2 else f"{float(cost):.2f}"
    money = [f"{effect[f'{one}_minor'] / 100:,.2f}" for one in FIELDS[:2]]
    return (*money, *(f"{effect[one]:,}" for one in FIELDS[2:8]), cost, roi)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
async def test_the_page_shows_the_ten_fields_of_each_rule(
    played: Town, browser: Browser, width: int, language: str
) -> None:
    path = f"/v1/shops/{day.SHOP_ID}/reports"
    effect = await played.api.get("reporting", f"{path}/effect")
    summary = await played.api.get("reporting", f"{path}/summary")
    answers = {rule["rule_id"]: rule for rule in effect["rules"] if rule["messages_sent"]}

    async with visit(browser, console(played, token(ttl_s=3600)), width, language) as visitor:
        rows = visitor.page.locator("#effect tr[data-rule]")
        await expect(rows).to_have_count(len(KNOWN))
        seen = {rule: tuple(await visitor.figures(rule))[:10] for rule in KNOWN}
        first = rows.nth(0).locator("td")
        names = [await first.nth(at).get_attribute("data-label") for at in range(len(FIELDS))]
        attributed = await visitor.page.locator('[data-card="attributed"] .value').text_content()
        shop = await visitor.page.locator("#shop-name").text_content()
        too_wide = await visitor.is_too_wide()

    assert seen == KNOWN
    assert seen == {rule: shown(one) for rule, one in {**answers, "": effect["total"]}.items()}
    assert seen[""] == shown(summary["effect"])
    assert names == [f"{n} {name}" for n, name in enumerate(NAMES[language].split(", "), start=1)]
    assert (attributed, shop) == ("2,125.00CNY", day.SHOP["name"])
    assert (visitor.abroad, visitor.complaints, too_wide) == ([], [], False)


@pytest.mark.parametrize("width", WIDTHS)
async def test_nobody_must_scroll_sideways_to_read_them(
    played: Town, browser: Browser, width: int
) -> None:
    async with visit(browser, console(played, token(ttl_s=3600)), width) as visitor:
        figures = visitor.page.locator("#effect tr[data-rule] td")
        await expect(figures).to_have_count(11 * len(KNOWN))
        for at in range(await figures.count()):
            await expect(figures.nth(at)).to_be_visible()
        edges = await figures.evaluate_all(
            "all => all.map(one => [one.getBoundingClientRect(), one])"
            ".map(([box, one]) => [box.left, box.right, one.scrollWidth - one.clientWidth])"
        )

    assert [edge for edge in edges if edge[0] < 0 or edge[1] > width or edge[2] > 0] == []


async def test_the_token_leaves_the_address_and_survives_only_in_the_tab(
    played: Town, browser: Browser
) -> None:
    async with visit(browser, console(played, token(ttl_s=3600))) as visitor:
        await expect(visitor.page.locator("#figures")).to_be_visible()
        address = visitor.page.url
        kept = await visitor.page.evaluate("Object.keys(localStorage)")
        await visitor.page.reload()
        await expect(visitor.page.locator("#figures")).to_be_visible()
        await visitor.page.locator("#leave").click()
        await expect(visitor.page.locator("#enter")).to_be_visible()
        left = await visitor.page.evaluate("Object.keys(sessionStorage)")

    assert address == console(played)
    assert "token" not in " ".join(visitor.asked)
    assert [key for key in kept if "token" in key] == left == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_period_without_messages_says_so(
    played: Town, browser: Browser, width: int
) -> None:
    async with visit(browser, console(played, token(ttl_s=3600)), width) as visitor:
        await expect(visitor.page.locator("#figures")).to_be_visible()
        await visitor.page.locator("#from").fill("2027-01-01")
        await visitor.page.locator("#last").fill("2027-01-31")
        await visitor.page.locator("#period button[type=submit]").click()
        await expect(visitor.page.locator("#effect-rows .empty")).to_have_text(
            "Nothing in this period."
        )
        nothing = await visitor.figures("")
        too_wide = await visitor.is_too_wide()

    assert nothing == ["0.00", "0.00", *"000000", "0.00", "–", "–"]
    assert (visitor.abroad, visitor.complaints, too_wide) == ([], [], False)


async def test_the_address_may_bring_the_days(played: Town, browser: Browser) -> None:
    address = f"{console(played, token(ttl_s=3600))}&from=2027-01-05&last=2027-01-31"
    async with visit(browser, address) as visitor:
        await expect(visitor.page.locator("#effect-rows .empty")).to_be_visible()
        days = [await visitor.page.locator(one).input_value() for one in ("#from", "#last")]
        address = visitor.page.url

    assert days == ["2027-01-05", "2027-01-31"]
    assert address == console(played)


@pytest.mark.parametrize("width", WIDTHS)
async def test_whoever_has_no_token_is_asked_for_one(
    played: Town, browser: Browser, width: int
) -> None:
    async with visit(browser, console(played), width) as visitor:
        await expect(visitor.page.locator("#enter")).to_be_visible()
        await expect(visitor.page.locator("#report")).to_be_hidden()
        too_wide = await visitor.is_too_wide()
        complaints = list(visitor.complaints)
        await visitor.page.locator("#shop").fill(day.SHOP_ID)
        await visitor.page.locator("#token").fill("not-a-token")
        await visitor.page.locator("#enter button").click()
        status = visitor.page.locator("#status")
        await expect(status).to_have_text("The token is not valid, or has expired.")
        await expect(visitor.page.locator("#enter")).to_be_visible()
        await expect(visitor.page.locator("#figures")).to_be_hidden()

    assert (visitor.abroad, complaints, too_wide) == ([], [], False)


async def test_figures_of_other_days_do_not_stand_beside_an_error(
    played: Town, browser: Browser
) -> None:
    async with visit(browser, console(played, token(ttl_s=3600))) as visitor:
        await expect(visitor.page.locator("#figures")).to_be_visible()
        await visitor.page.locator("#from").fill("2020-01-01")  # far more than 400 days
        await visitor.page.locator("#period button[type=submit]").click()
        await expect(visitor.page.locator("#status")).to_contain_text("1 to 400 days")
        await expect(visitor.page.locator("#figures")).to_be_hidden()
        await visitor.page.locator('[data-days="30"]').click()
        await expect(visitor.page.locator("#figures")).to_be_visible()
        await expect(visitor.page.locator("#status")).to_have_text("")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_brings_its_manual_itself(
    played: Town, browser: Browser, service: str
) -> None:
    async with visit(browser, f"{played.pods[service].url}/docs") as visitor:
        await expect(visitor.page.locator(".opblock").first).to_be_visible()

    assert (visitor.abroad, visitor.complaints) == ([], [])
    assert f"{visitor.host}/openapi.json" in visitor.asked


async def test_a_request_to_elsewhere_would_be_seen(played: Town, browser: Browser) -> None:
    """Control: what the tests above found none of is what they would find."""
    async with visit(browser, f"{played.pods['reporting'].ops_url}/version") as visitor:
        elsewhere = "http://127.0.0.1:9/elsewhere.js"
        async with visitor.page.expect_event("requestfailed"):
            await visitor.page.evaluate(
                "url => { document.body.append(Object.assign(new Image(), {src: url})) }", elsewhere
            )

    assert visitor.abroad == [elsewhere]
    assert elsewhere in visitor.complaints

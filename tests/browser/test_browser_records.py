"""Exchanges, the ledger and use cases, as they stand on record."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.visits import OpenTab
from tests.journeys.gateways import Gateway

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


def row(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))


async def test_nothing_asked_yet_says_how_to_begin(paced: Gateway, tab: OpenTab) -> None:
    visit = await tab(paced)
    await visit.sign_in(path="/exchanges?usecase=none")
    await expect(visit.page.get_by_text("Nobody has asked none anything yet")).to_be_visible()


async def test_exchanges_are_listed_newest_first_and_more_are_loaded(
    live: Gateway, tab: OpenTab, results: Path
) -> None:
    for number in range(55):
        assert live.chat(f"What is a guard? Ask {number}.").status == 200
    visit = await tab(live)
    await visit.sign_in(path="/exchanges")
    links = visit.page.get_by_role("table").get_by_role("link")
    await expect(links).to_have_count(50)
    await visit.page.screenshot(path=results / "exchanges.png")
    await visit.page.get_by_role("button", name="Load more").click()
    await expect(links.nth(54)).to_be_visible()
    addresses = [await link.get_attribute("href") for link in await links.all()]
    assert len(set(addresses)) == len(addresses)
    assert addresses == sorted(addresses, key=str, reverse=True)


async def test_filter_asks_for_one_use_case_and_stays_in_the_address(
    live: Gateway, tab: OpenTab
) -> None:
    visit = await tab(live)
    await visit.sign_in(path="/exchanges")
    await visit.page.get_by_label("Use case").select_option("handbook")
    await expect(visit.page).to_have_url(row("usecase=handbook"))
    assert any("usecase=handbook" in request.url for request in visit.requests)
    await visit.page.reload()
    await expect(visit.page.get_by_label("Use case")).to_have_value("handbook")


async def test_exchange_shows_what_was_said_and_its_proof_holds_in_the_browser(
    live: Gateway, tab: OpenTab, results: Path
) -> None:
    asked = live.chat("How is the ledger proved?").json()["passerelle"]
    visit = await tab(live)
    await visit.sign_in(path=f"/exchanges/{asked['exchange_id']}")
    await expect(visit.page.get_by_text("How is the ledger proved?")).to_be_visible()
    await visit.page.get_by_role("button", name="Check the path here").click()
    await expect(visit.page.get_by_text("The entry is in the ledger")).to_be_visible()
    await expect(visit.page.get_by_text("exchange ended")).to_be_visible()
    await visit.page.evaluate("scrollTo(0, 0)")
    await visit.page.screenshot(path=results / "exchange.png")
    await visit.page.locator("button[data-citation]").first.click()
    await expect(visit.page.locator("mark").first).to_be_visible()


async def test_proof_that_was_changed_on_the_way_does_not_hold(live: Gateway, tab: OpenTab) -> None:
    asked = live.chat("What is a use case?").json()["passerelle"]

    async def forge(route: Route) -> None:
        response = await route.fetch()
        body = await response.json()
        body["proof"]["hash"] = "0" * 64
        await route.fulfill(response=response, body=json.dumps(body))

    visit = await tab(live)
    await visit.page.route("**/api/v1/exchanges/exc_*", forge)
    await visit.sign_in(path=f"/exchanges/{asked['exchange_id']}")
    await visit.page.get_by_role("button", name="Check the path here").click()
    await expect(visit.page.get_by_text("The path does not lead to the root")).to_be_visible()


async def test_proof_can_be_copied(live: Gateway, tab: OpenTab) -> None:
    asked = live.chat("What is a use case?").json()["passerelle"]
    visit = await tab(live)
    await visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.sign_in(path=f"/exchanges/{asked['exchange_id']}")
    await visit.page.get_by_role("button", name="Copy proof").click()
    await expect(visit.page.get_by_text("Copied")).to_be_visible()
    copied = json.loads(await visit.page.evaluate("navigator.clipboard.readText()"))
    assert copied["sequence"] >= 1
    assert len(copied["hash"]) == 64


async def test_exchange_that_does_not_exist_is_said_so(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.sign_in(path="/exchanges/exc_nothing")
    await expect(visit.page.get_by_role("alert")).to_contain_text("not_found")


async def test_ledger_is_verified_on_request(live: Gateway, tab: OpenTab, results: Path) -> None:
    visit = await tab(live)
    await visit.sign_in(path="/ledger")
    await visit.page.get_by_role("button", name="Verify now").click()
    await expect(visit.page.get_by_text("The ledger holds")).to_be_visible()
    entries = live.ask("GET", "/api/v1/ledger").json()["entries"]
    await expect(visit.page.get_by_text(f"{entries:,}", exact=True)).to_be_visible()
    await visit.page.screenshot(path=results / "ledger.png")


async def test_ledger_that_does_not_hold_names_its_faults(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    found = {
        "ok": False,
        "entries": 7,
        "root": "00",
        "faults": ["entry 4: its hash does not fit"],
        "erased": 0,
        "checkpoints": 1,
    }
    await visit.page.route("**/ledger/verifications", lambda route: route.fulfill(json=found))
    await visit.sign_in(path="/ledger")
    await visit.page.get_by_role("button", name="Verify now").click()
    await expect(visit.page.get_by_text("does not hold: 1 fault")).to_be_visible()
    await expect(visit.page.get_by_text("entry 4: its hash does not fit")).to_be_visible()


async def test_use_case_shows_why_a_document_is_not_in_use(paced: Gateway, tab: OpenTab) -> None:
    reason = next(
        document["reason"]
        for document in paced.ask("GET", "/api/v1/documents/bridge").json()
        if document["status"] == "quarantined"
    )
    visit = await tab(paced)
    await visit.sign_in(path="/usecases")
    await visit.page.get_by_role("link", name="bridge").click()
    await expect(visit.page.get_by_text("broken.pdf", exact=True).first).to_be_visible()
    await expect(visit.page.get_by_text(reason)).to_be_visible()
    await visit.page.get_by_label("Only those not in use").check()
    await expect(visit.page.get_by_text("bridge.md", exact=True)).to_have_count(0)


async def test_use_case_shows_its_charter(live: Gateway, tab: OpenTab, results: Path) -> None:
    visit = await tab(live)
    await visit.sign_in(path="/usecases/handbook")
    await expect(visit.page.locator("[aria-current=step]")).to_contain_text("Proof of concept")
    await expect(visit.page.get_by_text("personal data").first).to_be_visible()
    await expect(visit.page.get_by_role("heading", name="KPI")).to_be_visible()
    await expect(visit.page.get_by_role("heading", name="Who answers for it")).to_be_visible()
    await visit.page.screenshot(path=results / "usecase.png")


async def test_address_without_a_page_says_so(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.sign_in(path="/nowhere")
    await expect(visit.page.get_by_text("There is nothing at this address")).to_be_visible()
    await visit.open("/usecases/nobody")
    await expect(visit.page.get_by_text("There is no use case")).to_be_visible()

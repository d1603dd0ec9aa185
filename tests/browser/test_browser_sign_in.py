"""Who gets into the console, and what it keeps of them."""

import pytest
from playwright.async_api import expect

from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.keys import mint
from tests.browser.visits import OpenTab
from tests.journeys.gateways import Gateway

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


def a_key_from_elsewhere() -> str:
    """Of the right form and checksum, known to nobody."""
    stranger = Principal("per_1", "person", "Eve", Scope("other", "team"), frozenset())
    return mint(stranger, pepper=b"elsewhere", label="", now_ms=0)[0]


def issued(gateway: Gateway, role: str) -> dict[str, str]:
    wanted = {"label": "browser", "kind": "person", "roles": [role]}
    answer = gateway.ask("POST", "/api/v1/keys", wanted)
    assert answer.status == 201, answer.body
    made: dict[str, str] = answer.json()
    return made


async def test_development_key_opens_the_console(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.sign_in(f"  {live.key}\n")
    await expect(visit.page.get_by_role("link", name="Playground")).to_be_visible()
    await expect(visit.page).to_have_title("Playground · Passerelle")


async def test_key_is_kept_in_the_tab_only_and_gone_after_signing_out(
    live: Gateway, tab: OpenTab
) -> None:
    visit = await tab(live)
    await visit.sign_in()
    await visit.page.reload()
    await expect(visit.page.get_by_role("link", name="Playground")).to_be_visible()
    stored = "JSON.stringify([{...localStorage}, document.cookie])"
    assert live.key not in await visit.page.evaluate(stored)
    await visit.page.get_by_role("button", name="Sign out").click()
    await expect(visit.page.get_by_label("API key")).to_be_visible()
    assert await visit.page.evaluate("sessionStorage.getItem('passerelle.key')") is None


@pytest.mark.parametrize("key", ["hunter2", "sk-", "sk-dev with a space"])
async def test_what_is_no_key_is_not_sent_anywhere(live: Gateway, tab: OpenTab, key: str) -> None:
    visit = await tab(live)
    await visit.open()
    await visit.page.get_by_label("API key").fill(key)
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.get_by_role("alert")).to_contain_text("not an API key")
    assert not [request for request in visit.requests if "/api/" in request.url]


async def test_mistyped_and_unknown_keys_are_told_apart(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.open()
    for key, words in (
        (f"{live.key[:-1]}?", "mistyped"),
        (a_key_from_elsewhere(), "No such key is known here"),
    ):
        await visit.page.get_by_label("API key").fill(key)
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.get_by_role("alert")).to_contain_text(words)
        await expect(visit.page.get_by_role("alert")).to_contain_text("invalid_api_key")


async def test_revoked_key_ends_the_session_and_says_so(live: Gateway, tab: OpenTab) -> None:
    made = issued(live, "developer")
    visit = await tab(live)
    await visit.sign_in(made["key"])
    assert live.ask("DELETE", f"/api/v1/keys/{made['public_id']}").status == 200
    await visit.page.get_by_role("link", name="Exchanges").click()
    await expect(visit.page.get_by_label("API key")).to_be_visible()
    await expect(visit.page.get_by_role("alert")).to_contain_text("revoked")


async def test_address_survives_the_sign_in(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.sign_in(path="/ledger")
    await expect(visit.page.get_by_role("heading", name="Ledger", exact=True)).to_be_visible()


async def test_pages_that_a_role_cannot_use_are_not_offered(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.sign_in(issued(live, "end_user")["key"])
    await expect(visit.page.get_by_role("link", name="Exchanges")).to_be_visible()
    await expect(visit.page.get_by_role("link", name="Ledger")).to_have_count(0)
    await visit.open("/ledger")
    await expect(visit.page.get_by_role("alert")).to_contain_text("permission_denied")


async def test_role_that_may_not_ask_is_told_so(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.sign_in(issued(live, "compliance")["key"])
    await expect(visit.page.get_by_text("Your key may not ask questions")).to_be_visible()


async def test_gateway_that_is_away_is_named_as_the_trouble(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    await visit.open()
    await visit.page.route("**/api/v1/**", lambda route: route.abort())
    await visit.page.get_by_label("API key").fill(live.key)
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.get_by_role("alert")).to_contain_text("cannot be reached")
    visit.complaints.clear()  # the browser tells of the connection that was refused

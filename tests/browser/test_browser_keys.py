"""Keys in the console: made, shown once, copied and revoked by whoever may."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.visits import OpenTab
from tests.journeys.gateways import ROOT, Gateway, start

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


def made(gateway: Gateway, label: str, *roles: str, **further: object) -> str:
    wanted = {"label": label, "kind": "service", "roles": roles} | further
    answer = gateway.ask("POST", "/api/v1/keys", wanted)
    assert answer.status == 201, answer.body
    key: str = answer.json()["key"]
    return key


def asked(gateway: Gateway, key: str, question: str) -> int:
    """The status of the answer."""
    said = [{"role": "user", "content": question}]
    body = {"model": "handbook", "messages": said}
    return gateway.ask("POST", "/v1/chat/completions", body, key=key).status


async def begin(page: Page, label: str) -> None:
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Label").fill(label)


async def test_key_is_made_shown_once_and_copied(live: Gateway, tab: OpenTab) -> None:
    visit = await tab(live)
    page = visit.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.sign_in(path="/keys")
    await begin(page, "Night reports")
    await page.get_by_label("Reviewer").check()
    await page.get_by_text("Limits", exact=True).click()
    await page.get_by_label("Requests a day").fill("50")
    await page.get_by_role("button", name="Create key").click()
    shown = page.get_by_role("region", name="New key Night reports")
    await expect(shown).to_contain_text("Nobody can show it again")
    await shown.get_by_role("button", name="Copy key").click()
    await expect(shown.get_by_text("Copied")).to_be_visible()
    key = await page.evaluate("navigator.clipboard.readText()")
    assert live.ask("GET", "/api/v1/me", key=key).json()["roles"] == ["end_user", "reviewer"]
    line = page.get_by_role("listitem").filter(has_text="Night reports")
    await expect(line).to_contain_text("0 of 50")
    await expect(line).to_contain_text("Active")
    await shown.get_by_role("button", name="I have kept it").click()
    await expect(page.get_by_text(key)).to_have_count(0)
    await page.reload()
    await expect(line).to_be_visible()
    await expect(page.get_by_text(key)).to_have_count(0)


async def test_key_is_revoked_after_a_second_word(live: Gateway, tab: OpenTab) -> None:
    key = made(live, "Leaving soon", "end_user")
    visit = await tab(live)
    await visit.sign_in(path="/keys")
    line = visit.page.get_by_role("listitem").filter(has_text="Leaving soon")
    await line.get_by_role("button", name="Revoke").click()
    await line.get_by_role("button", name="Keep it").click()
    assert live.ask("GET", "/api/v1/me", key=key).status == 200
    await line.get_by_role("button", name="Revoke").click()
    await line.get_by_role("button", name="Revoke this key").click()
    await expect(line.get_by_text("Revoked", exact=True).first).to_be_visible()
    await expect(line.get_by_role("button")).to_have_count(0)
    assert live.ask("GET", "/api/v1/me", key=key).status == 401
    await visit.page.get_by_label("Only active ones").check()
    await expect(line).to_have_count(0)


async def test_key_shows_how_much_of_its_limits_is_taken(live: Gateway, tab: OpenTab) -> None:
    key = made(live, "Counted", "end_user", budget={"per_day_requests": 2})
    assert [asked(live, key, "What is a guard?") for _ in range(3)] == [200, 200, 429]
    visit = await tab(live)
    await visit.sign_in(path="/keys")
    line = visit.page.get_by_role("listitem").filter(has_text="Counted")
    await expect(line).to_contain_text("2 of 2")


async def test_role_beyond_ones_own_is_refused_in_words(live: Gateway, tab: OpenTab) -> None:
    developer = made(live, "Builder", "developer")
    visit = await tab(live)
    await visit.sign_in(developer, path="/keys")
    await begin(visit.page, "Too much")
    await visit.page.get_by_label("Administrator").check()
    await visit.page.get_by_role("button", name="Create key").click()
    await expect(visit.page.get_by_role("alert")).to_contain_text("may do more than you")


async def test_who_may_not_see_keys_is_told_so(live: Gateway, tab: OpenTab) -> None:
    caller = made(live, "Asks only", "end_user")
    visit = await tab(live)
    await visit.sign_in(caller, path="/keys")
    await expect(visit.page.get_by_role("alert")).to_contain_text("permission_denied")
    await expect(visit.page.get_by_role("button", name="New key")).to_have_count(0)
    await expect(visit.page.get_by_role("link", name="Keys")).to_have_count(0)


@pytest.mark.usefixtures("built")
async def test_pictures_of_the_keys(tab: OpenTab, pictures: Path, tmp_path: Path) -> None:
    gateway = start(ROOT, tmp_path / "data")
    try:
        made(gateway, "Ada Vogt", "developer", kind="person", expires_in_days=90)
        limits = {"per_day_requests": 20, "per_month_usd": 50, "requests_per_minute": 60}
        key = made(gateway, "Help desk", "end_user", expires_in_days=365, budget=limits)
        made(gateway, "Night reports", "end_user", budget={"per_day_tokens": 200_000})
        for number in range(17):
            asked(gateway, key, f"What is a guard? Ask {number}.")
        visit = await tab(gateway)
        await visit.sign_in(path="/keys")
        await expect(visit.page.get_by_text("17 of 20")).to_be_visible()
        picture = pictures / "keys-1440-light.png"
        await visit.page.screenshot(path=picture)
        assert picture.stat().st_size > 10_000
    finally:
        gateway.stop()

"""From a flagged answer to the pilot, by hand: every page of the walk, in its order."""

import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.browser.test_browser_looks import LOOKS, inspect
from tests.browser.visits import OpenTab, Theme, Visit
from tests.journeys.gateways import ROOT, Gateway, start

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

QUESTION = "What is a guard?"
CORRECTION = "A guard looks at a text and says whether it may pass."
HOLDERS = {
    "business_owner": "Ada",
    "developer": "Ben",
    "security": "Cem",
    "compliance": "Dan",
    "reviewer": "Eve",
}
SIGNERS = ("business_owner", "developer", "security", "compliance")
USERS = "10000"
PAID = "openai/gpt-5-mini"
PICTURE = 10_000
"""Bytes; a picture of an empty page is smaller."""
EVALUATED = 60_000
"""Milliseconds for what reads every case or proves the whole ledger."""


@dataclass
class Walk:
    """A copy of the bundled use case with three prompts, served, and a key for each role."""

    gateway: Gateway
    config: Path

    def run(self, *arguments: str | Path, status: int = 0) -> str:
        done = self.gateway.run(*arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def key_of(self, role: str) -> str:
        return (self.config / f"{role}.key").read_text().strip()


SignIn = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="module")
def walk(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    assert built.exists()
    folder = tmp_path_factory.mktemp("walk")
    config = folder / "config"
    for name in ("docs", "usecases"):
        shutil.copytree(ROOT / name, config / name)
    usecase = config / "usecases" / "handbook"
    settings = (usecase / "usecase.toml").read_text()
    for role in SIGNERS:
        settings = settings.replace(
            f'{role} = "Passerelle maintainers"', f'{role} = "{HOLDERS[role]}"'
        )
    (usecase / "usecase.toml").write_text(settings + '\n[plan]\npilot = "2099-01-15"\n')
    first = (usecase / "prompts" / "v1.md").read_text()
    strict = re.sub(r"refuse_below = [\d.]+", "refuse_below = 0.9", first)
    assert strict != first
    (usecase / "prompts" / "strict.md").write_text(strict)
    running = start(config, folder / "data")
    walk = Walk(running, config)
    for role, holder in HOLDERS.items():
        walk.run(
            *("keys", "create", "--label", holder, "--kind", "person", "--role", role),
            *("--expires-in-days", "90", "--file", config / f"{role}.key"),
        )
    yield walk
    running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def as_role(walk: Walk, tab: OpenTab) -> SignIn:
    """A page of the console, opened by somebody with that role."""

    async def sign_in(role: str, path: str) -> Page:
        visit: Visit = await tab(walk.gateway)
        await visit.sign_in(walk.key_of(role), path=path)
        return visit.page

    return sign_in


@pytest_asyncio.fixture(loop_scope="session")
async def snap(pictures: Path) -> Callable[[Page, str], Awaitable[None]]:
    async def take(page: Page, name: str) -> None:
        picture = pictures / f"walk-{name}.png"
        await page.screenshot(path=picture)
        assert picture.stat().st_size > PICTURE

    return take


def prompt_at_pilot(page: Page) -> Locator:
    return page.get_by_role("region", name="Prompt at Pilot")


async def test_use_case_walks_from_a_flag_to_the_pilot(
    walk: Walk, as_role: SignIn, snap: Callable[[Page, str], Awaitable[None]]
) -> None:
    await flagged(await as_role("developer", "/"))
    page = await as_role("reviewer", "/review?status=open")
    await reviewed(page, snap)
    for model in ("handbook@pilot", "handbook@pilot#v2", "handbook@pilot#strict"):
        walk.run("eval", "run", model)
    page = await as_role("developer", "/evaluation")
    await evaluated(page, snap)
    await prompt_moved(page, snap)
    await projected(await as_role("business_owner", "/costs"), snap)
    page = await as_role("business_owner", "/readiness")
    await refused(page, snap)
    made_ready(walk)
    for role in SIGNERS:
        await signed(await as_role(role, "/readiness"), role)
    page = await as_role("business_owner", "/readiness")
    await promoted(page, snap)


async def flagged(page: Page) -> None:
    """Somebody who got an answer says what it should have been."""
    await page.get_by_role("textbox", name="Question").fill(QUESTION)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Flag").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Wrong").check()
    await dialog.get_by_label("What should have been answered?").fill(CORRECTION)
    await dialog.get_by_role("button", name="Store flag").click()
    await expect(dialog.get_by_text("Flag stored")).to_be_visible()


async def reviewed(page: Page, snap: Callable[[Page, str], Awaitable[None]]) -> None:
    """A reviewer reads it with its sources, says why, and makes it a case."""
    await page.get_by_role("link", name="Wrong").click()
    await expect(page.get_by_text(QUESTION)).to_be_visible()
    await page.locator("button[data-citation]").first.click()
    await expect(page.locator("mark").first).to_be_visible()
    await page.keyboard.press("Escape")
    correction = page.get_by_label("What should have been answered?")
    await expect(correction).to_have_value(CORRECTION)
    await page.get_by_role("radio", name="Prompt").check()
    await snap(page, "review")
    await page.get_by_role("button", name="Store review").click()
    await page.get_by_role("button", name="Add as case").click()
    await expect(page.get_by_text("It is a case now.")).to_be_visible()
    await page.goto(page.url.partition("/review")[0] + "/review?status=open")
    await expect(page.get_by_text("No flag is like that.")).to_be_visible()


async def evaluated(page: Page, snap: Callable[[Page, str], Awaitable[None]]) -> None:
    """Scores stand with interval and sample, and what failed says why."""
    await expect(page.get_by_text("Scores over all cases")).to_be_visible(timeout=EVALUATED)
    plot = page.get_by_role("img", name=re.compile(r"Right answers: .*\[.*\], n = \d+"))
    await expect(plot).to_be_visible()
    await page.get_by_label("Run").select_option(index=1)  # newest first
    await expect(page.get_by_text("handbook@pilot#v2", exact=True)).to_be_visible()
    await snap(page, "evaluation")
    failed = page.locator("details", has_text="Refused, should answer").first
    await failed.locator("summary").click()
    await expect(failed.get_by_text("Should cite")).to_be_visible()


async def prompt_moved(page: Page, snap: Callable[[Page, str], Awaitable[None]]) -> None:
    """What would break cases is refused by their names; the rest is in place until undone."""
    pilot = prompt_at_pilot(page)
    await pilot.get_by_label("Version").select_option("strict")
    await pilot.get_by_role("button", name="Promote").click()
    broken = pilot.get_by_role("list", name="Cases that would break").get_by_role("listitem")
    await expect(broken.first).to_be_visible(timeout=EVALUATED)
    await pilot.scroll_into_view_if_needed()
    await snap(page, "prompt-refused")
    await pilot.get_by_label("Version").select_option("v2")
    await pilot.get_by_label("Reason").fill("It answers more.")
    await pilot.get_by_role("button", name="Promote").click()
    await expect(pilot.get_by_text("promoted; the file says v1")).to_be_visible(timeout=EVALUATED)
    await pilot.get_by_role("button", name="Roll back").click()
    await expect(pilot.get_by_text("as the file says")).to_be_visible()
    await pilot.get_by_text("History, 2").click()
    await expect(pilot.get_by_text("It answers more.")).to_be_visible()


async def projected(page: Page, snap: Callable[[Page, str], Awaitable[None]]) -> None:
    """What a month would cost, and why not to trust it yet."""
    await expect(page.get_by_text("Agrees with the ledger")).to_be_visible()
    await page.get_by_label("Users").fill(USERS)
    await page.get_by_label("Priced as").fill(PAID)
    await page.get_by_role("button", name="Project").click()
    await expect(page.get_by_text("10,000 users, 30 days")).to_be_visible()
    weak = page.get_by_role("region", name="Why to trust it less")
    await expect(weak.get_by_role("listitem").first).to_be_visible()
    await weak.scroll_into_view_if_needed()
    await snap(page, "costs")


async def refused(page: Page, snap: Callable[[Page, str], Awaitable[None]]) -> None:
    """The verdict stands first; what is missing keeps it where it is, by name."""
    verdict = page.get_by_role("region", name="Verdict")
    await expect(verdict.get_by_text("DEMO, not a product")).to_be_visible(timeout=EVALUATED)
    await snap(page, "demo")
    await page.get_by_role("button", name="Promote to Pilot").click()
    alert = page.get_by_role("alert")
    await expect(alert.get_by_text("SEC-03 No development key is accepted")).to_be_visible()
    await expect(alert.get_by_text("signature of security")).to_be_visible()


def made_ready(walk: Walk) -> None:
    """What a console does not do: load, evidence, a waiver, and the end of the development key."""
    walk.run("loadtest", "--rps", "20", "--duration", "2", "--url", walk.gateway.url)
    walk.run("cost", "project", "--users", USERS, "--priced-as", PAID)
    walk.run(
        *("waive", "handbook", "CAP-01", "--reason", "Ten users at first.", "--days", "14"),
        *("--as-key", walk.config / "developer.key"),
    )
    development = walk.gateway.key.split("-")[2]
    walk.run("keys", "revoke", development)


async def signed(page: Page, role: str) -> None:
    """Each signs for the own role; no other can be chosen."""
    verdict = page.get_by_role("region", name="Verdict")
    await expect(verdict.get_by_text("PRODUCT")).to_be_visible(timeout=EVALUATED)
    await expect(page.get_by_role("button", name="Sign", exact=True)).to_have_count(1)
    line = page.locator(f"li[data-role={role}]")
    await line.get_by_role("button", name="Sign").click()
    await line.get_by_label("What do you rest it on?").fill("I have read the report.")
    await line.get_by_role("button", name="Approve").click()
    await expect(line.get_by_text("Fresh")).to_be_visible(timeout=EVALUATED)


async def promoted(page: Page, snap: Callable[[Page, str], Awaitable[None]]) -> None:
    """Nothing is missing, so it goes on."""
    verdict = page.get_by_role("region", name="Verdict")
    signatures = verdict.get_by_text("Every signature that it needs holds.")
    await expect(signatures).to_be_visible(timeout=EVALUATED)
    await snap(page, "product")
    await page.get_by_label("Reason").fill("Everything is green.")
    await page.get_by_role("button", name="Promote to Pilot").click()
    here = page.locator("li[aria-current=step]")
    await expect(here.get_by_text("Pilot")).to_be_visible(timeout=EVALUATED)
    await page.get_by_text("Moves, 1").click()
    await expect(page.get_by_text("Everything is green.")).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), LOOKS)
async def test_every_page_of_the_walk_fits_and_can_be_read_by_everybody(
    walk: Walk, tab: OpenTab, width: int, theme: Theme
) -> None:
    visit = await tab(walk.gateway, width=width, theme=theme, inspected=True)
    page = visit.page
    await visit.sign_in(walk.key_of("developer"))
    faults: list[str] = []
    flags = walk.gateway.ask("GET", "/api/v1/flags", key=walk.key_of("reviewer")).json()
    paths = ["/review", "/evaluation", "/costs", "/readiness"]
    for path in (*paths, *(f"/review/{flag['id']}" for flag in flags)):
        await visit.open(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.wait_for_load_state("networkidle")
        for summary in await page.locator("main summary").all():
            await summary.click()
        faults += await inspect(visit, path)
    assert not faults, "\n".join(faults)

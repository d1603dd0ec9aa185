"""A real Chromium in front of the real product."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from tests.journeys.gateways import ROOT, Gateway, canned, start, write_config

Theme: TypeAlias = Literal["light", "dark"]
# Without these, Chromium looks up its maker's servers at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = 1440
NARROW = 390
HEIGHTS = {WIDE: 900, NARROW: 844}
SLOW_ANSWER = "The bridge opens at seven. " * 40
PICTURES = "PASSERELLE_PICTURES"
"""Names the folder for pictures that documentation shows; without it they go to the results."""
_REFUSED = re.compile(r"Failed to load resource: .* status of (4\d\d|5\d\d)")

expect.set_options(timeout=10_000)


@dataclass
class Visit:
    """One tab, and everything that went wrong in it."""

    page: Page
    gateway: Gateway
    width: int
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.gateway.url + path)

    async def sign_in(self, key: str = "", *, path: str = "/") -> None:
        await self.open(path)
        await self.page.get_by_label("API key").fill(key or self.gateway.key)
        await self.page.keyboard.press("Enter")
        await expect(self.page.get_by_label("API key")).to_have_count(0)

    async def ask(self, question: str, *, wait: bool = True) -> None:
        await self.page.get_by_role("textbox", name="Question").fill(question)
        await self.page.keyboard.press("Enter")
        if wait:
            await expect(self.page.get_by_role("button", name="Send")).to_be_visible()

    def note(self, message: ConsoleMessage) -> None:
        # A refusal that a test asks for is told by the browser as an error too.
        if message.type in {"error", "warning"} and not _REFUSED.match(message.text):
            self.complaints.append(message.text)

    def hear(self, request: Request) -> None:
        self.requests.append(request)


OpenTab: TypeAlias = Callable[..., Awaitable[Visit]]


def chromium() -> str:
    """Path of the browser; skips where there is none."""
    named = os.environ.get("PASSERELLE_CHROMIUM", "")  # noqa: TID251 - a setting of the tests
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium: install Debian's, or name one with PASSERELLE_CHROMIUM")
    return found


@pytest.fixture(scope="session")
def built() -> Path:
    """The built console; skips where Node has not built it."""
    static = ROOT / "src" / "passerelle" / "adapters" / "console" / "static"
    if not (static / "index.html").exists():
        pytest.skip("the console is not built: run make setup with Node 20")
    return static


@pytest.fixture(scope="session")
def live(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The bundled use case, as `make run` serves it."""
    assert built.exists()
    running = start(ROOT, tmp_path_factory.mktemp("browser") / "data")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def paced(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A use case that answers slowly, and has a document that cannot be read."""
    assert built.exists()
    folder = tmp_path_factory.mktemp("paced")
    settings = canned(SLOW_ANSWER, "chunk_characters = 10", "between_chunks_seconds = 0.1")
    config = write_config(folder / "config", settings=settings, provider="canned")
    (config / "usecases" / "bridge" / "knowledge" / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    running = start(config, folder / "data")
    yield running
    running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[OpenTab]:
    """Opens tabs of their own; afterwards none may have complained."""
    async with AsyncExitStack() as stack:
        visits: list[Visit] = []

        async def begin(
            gateway: Gateway,
            *,
            width: int = WIDE,
            theme: Theme = "light",
            inspected: bool = False,
        ) -> Visit:
            """`inspected` lets a test put a script of its own into the page."""
            context = await browser.new_context(
                viewport={"width": width, "height": HEIGHTS[width]},
                color_scheme=theme,
                bypass_csp=inspected,
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            visit = Visit(page, gateway, width)
            page.on("console", visit.note)
            page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            page.on("request", visit.hear)
            visits.append(visit)
            return visit

        yield begin
        complaints = [complaint for visit in visits for complaint in visit.complaints]
        assert not complaints, "\n".join(complaints)


@pytest.fixture
def pictures() -> Path:
    """Where screenshots go."""
    folder = Path(os.environ.get(PICTURES, "") or ROOT / "test-results" / "pictures")  # noqa: TID251
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""A real Chromium in front of the real product."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.visits import HEIGHTS, WIDE, OpenTab, Theme, Visit
from tests.journeys.gateways import ROOT, Gateway, canned, start, write_config

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
SLOW_ANSWER = "The bridge opens at seven. " * 40
RESULTS = ROOT / "test-results" / "pictures"
PICTURES = "PASSERELLE_PICTURES"
"""Names the folder for pictures that documentation shows; without it they go to the results."""

expect.set_options(timeout=10_000)


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
def results() -> Path:
    """Where screenshots go that only people look at."""
    return _folder(RESULTS)


@pytest.fixture
def pictures() -> Path:
    """Where screenshots go that documentation may show."""
    return _folder(Path(os.environ.get(PICTURES, "") or RESULTS))  # noqa: TID251 - as above


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path

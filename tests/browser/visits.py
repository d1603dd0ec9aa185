"""A person's visit to the console: one tab, and what went wrong in it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from playwright.async_api import ConsoleMessage, Page, Request, expect

from tests.journeys.gateways import Gateway

Theme: TypeAlias = Literal["light", "dark"]
WIDE = 1440
NARROW = 390
HEIGHTS = {WIDE: 900, NARROW: 844}
_REFUSED = re.compile(r"Failed to load resource: .* status of (4\d\d|5\d\d)")


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

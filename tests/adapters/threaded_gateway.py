"""A gateway in a thread of its own, for tests that block while they wait."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.adapters.messages_gateway import Served, over_openai
from tests.adapters.upstream import Script


@contextmanager
def threaded_gateway(script: Script) -> Iterator[Served]:
    started: queue.Queue[Served] = queue.Queue()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with over_openai(script) as served:
            started.put(served)
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield started.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()

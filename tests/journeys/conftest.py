"""Gateways as processes of their own, for a whole session or for one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.gateways import ROOT, Gateway, start

StartGateway = Callable[[Path], Gateway]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The bundled use case, as `make run` serves it."""
    running = start(ROOT, tmp_path_factory.mktemp("handbook") / "data")
    yield running
    running.stop()


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[StartGateway]:
    """Starts gateways, each on a configuration folder of its own; all are stopped at the end."""
    with ExitStack() as stack:

        def begin(config: Path) -> Gateway:
            running = start(config, tmp_path / f"{config.name}-data")
            stack.callback(running.stop)
            return running

        yield begin

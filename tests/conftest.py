"""Fixtures that every test may use."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from passerelle.core.values.clock import SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="session")
def data_sets() -> Path:
    """Folder of public data sets, laid out as docs/measurements.md says."""
    folder = os.environ.get("PASSERELLE_DATA_SETS", "")  # noqa: TID251 - tests are a process of their own
    if not folder or not Path(folder).is_dir():
        pytest.skip("PASSERELLE_DATA_SETS names no folder of public data sets")
    return Path(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A class that inherits a suite of others says in `leaves_out` which tests are not its own.

    They map to the reason; else the suite would skip them, and nothing may be skipped.
    """
    left = [item for item in items if _is_left_out(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _is_left_out(item: pytest.Item) -> bool:
    left_out = getattr(getattr(item, "cls", None), "leaves_out", {})
    return getattr(item, "originalname", "") in left_out


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where PASSERELLE_NO_SKIPS is set, a skipped test is a failed one, but for want of a GPU."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("PASSERELLE_NO_SKIPS"):  # noqa: TID251 - as above
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        if "GPU" not in reason:
            report.outcome = "failed"
            report.longrepr = f"Nothing may be skipped here. {reason}"
    return report

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

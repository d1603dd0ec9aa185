"""Fixtures that every test may use."""

import os
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

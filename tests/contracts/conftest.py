"""Every store, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.memory import memory_store
from passerelle.adapters.store.sqlite import open_store
from passerelle.adapters.store.stores import Store
from passerelle.core.values.clock import SetClock


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    signer = SigningKey("passerelle/test", b"seed".ljust(32, b"."))
    opened: Store
    if request.param == "memory":
        opened = memory_store(signer=signer)
    else:
        opened = open_store(tmp_path, clock=clock, signer=signer)
    yield opened
    opened.close()

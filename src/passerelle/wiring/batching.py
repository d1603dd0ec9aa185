"""Files and batches, and who works them off."""

import os
from typing import TYPE_CHECKING

from passerelle.adapters.store.stores import Store
from passerelle.core.values.ids import new_id
from passerelle.stories.serve.batch_worker import BatchWorker
from passerelle.stories.serve.files import BatchParts
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.installation import Installation
from passerelle.wiring.serving import build_serving

if TYPE_CHECKING:
    from passerelle.stories.serve.batch_worker import AskLine


def batch_parts(installation: Installation, store: Store) -> BatchParts:
    """What files and batches need."""
    return BatchParts(
        store.files,
        store.batches,
        store.ledger,
        installation.clock,
        most_bytes=installation.settings.limits.max_file_bytes,
    )


def batch_worker(installation: Installation, store: Store, parts: Parts) -> BatchWorker:
    """One for each process; its name tells it apart from those of other processes."""
    name = f"{os.getpid()}-{new_id('wrk', installation.clock)}"
    return BatchWorker(batch_parts(installation, store), line_desk(parts), name=name)


def line_desk(parts: Parts) -> "AskLine":
    """Answers lines by the same serving story as the gateway."""
    from passerelle.adapters.gateway.batch_lines import LineDesk

    return LineDesk(build_serving(parts), parts.clock)

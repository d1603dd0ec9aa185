"""The documents behind the answers."""

from passerelle.domain.readiness.facts import Documents
from passerelle.stories.justify.candidates import Candidate


def look_at_documents(candidate: Candidate) -> Documents | None:
    if candidate.index is None:
        return None
    records = candidate.index.documents()
    return Documents(
        searchable=sum(record.status == "indexed" for record in records),
        quarantined=tuple(record.path for record in records if record.status == "quarantined"),
    )

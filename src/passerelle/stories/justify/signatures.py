"""What a signature is about, as it is now, and who may give one."""

from dataclasses import asdict

from passerelle.core.values.ids import digest_of
from passerelle.domain.readiness.signoffs import SIGNING_ROLES, Basis, Today
from passerelle.stories.justify.candidates import Inquiry
from passerelle.stories.justify.probes.evaluation import EVALUATION, newest_run

MOST_EVIDENCE = 1_000


def basis_of(inquiry: Inquiry) -> Basis:
    """Every part of the release, why the use case exists, and the newest evidence of each kind."""
    candidate = inquiry.candidate
    release = {**asdict(candidate.at(inquiry.target).parts)}
    release["charter"] = digest_of(asdict(candidate.charter))
    release["budget"] = digest_of(candidate.budget.told)
    return Basis(release, _evidence(inquiry))


def today(inquiry: Inquiry) -> Today:
    """What signatures are held against now."""
    return Today(basis_of(inquiry), inquiry.target, inquiry.now_ms, _holders(inquiry))


def _evidence(inquiry: Inquiry) -> dict[str, str]:
    newest: dict[str, str] = {}
    for evidence in inquiry.parts.evidence.list(
        inquiry.usecase, organisation=inquiry.organisation, limit=MOST_EVIDENCE
    ):
        newest.setdefault(evidence.kind, evidence.digest)
    run = newest_run(inquiry)
    if run is not None:
        newest[EVALUATION] = digest_of(asdict(run))
    return newest


def _holders(inquiry: Inquiry) -> dict[str, frozenset[str]]:
    """Those with a key that nobody revoked; one that merely ran out still names its holder."""
    holders: dict[str, frozenset[str]] = {role: frozenset() for role in SIGNING_ROLES}
    for key in inquiry.parts.keys.all(inquiry.organisation):
        if key.revoked_at_ms is None:
            for role in key.principal.roles & holders.keys():
                holders[role] |= {key.principal.id}
    return holders

"""What every store must do with evidence."""

from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.evidence import Evidence, Grade
from passerelle.core.values.ids import Digest

EVIDENCE = Evidence(
    id="evi_1",
    kind="load",
    subject=Digest("1" * 64),
    usecase="fees",
    organisation="acme",
    by="per_dev",
    at_ms=9,
    expires_at_ms=99,
    grade=Grade.BEFORE_AFTER,
    facts={"rps": 500, "p99_ms": 1.0, "notes": ["é", None, {"deep": True}]},
    estimate=Estimate(0.1 + 0.2, 0.0, 1.0, 30, "wilson 95 %"),
)
BARE = replace(EVIDENCE, id="evi_2", kind="tls", at_ms=1, expires_at_ms=None, estimate=None)


async def test_evidence_comes_back_with_its_digest(store: Store) -> None:
    for evidence in (EVIDENCE, BARE):
        await store.evidence.add(evidence)
    assert store.evidence.latest("fees", "load", organisation="acme") == EVIDENCE
    found = store.evidence.list("fees", organisation="acme")
    assert [each.digest for each in found] == [BARE.digest, EVIDENCE.digest]


async def test_latest_is_the_one_added_last_whatever_its_time_says(store: Store) -> None:
    after = replace(EVIDENCE, id="evi_3", at_ms=1)
    for evidence in (EVIDENCE, after, BARE):
        await store.evidence.add(evidence)
    assert store.evidence.latest("fees", "load", organisation="acme") == after
    assert store.evidence.latest("fees", "audit", organisation="acme") is None


async def test_evidence_is_listed_last_added_first_by_kind_and_limit(store: Store) -> None:
    for evidence in (EVIDENCE, BARE):
        await store.evidence.add(evidence)
    assert store.evidence.list("fees", organisation="acme", kind="load") == (EVIDENCE,)
    assert store.evidence.list("fees", organisation="acme", limit=1) == (BARE,)


async def test_evidence_of_others_is_not_seen(store: Store) -> None:
    await store.evidence.add(EVIDENCE)
    assert store.evidence.list("fees", organisation="other") == ()
    assert store.evidence.latest("trips", "load", organisation="acme") is None

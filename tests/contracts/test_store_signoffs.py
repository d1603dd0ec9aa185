"""What every store must do with signatures."""

from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.signoffs import Basis, Meaning, Signoff

SIGNOFF = Signoff(
    id="sig_1",
    usecase="fees",
    organisation="acme",
    role="security",
    meaning=Meaning.APPROVE,
    reason="looked at it, é",
    stage=Stage.PILOT,
    principal="per_sec",
    at_ms=9,
    basis=Basis({"prompt": "1" * 64}, {"load": "2" * 64, "evaluation": "3" * 64}),
)


async def test_signatures_are_listed_last_added_first_whatever_their_times_say(
    store: Store,
) -> None:
    later = replace(SIGNOFF, id="sig_2", meaning=Meaning.REJECT, at_ms=1, basis=Basis({}, {}))
    for signoff in (SIGNOFF, later):
        await store.signoffs.add(signoff)
    assert store.signoffs.list("fees", organisation="acme") == (later, SIGNOFF)


async def test_what_was_signed_keeps_its_digest(store: Store) -> None:
    await store.signoffs.add(SIGNOFF)
    (found,) = store.signoffs.list("fees", organisation="acme")
    assert found.basis.digest == SIGNOFF.basis.digest


async def test_signatures_of_others_are_not_seen(store: Store) -> None:
    await store.signoffs.add(SIGNOFF)
    assert store.signoffs.list("fees", organisation="other") == ()
    assert store.signoffs.list("trips", organisation="acme") == ()

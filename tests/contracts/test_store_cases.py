"""What every store must do with cases that came from flags."""

from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.domain.evaluation.cases import Case

CASE = Case(
    id="flg_1",
    question="What is the fee, é?",
    reference="5 %",
    documents=("fees.md",),
    answerable=True,
    slice="flagged",
    provenance="flag:flg_1",
)


async def test_cases_are_listed_in_the_order_in_which_they_came(store: Store) -> None:
    second = replace(CASE, id="flg_0", answerable=False, reference="", documents=())
    for at_ms, case in enumerate((CASE, second)):
        await store.cases.add("fees", case, organisation="acme", at_ms=-at_ms)
    assert store.cases.list("fees", organisation="acme") == (CASE, second)


async def test_case_of_the_same_id_takes_the_place_of_the_first(store: Store) -> None:
    second = replace(CASE, id="flg_2")
    corrected = replace(CASE, reference="6 %")
    for case in (CASE, second, corrected):
        await store.cases.add("fees", case, organisation="acme", at_ms=1)
    assert store.cases.list("fees", organisation="acme") == (corrected, second)


async def test_cases_of_others_are_not_seen(store: Store) -> None:
    await store.cases.add("fees", CASE, organisation="acme", at_ms=1)
    assert store.cases.list("fees", organisation="other") == ()
    assert store.cases.list("trips", organisation="acme") == ()

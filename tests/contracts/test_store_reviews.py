"""What every store must do with reviews of flags."""

from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.feedback.reviews import Cause, Review

REVIEW = Review(
    id="rev_1",
    flag_id="flg_1",
    exchange_id="exc_1",
    usecase="fees",
    cause=Cause.RETRIEVAL,
    correction='It is "5 %", é!',
    documents=("fees.md", "a b.md"),
    reviewer="per_rita",
    at_ms=9,
    organisation="acme",
)


async def test_reviews_are_listed_last_added_first_whatever_their_times_say(store: Store) -> None:
    second = replace(REVIEW, id="rev_2", flag_id="flg_2", usecase="trips", at_ms=1)
    theirs = replace(REVIEW, id="rev_3", organisation="other")
    for review in (REVIEW, second, theirs):
        await store.reviews.add(review)
    assert store.reviews.list(organisation="acme") == (second, REVIEW)
    assert store.reviews.list(organisation="acme", limit=1) == (second,)
    assert store.reviews.list(organisation="acme", usecase="fees") == (REVIEW,)
    assert store.reviews.list(organisation="nobody") == ()


async def test_last_review_of_a_flag_counts(store: Store) -> None:
    later = replace(REVIEW, id="rev_2", cause=Cause.NOT_WRONG, documents=(), at_ms=1)
    for review in (REVIEW, later):
        await store.reviews.add(review)
    assert store.reviews.of_flag("flg_1", organisation="acme") == later
    assert store.reviews.of_flags(["flg_1", "flg_9"], organisation="acme") == {"flg_1": later}
    assert store.reviews.list(organisation="acme") == (later, REVIEW)


async def test_reviews_of_another_organisation_are_not_seen(store: Store) -> None:
    await store.reviews.add(REVIEW)
    assert store.reviews.of_flag("flg_1", organisation="other") is None
    assert store.reviews.of_flags(["flg_1"], organisation="other") == {}
    assert store.reviews.of_flags([], organisation="acme") == {}


async def test_flag_is_found_by_its_id_with_its_correction(store: Store) -> None:
    flag = Flag("flg_1", "exc_1", FlagReason.WRONG, "no", "per_ada", 5, "acme", "It is 5 %.")
    await store.flags.add(flag)
    assert store.flags.get("flg_1", organisation="acme") == flag
    assert store.flags.get("flg_1", organisation="other") is None
    assert store.flags.get("flg_2", organisation="acme") is None

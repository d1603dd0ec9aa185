"""Files and batches, in every store."""

from dataclasses import replace

from passerelle.adapters.store.stores import Store
from passerelle.domain.jobs.batches import Batch, BatchState, LineAnswer
from passerelle.domain.jobs.files import StoredFile

FILE = StoredFile("file_1", "acme", "svc_1", "questions.jsonl", "batch", 3, 1_000)
BATCH = Batch(
    id="batch_1",
    organisation="acme",
    principal="svc_1",
    key_id="k1",
    endpoint="/v1/chat/completions",
    input_file="file_1",
    created_at_ms=1_000,
    expires_at_ms=9_000,
    metadata={"run": "nightly"},
)


def answer(number: int, status: int = 200) -> LineAnswer:
    return LineAnswer(number, f"q{number}", status, b'{"a":1}', f"req_{number}")


async def test_file_comes_back_with_its_bytes_until_it_is_removed(store: Store) -> None:
    await store.files.add(FILE, b"abc")
    assert store.files.get("file_1") == FILE
    assert store.files.content("file_1") == b"abc"
    await store.files.remove("file_1")
    assert store.files.get("file_1") is None
    assert store.files.content("file_1") is None


async def test_files_are_listed_by_owner_and_purpose_newest_first(store: Store) -> None:
    newer = replace(FILE, id="file_2", created_at_ms=2_000)
    output = replace(FILE, id="file_3", created_at_ms=3_000, purpose="batch_output")
    for file in (FILE, newer, output, replace(FILE, id="file_4", principal="svc_2")):
        await store.files.add(file, b"abc")
    listed = store.files.list(organisation="acme", principal="svc_1")
    assert [file.id for file in listed] == ["file_3", "file_2", "file_1"]
    named = store.files.list(organisation="acme", principal="svc_1", purpose="batch")
    assert [file.id for file in named] == ["file_2", "file_1"]


async def test_batch_comes_back_as_it_was_saved(store: Store) -> None:
    await store.batches.add(BATCH)
    moved = replace(BATCH, state=BatchState.IN_PROGRESS, total=3, times_ms={"in_progress": 1_500})
    await store.batches.save(moved)
    assert store.batches.get("batch_1") == moved
    assert store.batches.list(organisation="acme", principal="svc_1") == [moved] or (
        store.batches.list(organisation="acme", principal="svc_1") == (moved,)
    )
    assert not store.batches.list(organisation="acme", principal="svc_2")


async def test_batch_has_one_worker_until_its_claim_ends(store: Store) -> None:
    await store.batches.add(BATCH)
    first = await store.batches.claim("one", now_ms=1_000, lease_ms=500)
    assert first == BATCH
    assert await store.batches.claim("two", now_ms=1_400, lease_ms=500) is None
    assert await store.batches.claim("one", now_ms=1_400, lease_ms=500) == BATCH
    assert await store.batches.claim("two", now_ms=1_900, lease_ms=500) == BATCH
    assert not await store.batches.renew("batch_1", "one", until_ms=9_999)
    assert await store.batches.renew("batch_1", "two", until_ms=9_999)
    assert await store.batches.claim("one", now_ms=5_000, lease_ms=500) is None


async def test_oldest_batch_is_claimed_first_and_ended_ones_never(store: Store) -> None:
    await store.batches.add(replace(BATCH, id="batch_2", created_at_ms=2_000))
    await store.batches.add(BATCH)
    await store.batches.add(replace(BATCH, id="batch_0", created_at_ms=0))
    await store.batches.save(
        replace(BATCH, id="batch_0", created_at_ms=0, state=BatchState.COMPLETED)
    )
    claimed = [await store.batches.claim(name, now_ms=3_000, lease_ms=500) for name in "abc"]
    assert [batch.id if batch else "" for batch in claimed] == ["batch_1", "batch_2", ""]


async def test_cancelled_batch_is_not_brought_back_by_who_works_on_it(store: Store) -> None:
    await store.batches.add(BATCH)
    await store.batches.cancel("batch_1", at_ms=2_000)
    await store.batches.save(replace(BATCH, state=BatchState.IN_PROGRESS))
    found = store.batches.get("batch_1")
    assert found is not None
    assert (found.state, found.times_ms) == (BatchState.CANCELLING, {"cancelling": 2_000})
    await store.batches.save(replace(found, state=BatchState.CANCELLED))
    await store.batches.cancel("batch_1", at_ms=3_000)
    ended = store.batches.get("batch_1")
    assert ended is not None
    assert ended.state is BatchState.CANCELLED


async def test_first_answer_to_a_line_stays(store: Store) -> None:
    await store.batches.keep("batch_1", [answer(2), answer(1, status=400)])
    await store.batches.keep("batch_1", [answer(1), answer(3)])
    assert store.batches.answered("batch_1") == {1, 2, 3}
    assert store.batches.tally("batch_1") == (2, 1)
    assert [each.status for each in store.batches.answers("batch_1")] == [400, 200, 200]
    assert store.batches.tally("batch_2") == (0, 0)

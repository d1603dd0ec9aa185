"""The SQLite ledger against the world: cancellation, locks, full disks, other processes."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from passerelle.adapters.store import ledger_writer
from passerelle.adapters.store.connection import DATABASE, open_writer
from passerelle.adapters.store.ledger_turns import turn
from passerelle.adapters.store.sqlite import SqliteLedger, open_ledger
from passerelle.domain.ledger.entries import (
    Draft,
    LedgerDamaged,
    LedgerUnavailable,
    LedgerUnreadable,
)
from passerelle.domain.ledger.merkle import BLOCK
from passerelle.stories.govern.audit import verify
from tests.campaigns.ledgers import SIGNER, draft, make_ledger, open_folder


def drafts(count: int) -> list[Draft]:
    return [draft(number) for number in range(count)]


async def test_record_is_written_though_its_waiter_was_cancelled(tmp_path: Path) -> None:
    with closing(open_folder(tmp_path)) as store:
        waiting = [asyncio.create_task(store.ledger.append(d)) for d in drafts(20)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert (await store.ledger.append(draft(20))).sequence == 21
        assert verify(store.ledger).ok


async def test_close_writes_what_is_queued(tmp_path: Path) -> None:
    store = open_folder(tmp_path)
    waiting = [asyncio.create_task(store.ledger.append(d)) for d in drafts(300)]
    await asyncio.sleep(0)
    store.close()
    assert len(await asyncio.gather(*waiting)) == 300


def test_closed_folder_is_one_file_that_can_be_copied(tmp_path: Path) -> None:
    make_ledger(tmp_path / "first", entries=50)
    assert sorted(file.name for file in (tmp_path / "first").iterdir()) == [DATABASE]
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / DATABASE).write_bytes((tmp_path / "first" / DATABASE).read_bytes())
    with closing(open_ledger(tmp_path / "copy", verifier=SIGNER)) as copy:
        assert (verify(copy).ok, verify(copy).entries) == (True, 50)


@pytest.mark.parametrize("size", [1, 40, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_reopened_ledger_goes_on_where_it_stopped(tmp_path: Path, size: int) -> None:
    with closing(open_folder(tmp_path)) as store:
        asyncio.run(gathered(store.ledger, size))
    with closing(open_folder(tmp_path)) as store:
        assert asyncio.run(store.ledger.append(draft(size))).sequence == size + 1
        assert verify(store.ledger).ok


async def gathered(ledger: SqliteLedger, size: int) -> None:
    await asyncio.gather(*map(ledger.append, drafts(size)))


def test_one_store_serves_several_event_loops(tmp_path: Path) -> None:
    with closing(open_folder(tmp_path)) as store:
        sequences = [asyncio.run(store.ledger.append(draft(n))).sequence for n in range(3)]
    assert sequences == [1, 2, 3]


@pytest.mark.slow
async def test_locked_file_refuses_and_recovers(tmp_path: Path) -> None:
    with (
        closing(open_folder(tmp_path)) as store,
        closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as other,
    ):
        await store.ledger.append(draft(0))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked"):
            await asyncio.wait_for(store.ledger.append(draft(1)), timeout=5)
        other.execute("ROLLBACK")
        assert (await store.ledger.append(draft(2))).sequence == 2
        assert verify(store.ledger).ok


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from passerelle.domain.ledger.entries import LedgerUnavailable
from passerelle.stories.govern.audit import verify
from tests.campaigns.ledgers import draft, open_folder

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_folder(Path(sys.argv[1]))
    await store.ledger.append(draft(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    acknowledged, refused = 1, 0
    while not refused:
        tasks = [store.ledger.append(draft(n)) for n in range(50)]
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        refused = sum(isinstance(outcome, LedgerUnavailable) for outcome in outcomes)
        acknowledged += len(outcomes) - refused
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    last = await store.ledger.append(draft(1))
    found = verify(store.ledger)
    print(refused > 0, last.sequence == acknowledged + 1, found.ok, found.entries == last.sequence)
    store.close()

asyncio.run(main())
"""


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.slow
def test_full_disk_refuses_loses_nothing_and_recovers(tmp_path: Path) -> None:
    with run_python(FULL_DISK, str(tmp_path)) as process:
        output, _ = process.communicate(timeout=60)
    assert output.split() == ["True"] * 4


async def test_too_many_waiting_records_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_writer, "MOST_WAITING", 10)
    with closing(open_folder(tmp_path)) as store:
        outcomes = await asyncio.gather(
            *map(store.ledger.append, drafts(200)), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, LedgerUnavailable)]
        assert 0 < len(refused) < 200
        assert store.ledger.head().size == 200 - len(refused)
        assert (await store.ledger.append(draft(1))).sequence == 201 - len(refused)


async def test_dead_writer_refuses_instead_of_hanging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths: list[object] = []
    monkeypatch.setattr("threading.excepthook", deaths.append)
    monkeypatch.setattr(ledger_writer, "extend", None)
    with closing(open_folder(tmp_path)) as store:
        for _ in range(2):
            with pytest.raises(LedgerUnavailable):
                await asyncio.wait_for(store.ledger.append(draft(0)), timeout=5)
    assert len(deaths) == 1


APPENDING = """
import asyncio, sys
from pathlib import Path
from tests.campaigns.ledgers import draft, open_folder

async def main():
    store = open_folder(Path(sys.argv[1]))
    for number in range(100):
        entry = await store.ledger.append(draft(number))
        print(entry.sequence, entry.hash)
    store.close()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_two_processes_add_to_one_ledger(tmp_path: Path) -> None:
    mine = []
    with closing(open_folder(tmp_path)) as store:
        with run_python(APPENDING, str(tmp_path)) as process:
            while process.poll() is None:
                mine += await asyncio.gather(*map(store.ledger.append, drafts(3)))
                await asyncio.sleep(0.001)
            assert process.stdout is not None
            lines = process.stdout.read().split("\n")[:-1]
        theirs = {int(line.split()[0]): line.split()[1] for line in lines}
        found = verify(store.ledger)
        kept = store.ledger.entries(organisation="acme", limit=found.entries)
    assert (found.faults, found.entries) == ((), len(mine) + 100)
    assert {entry.sequence: entry.hash for entry in mine} | theirs == {
        entry.sequence: entry.hash for entry in kept
    }


ANSWERING = """
import asyncio, sys
from pathlib import Path
from tests.campaigns.ledgers import draft, open_folder

async def main():
    store = open_folder(Path(sys.argv[1]))
    for line in sys.stdin:
        print((await store.ledger.append(draft(0))).sequence, flush=True)
    store.close()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_two_processes_take_turns_on_one_ledger(tmp_path: Path) -> None:
    with closing(open_folder(tmp_path)) as store:
        turns = []
        with run_python(ANSWERING, str(tmp_path)) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for number in range(20):
                turns.append((await store.ledger.append(draft(number))).sequence)
                process.stdin.write("your turn\n")
                process.stdin.flush()
                turns.append(int(process.stdout.readline()))
            process.stdin.close()
        assert turns == list(range(1, 41))
        assert verify(store.ledger).faults == ()


OPENING = """
import asyncio, sys
from pathlib import Path
from tests.campaigns.ledgers import draft, open_folder
store = open_folder(Path(sys.argv[1]))
asyncio.run(store.ledger.append(draft(0)))
store.close()
"""


@pytest.mark.slow
def test_processes_that_start_together_share_a_new_folder(tmp_path: Path) -> None:
    processes = [run_python(OPENING, str(tmp_path)) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    with closing(open_folder(tmp_path)) as store:
        assert (verify(store.ledger).ok, store.ledger.head().size) == (True, 4)


async def test_reader_reads_while_the_writer_writes(tmp_path: Path) -> None:
    with (
        closing(open_folder(tmp_path)) as store,
        closing(open_ledger(tmp_path, verifier=SIGNER)) as reader,
    ):
        for number in range(30):
            entry = await store.ledger.append(draft(number))
            assert reader.entries(organisation="acme", limit=1) == (entry,)
            assert reader.head().size == number + 1
        with reader.snapshot() as snapshot:
            rows = snapshot.entries()
            next(rows)
            await store.ledger.append(draft(30))
            assert len(list(rows)) == 29


def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    with closing(open_writer(tmp_path / DATABASE)) as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "secure_delete")
        ]
    assert settings == ["wal", 2, 1]


def test_reader_cannot_write(tmp_path: Path) -> None:
    make_ledger(tmp_path, entries=20)
    with (
        closing(open_ledger(tmp_path, verifier=SIGNER)) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader._connection.execute("DELETE FROM ledger_entries")


def test_missing_ledger_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreadable, match="There is no"):
        open_ledger(tmp_path, verifier=SIGNER)
    assert list(tmp_path.iterdir()) == []


DAMAGES = {
    "last entry changed": "UPDATE ledger_entries SET usecase = 'x' WHERE sequence = 1100",
    "last hash changed": "UPDATE ledger_entries SET hash = '0' WHERE sequence = 1100",
    "tail removed": "DELETE FROM ledger_entries WHERE sequence > 1098",
    "entry forged": "INSERT INTO ledger_entries SELECT 1101, event, at_ms, organisation, team, "
    "principal, subject, usecase, facts, commitment, hash, hash FROM ledger_entries "
    "WHERE sequence = 1100",
    "head removed": "DELETE FROM ledger_checkpoints WHERE place = 0",
    "head replaced": "UPDATE ledger_checkpoints SET note = "
    "(SELECT note FROM ledger_checkpoints WHERE place = 1) WHERE place = 0",
    "milestone removed": "DELETE FROM ledger_checkpoints WHERE place = 1",
    "block changed": "UPDATE ledger_checkpoints SET block = zeroblob(32) WHERE place = 1",
    "type changed": "UPDATE ledger_entries SET team = x'00ff' WHERE sequence = 1099",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_tail_that_was_not_signed_is_not_extended(tmp_path: Path, damage: str) -> None:
    make_ledger(tmp_path, entries=1_100)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(LedgerDamaged, match="passerelle ledger verify"):
        open_folder(tmp_path)


async def test_damage_while_running_stops_the_writer_from_hiding_it(tmp_path: Path) -> None:
    with closing(open_folder(tmp_path)) as store:
        await store.ledger.append(draft(0))
        with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
            connection.execute("DELETE FROM ledger_checkpoints")
        with pytest.raises(LedgerUnavailable, match="passerelle ledger verify"):
            await store.ledger.append(draft(1))
        assert not verify(store.ledger).ok


FORGED = (
    "INSERT INTO ledger_entries SELECT 2, event, at_ms, organisation, team, principal, subject, "
    "usecase, facts, commitment, hash, {} FROM ledger_entries WHERE sequence = 1"
)


@pytest.mark.parametrize("own", ["hash", "'nonsense'", "x'00'", f"'{'é' * 64}'"])
async def test_entry_that_nobody_signed_is_not_built_upon(tmp_path: Path, own: str) -> None:
    with closing(open_folder(tmp_path)) as store:
        await store.ledger.append(draft(0))
        with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
            connection.execute(FORGED.format(own))
            connection.execute("UPDATE ledger_checkpoints SET note = note || ' ' WHERE place = 0")
        with pytest.raises(LedgerUnavailable, match="passerelle ledger verify"):
            await store.ledger.append(draft(1))
        assert not verify(store.ledger).ok


async def test_record_is_refused_when_another_process_keeps_the_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_writer, "BUSY_SECONDS", 0.05)
    with closing(open_folder(tmp_path)) as store:
        with turn(tmp_path, seconds=1), pytest.raises(LedgerUnavailable, match="locked"):
            await asyncio.wait_for(store.ledger.append(draft(0)), timeout=5)
        assert (await store.ledger.append(draft(1))).sequence == 1
        assert verify(store.ledger).ok


def test_turn_goes_to_whoever_waits(tmp_path: Path) -> None:
    order: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            with turn(tmp_path, seconds=5):
                order.append(number)
                time.sleep(0.001)
                order.append(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order[::2] == order[1::2]
    assert sorted(order) == sorted([0, 1, 2] * 40)


def test_turn_of_a_dead_process_is_free(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from passerelle.adapters.store.ledger_turns import turn\n"
        "with turn(Path(sys.argv[1]), seconds=1): os._exit(0)"
    )
    with run_python(code, str(tmp_path)) as process:
        process.communicate(timeout=30)
    with turn(tmp_path, seconds=0.2):
        pass


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database" * 1_000)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        open_folder(tmp_path)


async def test_erased_bytes_are_nowhere_in_the_folder(tmp_path: Path) -> None:
    secret = b"unmistakable-" + os.urandom(8).hex().encode()
    with closing(open_folder(tmp_path)) as store:
        entry = await store.ledger.append(replace(draft(0), content=secret * 1_000))
        await store.ledger.append(draft(1))
        assert secret in everything_in(tmp_path)
        await store.ledger.erase(entry.commitment, draft(2))
        assert secret not in everything_in(tmp_path)


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())

"""An audit finds what was changed, names the place, and blames nothing that was not."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.connection import DATABASE
from passerelle.adapters.store.sqlite import open_ledger
from passerelle.domain.ledger.chain import leaf_of
from passerelle.domain.ledger.checkpoints import Verifier
from passerelle.stories.govern.audit import MOST_FAULTS, Verification, verify
from tests.campaigns import kills, mutations
from tests.campaigns.ledgers import SIGNER, draft, make_ledger, open_folder


def audited(folder: Path, verifier: Verifier = SIGNER) -> Verification:
    with closing(open_ledger(folder, verifier=verifier)) as ledger:
        return verify(ledger)


def change(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute(statement, values)


def test_untouched_ledger_is_proved_whole(tmp_path: Path) -> None:
    make_ledger(tmp_path, entries=1_100)
    found = audited(tmp_path)
    assert found.ok
    assert found.faults == ()
    assert (found.entries, found.erased, found.checkpoints) == (1_100, 55, 2)


FAULTS = {
    "UPDATE ledger_entries SET principal = 'x' WHERE sequence = 7": "entry 7: its hash",
    "DELETE FROM ledger_entries WHERE sequence = 7": "entry 7: missing; 8 stands",
    "DELETE FROM ledger_entries WHERE sequence > 50": "60 entries were signed and 50",
    "DELETE FROM ledger_contents WHERE sequence = 37": "entry 37: its content is gone",
    "UPDATE ledger_contents SET body = x'00' WHERE sequence = 37": "entry 37: its content is not",
    "UPDATE ledger_contents SET salt = x'00' WHERE sequence = 37": "entry 37: its content is not",
    "UPDATE ledger_contents SET sequence = 999 WHERE sequence = 37": "content 999: there is no",
    "INSERT INTO ledger_contents VALUES (2, x'00', x'00')": "entry 2: its content is not",
    "INSERT INTO ledger_contents VALUES (6, x'00', x'00')": "entry 6: its content is not",
    "DELETE FROM ledger_checkpoints": "newest checkpoint is missing",
    "UPDATE ledger_checkpoints SET block = x'00'": "newest checkpoint is none that closes",
    "INSERT INTO ledger_checkpoints SELECT 1, note, block FROM ledger_checkpoints": (
        "checkpoint 1: there are not so many"
    ),
    "UPDATE ledger_checkpoints SET note = note || ' '": "checkpoint 0: it is not written",
    "UPDATE ledger_entries SET team = CAST(team AS BLOB) WHERE sequence = 9": "wrong kind",
    "UPDATE ledger_entries SET team = CAST(x'ff' AS TEXT) WHERE sequence = 9": "reading stopped",
}


@pytest.mark.parametrize(("statement", "fault"), FAULTS.items(), ids=FAULTS.keys())
def test_fault_is_found_and_placed(tmp_path: Path, statement: str, fault: str) -> None:
    make_ledger(tmp_path, entries=60)
    change(tmp_path, statement)
    found = audited(tmp_path)
    assert not found.ok
    assert any(fault in told for told in found.faults), found.faults


def test_rewritten_ledger_without_the_key_is_found(tmp_path: Path) -> None:
    """An attacker who hashes and chains everything anew, and cannot sign."""
    make_ledger(tmp_path, entries=60)
    with closing(open_ledger(tmp_path, verifier=SIGNER)) as ledger:
        entries = sorted(ledger.entries(organisation="acme", limit=100), key=lambda e: e.sequence)
    previous = entries[0].previous_hash
    for entry in entries:
        facts = entry.facts.replace(b'"status":200', b'"status":500')
        forged = type(entry)(
            entry.sequence, entry.event, entry.at_ms, entry.organisation, entry.team,
            entry.principal, entry.subject, entry.usecase, facts, entry.commitment, previous, "",
        )  # fmt: skip
        previous_was, previous = previous, leaf_of(forged).hex()
        change(
            tmp_path,
            "UPDATE ledger_entries SET facts = ?, previous_hash = ?, hash = ? WHERE sequence = ?",
            facts.decode(), previous_was, previous, entry.sequence,
        )  # fmt: skip
    found = audited(tmp_path)
    assert found.faults == ("the newest checkpoint states another tree than that of the entries",)


def test_ledger_of_another_key_does_not_hold(tmp_path: Path) -> None:
    make_ledger(tmp_path, entries=20)
    assert not audited(tmp_path, SigningKey(SIGNER.name, bytes(32))).ok


def test_truncation_to_a_milestone_does_not_hold(tmp_path: Path) -> None:
    make_ledger(tmp_path, entries=1_100)
    for table in ("ledger_entries", "ledger_contents"):
        change(tmp_path, f"DELETE FROM {table} WHERE sequence > 1024")  # noqa: S608
    change(
        tmp_path,
        "UPDATE ledger_checkpoints SET note = "
        "(SELECT note FROM ledger_checkpoints WHERE place = 1) WHERE place = 0",
    )
    assert "the newest checkpoint is none that closes the ledger" in audited(tmp_path).faults


def test_index_that_hides_a_row_is_found(tmp_path: Path) -> None:
    make_ledger(tmp_path, entries=60)
    file = tmp_path / DATABASE
    data = file.read_bytes()
    subject = b"exc_00000033"
    places = [place for place in range(len(data)) if data.startswith(subject, place)]
    assert len(places) == 2
    outcomes = []
    for place in places:
        file.write_bytes(data[:place] + b"X" + data[place + 1 :])
        outcomes.append(audited(tmp_path).ok)
    assert outcomes == [False, False]


def test_many_faults_are_counted_not_listed(tmp_path: Path) -> None:
    make_ledger(tmp_path, entries=200)
    change(tmp_path, "UPDATE ledger_entries SET team = 'x'")
    found = audited(tmp_path)
    assert len(found.faults) == MOST_FAULTS + 1
    assert found.faults[-1].startswith("and ")


def test_erased_content_that_comes_back_is_found(tmp_path: Path) -> None:
    with closing(open_folder(tmp_path)) as store:
        entry = asyncio.run(store.ledger.append(draft(1)))
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        kept = connection.execute("SELECT * FROM ledger_contents").fetchone()
    with closing(open_folder(tmp_path)) as store:
        asyncio.run(store.ledger.erase(entry.commitment, draft(2)))
    assert audited(tmp_path).ok
    change(tmp_path, "INSERT INTO ledger_contents VALUES (?, ?, ?)", *kept)
    assert audited(tmp_path).faults == ("entry 2: the content that it calls erased is not gone",)


@pytest.mark.slow
def test_every_one_of_300_random_mutations_is_found(tmp_path: Path) -> None:
    tally = mutations.run(300, seed=7, folder=tmp_path)
    assert tally.missed == []
    assert (tally.found, tally.clean, tally.false_alarms) == (300, 30, 0)
    assert len(tally.kinds) == len(set(mutations.MUTATIONS))


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_five_kills(tmp_path: Path) -> None:
    tally = kills.run(5, seed=7, folder=tmp_path)
    assert (tally.kills, tally.lost, tally.unproved) == (5, 0, 0)
    assert tally.acknowledged > 5

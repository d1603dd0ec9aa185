"""The stated part of the campaigns against the real process, and what their verdicts rest on."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns import disconnects, serving_kills, spending
from tests.campaigns.__main__ import CAMPAIGNS
from tests.campaigns.disconnects import Fate, reconcile
from tests.journeys.gateways import ROOT

SUITE = {campaign.name: campaign.suite for campaign in CAMPAIGNS}


@pytest.mark.slow
def test_killed_gateway_keeps_every_exchange_that_it_answered(tmp_path: Path) -> None:
    tally = serving_kills.run(SUITE["serving_kills"], seed=7, folder=tmp_path)
    assert (tally.kills, tally.faults, tally.twice) == (3, [], 0)
    assert tally.answered > 3 * serving_kills.CLIENTS


@pytest.mark.slow
def test_books_are_exact_when_clients_leave_anywhere(tmp_path: Path) -> None:
    tally = disconnects.run(SUITE["disconnects"], seed=7, folder=tmp_path)
    assert (tally.disconnects, tally.faults) == (30, [])
    assert tally.cut_off > 0
    assert tally.fates["NONE"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, spending.WORKERS])
def test_budgets_agree_with_ledger_and_provider_when_both_ends_fail(
    tmp_path: Path, workers: int
) -> None:
    tally = spending.run(SUITE["spending"], seed=7, folder=tmp_path, workers=workers)
    assert (tally.clients, tally.faults) == (40, [])
    assert tally.failed > 0
    assert tally.nano > 0


def entry(own: str, status: int) -> Mapping[str, Any]:
    return {"facts": {"request_id": own, "status": status}}


@pytest.mark.parametrize(
    ("fate", "statuses", "fits"),
    [
        (Fate.NONE, [], True),
        (Fate.NONE, [499], False),
        (Fate.ONE, [], False),
        (Fate.ONE, [200], True),
        (Fate.ONE, [499], True),
        (Fate.ONE, [500], False),
        (Fate.ONE, [200, 499], False),
        (Fate.ONE_ANSWERED, [200], True),
        (Fate.ONE_ANSWERED, [499], False),
        (Fate.PERHAPS, [], True),
        (Fate.PERHAPS, [499], True),
        (Fate.PERHAPS, [200, 200], False),
    ],
)
def test_books_that_differ_from_what_was_sent_are_told(
    fate: Fate, statuses: list[int], *, fits: bool
) -> None:
    found = reconcile({"a": fate}, [entry("a", status) for status in statuses])
    assert (found == []) == fits


def test_entry_for_what_was_never_sent_is_told() -> None:
    assert reconcile({}, [entry("stranger", 200)]) != []


def campaign(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "tests.campaigns", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_runner_lists_and_runs_what_there_is() -> None:
    listed = campaign("--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SUITE)
    modules = {file.stem for file in (ROOT / "tests" / "campaigns").glob("*.py")}
    assert modules - {"__main__", "ledgers"} == SUITE.keys()
    ran = campaign("chunkings", "--count", "40", "--seed", "3")
    assert (ran.returncode, ran.stdout.split(":")[:2]) == (
        0,
        ["chunkings", " 0 faults. 40 random texts in random pieces (seed 3).\n"],
    )
    assert "40 of 40" in ran.stderr
    assert campaign("nothing").returncode == 2

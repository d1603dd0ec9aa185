"""What was spent is known again after a restart, on every account."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.sqlite import open_store
from passerelle.adapters.store.stores import Store
from passerelle.core.values.chat import ChatRequest, Message, Options
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import Refusal
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.budgets.reservations import OverBudget
from passerelle.domain.budgets.views import AccountView
from passerelle.domain.identity.keys import mint
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.exchange import Arrival
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.diagnosing import Finding, diagnose
from passerelle.wiring.installation import Installation, Told, read_installation
from passerelle.wiring.providers import build_providers
from passerelle.wiring.secrets import pepper
from passerelle.wiring.serving import accounts_of, build_parts
from passerelle.wiring.spending import Spending, views_of_keys
from tests.stories.kitchen import Watch

SCOPE = Scope("acme", "claims")
SIGNER = SigningKey("passerelle/test", b"s" * 32)
SETTINGS = """\
organisation = "acme"
[providers.tape]
kind = "replay"
answer = "Four percent of it."
[budgets.user]
per_month_tokens = 1000000
[budgets.teams.claims]
per_day_requests = 4
[direct]
"""
USECASE = """\
[usecase]
name = "fees"
data_class = "internal"
stage = "poc"
[charter]
goal = "Agents answer faster."
[charter.kpi]
name = "handling time"
unit = "minutes"
baseline = 14
target = 9
kill_value = 13
higher_is_better = false
[charter.roles]
business_owner = "Ada"
developer = "Ben"
security = "Cy"
compliance = "Dan"
[route]
provider = "tape"
model = "model-1"
[budget]
per_month_requests = 100
[stages.poc.budget]
per_day_tokens = 1000000
"""
UNREACHABLE = SETTINGS.replace(
    'kind = "replay"\nanswer = "Four percent of it."\n',
    'kind = "openai_style"\nbase_url = "http://127.0.0.1:9/v1"\n',
)
QUESTION = "What is the fee?"
PROMPT = '+++\nrefusal = "I do not know."\npassages = 0\n+++\nBe short.'
OWN = '{"per_month_requests": 50}'


class Desk:
    """A folder whose gateway can be started again and again."""

    def __init__(self, folder: Path) -> None:
        (folder / "usecases/fees/prompts").mkdir(parents=True)
        (folder / "usecases/fees/prompts/v1.md").write_text(PROMPT, "utf-8")
        (folder / "usecases/fees/usecase.toml").write_text(USECASE, "utf-8")
        self.folder, self.clock = folder, SetClock()
        self.settings(SETTINGS)
        who = Principal("svc_1", "service", "job", SCOPE, frozenset({"developer"}))
        with self._store() as store:
            self.key, key = mint(
                who,
                pepper=pepper(self.installation.data),
                label="job",
                now_ms=self.clock.now_ms(),
            )
            asyncio.run(store.keys.add(replace(key, budget=OWN)))
        self.public_id = key.public_id

    def settings(self, text: str) -> None:
        (self.folder / "passerelle.toml").write_text(text, "utf-8")

    @property
    def installation(self) -> Installation:
        return replace(read_installation(Told(self.folder)), clock=self.clock)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        folder = self.installation.data
        folder.mkdir(exist_ok=True)
        with closing(open_store(folder, clock=self.clock, signer=SIGNER)) as store:
            yield store

    @contextmanager
    def started(self) -> Iterator[tuple[Parts, Deployments]]:
        with self._store() as store:
            providers = build_providers(self.installation)
            yield build_parts(self.installation, store, providers, Watch())

    def ask(self, *, times: int = 1, model: str = "fees") -> None:
        request = ChatRequest(model, (Message("user", QUESTION),), options=Options(max_tokens=9))
        with self.started() as (parts, _):
            for _ in range(times):
                arrival = Arrival(request, self.key, "req_1", 0)
                asyncio.run(_answered(Serving(parts), arrival))

    def accounts(self) -> dict[str, AccountView]:
        with self.started() as (parts, deployments):
            spending = Spending(parts, accounts_of(self.installation), deployments)
            key = parts.keys.get(self.public_id)
            assert key is not None
            found = [*spending.limited(SCOPE), *filter(None, [spending.of_key(key)])]
            assert spending.limited(Scope("other", "claims")) == []
        return {f"{view.kind}:{view.name}": view for view in found}


async def _answered(serving: Serving, arrival: Arrival) -> None:
    await serving.answer(arrival)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_restart_forgets_nothing_of_any_account(desk: Desk) -> None:
    desk.ask(times=3)
    found = desk.accounts()
    assert set(found) == {
        "usecase:fees",
        "stage:fees@poc",
        "team:claims",
        "user:svc_1",
        f"key:{desk.public_id}",
    }
    assert found["usecase:fees"].standing.month_spent.requests == 3
    assert found["team:claims"].standing.day_spent.requests == 3
    assert found[f"key:{desk.public_id}"].standing.month_spent.requests == 3
    assert found["stage:fees@poc"].standing.day_spent.requests == 3
    assert found["user:svc_1"].standing.month_spent.requests == 3
    desk.ask()
    with pytest.raises(OverBudget, match="team claims"):
        desk.ask()


def test_yesterday_counts_for_the_month_and_not_for_the_day(desk: Desk) -> None:
    desk.ask(times=2)
    desk.clock.advance(seconds=86_400)
    found = desk.accounts()
    assert found["team:claims"].standing.day_spent.requests == 0
    assert found["usecase:fees"].standing.month_spent.requests == 2


def test_what_a_caller_spent_stays_spent_when_the_use_case_is_gone(desk: Desk) -> None:
    desk.ask(times=2)
    (desk.folder / "usecases/fees/usecase.toml").unlink()
    found = desk.accounts()
    assert found["team:claims"].standing.day_spent.requests == 2
    assert found[f"key:{desk.public_id}"].standing.month_spent.requests == 2


def test_request_that_its_provider_failed_counts_after_a_restart_too(desk: Desk) -> None:
    desk.settings(SETTINGS.replace('answer = "Four percent of it."\n', ""))
    with pytest.raises(Refusal):
        desk.ask()
    assert desk.accounts()["team:claims"].standing.day_spent.requests == 1


def test_request_that_finds_its_provider_at_rest_takes_nothing_after_a_restart_either(
    desk: Desk,
) -> None:
    desk.settings(UNREACHABLE.replace("per_day_requests = 4", "per_day_requests = 400"))
    request = ChatRequest("fees", (Message("user", QUESTION),), options=Options(max_tokens=9))
    with desk.started() as (parts, deployments):
        for _ in range(30):
            with pytest.raises(Refusal):
                asyncio.run(_answered(Serving(parts), Arrival(request, desk.key, "req_1", 0)))
        spending = Spending(parts, accounts_of(desk.installation), deployments)
        (team,) = [view for view in spending.limited(SCOPE) if view.kind == "team"]
    assert 0 < team.standing.day_spent.requests < 30
    assert desk.accounts()["team:claims"].standing == team.standing


def test_model_asked_for_directly_counts_for_its_caller(desk: Desk) -> None:
    desk.ask(model="tape/model-7")
    found = desk.accounts()
    assert found["usecase:fees"].standing.month_spent.requests == 0
    assert found["team:claims"].standing.day_spent.requests == 1


def test_command_line_sees_what_a_key_spent_in_the_ledger(desk: Desk) -> None:
    desk.ask(times=2)
    with desk._store() as store:
        (view,) = views_of_keys(desk.installation, store).values()
    assert (view.name, view.standing.month_spent.requests) == (desk.public_id, 2)


# What the doctor says of prices.


def prices_told(desk: Desk, settings: str = UNREACHABLE, usecase: str = "") -> list[Finding]:
    desk.settings(settings)
    (desk.folder / "usecases/fees/usecase.toml").write_text(USECASE + usecase, "utf-8")
    found = diagnose(Told(desk.folder))
    assert not [each for each in found if each.check == "configuration" and each.outcome != "ok"]
    return [each for each in found if each.check == "prices"]


def test_price_that_nobody_knows_is_worth_a_note_where_no_money_is_limited(desk: Desk) -> None:
    (told,) = prices_told(desk)
    assert (told.outcome, "refused" in told.message) == ("note", False)
    assert "fees@poc: nobody knows the price of model-1 at tape" in told.message


@pytest.mark.parametrize(
    ("settings", "usecase"),
    [
        ("[budgets.key]\nper_day_usd = 5\n", ""),
        ("[budgets.teams.others]\nper_month_usd = 5\n", ""),
        ("", "per_month_usd = 7\n"),
    ],
)
def test_price_that_nobody_knows_is_a_fault_where_money_is_limited(
    desk: Desk, settings: str, usecase: str
) -> None:
    (told,) = prices_told(desk, UNREACHABLE + settings, usecase)
    assert told.outcome == "fault"
    assert "requests are refused" in told.message
    assert 'unknown_price = "pass"' in told.cure


def test_doctor_names_every_target_of_a_route_and_what_does_not_hold(desk: Desk) -> None:
    small = '[route.small]\nprovider = "tape"\nmodel = "model-0"\n'
    limits = '[budgets.user]\nper_day_usd = 5\nunknown_price = "pass"\n'
    settings = UNREACHABLE.replace("[budgets.user]\nper_month_tokens = 1000000\n", limits)
    told = prices_told(desk, settings, small)
    assert [("model-1" in each.message, "model-0" in each.message) for each in told] == [
        (True, False),
        (False, True),
    ]
    assert all(each.outcome == "note" and "do not hold" in each.message for each in told)

"""A use case for which everything is as it should be, so that a test can break one thing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import SetClock
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.evidence import Evidence, Grade
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Stage
from passerelle.core.values.verdicts import Support
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.costs.price_book import OWN_MODEL, FixedPrices
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Run, Trial
from passerelle.domain.feedback.flags import FlagReason
from passerelle.domain.feedback.reviews import Cause, Review
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import LIVE, mint
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.readiness.facts import Proof
from passerelle.domain.readiness.loads import LoadSeen
from passerelle.domain.routing.plans import Plan
from passerelle.domain.usecases.charter import Charter, Kpi, Roles
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.domain.usecases.profiles import DataClass, Profile
from passerelle.domain.usecases.releases import ReleaseParts
from passerelle.domain.usecases.timetable import Timetable
from passerelle.stories.govern.audit import verify
from passerelle.stories.improve.collect import FlagParts, flag_exchange
from passerelle.stories.justify.candidates import (
    Candidate,
    Listener,
    ReadinessParts,
    Setup,
)
from passerelle.stories.justify.check import ReadinessReport, check
from passerelle.stories.justify.evidence import EvidenceParts, Finding, keep_evidence
from passerelle.stories.justify.loads import record_load
from passerelle.stories.justify.probes.economy import PROJECTION
from tests.stories.kitchen import FEES, guards, index_of
from tests.stories.office import PEPPER, ended, person, store

DAY = 86_400.0
DAY_MS = 86_400_000
NAME = "fees"
SIGNERS = ("business_owner", "developer", "security", "compliance")
PARTS = ReleaseParts(
    prompt=digest_of("prompt"),
    route=digest_of("route"),
    guards=digest_of("guards"),
    grounding=digest_of("grounding"),
    policy=digest_of("policy"),
    knowledge=digest_of("knowledge"),
    price_book="agreed",
)
LOAD = LoadSeen(offered=15_000, seconds=30, latencies_ms=[20.0] * 15_000)
SCANNED: dict[str, JsonValue] = {"surface": "input", "guard": "secrets", "outcome": "passed"}


@dataclass
class Project:
    """Implements justify's `Candidates` with the one use case that it holds."""

    store: MemoryStore
    clock: SetClock
    parts: ReadinessParts
    candidate: Candidate
    people: Mapping[str, Principal]
    """Role to the only one who holds it; `end_user` among them."""

    def find(self, usecase: str) -> Candidate | None:
        return self.candidate if usecase == self.candidate.name else None

    def granted(self, role: str, permission: Permission) -> Granted:
        return authorise(self.people[role], permission)

    def report(self) -> ReadinessReport:
        return check(self.granted("security", Permission.READINESS_READ), self.parts, NAME)

    def red(self) -> list[str]:
        """Ids of the checks that do not hold."""
        return [each.check.id for each in self.report().judgement.results if not each.holds]

    def change(self, **fields: object) -> None:
        """Configures the use case differently."""
        self.candidate = replace(self.candidate, **fields)  # type: ignore[arg-type]

    def change_charter(self, **fields: object) -> None:
        self.change(charter=replace(self.candidate.charter, **fields))  # type: ignore[arg-type]

    def change_release(self, **parts: str) -> None:
        """Of every stage."""
        self.change(
            setups={
                stage: replace(setup, parts=replace(setup.parts, **parts))  # type: ignore[arg-type]
                for stage, setup in self.candidate.setups.items()
            }
        )

    def look_through(self, **parts: object) -> None:
        """Replaces parts of what is looked at."""
        self.parts = replace(self.parts, **parts)  # type: ignore[arg-type]

    async def key(
        self, name: str, *roles: str, days: int | None = 90, env: str = LIVE
    ) -> Principal:
        """Somebody new with a key."""
        now_ms = self.clock.now_ms()
        _, key = mint(
            person(name, *roles),
            pepper=PEPPER,
            label=name,
            now_ms=now_ms,
            expires_at_ms=None if days is None else now_ms + days * DAY_MS,
            env=env,
        )
        await self.store.keys.add(key)
        return key.principal

    async def asked(
        self,
        times: int = 1,
        *,
        support: Support = Support.SUPPORTED,
        who: Principal | None = None,
        **facts: JsonValue,
    ) -> None:
        """Exchanges of the use case at stage pilot."""
        for _ in range(times):
            number = self.store.ledger.head().size
            await ended(
                self.store,
                self.clock,
                who or self.people["end_user"],
                f"exc_{number}",
                usecase=NAME,
                facts={"guards": [SCANNED], "grounding": {"support": support.value}, **facts},
                keeps_content=False,
            )

    async def flagged(self, *, reviewed: bool) -> None:
        """The newest exchange of the use case."""
        newest = self.store.ledger.entries(
            organisation="acme", event="exchange.ended", usecase=NAME, limit=1
        )[0]
        parts = FlagParts(self.store.ledger, self.store.flags, self.clock)
        recorded = await flag_exchange(
            self.granted("end_user", Permission.FLAG_CREATE),
            parts,
            exchange_id=newest.subject,
            reason=FlagReason.WRONG,
        )
        flag = recorded.value
        if reviewed:
            await self.store.reviews.add(
                Review(
                    id=f"rev_{flag.id}",
                    flag_id=flag.id,
                    exchange_id=flag.exchange_id,
                    usecase=NAME,
                    cause=Cause.NOT_WRONG,
                    correction="",
                    documents=(),
                    reviewer="per_reviewer",
                    at_ms=self.clock.now_ms(),
                    organisation="acme",
                )
            )

    async def evaluated(
        self, *, right: int = 120, of: int = 120, release: Digest | None = None
    ) -> Run:
        """A finished run of what would enter the pilot, or of another release."""
        cases = cases_of(of)
        self.change(cases=cases)
        now_ms = self.clock.now_ms()
        run = Run(
            id=f"run_{self.store.ledger.head().size}_{now_ms}_{right}_{of}",
            usecase=NAME,
            organisation="acme",
            dataset=Dataset(NAME, cases).version,
            release=release or self.candidate.release(Stage.PILOT),
            prompt=PARTS.prompt,
            model_name=f"{NAME}@pilot",
            started_at_ms=now_ms,
        )
        await self.store.runs.begin(run)
        for number, case in enumerate(cases):
            said = case.reference if number < right else "Nobody can tell."
            await self.store.runs.keep(run.id, trial_of(case, said))
        await self.store.runs.finish(run.id, at_ms=now_ms)
        return run

    async def projected(self, *, calibrated: bool = True) -> Evidence:
        finding = Finding(
            kind=PROJECTION,
            usecase=NAME,
            release=self.candidate.release(Stage.PILOT),
            days=30,
            grade=Grade.BEFORE_AFTER,
            facts={
                "users": 10_000,
                "calibrated": calibrated,
                "warnings": [] if calibrated else ["One day only."],
            },
            estimate=Estimate(1_250.0, 900.0, 1_700.0, 400, "bootstrap 90%"),
        )
        granted = self.granted("developer", Permission.EVIDENCE_WRITE)
        return (await keep_evidence(granted, self.evidence_parts, finding)).value

    async def loaded(self, seen: LoadSeen = LOAD) -> Evidence:
        recorded = await record_load(
            self.granted("developer", Permission.EVIDENCE_WRITE),
            self.evidence_parts,
            usecase=NAME,
            release=self.candidate.release(Stage.PILOT),
            seen=seen,
        )
        return recorded.value

    @property
    def evidence_parts(self) -> EvidenceParts:
        return EvidenceParts(self.store.evidence, self.store.ledger, self.clock)


def cases_of(number: int) -> tuple[Case, ...]:
    return tuple(
        Case(
            f"c{n}",
            f"What does service {n} cost?",
            f"It costs {n} euro.",
            ("fees.md",),
            True,
            "fees",
        )
        for n in range(number)
    )


def trial_of(case: Case, answer: str, support: Support = Support.SUPPORTED) -> Trial:
    return Trial(
        case_id=case.id,
        answer=answer,
        cited_documents=("fees.md",),
        support=support,
        grounding_score=0.9,
        latency_ms=3.0,
        cost_nano_usd=0,
        refused=False,
        status=200,
        exchange_id="exc_rehearsal",
    )


CHARTER = Charter(
    goal="Clerks find a fee in 2 minutes instead of 10.",
    kpi=Kpi("time to a fee", "minutes", 10, 2, 8, higher_is_better=False),
    roles=Roles("Ada", "Ben", "Cleo", "Dan"),
)


def sound_candidate() -> Candidate:
    return Candidate(
        profile=Profile(NAME, "Fees", DataClass.INTERNAL, Stage.POC),
        charter=CHARTER,
        budget=Budget(month_nano=50_000_000_000),
        timetable=Timetable({Stage.PILOT: date(2024, 1, 15)}),
        guards=guards(personal_data={}, secrets={}, injection={}),
        setups={
            stage: Setup(
                DEFAULTS[stage],
                Plan("extractive", "extractive", 60.0),
                replace(PARTS, policy=digest_of(stage)),
            )
            for stage in (Stage.POC, Stage.PILOT)
        },
        index=index_of(fees=FEES),
        cases=(),
    )


def proof_of(kept: MemoryStore) -> Proof:
    found = verify(kept.ledger)
    return Proof(found.ok, found.entries, found.faults[0] if found.faults else "")


async def sound_project() -> Project:
    """At stage poc, with nothing missing but the signatures."""
    kept, clock = store(), SetClock()
    project = Project(kept, clock, None, sound_candidate(), {})  # type: ignore[arg-type]
    project.parts = ReadinessParts(
        candidates=project,
        ledger=kept.ledger,
        keys=kept.keys,
        reviews=kept.reviews,
        cases=kept.cases,
        runs=kept.runs,
        evidence=kept.evidence,
        signoffs=kept.signoffs,
        stages=kept.stages,
        prices=FixedPrices("agreed", {("extractive", "extractive"): OWN_MODEL}),
        listener=Listener("127.0.0.1", tls=False),
        audit=lambda: proof_of(kept),
        clock=clock,
    )
    project.people = {role: await project.key(role, role) for role in (*SIGNERS, "end_user")}
    await project.asked(40)
    await project.flagged(reviewed=True)
    await project.evaluated()
    await project.projected()
    await project.loaded()
    return project

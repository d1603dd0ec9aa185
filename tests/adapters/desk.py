"""What the control plane improves and justifies with, for one use case with two prompts."""

from dataclasses import dataclass, replace

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import NotFound
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.scope import Stage
from passerelle.domain.costs.price_book import FREE, FixedPrices, Price, Rate
from passerelle.domain.evaluation.datasets import Dataset, assemble
from passerelle.domain.evaluation.runs import Run, Trial
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.feedback.reviews import Cause, Review
from passerelle.domain.prompts.labels import Ground, Label, Warrant
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.stories.improve.dispatch import DispatchParts
from passerelle.stories.improve.promote import PromotionParts, Staged
from passerelle.stories.improve.review import ReviewParts
from passerelle.stories.justify.candidates import Candidate, Listener, ReadinessParts
from passerelle.stories.justify.meter import MeterParts
from tests.stories.kitchen import guards
from tests.stories.project import cases_of, proof_of, sound_candidate, trial_of

NAME = "handbook"
PRICES = FixedPrices("agreed", {("extractive", "quotes"): Price(Rate(1_000_000_000), FREE)})


def version(name: str) -> PromptVersion:
    return PromptVersion(digest_of(name), name, f"Quote, as {name} does.", 5, 3, 0.5, "No idea.")


VERSIONS = (version("v1"), version("v2"))


@dataclass
class Desk:
    """Implements `Candidates` and `Versions` over a store."""

    store: MemoryStore
    clock: SetClock
    configured: Candidate

    def find(self, usecase: str) -> Candidate | None:
        return self.configured if usecase == NAME else None

    def in_place(self, usecase: str, stage: Stage) -> Staged:
        label = self.store.labels.current(usecase, stage, organisation="acme")
        return staged(label.name if label else "v1", stage)

    def candidate(self, usecase: str, stage: Stage, name: str) -> Staged:
        if usecase != NAME or name not in {each.name for each in VERSIONS}:
            raise NotFound
        return staged(name, stage)

    def written(self, usecase: str, stage: Stage) -> PromptVersion:
        if usecase != NAME:
            raise NotFound
        return staged("v1", stage).prompt

    def holds(self, usecase: str, version: Digest) -> bool:
        return version in {each.digest for each in self.prompts(usecase)}

    def prompts(self, usecase: str) -> tuple[PromptVersion, ...]:
        return VERSIONS if usecase == NAME else ()

    def dataset(self, usecase: str) -> Dataset:
        collected = self.store.cases.list(usecase, organisation="acme")
        return assemble(usecase, self.configured.cases, collected)

    async def evaluated(self, name: str = "v1", *, right: int = 4) -> Run:
        """A finished run of the four cases by a version at stage pilot."""
        target = staged(name, Stage.PILOT)
        cases = self.dataset(NAME).cases
        run = Run(
            id=f"run_{name}",
            usecase=NAME,
            organisation="acme",
            dataset=self.dataset(NAME).version,
            release=target.release,
            prompt=target.prompt.digest,
            model_name=target.model,
            started_at_ms=self.clock.now_ms(),
        )
        await self.store.runs.begin(run)
        for number, case in enumerate(cases):
            said = f"{name}: {case.reference}" if number < right else "Nobody can tell."
            await self.store.runs.keep(run.id, _trial(case.id, said))
        await self.store.runs.finish(run.id, at_ms=self.clock.now_ms())
        return run

    async def labelled(self, name: str, stage: Stage) -> None:
        """A version that a promotion has put in place."""
        label = Label(
            id=f"lbl_{name}",
            usecase=NAME,
            organisation="acme",
            stage=stage,
            version=staged(name, stage).prompt.digest,
            name=name,
            ground=Ground.COMPARED,
            at_ms=self.clock.now_ms(),
            by="per_ada",
        )
        await self.store.labels.move(Warrant(label, None))

    async def reviewed(self, flag_id: str, exchange_id: str) -> None:
        """A flag with a review that says what would have been right."""
        now_ms = self.clock.now_ms()
        await self.store.flags.add(
            Flag(flag_id, exchange_id, FlagReason.WRONG, "", "per_asker", now_ms, "acme")
        )
        await self.store.reviews.add(
            Review(
                id=f"rev_{flag_id}",
                flag_id=flag_id,
                exchange_id=exchange_id,
                usecase=NAME,
                cause=Cause.RETRIEVAL,
                correction="The fee is 5 %.",
                documents=(),
                reviewer="per_reviewer",
                at_ms=now_ms,
                organisation="acme",
            )
        )


def desk_of(kept: MemoryStore, clock: SetClock) -> Desk:
    sound = sound_candidate()
    profile = replace(sound.profile, name=NAME)
    return Desk(kept, clock, replace(sound, profile=profile, cases=cases_of(4)))


def staged(name: str, stage: Stage) -> Staged:
    prompt = next(each for each in VERSIONS if each.name == name)
    return Staged(prompt, digest_of([name, stage]), f"{NAME}@{stage}#{name}")


def improving(desk: Desk) -> dict[str, object]:
    """The parts by name, as `ApiParts` takes them."""
    kept, clock = desk.store, desk.clock
    readiness = ReadinessParts(
        candidates=desk,
        ledger=kept.ledger,
        keys=kept.keys,
        reviews=kept.reviews,
        cases=kept.cases,
        runs=kept.runs,
        evidence=kept.evidence,
        signoffs=kept.signoffs,
        stages=kept.stages,
        prices=PRICES,
        listener=Listener("127.0.0.1", tls=False),
        audit=lambda: proof_of(kept),
        clock=clock,
    )
    return {
        "review": ReviewParts(kept.ledger, kept.flags, kept.reviews, kept.cases, clock),
        "dispatch": DispatchParts(
            kept.ledger,
            kept.flags,
            kept.reviews,
            kept.cases,
            lambda usecase: guards(personal_data={}) if usecase == NAME else None,
            clock,
        ),
        "promotion": PromotionParts(kept.ledger, kept.labels, kept.runs, desk, desk.dataset, clock),
        "metering": MeterParts(kept.ledger, kept.flags, PRICES, clock),
        "readiness": readiness,
        "prompts": desk.prompts,
    }


def _trial(case_id: str, answer: str) -> Trial:
    return replace(trial_of(cases_of(1)[0], answer), case_id=case_id)

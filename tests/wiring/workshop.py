"""A use case in a folder, a store in memory, and everything between them as it is wired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.providers.extractive import Extractive
from passerelle.adapters.store.memory import MemoryStore, memory_store
from passerelle.adapters.store.memory_index import MemoryIndex
from passerelle.adapters.store.purse import MemoryPurse
from passerelle.adapters.store.stores import Store
from passerelle.core.values.clock import SetClock
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.budgets.rates import MemoryRates
from passerelle.domain.costs.price_book import FixedPrices
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.datasets import Dataset, assemble
from passerelle.domain.evaluation.summaries import Evaluation
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.keys import mint
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.prompts.labels import Label
from passerelle.stories.govern.publish import UseCase, read_usecase
from passerelle.stories.improve.evaluate import EvaluationParts, evaluate
from passerelle.stories.improve.promote import PromotionParts, promote, rollback
from passerelle.stories.serve.accounts import Accounts
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.rehearse import Rehearsal
from passerelle.wiring.catalogue import Deployments
from tests.stories.kitchen import PEPPER, Watch, index_of

SCOPE = Scope("acme", "support")
DEV = Principal("per_dev", "person", "dev", SCOPE, frozenset({"administrator"}))
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
[knowledge]
sources = [{folder = "knowledge"}]
[route]
provider = "extractive"
[stages.pilot]
"""
FEES = """\
# Fees

A transfer costs 4 percent of the amount. A transfer is free for members.

# Refunds

A refund takes 10 working days. A refund needs form B7. A refund is paid within 30 days.
"""
CASES = (
    Case("fee", "What does a transfer cost?", "4 percent", ("fees.md",), True, "fees"),
    Case("days", "How long does a refund take?", "10 working days", ("fees.md",), True, "refunds"),
    Case(
        "both",
        "What does a transfer cost, and is a transfer free for members?",
        "A transfer costs 4 percent and is free for members.",
        ("fees.md",),
        True,
        "fees",
    ),
    Case(
        "all",
        "A refund takes how long, needs which form, and is paid within which time?",
        "A refund takes 10 working days, needs form B7 and is paid within 30 days.",
        ("fees.md",),
        True,
        "refunds",
    ),
    Case("moon", "Who was the first on the moon?", "", (), False, "unanswerable"),
)


def prompt(*, sentences: int = 2, refuse_below: float = 0.3, words: str = "Quote.") -> str:
    return (
        f"+++\nsentences = {sentences}\nrefuse_below = {refuse_below}\n"
        f'refusal = "I do not know."\n+++\n{words}\n{{{{passages}}}}\n'
    )


class LiveMemoryIndex(MemoryIndex):
    """Takes up a new content when told to, as an index on a disk does."""

    coming: MemoryIndex | None = None

    def refresh(self) -> bool:
        if self.coming is None:
            return False
        vars(self).update(vars(self.coming))
        self.coming = None
        return True


def live_index(**documents: str) -> LiveMemoryIndex:
    index = LiveMemoryIndex(())
    index.coming = index_of(**documents)
    index.refresh()
    return index


@dataclass
class Workshop:
    folder: Path
    store: Store
    clock: SetClock
    index: LiveMemoryIndex
    text: str = USECASE
    cases: tuple[Case, ...] = CASES
    deployments: Deployments = field(init=False)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As a process does that starts: the files are read anew, the store is as it was."""
        self.deployments = Deployments(
            [self.usecase()],
            {"fees": self.index},
            labels=self.store.labels,
            stages=self.store.stages,
            prices=FixedPrices("test prices", {}),
            scope=SCOPE,
            created=1_700_000_000,
        )
        self.parts = Parts(
            keys=self.store.keys,
            pepper=PEPPER,
            catalogue=self.deployments,
            accounts=Accounts(),
            rates=MemoryRates(),
            purse=MemoryPurse(),
            providers={"extractive": Extractive()},
            ledger=self.store.ledger,
            observer=Watch(),
            prices=FixedPrices("test prices", {}),
            clock=self.clock,
        )

    def usecase(self) -> UseCase:
        def names(path: str) -> Sequence[str]:
            return [file.name for file in (self.folder / path).iterdir()]

        return read_usecase(
            self.text,
            "usecases/fees/usecase.toml",
            lambda path: (self.folder / path).read_text("utf-8"),
            names,
        )

    def write(self, name: str, text: str) -> None:
        folder = self.folder / "prompts"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.md").write_text(text, "utf-8")

    @property
    def serving(self) -> Serving:
        return Serving(self.parts)

    @property
    def promotion(self) -> PromotionParts:
        return PromotionParts(
            ledger=self.store.ledger,
            labels=self.store.labels,
            runs=self.store.runs,
            versions=self.deployments,
            dataset=lambda _: self.dataset(),
            clock=self.clock,
        )

    async def key(self) -> str:
        plain, key = mint(DEV, pepper=PEPPER, label="dev", now_ms=self.clock.now_ms())
        await self.store.keys.add(key)
        return plain

    def dataset(self) -> Dataset:
        return assemble("fees", self.cases, self.store.cases.list("fees", organisation="acme"))

    async def evaluate(self, model: str) -> Evaluation:
        catalogue = self.deployments.rehearsing()
        answerer = Rehearsal(replace(self.parts, catalogue=catalogue), DEV)
        recorded = await evaluate(
            authorise(DEV, Permission.EVALUATION_RUN),
            EvaluationParts(self.store.ledger, self.store.runs, answerer, self.clock),
            usecase="fees",
            model=model,
            dataset=self.dataset(),
            progress=lambda _: None,
        )
        return recorded.value

    async def promote(
        self, version: str, stage: Stage = Stage.POC, *, who: Principal = DEV
    ) -> Recorded[Label]:
        return await promote(
            authorise(who, Permission.PROMPT_PROMOTE),
            self.promotion,
            usecase="fees",
            to_stage=stage,
            version=version,
        )

    async def rollback(self, stage: Stage = Stage.POC) -> Recorded[Label]:
        granted = authorise(DEV, Permission.PROMPT_PROMOTE)
        return await rollback(granted, self.promotion, usecase="fees", stage=stage)

    def served(self, model: str = "fees") -> str:
        """Name of the prompt version that the next request gets; empty when there is none."""
        found = self.deployments.find(model, SCOPE)
        return "" if found is None else found.prompt.name


def memory() -> MemoryStore:
    return memory_store(signer=SigningKey("passerelle/test", b"s" * 32))


def workshop(
    folder: Path,
    *,
    clock: SetClock | None = None,
    store: Store | None = None,
    text: str = USECASE,
    prompts: Mapping[str, str] | None = None,
) -> Workshop:
    """Version `v1` in place; `better`, `worse` and `reworded` beside it unless told otherwise."""
    written = prompts or {
        "v1": prompt(),
        "better": prompt(sentences=4),
        "worse": prompt(sentences=1, refuse_below=0.9),
        "reworded": prompt(words="Quote with care."),
    }
    (folder / "prompts").mkdir(exist_ok=True)
    for name, words in written.items():
        (folder / "prompts" / f"{name}.md").write_text(words, "utf-8")
    return Workshop(
        folder, store or memory(), clock or SetClock(), live_index(fees=FEES), text=text
    )

"""The deployments in force, made from the use case files, the indexes and what the store says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from passerelle.core.values.errors import InvalidConfiguration, NotFound
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.knowledge.library import Index
from passerelle.domain.prompts.labels import LabelBook
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.usecases.releases import ReleaseParts
from passerelle.domain.usecases.stages import StageBook
from passerelle.stories.govern.publish import StageSetup, UseCase
from passerelle.stories.improve.promote import Staged
from passerelle.stories.serve.documents import DocumentScreen
from passerelle.stories.serve.parts import Deployment
from passerelle.wiring.direct import DirectModels


class LiveIndex(Index, Protocol):
    """An index that takes up what ingest has published."""

    def refresh(self) -> bool:
        """True when there was something new; costs next to nothing when not."""
        ...


class Deployments:
    """Implements serve's `Catalogue` and promotion's `Versions`.

    What the store says of labels and stages is in force at the next request.
    """

    def __init__(
        self,
        usecases: Sequence[UseCase],
        indexes: Mapping[str, LiveIndex],
        *,
        labels: LabelBook,
        stages: StageBook,
        prices: PriceBook,
        scope: Scope,
        created: int,
        direct: DirectModels | None = None,
    ) -> None:
        self._direct = direct
        self._usecases = {usecase.name: usecase for usecase in usecases}
        self._indexes = indexes
        self._labels = labels
        self._stages = stages
        self._prices = prices
        self._scope = scope
        self._created = created
        self._screens = {usecase.name: DocumentScreen(usecase.guards) for usecase in usecases}
        self._loaded: dict[Digest, PromptVersion] = {}
        self._faults: tuple[str, ...] = ()
        self._followed = self._revisions()
        self._by_model = self._deploy()

    @property
    def scope(self) -> Scope:
        return self._scope

    def find(self, model: str, scope: Scope) -> Deployment | None:
        self._follow()
        found = self._by_model.get(model)
        if found is None and self._direct is not None:
            found = self._direct.find(model)
        return found if found is not None and self._is_for(scope) else None

    def offered(self, scope: Scope) -> Sequence[Deployment]:
        self._follow()
        if not self._is_for(scope):
            return []
        direct = self._direct.offered() if self._direct is not None else ()
        return [*(deployment for _, deployment in sorted(self._by_model.items())), *direct]

    def refresh(self) -> None:
        """Cheap when nothing has changed: one look at each index and at the store's revisions."""
        news = [index.refresh() for index in self._indexes.values()]
        if any(news):
            self._by_model = self._deploy()
        self._follow()

    @property
    def faults(self) -> tuple[str, ...]:
        """What was put in place and cannot be served, in words for those who run it."""
        self._follow()
        return self._faults

    def rehearsing(self) -> "Rehearsing":
        """The catalogue of evaluation: with candidates, which no caller can reach."""
        return Rehearsing(self)

    def stage(self, usecase: str) -> Stage:
        """Where a use case is. Raises `NotFound`."""
        return self._stage(self._usecase(usecase))

    def index(self, usecase: str) -> Index | None:
        """None for a use case without knowledge."""
        return self._indexes.get(usecase)

    def parts_in_force(self, usecase: str, stage: Stage) -> ReleaseParts:
        """What a request at that stage gets now. Raises `NotFound`."""
        found = self._usecase(usecase)
        return self._parts(found, stage, self.in_place(usecase, stage).prompt)

    def in_place(self, usecase: str, stage: Stage) -> Staged:
        found = self._usecase(usecase)
        prompt = self._prompt_in_place(found, stage)
        if prompt is None:
            raise NotFound(self._gone(found, stage))
        return self._staged(found, stage, prompt, model=f"{usecase}@{stage}")

    def candidate(self, usecase: str, stage: Stage, name: str) -> Staged:
        found = self._usecase(usecase)
        prompt, faults = found.shelf.version(name)
        if faults:
            raise InvalidConfiguration(faults)
        if prompt is None:
            raise NotFound(f"{usecase} has no prompt version {name!r}.")
        return self._staged(found, stage, prompt, model=f"{usecase}@{stage}#{name}")

    def holds(self, usecase: str, version: Digest) -> bool:
        return self._version(self._usecase(usecase), version) is not None

    def written(self, usecase: str, stage: Stage) -> PromptVersion:
        return self._setup(self._usecase(usecase), stage).prompt

    def versions(self, usecase: str) -> Sequence[PromptVersion]:
        """Every version of the use case's folder and file, by name; none of an unknown one."""
        found = self._usecases.get(usecase)
        if found is None:
            return ()
        named = {setup.prompt.name: setup.prompt for setup in found.reachable.values()}
        return [version for _, version in sorted((named | dict(found.shelf.versions())).items())]

    def rehearse(self, model: str, scope: Scope) -> Deployment | None:
        """As `find`, with stages that the use case has not reached, and `model#version`."""
        place, named, version = model.partition("#")
        name, staged, asked = place.partition("@")
        usecase = self._usecases.get(name)
        if usecase is None or not self._is_for(scope):
            return None
        stage = _stage_of(asked) if staged else self._stage(usecase)
        if stage is None or stage not in usecase.reachable:
            return None
        if named:
            prompt = usecase.shelf.version(version)[0]
        else:
            prompt = self._prompt_in_place(usecase, stage)
        return None if prompt is None else self._deployment(usecase, stage, prompt, model=model)

    def _is_for(self, scope: Scope) -> bool:
        return scope.organisation == self._scope.organisation

    def _revisions(self) -> tuple[int, int]:
        return self._labels.revision, self._stages.revision

    def _follow(self) -> None:
        revisions = self._revisions()
        if revisions != self._followed:
            self._by_model = self._deploy()
            self._followed = revisions

    def _deploy(self) -> dict[str, Deployment]:
        by_model: dict[str, Deployment] = {}
        faults: list[str] = []
        for usecase in self._usecases.values():
            current = self._stage(usecase)
            for stage in self._served(usecase, current):
                prompt = self._prompt_in_place(usecase, stage)
                if prompt is None:
                    faults.append(self._gone(usecase, stage))
                    continue
                model = f"{usecase.name}@{stage}"
                by_model[model] = self._deployment(usecase, stage, prompt, model=model)
                if stage is current:
                    by_model[usecase.name] = replace(by_model[model], model=usecase.name)
        self._faults = tuple(faults)
        return by_model

    def _served(self, usecase: UseCase, current: Stage) -> Iterator[Stage]:
        """The current stage and those that the file has a table for; none once retired."""
        if current is not Stage.RETIRED:
            for stage in usecase.reachable:
                if stage is current or stage in usecase.stages:
                    yield stage

    def _stage(self, usecase: UseCase) -> Stage:
        moved = self._stages.current(usecase.name, organisation=self._scope.organisation)
        return usecase.profile.stage if moved is None else moved

    def _prompt_in_place(self, usecase: UseCase, stage: Stage) -> PromptVersion | None:
        """None when a label names a version that no file holds any more."""
        label = self._labels.current(usecase.name, stage, organisation=self._scope.organisation)
        if label is None:
            return self._setup(usecase, stage).prompt
        # A file that is changed under a running process changes nothing that is in place.
        found = self._loaded.get(label.version) or self._version(usecase, label.version)
        if found is not None:
            self._loaded[label.version] = found
        return found

    def _version(self, usecase: UseCase, version: Digest) -> PromptVersion | None:
        for setup in usecase.reachable.values():
            if setup.prompt.digest == version:
                return setup.prompt
        on_the_shelf = usecase.shelf.versions().values()
        return next((prompt for prompt in on_the_shelf if prompt.digest == version), None)

    def _gone(self, usecase: UseCase, stage: Stage) -> str:
        return (
            f"{usecase.name}@{stage} has lost its prompt: the version in place is in no file of "
            f"its folder any more; restore it, or roll back"
        )

    def _usecase(self, name: str) -> UseCase:
        found = self._usecases.get(name)
        if found is None:
            raise NotFound(f"There is no use case {name!r}.")
        return found

    def _setup(self, usecase: UseCase, stage: Stage) -> StageSetup:
        setup = usecase.reachable.get(stage)
        if setup is None:
            raise NotFound(f"{usecase.name} cannot be at stage {stage}.")
        return setup

    def _staged(
        self, usecase: UseCase, stage: Stage, prompt: PromptVersion, *, model: str
    ) -> Staged:
        deployment = self._deployment(usecase, stage, prompt, model=model)
        return Staged(prompt, deployment.release, model)

    def _parts(self, usecase: UseCase, stage: Stage, prompt: PromptVersion) -> ReleaseParts:
        parts = self._setup(usecase, stage).parts
        index = self._indexes.get(usecase.name)
        knowledge = parts.knowledge if index is None else index.version
        return replace(
            parts, prompt=prompt.digest, knowledge=knowledge, price_book=self._prices.edition
        )

    def _deployment(
        self, usecase: UseCase, stage: Stage, prompt: PromptVersion, *, model: str
    ) -> Deployment:
        setup = self._setup(usecase, stage)
        return Deployment(
            model=model,
            usecase=usecase.name,
            scope=self._scope,
            stage=stage,
            created=self._created,
            release=self._parts(usecase, stage, prompt).digest,
            policy=setup.policy,
            guards=usecase.guards,
            documents=self._screens[usecase.name],
            grounding=usecase.grounding,
            prompt=prompt,
            index=self._indexes.get(usecase.name),
            plan=setup.plan,
            budget=usecase.budget,
            stage_budget=setup.budget,
            embedding=usecase.embedding,
        )


class Rehearsing:
    """Implements serve's `Catalogue` for evaluation."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    def find(self, model: str, scope: Scope) -> Deployment | None:
        return self._deployments.rehearse(model, scope)

    def offered(self, scope: Scope) -> Sequence[Deployment]:
        return self._deployments.offered(scope)


def _stage_of(name: str) -> Stage | None:
    try:
        return Stage(name)
    except ValueError:
        return None

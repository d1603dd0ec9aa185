"""The deployments in force, made from the use case files and the indexes beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.knowledge.library import Index
from passerelle.stories.govern.publish import StageSetup, UseCase
from passerelle.stories.serve.documents import DocumentScreen
from passerelle.stories.serve.parts import Deployment


class LiveIndex(Index, Protocol):
    """An index that takes up what ingest has published."""

    def refresh(self) -> bool:
        """True when there was something new; costs next to nothing when not."""
        ...


class Deployments:
    """Implements serve's `Catalogue`; `refresh` takes up what ingest has published."""

    def __init__(
        self,
        usecases: Sequence[UseCase],
        indexes: Mapping[str, LiveIndex],
        *,
        prices: PriceBook,
        scope: Scope,
        created: int,
    ) -> None:
        self._usecases = usecases
        self._indexes = indexes
        self._prices = prices
        self._scope = scope
        self._created = created
        self._by_model = self._deploy()

    def find(self, model: str, scope: Scope) -> Deployment | None:
        found = self._by_model.get(model)
        if found is None or found.scope.organisation != scope.organisation:
            return None
        return found

    def offered(self, scope: Scope) -> Sequence[Deployment]:
        found = (self.find(model, scope) for model in sorted(self._by_model))
        return [deployment for deployment in found if deployment is not None]

    def refresh(self) -> None:
        """Cheap when nothing has changed: one look at each index."""
        news = [index.refresh() for index in self._indexes.values()]
        if any(news):
            self._by_model = self._deploy()

    def _deploy(self) -> dict[str, Deployment]:
        by_model: dict[str, Deployment] = {}
        for usecase in self._usecases:
            screen = DocumentScreen(usecase.guards)
            for stage, setup in usecase.stages.items():
                model = f"{usecase.name}@{stage}"
                by_model[model] = self._deployment(
                    usecase, stage, setup, model=model, screen=screen
                )
            current = by_model.get(f"{usecase.name}@{usecase.profile.stage}")
            if current is not None:
                by_model[usecase.name] = replace(current, model=usecase.name)
        return by_model

    def _deployment(
        self,
        usecase: UseCase,
        stage: Stage,
        setup: StageSetup,
        *,
        model: str,
        screen: DocumentScreen,
    ) -> Deployment:
        index = self._indexes.get(usecase.name)
        parts = replace(setup.parts, price_book=self._prices.edition)
        if index is not None:
            parts = replace(parts, knowledge=index.version)
        return Deployment(
            model=model,
            usecase=usecase.name,
            scope=self._scope,
            stage=stage,
            created=self._created,
            release=parts.digest,
            policy=setup.policy,
            guards=usecase.guards,
            documents=screen,
            grounding=usecase.grounding,
            prompt=setup.prompt,
            index=index,
            plan=setup.plan,
            budget=usecase.budget,
        )

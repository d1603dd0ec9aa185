"""Which version of a prompt is in place where, and how it came there."""

import msgspec
from litestar.params import FromPath, JSONBody

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read, write
from passerelle.adapters.api.usecases import view_of
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.prompts import labels
from passerelle.domain.prompts.labels import Ground
from passerelle.stories.improve.promote import promote, rollback


class PromptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is told, and how much it is shown."""

    digest: str
    name: str
    template: str
    passages: int
    sentences: int
    refuse_below: float
    refusal: str


class PromptMove(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was put in place."""

    id: str
    usecase: str
    stage: Stage
    version: str
    name: str
    ground: Ground
    at_ms: int
    by: str
    reason: str


class PromptInPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What serves one stage."""

    stage: Stage
    version: str
    name: str
    model: str
    """The name to ask for."""
    written: str
    """Name of the version that the use case's file puts there."""
    can_roll_back: bool
    """A promotion is in force."""
    history: list[PromptMove]
    """Last move first; empty while nobody moved it."""


class Prompts(msgspec.Struct, frozen=True, kw_only=True):
    """The prompts of a use case."""

    usecase: str
    versions: list[PromptVersion]
    stages: list[PromptInPlace]


class NewPromotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version to put in place."""

    usecase: str
    stage: Stage
    version: str
    reason: str = ""


class NewRollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promotion to undo."""

    usecase: str
    stage: Stage
    reason: str = ""


async def list_prompts(granted: Granted, parts: ApiParts, *, usecase: FromPath[str]) -> Prompts:
    """Every version, what is in place at each stage that answers, and how it came there."""
    view_of(granted, parts, usecase)
    served = {
        Stage(view.stage)
        for view in parts.usecases(granted.principal.scope)
        if view.name == usecase
    }
    return Prompts(
        usecase=usecase,
        versions=msgspec.convert(
            list(parts.prompts(usecase)), list[PromptVersion], from_attributes=True
        ),
        stages=[_in_place(granted, parts, usecase, stage) for stage in Stage if stage in served],
    )


async def create_promotion(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewPromotion]
) -> Recorded[labels.Label]:
    """Puts a version in place when its evaluation breaks no case that is right now."""
    view_of(granted, parts, data.usecase)
    return await promote(
        granted,
        parts.promotion,
        usecase=data.usecase,
        to_stage=data.stage,
        version=data.version,
        reason=data.reason,
    )


async def create_rollback(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewRollback]
) -> Recorded[labels.Label]:
    """Puts back, at once, what the last promotion replaced."""
    view_of(granted, parts, data.usecase)
    return await rollback(
        granted, parts.promotion, usecase=data.usecase, stage=data.stage, reason=data.reason
    )


def show_prompt_move(label: labels.Label) -> PromptMove:
    return msgspec.convert(label, PromptMove, from_attributes=True)


def _in_place(granted: Granted, parts: ApiParts, usecase: str, stage: Stage) -> PromptInPlace:
    organisation = granted.principal.scope.organisation
    history = parts.promotion.labels.history(usecase, stage, organisation=organisation)
    staged = parts.promotion.versions.in_place(usecase, stage)
    return PromptInPlace(
        stage=stage,
        version=staged.prompt.digest,
        name=staged.prompt.name,
        model=staged.model,
        written=parts.promotion.versions.written(usecase, stage).name,
        can_roll_back=bool(labels.promoted(history)),
        history=[show_prompt_move(label) for label in history],
    )


ROUTES = (
    read("/prompts/{usecase:str}", Permission.PROMPT_READ, list_prompts),
    write(
        "POST",
        "/promotions",
        Permission.PROMPT_PROMOTE,
        create_promotion,
        shows=show_prompt_move,
        status=201,
    ),
    write(
        "POST",
        "/rollbacks",
        Permission.PROMPT_PROMOTE,
        create_rollback,
        shows=show_prompt_move,
        status=201,
    ),
)

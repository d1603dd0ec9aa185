"""Use cases, their documents and the passages that answers cite."""

import msgspec
from litestar.params import FromPath

from passerelle.adapters.api.parts import ApiParts, UseCaseView
from passerelle.adapters.api.routes import read
from passerelle.core.values.errors import NotFound
from passerelle.core.values.ids import PassageId
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.knowledge.documents import DocumentStatus
from passerelle.domain.knowledge.library import Index

CONTEXT = 600
"""Characters of the document shown on each side of a passage."""


class UseCaseKpi(msgspec.Struct, frozen=True, kw_only=True):
    """The figure that decides: where it stood, where it should go, where we stop."""

    name: str
    unit: str
    baseline: float
    target: float
    kill_value: float
    higher_is_better: bool


class UseCaseRoles(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers for what: a name or an e-mail address each."""

    business_owner: str
    developer: str
    security: str
    compliance: str


class UseCase(msgspec.Struct, frozen=True, kw_only=True):
    """A use case at one stage."""

    name: str
    title: str
    goal: str
    stage: str
    model: str
    provider: str
    guards: list[str]
    documents: int
    """Searchable ones; those in quarantine are not counted."""
    passages: int
    knowledge_version: str
    """Empty for a use case without knowledge."""
    kpi: UseCaseKpi | None
    roles: UseCaseRoles | None
    examples: list[str]
    """Questions to begin with; may be empty."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one document."""

    path: str
    title: str
    digest: str
    characters: int
    passages: int
    status: DocumentStatus
    reason: str


class PassageInPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A passage with the text around it."""

    document: str
    title: str
    heading: str
    text: str
    start: int
    end: int
    before: str
    after: str


async def list_usecases(granted: Granted, parts: ApiParts) -> list[UseCase]:
    """Use cases of the organisation, once for each stage at which they are served."""
    return [_usecase(view) for view in parts.usecases(granted.principal.scope)]


async def list_documents(
    granted: Granted, parts: ApiParts, *, usecase: FromPath[str]
) -> list[Document]:
    """Documents of a use case by path, those in quarantine with the reason."""
    index = _index(granted, parts, usecase)
    return msgspec.convert(index.documents(), list[Document], from_attributes=True)


async def show_passage(
    granted: Granted, parts: ApiParts, *, usecase: FromPath[str], passage_id: FromPath[str]
) -> PassageInPlace:
    """A passage as it stands in its document now."""
    index = _index(granted, parts, usecase)
    passage = index.passage(PassageId(passage_id))
    if passage is None:
        raise NotFound("The passage is no longer in the index: its document has changed.")
    text = index.document_text(passage.document) or ""
    return PassageInPlace(
        document=passage.document,
        title=passage.title,
        heading=passage.heading,
        text=passage.text,
        start=passage.start,
        end=passage.end,
        before=text[max(0, passage.start - CONTEXT) : passage.start],
        after=text[passage.end : passage.end + CONTEXT],
    )


def view_of(granted: Granted, parts: ApiParts, usecase: str) -> UseCaseView:
    """The use case at any of its stages. Raises `NotFound` for what the caller may not see."""
    for view in parts.usecases(granted.principal.scope):
        if view.name == usecase:
            return view
    raise NotFound(f"There is no use case {usecase!r}.")


def _usecase(view: UseCaseView) -> UseCase:
    records = view.index.documents() if view.index is not None else ()
    indexed = [record for record in records if record.status == "indexed"]
    return UseCase(
        name=view.name,
        title=view.title,
        goal=view.goal,
        stage=view.stage,
        model=view.model,
        provider=view.provider,
        guards=list(view.guards),
        documents=len(indexed),
        passages=sum(record.passages for record in indexed),
        knowledge_version=view.index.version if view.index is not None else "",
        kpi=msgspec.convert(view.kpi, UseCaseKpi | None, from_attributes=True),
        roles=msgspec.convert(view.roles, UseCaseRoles | None, from_attributes=True),
        examples=list(view.examples),
    )


def _index(granted: Granted, parts: ApiParts, usecase: str) -> Index:
    for view in parts.usecases(granted.principal.scope):
        if view.name == usecase and view.index is not None:
            return view.index
    raise NotFound("There is no use case of that name with documents.")


ROUTES = (
    read("/usecases", Permission.USECASE_READ, list_usecases),
    read("/documents/{usecase:str}", Permission.KNOWLEDGE_READ, list_documents),
    read("/passages/{usecase:str}/{passage_id:str}", Permission.KNOWLEDGE_READ, show_passage),
)

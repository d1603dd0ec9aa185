"""usecase.toml → checked sections → prompts → a release for each stage."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import TypeVar

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault, InvalidConfiguration
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.scope import Stage
from passerelle.core.values.sections import Section
from passerelle.domain.budgets.limits import Budget, parse_budget
from passerelle.domain.grounding.sections import GroundingPolicy, parse_grounding
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.guardrails.sections import parse_guards
from passerelle.domain.knowledge.sections import KnowledgeSection, parse_knowledge
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.plans import Plan, parse_embeddings, parse_route
from passerelle.domain.usecases.charter import Charter, parse_charter
from passerelle.domain.usecases.policies import StagePolicy, StageSection, parse_stages
from passerelle.domain.usecases.profiles import Profile, parse_profile
from passerelle.domain.usecases.releases import ReleaseParts
from passerelle.domain.usecases.timetable import Timetable, parse_timetable
from passerelle.stories.govern.lines import Lines
from passerelle.stories.govern.shelves import ListFiles, PromptShelf, ReadFile, no_files

_SYNTAX_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_REQUIRED = ("usecase", "charter", "route")
_OPTIONAL = (
    "stages",
    "prompt",
    "knowledge",
    "embeddings",
    "guards",
    "grounding",
    "budget",
    "plan",
)

Value = TypeVar("Value")
Table = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class StageSetup:
    """All that serves a use case at one stage."""

    policy: StagePolicy
    prompt: PromptVersion
    plan: Plan
    budget: Budget | None
    """What the stage may spend beside the use case's own budget."""
    parts: ReleaseParts
    """Their digest is the release; serving puts in the index's version and the price book."""

    @property
    def release(self) -> Digest:
        return self.parts.digest


@dataclass(frozen=True, slots=True)
class UseCase:
    """A use case file that has no faults."""

    profile: Profile
    charter: Charter
    knowledge: KnowledgeSection | None
    """None when it answers without documents."""
    guards: tuple[GuardPolicy, ...]
    grounding: GroundingPolicy
    budget: Budget
    timetable: Timetable
    embedding: Plan | None
    """Where its embeddings come from; None when it has none."""
    stages: Mapping[Stage, StageSetup]
    """The current stage and those that the file has a table for; empty once retired."""
    reachable: Mapping[Stage, StageSetup]
    """Every stage, with its defaults where the file has no table for it; empty once retired."""
    shelf: PromptShelf
    """All its prompt versions, those that no stage names yet too."""

    @property
    def name(self) -> str:
        return self.profile.name


@dataclass(frozen=True, slots=True)
class UseCaseFile:
    """One `usecase.toml` and a way to the files beside it."""

    text: str
    file: str
    """What to call it in messages."""
    read_file: ReadFile
    list_files: ListFiles = no_files


def read_usecase(
    text: str, file: str, read_file: ReadFile, list_files: ListFiles = no_files
) -> UseCase:
    """Reads one use case, or raises `InvalidConfiguration` with all faults, file and line."""
    usecase, faults = _read(UseCaseFile(text, file, read_file, list_files))
    if usecase is None:
        raise InvalidConfiguration(faults)
    return usecase


def read_usecases(files: Iterable[UseCaseFile]) -> tuple[UseCase, ...]:
    """Reads all use cases of an installation; a name is used once, and is that of its folder."""
    usecases: list[UseCase] = []
    faults: list[Fault] = []
    names: dict[str, str] = {}
    for each in files:
        usecase, found = _read(each)
        faults += found
        name = usecase.name if usecase else _name_of(each.text)
        if name and (message := _why_not_its_name(name, each.file, names)):
            line = Lines(each.text).line(("usecase", "name"))
            faults.append(Fault(("usecase", "name"), message, each.file, line))
        names.setdefault(name, each.file)
        if usecase:
            usecases.append(usecase)
    if faults:
        raise InvalidConfiguration(faults)
    return tuple(usecases)


def _why_not_its_name(name: str, file: str, taken: Mapping[str, str]) -> str:
    if name in taken:
        return f'"{name}" is already the name of {taken[name]}'
    folder = PurePosixPath(file).parent.name
    return f'must be the name of its folder, "{folder}"' if folder not in ("", name) else ""


def _name_of(text: str) -> str:
    """The name in a file that may have other faults."""
    try:
        profile = tomllib.loads(text.removeprefix("\ufeff")).get("usecase")
    except tomllib.TOMLDecodeError:
        return ""
    return str(profile.get("name", "")) if isinstance(profile, dict) else ""


def _read(source: UseCaseFile) -> tuple[UseCase | None, tuple[Fault, ...]]:
    text = source.text.removeprefix("\ufeff")
    try:
        table: dict[str, JsonValue] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX_LINE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        return None, (Fault((), f"not valid TOML: {error}", source.file, line),)
    reading = _Reading(source)
    usecase = reading.usecase(table)
    lines = Lines(text)
    faults = tuple(
        fault if fault.file else replace(fault, file=source.file, line=lines.line(fault.where))
        for fault in reading.faults
    )
    ordered = tuple(sorted(faults, key=lambda fault: (fault.file != source.file, fault.line)))
    return (None, ordered) if ordered else (usecase, ())


class _Reading:
    """Joins the sections of one file; goes on after a fault so that all are found."""

    def __init__(self, source: UseCaseFile) -> None:
        self._source = source
        self.faults: list[Fault] = []

    def usecase(self, table: Table) -> UseCase | None:
        section = Section(table)
        parts: dict[str, Table] = {
            name: section.unread(name)
            for name in (*_REQUIRED, *_OPTIONAL)
            if name in section or name not in (*_REQUIRED, "knowledge", "embeddings")
        }
        self.faults += section.done()
        self.faults += [
            Fault((name,), f"the section [{name}] is missing")
            for name in _REQUIRED
            if name not in parts
        ]
        profile = self._parsed(parse_profile, parts.get("usecase"))
        charter = self._parsed(parse_charter, parts.get("charter"))
        knowledge = self._parsed(parse_knowledge, parts.get("knowledge"))
        embedding = self._parsed(parse_embeddings, parts.get("embeddings"))
        guards = self._parsed(parse_guards, parts["guards"])
        grounding = self._parsed(parse_grounding, parts["grounding"])
        budget = self._parsed(parse_budget, parts["budget"])
        timetable = self._parsed(parse_timetable, parts["plan"])
        stage = profile.stage if profile else Stage.POC
        sections = self._keep(parse_stages(parts["stages"], stage)) or {}
        reachable, shelf = self._stages(_with_defaults(sections), parts)
        if profile and charter:
            self._refuse_unnamed_roles(profile, charter)
        if not (profile and charter and grounding and budget and timetable and guards is not None):
            return None
        if stage is Stage.RETIRED:
            reachable = {}
        return UseCase(
            profile,
            charter,
            knowledge,
            guards,
            grounding,
            budget,
            timetable,
            embedding,
            stages={each: setup for each, setup in reachable.items() if each in sections},
            reachable=reachable,
            shelf=shelf,
        )

    def _parsed(
        self,
        parse: Callable[[Table], tuple[Value | None, tuple[Fault, ...]]],
        table: Table | None,
    ) -> Value | None:
        return None if table is None else self._keep(parse(table))

    def _keep(self, parsed: tuple[Value | None, tuple[Fault, ...]]) -> Value | None:
        value, faults = parsed
        self.faults += faults
        return value

    def _refuse_unnamed_roles(self, profile: Profile, charter: Charter) -> None:
        if profile.stage in (Stage.POC, Stage.RETIRED):
            return
        for role in charter.roles.unnamed:
            message = f"must be held by somebody before stage {profile.stage}"
            self.faults.append(Fault(("charter", "roles", role), message))

    def _stages(
        self, sections: Mapping[Stage, StageSection], parts: Mapping[str, Table]
    ) -> tuple[dict[Stage, StageSetup], PromptShelf]:
        section = Section(parts["prompt"], "prompt")
        folder = section.text("directory", "prompts")
        usual = section.text("version", "v1")
        self.faults += section.done()
        source = self._source
        shelf = PromptShelf(source.file, folder, source.read_file, source.list_files)
        prompts = self._prompts(shelf, {("prompt", "version"): usual} | _named_prompts(sections))
        setups: dict[Stage, StageSetup] = {}
        for stage, each in sections.items():
            plan = self._plan(parts.get("route"), stage, each.route)
            prompt = prompts.get(each.prompt or usual)
            if plan and prompt:
                release = _release(prompt, plan, each.policy, parts)
                budget = self._stage_budget(stage, each)
                setups[stage] = StageSetup(each.policy, prompt, plan, budget, release)
        return setups, shelf

    def _prompts(
        self, shelf: PromptShelf, wanted: Mapping[tuple[str, ...], str]
    ) -> dict[str, PromptVersion]:
        prompts: dict[str, PromptVersion] = {}
        for where, version in wanted.items():
            if version and version not in prompts:
                prompt = self._keep(shelf.version(version, named_at=where))
                if prompt:
                    prompts[version] = prompt
        return prompts

    def _stage_budget(self, stage: Stage, section: StageSection) -> Budget | None:
        if section.budget is None:
            return None
        budget, faults = parse_budget(section.budget)
        self.faults += [
            replace(fault, where=("stages", stage.value, *fault.where)) for fault in faults
        ]
        return budget

    def _plan(self, usual: Table | None, stage: Stage, override: Table) -> Plan | None:
        if usual is None:
            return None
        plan, faults = parse_route({**usual, **override})
        # A key that the stage sets is wrong there, all others are wrong in [route].
        for fault in faults:
            at_stage = len(fault.where) > 1 and fault.where[1] in override
            where = ("stages", stage.value, *fault.where) if at_stage else fault.where
            placed = replace(fault, where=where)
            if placed not in self.faults:
                self.faults.append(placed)
        return plan


def _with_defaults(sections: Mapping[Stage, StageSection]) -> Mapping[Stage, StageSection]:
    """Adds the stages that the file has no table for, as they would be."""
    defaults: dict[Stage, StageSection] = {}
    for stage in Stage:
        defaults |= parse_stages({}, stage)[0] or {}
    return defaults | dict(sections)


def _named_prompts(sections: Mapping[Stage, StageSection]) -> dict[tuple[str, ...], str]:
    return {("stages", stage.value, "prompt"): each.prompt for stage, each in sections.items()}


def _release(
    prompt: PromptVersion, plan: Plan, policy: StagePolicy, parts: Mapping[str, Table]
) -> ReleaseParts:
    return ReleaseParts(
        prompt=prompt.digest,
        route=plan.digest,
        guards=digest_of(parts["guards"]),
        grounding=digest_of(parts["grounding"]),
        policy=digest_of(asdict(policy)),
        knowledge=digest_of(parts.get("knowledge")),
    )

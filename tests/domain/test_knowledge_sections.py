"""The [knowledge] section: what it means, and every fault at once."""

from passerelle.core.values.chat import JsonValue
from passerelle.domain.knowledge.sections import FolderSource, KnowledgeSection, parse_knowledge
from passerelle.domain.knowledge.splitting import Splitting


def test_a_folder_is_enough() -> None:
    section, faults = parse_knowledge({"sources": [{"folder": "knowledge"}]})
    assert faults == ()
    assert section == KnowledgeSection((FolderSource("knowledge", ("**/*",), ()),), Splitting())


def test_everything_can_be_said() -> None:
    section, faults = parse_knowledge(
        {
            "sources": [
                {
                    "folder": "../../docs",
                    "include": ["**/*.md"],
                    "exclude": ["drafts/**"],
                    "prefix": "docs/",
                }
            ],
            "passages": {"target": 500, "longest": 800, "overlap": True},
        }
    )
    assert faults == ()
    assert section is not None
    assert section.sources == (FolderSource("../../docs", ("**/*.md",), ("drafts/**",), "docs"),)
    assert section.splitting == Splitting(500, 800, overlap=True)


def test_all_faults_are_told_together() -> None:
    table: dict[str, JsonValue] = {
        "sources": [
            {"folder": "a", "include": ["../secret/*"], "exclude": ["/etc/*"]},
            {"folder": "b", "prefix": "../x", "includes": []},
            {"folder": 3},
            {"folder": "a"},
        ],
        "passages": {"target": 900, "longest": 200},
        "source": 1,
    }
    section, faults = parse_knowledge(table)
    assert section is None
    told = "\n".join(str(fault) for fault in faults)
    for part in (
        'knowledge.sources.0.include: "../secret/*" must be relative',
        'knowledge.sources.0.exclude: "/etc/*" must be relative',
        "knowledge.sources.1.prefix: must be relative",
        'knowledge.sources.1.includes: unknown key; did you mean "include"?',
        "knowledge.sources.2.folder: must be a text",
        '"a" is named twice',
        "knowledge.passages.target: must not be above longest",
        "knowledge.source: unknown key",
    ):
        assert part in told


def test_no_source_is_a_fault_that_shows_one() -> None:
    section, faults = parse_knowledge({})
    assert section is None
    assert 'such as {folder = "docs"}' in str(faults[0])

import pytest

from passerelle.domain.prompts.versions import parse_prompt

HEAD = '+++\npassages = 4\nsentences = 2\nrefuse_below = 0.3\nrefusal = "I do not know."\n+++\n'


def test_a_prompt_file_gives_an_immutable_version() -> None:
    version, faults = parse_prompt("v1", HEAD + "\nAnswer from:\n{{passages}}\n")
    assert faults == ()
    assert version is not None
    assert version.template == "Answer from:\n{{passages}}"
    assert (version.passages, version.sentences, version.refuse_below) == (4, 2, 0.3)
    assert version.refusal == "I do not know."


def test_the_digest_follows_the_contents_and_not_the_name() -> None:
    body = "Answer from {{passages}}."
    first, _ = parse_prompt("v1", HEAD + body)
    same, _ = parse_prompt("v2", (HEAD + body).replace("\n", "\r\n"))
    wording, _ = parse_prompt("v1", HEAD + body + " Be brief.")
    setting, _ = parse_prompt("v1", HEAD.replace("0.3", "0.4") + body)
    digests = [version.digest for version in (first, same, wording, setting) if version]
    assert digests[0] == digests[1]
    assert len(digests) == 4
    assert len(set(digests)) == 3


def test_an_unknown_variable_is_a_fault_on_its_line() -> None:
    version, faults = parse_prompt("v1", HEAD + "Dear {{user}},\n{{passages}}", file="p/v1.md")
    assert version is None
    assert str(faults[0]) == (
        "p/v1.md:7: unknown variable {{user}}; known are {{passages}} and {{refusal}}"
    )


def test_an_unknown_setting_is_a_fault_on_its_line() -> None:
    text = HEAD.replace("sentences", "sentence") + "{{passages}}"
    _, faults = parse_prompt("v1", text, file="v1.md")
    assert str(faults[0]).startswith('v1.md:3: sentence: unknown key; did you mean "sentences"')


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Answer.", 1, "between two lines"),
        ("+++\npassages = = 1\n+++\n{{passages}}", 2, "not valid TOML"),
        (HEAD, 7, "no text"),
        (HEAD + "No variable at all.", 7, "exactly once"),
        (HEAD + "{{passages}} {{passages}}", 7, "exactly once"),
        (HEAD.replace("= 4", "= 0") + "{{passages}}", 7, "passages = 0"),
        (HEAD.replace('"I do not know."', '""') + "{{passages}}", 5, "must not be empty"),
        (HEAD.replace("0.3", "1.5") + "{{passages}}", 4, "at most 1"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, words: str) -> None:
    version, faults = parse_prompt("v1", text, file="v1.md")
    assert version is None
    assert [fault.line for fault in faults] == [line]
    assert words in faults[0].message


def test_a_prompt_without_knowledge_needs_no_passages() -> None:
    version, faults = parse_prompt("v1", HEAD.replace("= 4", "= 0") + "Just chat.")
    assert faults == ()
    assert version is not None

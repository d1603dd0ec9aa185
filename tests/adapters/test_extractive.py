from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.adapters.providers.extractive import REFUSAL, Extractive
from passerelle.core.values.chat import (
    NO_OPTIONS,
    Format,
    JsonObject,
    Media,
    Message,
    Options,
    Tool,
    ToolChoice,
)
from passerelle.core.values.ids import Digest, PassageId
from passerelle.core.values.passages import Hit, Passage
from passerelle.core.values.verdicts import Support
from passerelle.domain.grounding.detector import ground
from passerelle.domain.routing.providers import EmbeddingCall, Inexpressible, ModelCall

BRIDGE = """## The bridge

The footbridge over the Rhine was built in 1922 by Maria Keller. It is 1.5 km long.[4][5] It
carries 4,000 people a day.

<div class="note">Cyclists must not cross the footbridge.</div>

| place | toll |
|-------|------|
| north gate | 5 euros |
| south gate | 7 euros |
"""
COMMANDS = """# Commands

To start the gateway on another port, give it the port:

```sh
make run ARGS="--port 18080"
```

**Passage**: a piece of a document with its place. The gateway listens on port 8080.
"""


def hit(text: str, place: int = 0, *, title: str = "Title", heading: str = "") -> Hit:
    name = f"psg_{place}"
    passage = Passage(
        PassageId(name), f"{name}.md", title, heading, text, 0, len(text), Digest("0" * 64)
    )
    return Hit(passage, 9.0 - place)


HITS = (hit(BRIDGE), hit(COMMANDS, 1))


def call(
    question: str,
    hits: tuple[Hit, ...] = HITS,
    *,
    sentences: int = 1,
    refuse_below: float = 0.4,
    options: Options = NO_OPTIONS,
) -> ModelCall:
    return ModelCall(
        model="extractive",
        messages=(Message("system", "Be brief."), Message("user", question)),
        question=question,
        hits=hits,
        sentences=sentences,
        refuse_below=refuse_below,
        refusal="I do not know.",
        deadline_seconds=60,
        options=options,
    )


async def answer(question: str, hits: tuple[Hit, ...] = HITS, *, sentences: int = 1) -> str:
    completion = await Extractive().complete(call(question, hits, sentences=sentences))
    return completion.text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "Who built the bridge over the Rhine?",
            "The footbridge over the Rhine was built in 1922 by Maria Keller. [1]",
        ),
        ("How long is the footbridge in km?", "It is 1.5 km long. [1]"),
        ("How many people does it carry a day?", "It carries 4,000 people a day. [1]"),
        ("What is a passage?", "**Passage**: a piece of a document with its place. [2]"),
        ("Which port does the gateway listen on?", "The gateway listens on port 8080. [2]"),
        ("how many peeple does it cary a day", "It carries 4,000 people a day. [1]"),
    ],
)
async def test_the_sentence_that_answers_is_quoted_and_cited(question: str, expected: str) -> None:
    assert await answer(question) == expected


async def test_a_sentence_that_introduces_code_brings_it_along() -> None:
    assert await answer("How do I start the gateway on another port?") == (
        "To start the gateway on another port, give it the port:\n\n"
        '```sh\nmake run ARGS="--port 18080"\n```\n\n[2]'
    )


async def test_a_table_row_is_quoted_below_its_header() -> None:
    assert await answer("What is the toll at the south gate?") == (
        "| place | toll |\n|---|---|\n| south gate | 7 euros |\n\n[1]"
    )


async def test_rows_of_one_table_share_their_header() -> None:
    text = await answer("What is the toll at the north gate and south gate?", sentences=2)
    assert text == (
        "| place | toll |\n|---|---|\n| north gate | 5 euros |\n| south gate | 7 euros |\n\n[1]"
    )


async def test_headings_and_markup_are_never_quoted() -> None:
    only = (hit("# The great bridge\n\n<b>The great bridge</b> is long.\n\n```\nbridge\n```"),)
    assert await answer("What is the great bridge?", only) == "I do not know."


async def test_a_row_whose_header_is_elsewhere_is_not_quoted() -> None:
    assert await answer("south gate?", (hit("| south gate | 7 |"),)) == "I do not know."


async def test_at_most_so_many_sentences_are_quoted() -> None:
    for most in (1, 2, 3):
        text = await answer("How long is the footbridge over the Rhine?", sentences=most)
        assert 1 <= text.count("[") <= most


@pytest.mark.parametrize(
    "question",
    ["What is the capital of Peru?", "Which telephone number has the hotline?", "", "?", "the"],
)
async def test_what_the_passages_do_not_answer_is_refused(question: str) -> None:
    assert await answer(question) == "I do not know."


async def test_a_higher_bar_refuses_more() -> None:
    asked = "Who built the bridge over the river Rhine in Basel?"
    for bar, refuses in ((0.2, False), (0.99, True)):
        completion = await Extractive().complete(call(asked, refuse_below=bar))
        assert (completion.text == "I do not know.") is refuses


async def test_without_hits_it_refuses() -> None:
    assert await answer("Who built the bridge?", ()) == "I do not know."


async def test_a_call_without_words_for_refusing_gets_the_providers_own() -> None:
    asked = call("Who?", ())
    without = ModelCall(
        asked.model,
        asked.messages,
        asked.question,
        asked.hits,
        sentences=1,
        refuse_below=0.5,
        refusal="",
        deadline_seconds=1,
    )
    assert (await Extractive().complete(without)).text == REFUSAL
    assert (await Extractive(refusal="Unbekannt.").complete(without)).text == "Unbekannt."


async def test_title_and_heading_tell_what_a_passage_is_about() -> None:
    about = hit("It opens at nine. Nobody works there.", 0, title="Town hall", heading="Hours")
    assert await answer("When does the town hall open?", (about,)) == "It opens at nine. [1]"


async def test_wrapped_lines_are_joined_and_foreign_citations_left_out() -> None:
    text = await answer("How many people does it carry a day?")
    assert "\n" not in text
    assert "[4]" not in await answer("How long is the footbridge in km?")


async def test_what_is_quoted_is_grounded() -> None:
    for question in ("Who built the bridge?", "How do I start the gateway on another port?"):
        text = await answer(question, sentences=3)
        grounding = ground(text, [each.passage for each in HITS])
        assert grounding.support is Support.SUPPORTED


async def test_usage_is_counted_by_us_and_says_so() -> None:
    completion = await Extractive().complete(call("Who built the bridge?"))
    usage = completion.usage
    assert usage.estimated
    assert usage.output_tokens == -(-len(completion.text) // 4)
    assert usage.input_tokens == 3 + 4 + 6 + 4
    assert (completion.model, completion.finish_reason) == ("extractive-1", "stop")


async def test_a_token_limit_cuts_the_answer() -> None:
    completion = await Extractive().complete(
        call("Who built the bridge?", options=Options(max_tokens=5))
    )
    assert completion.finish_reason == "length"
    assert completion.usage.output_tokens <= 5


async def test_a_stop_text_ends_the_answer_before_it() -> None:
    options = Options(stop=("nowhere", "in 1922"))
    completion = await Extractive().complete(call("Who built the bridge?", options=options))
    assert completion.text == "The footbridge over the Rhine was built "
    assert completion.finish_reason == "stop"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (Options(n=2), "n"),
        (Options(tools=(Tool("f"),)), "tools"),
        (Options(format=Format()), "response_format"),
        (Options(logprobs=True), "logprobs"),
        (Options(extras={"logit_bias": {"1": 1}}), "logit_bias"),
    ],
    ids=str,
)
async def test_what_quotations_cannot_do_is_refused_by_name(options: Options, param: str) -> None:
    asked = call("Who built the bridge?", options=options)
    with pytest.raises(Inexpressible) as caught:
        await Extractive().complete(asked)
    assert caught.value.param == param
    with pytest.raises(Inexpressible):
        await anext(Extractive().stream(asked))


async def test_what_makes_no_difference_to_quotations_is_accepted() -> None:
    extras: JsonObject = {"store": True, "metadata": {"a": "b"}}
    options = Options(
        temperature=1.0,
        top_p=0.5,
        seed=1,
        presence_penalty=1.0,
        effort="low",
        tools=(Tool("f"),),
        tool_choice=ToolChoice("none"),
        extras=extras,
    )
    asked = call("How long is the footbridge in km?", options=options)
    assert (await Extractive().complete(asked)).text == "It is 1.5 km long. [1]"


async def test_pictures_and_vectors_are_refused() -> None:
    picture = Message("user", "", (Media("image", url="https://a.example"),))
    asked = replace(call("Who?"), messages=(picture,))
    with pytest.raises(Inexpressible) as caught:
        await Extractive().complete(asked)
    assert caught.value.param == "messages[0].content"
    with pytest.raises(Inexpressible):
        await Extractive().embed(EmbeddingCall("extractive", ("a",), 1.0))


@pytest.mark.parametrize("question", ["Who built the bridge?", "What is the capital of Peru?"])
async def test_a_stream_gives_the_same_answer_in_pieces(question: str) -> None:
    provider = Extractive()
    whole = await provider.complete(call(question, sentences=3))
    pieces = [piece async for piece in provider.stream(call(question, sentences=3))]
    assert "".join(piece.text for piece in pieces) == whole.text
    assert [piece.usage for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert (pieces[-1].finish_reason, pieces[-1].usage) == ("stop", whole.usage)
    await provider.close()


@given(st.text(max_size=80), st.lists(st.text(max_size=200), max_size=3))
async def test_any_question_and_any_passages_get_an_answer(question: str, texts: list[str]) -> None:
    hits = tuple(hit(text, place) for place, text in enumerate(texts))
    provider = Extractive()
    completion = await provider.complete(call(question, hits, sentences=2))
    assert completion.text
    pieces = [piece.text async for piece in provider.stream(call(question, hits, sentences=2))]
    assert "".join(pieces) == completion.text


@pytest.mark.parametrize("part", ["<a ", "a: ", ". ", "| a ", "[1] ", "x", "\n", "a is "])
async def test_no_passage_takes_more_than_its_share_of_time(part: str) -> None:
    # A quadratic pattern needs minutes for this length.
    text = part * (100_000 // len(part)) + "bridge"
    assert await answer("bridge", (hit(text),))

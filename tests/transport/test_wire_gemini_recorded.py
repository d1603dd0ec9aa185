"""All recorded calls of generateContent, by the Gemini API and by Vertex AI."""

import json
import re
from pathlib import Path

import pytest

from passerelle.core.values.chat import Completion, Message
from passerelle.domain.routing.providers import EmbeddingCall
from passerelle.transport.wire.gemini_answers import decode_completion
from passerelle.transport.wire.gemini_embeddings import ask_gemini, decode_answer
from passerelle.transport.wire.gemini_errors import decode_error
from passerelle.transport.wire.gemini_requests import encode_request
from passerelle.transport.wire.gemini_streams import GeminiReader
from passerelle.transport.wire.vectors import together
from tests.recordings import Recorded, recorded
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_of, call_to, in_camels, normal

GENERATE = r"(generativelanguage|aiplatform)\.googleapis\.com/.*:(streamG|g)enerateContent"
CALL = call_to("gemini-3-pro", Message("user", "Hello"))


@pytest.fixture(scope="module")
def calls(data_sets: Path) -> tuple[Recorded, ...]:
    found = recorded(data_sets, GENERATE)
    assert len(found) >= 90
    return found


def answered(call: Recorded) -> Completion:
    if not call.streamed:
        return decode_completion(call.body)
    reader = GeminiReader(CALL)
    return gathered(reader.push(call.body) + reader.finish())


def told(call: Recorded) -> list[dict[str, object]]:
    """Every object of the answer, by another parser than ours."""
    if not call.streamed:
        return [json.loads(call.body)]
    blocks = call.body.decode().replace("\r", "").split("\n\n")
    return [json.loads(block.removeprefix("data: ")) for block in blocks if block.strip()]


def test_every_answer_has_the_texts_calls_and_tokens_that_were_recorded(
    calls: tuple[Recorded, ...],
) -> None:
    for call in calls:
        completion = answered(call)
        events = json.loads(json.dumps(told(call)))
        parts = [
            part for event in events for part in event["candidates"][0]["content"].get("parts", [])
        ]
        spoken = "".join(part["text"] for part in parts if "text" in part and "thought" not in part)
        assert completion.text == spoken, str(call)
        asked = [part["functionCall"] for part in parts if "functionCall" in part]
        choice = completion.choices[0]
        assert [
            {"name": each.name, "args": json.loads(each.arguments)} for each in choice.tool_calls
        ] == [{"name": each["name"], "args": each["args"]} for each in asked]
        for each, given in zip(choice.tool_calls, asked, strict=True):
            assert each.id == given.get("id", each.id) != ""
        usage = events[-1]["usageMetadata"]
        ours = completion.usage
        assert ours.input_tokens + ours.output_tokens == usage["totalTokenCount"], str(call)
        assert ours.cached_input_tokens == usage.get("cachedContentTokenCount", 0)
        assert ours.reasoning_tokens == usage.get("thoughtsTokenCount", 0)
        assert completion.model == events[-1]["modelVersion"]


def test_no_signature_and_no_part_of_an_answer_is_lost(calls: tuple[Recorded, ...]) -> None:
    signed = 0
    for call in calls:
        choice = answered(call).choices[0]
        kept = json.dumps([choice.extras, str(choice.thoughts), str(choice.tool_calls)])
        for found in re.findall(rb'"thoughtSignature": ?"([^"]+)"', call.body):
            assert found.decode() in kept, str(call)
            signed += 1
        for kind in ("executableCode", "codeExecutionResult", "toolCall", "toolResponse"):
            assert kept.count(f'"{kind}":') == call.body.decode().count(f'"{kind}":'), str(call)
    assert signed > 50


def test_answer_handed_back_is_what_the_model_wrote(calls: tuple[Recorded, ...]) -> None:
    """Parts of an answer come back as they were, but for their order and for merged texts."""
    for call in calls:
        choice = answered(call).choices[0]
        turn = Message(
            "assistant",
            choice.text,
            tool_calls=choice.tool_calls,
            thoughts=choice.thoughts,
            extras={k: v for k, v in choice.extras.items() if k == "extra_content"},
        )
        back = json.loads(encode_request(call_to("gemini-2.5-pro", turn)))["contents"][0]["parts"]
        parts = [
            part
            for event in json.loads(json.dumps(told(call)))
            for part in event["candidates"][0]["content"].get("parts", [])
        ]
        assert [part for part in back if "executableCode" in part or "toolCall" in part] == [
            part for part in parts if "executableCode" in part or "toolCall" in part
        ]
        written = json.dumps(back)
        for part in parts:
            if signature := part.get("thoughtSignature"):
                assert signature in written, str(call)


def test_requests_are_written_as_recorded_clients_wrote_them(calls: tuple[Recorded, ...]) -> None:
    compared = 0
    for call in calls:
        request = json.loads(call.request_body)
        if "labels" in request:  # of Vertex AI's billing: no client of ours can say them
            continue
        found = re.search(r"models/([^:]+):", call.uri)
        assert found is not None
        ours = encode_request(call_of(in_camels(request), found[1]), combines_tools=True)
        assert normal(json.loads(ours)) == normal(request), str(call)
        compared += 1
    assert compared >= 88


def test_embeddings_are_asked_for_and_read_as_recorded(data_sets: Path) -> None:
    found = recorded(data_sets, r"generativelanguage.*:batchEmbedContents")
    assert len(found) >= 8
    for each in found:
        asked = json.loads(each.request_body)["requests"]
        first = asked[0]
        call = EmbeddingCall(
            model=first["model"].removeprefix("models/"),
            inputs=tuple(one["content"]["parts"][0]["text"] for one in asked),
            deadline_seconds=1,
            dimensions=first.get("outputDimensionality"),
            extras={"task_type": first["taskType"]} if "taskType" in first else {},
        )
        asking = ask_gemini(call)
        assert each.uri.endswith(asking.verb)
        assert [json.loads(body) for body in asking.bodies] == [{"requests": asked}], str(each)
        if each.status != 200:
            assert decode_error(each.body).code == each.status
            continue
        answer = json.loads(each.body)
        embeddings = together([decode_answer(each.body)], call)
        lengths = [len(one["values"]) * 4 for one in answer["embeddings"]]
        assert [len(vector) for vector in embeddings.vectors] == lengths
        tokens = answer.get("usageMetadata", {}).get("promptTokenCount")
        assert embeddings.usage.estimated is (tokens is None)
        assert tokens in (None, embeddings.usage.input_tokens)

"""Google's own client beside our provider at the same upstream: both must ask and read alike."""

import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.genai import Client, types
from google.oauth2.credentials import Credentials

from passerelle.adapters.providers.google import Gemini, Vertex
from passerelle.adapters.providers.vertex_models import Place
from passerelle.core.values.chat import (
    Completion,
    Format,
    Media,
    Message,
    Options,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from passerelle.core.values.clock import SystemClock
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.jwt_bearer import JwtBearer, service_account
from tests.adapters.google_upstream import (
    API_KEY,
    TokenEndpoint,
    gemini_upstream,
    key_file,
    path_of,
    vertex_upstream,
)
from tests.adapters.signed_upstream import Answer, SignedUpstream, recorded_answer
from tests.adapters.upstream import Seen
from tests.recordings import Recorded, recorded
from tests.transport.gathered import gathered
from tests.transport.gemini_calls import call_to, normal

MODEL = "gemini-2.5-flash"
USER = Message("user", "How warm is it in Oslo?")
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}}


@dataclass(frozen=True)
class Read:
    """What a client makes of an answer."""

    text: str
    calls: tuple[tuple[str, str], ...]
    input_tokens: int
    output_tokens: int
    thinking_tokens: int


def theirs(answers: Iterable[types.GenerateContentResponse]) -> Read:
    *_, last = told = list(answers)
    parts = [
        part
        for each in told
        for part in (each.candidates or [types.Candidate()])[0].content.parts or ()  # type: ignore[union-attr]
    ]
    usage = last.usage_metadata or types.GenerateContentResponseUsageMetadata()
    thinking = usage.thoughts_token_count or 0
    return Read(
        "".join(part.text or "" for part in parts if not part.thought),
        tuple(
            (part.function_call.name or "", json.dumps(part.function_call.args))
            for part in parts
            if part.function_call
        ),
        (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        (usage.candidates_token_count or 0) + thinking,
        thinking,
    )


def ours(completion: Completion) -> Read:
    usage = completion.usage
    return Read(
        completion.text,
        tuple(
            (call.name, json.dumps(json.loads(call.arguments)))
            for call in completion.choices[0].tool_calls
        ),
        usage.input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )


@asynccontextmanager
async def both(
    answers: Callable[[Seen], Answer],
) -> AsyncGenerator[tuple[Gemini, Client, SignedUpstream], None]:
    async with gemini_upstream(answers) as there:
        provider = Gemini("gemini", f"{there.url}/v1beta", API_KEY, Connections())
        options = types.HttpOptions(base_url=there.url, api_version="v1beta")
        client = Client(api_key=API_KEY, http_options=options)
        yield provider, client, there
        await client.aio.aclose()
        await provider.close()


async def test_both_read_recorded_answers_alike(data_sets: Path) -> None:
    found = recorded(data_sets, r"generativelanguage\.googleapis\.com/.*enerateContent")
    assert len(found) >= 80
    waiting: list[Recorded] = []
    async with both(lambda _: recorded_answer(waiting[0])) as (provider, client, _):
        for each in found:
            waiting[:] = [each]
            if each.streamed:
                stream = await client.aio.models.generate_content_stream(
                    model=MODEL, contents="How warm is it in Oslo?"
                )
                expected = theirs([chunk async for chunk in stream])
                got = gathered([p async for p in provider.stream(call_to(MODEL, USER))])
            else:
                whole = await client.aio.models.generate_content(
                    model=MODEL, contents="How warm is it in Oslo?"
                )
                expected = theirs([whole])
                got = await provider.complete(call_to(MODEL, USER))
            assert ours(got) == expected, str(each)


def told(*parts: Any, reason: str = "STOP") -> Any:
    candidate: Any = {"content": {"role": "model", "parts": [*parts]}}
    usage = {
        "promptTokenCount": 20,
        "toolUsePromptTokenCount": 4,
        "candidatesTokenCount": 6,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 60,
    }
    return {
        "candidates": [candidate | ({"finishReason": reason} if reason else {})],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash-001",
    }


async def test_both_read_thoughts_calls_and_usage_alike() -> None:
    parts = (
        {"text": "Hm.", "thought": True},
        {"text": "I look: 東京 "},
        {"text": "🙂", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}},
    )

    def answers(seen: Seen) -> Answer:
        if "stream" not in path_of(seen):
            return Answer(json.dumps(told(*parts)).encode())
        events = [told(part, reason="") for part in parts[:3]] + [told(parts[3])]
        body = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in events)
        return Answer(body.encode(), headers=(("content-type", "text/event-stream"),))

    async with both(answers) as (provider, client, _):
        whole = await client.aio.models.generate_content(model=MODEL, contents="Warm?")
        stream = await client.aio.models.generate_content_stream(model=MODEL, contents="Warm?")
        chunks = [chunk async for chunk in stream]
        completion = await provider.complete(call_to(MODEL, USER))
        pieces = [piece async for piece in provider.stream(call_to(MODEL, USER))]
    expected = Read("I look: 東京 🙂", (("weather", '{"city": "Oslo"}'),), 24, 36, 30)
    assert theirs([whole]) == theirs(chunks) == expected
    assert ours(completion) == ours(gathered(pieces)) == expected


CONTENTS = [
    types.Content(
        role="user",
        parts=[
            types.Part(text="See."),
            types.Part(inline_data=types.Blob(data=b"hi", mime_type="image/png")),
            types.Part(
                file_data=types.FileData(file_uri="https://a.b/c.pdf", mime_type="application/pdf")
            ),
        ],
    ),
    types.Content(
        role="model",
        parts=[
            types.Part(text="Looking."),
            types.Part(
                function_call=types.FunctionCall(id="c1", name="weather", args={"city": "Oslo"}),
                thought_signature=b"sig",
            ),
        ],
    ),
    types.Content(
        role="user",
        parts=[
            types.Part(
                function_response=types.FunctionResponse(
                    id="c1", name="weather", response={"output": "4 °C"}
                )
            )
        ],
    ),
]
CONFIG = types.GenerateContentConfig(
    system_instruction="Be brief.",
    max_output_tokens=10,
    temperature=0.5,
    top_p=0.9,
    stop_sequences=["END"],
    seed=7,
    candidate_count=2,
    presence_penalty=0.1,
    frequency_penalty=0.2,
    response_logprobs=True,
    logprobs=3,
    response_mime_type="application/json",
    response_json_schema=SCHEMA,
    thinking_config=types.ThinkingConfig(thinking_budget=8_192, include_thoughts=True),
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(
                    name="weather",
                    description="Tells the weather.",
                    parameters_json_schema=SCHEMA,
                )
            ]
        )
    ],
    tool_config=types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"]
        )
    ),
)
SAME = call_to(
    MODEL,
    Message("system", "Be brief."),
    Message(
        "user",
        "See.",
        (
            Text("See."),
            Media("image", "aGk=", media_type="image/png"),
            Media("file", url="https://a.b/c.pdf"),
        ),
    ),
    Message(
        "assistant",
        "Looking.",
        tool_calls=(ToolCall("c1", "weather", '{"city":"Oslo"}', "c2ln"),),
    ),
    Message("tool", "4 °C", tool_call_id="c1"),
    options=Options(
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=7,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=3,
        tools=(Tool("weather", "Tells the weather.", SCHEMA),),
        tool_choice=ToolChoice("named", "weather"),
        format=Format(SCHEMA),
        effort="medium",
    ),
)


async def test_both_ask_gemini_alike() -> None:
    answer = Answer(json.dumps(told({"text": "Cold."})).encode())
    async with both(lambda _: answer) as (provider, client, there):
        await provider.complete(SAME)
        await client.aio.models.generate_content(
            model=MODEL,
            contents=CONTENTS,
            config=CONFIG,
        )
    mine, other = there.seen
    assert path_of(mine) == path_of(other)
    assert normal(mine.json) == normal(other.json)


async def test_both_ask_vertex_alike() -> None:
    answer = Answer(json.dumps(told({"text": "Cold."})).encode())
    endpoint = TokenEndpoint()
    connections = Connections()
    async with vertex_upstream(lambda _: answer, tokens=endpoint) as (there, _):
        tokens = JwtBearer(service_account(key_file(endpoint.url)), connections, SystemClock())
        place = Place("project-1", "europe-west1", there.url)
        provider = Vertex("vertex", place, tokens, connections)
        await provider.complete(SAME)
        client = Client(
            vertexai=True,
            project="project-1",
            location="europe-west1",
            credentials=Credentials(token="token-1"),  # type: ignore[no-untyped-call]
            http_options=types.HttpOptions(base_url=there.url),
        )
        await client.aio.models.generate_content(
            model=MODEL,
            contents=CONTENTS,
            config=CONFIG,
        )
        await client.aio.aclose()
        await provider.close()
        assert not there.refusals
    mine, other = there.seen[1:]
    assert path_of(mine) == path_of(other)
    assert normal(mine.json) == normal(other.json)

"""Ways in that other gateways have left open, tried on ours."""

import asyncio
import base64
from collections.abc import Sequence

import pytest

from passerelle.core.values.principals import Principal
from passerelle.domain.identity.keys import mint
from tests.adapters.messages_gateway import MODEL, Served, over_openai
from tests.adapters.obliging_model import oblige
from tests.stories.kitchen import PEPPER, SCOPE


async def status_of(served: Served, headers: Sequence[str]) -> int:
    """Of a question, asked with these headers."""
    body = b'{"model":"%s","messages":[{"role":"user","content":"Fee?"}]}' % MODEL.encode()
    lines = (
        "POST /v1/chat/completions HTTP/1.1",
        *headers,
        "connection: close",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", served.running.port)
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "headers",
    [
        ["host: localhost"],
        ["host: 127.0.0.1:4000"],
        ["host: localhost", "x-forwarded-for: 127.0.0.1"],
        ["host: localhost", "x-forwarded-host: localhost", "x-real-ip: 127.0.0.1"],
        ["host: localhost", "forwarded: for=127.0.0.1;host=localhost"],
        ["host: localhost", "x-original-url: /healthz", "x-rewrite-url: /healthz"],
        ["host: localhost", "x-passerelle-principal: administrator", "x-user: admin"],
        ["host: localhost/healthz?"],
    ],
)
async def test_no_header_but_the_key_lets_anybody_in(headers: list[str]) -> None:
    async with over_openai(oblige) as served:
        assert await status_of(served, headers) in {400, 401}
        assert served.upstream.seen == []


async def test_the_host_that_a_client_names_changes_nothing() -> None:
    async with over_openai(oblige) as served:
        key = f"authorization: Bearer {served.kitchen.key}"
        for host in ("localhost", "evil.example", "169.254.169.254", "a'; DROP TABLE keys; --"):
            assert await status_of(served, [f"host: {host}", key]) in {200, 400}
    own = f"host: 127.0.0.1:{served.upstream.port}"
    assert all(own in seen.head.lower() for seen in served.upstream.seen)


@pytest.mark.parametrize(
    "credential",
    [
        "' OR '1'='1",
        "sk-dev-' OR 1=1 --",
        "sk-live-x' UNION SELECT secret_hash FROM keys --",
        '{"$gt": ""}',
        "*",
        "%",
        "null",
        "../../development.key",
        "{{ config.pepper }}",
    ],
)
async def test_no_text_in_place_of_a_key_is_more_than_text(credential: str) -> None:
    async with over_openai(oblige) as served:
        for name in ("authorization: Bearer ", "x-api-key: ", "api-key: "):
            assert await status_of(served, ["host: a", name + credential]) == 401


async def test_what_is_stored_of_a_key_is_no_key() -> None:
    caller = Principal("svc_2", "service", "caller", SCOPE, frozenset({"end_user"}))
    key, record = mint(caller, pepper=PEPPER, label="caller", now_ms=1)
    kept = record.secret_hash
    forms = (kept.hex(), base64.b64encode(kept).decode(), kept.decode("latin-1").strip())
    async with over_openai(oblige) as served:
        await served.kitchen.store.keys.add(record)
        assert await status_of(served, ["host: a", f"authorization: Bearer {key}"]) == 200
        for form in (*forms, record.public_id, key.replace(key[-40:-8], kept.hex()[:32])):
            clean = "".join(each for each in form if each.isprintable())
            assert await status_of(served, ["host: a", f"authorization: Bearer {clean}"]) == 401


async def test_an_exchange_costs_the_ledger_few_bytes_whatever_was_said() -> None:
    async with over_openai(oblige) as served, served.openai() as client:
        for size in (1, 15_000):
            await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "Fee? " * size}]
            )
        short, long = served.kitchen.entries()
    assert len(short.facts) < 1_000
    assert abs(len(long.facts) - len(short.facts)) < 50

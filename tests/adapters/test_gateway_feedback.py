"""Feedback through the gateway: kept, on record, and refused in OpenAI's words."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import openai
import pytest

from passerelle.adapters.gateway.app import GatewayParts
from passerelle.core.values.principals import Principal
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify, mint
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.improve.collect import FlagParts, flag_exchange
from tests.adapters.canned import CannedServer, gateway_parts, running
from tests.stories.kitchen import PEPPER, SCOPE, Kitchen, kitchen


@dataclass
class Desk:
    kept: Kitchen
    client: httpx.AsyncClient
    exchange_id: str

    async def post(self, key: str = "", /, **body: object) -> httpx.Response:
        told = {"exchange_id": self.exchange_id, "reason": "wrong"} | body
        headers = {"authorization": f"Bearer {key or self.kept.key}"}
        return await self.client.post("/v1/feedback", json=told, headers=headers)

    async def key(self, name: str, *roles: str) -> str:
        who = Principal(name, "person", name, SCOPE, frozenset(roles))
        plain, key = mint(who, pepper=PEPPER, label=name, now_ms=1)
        await self.kept.store.keys.add(key)
        return plain

    def flags(self) -> tuple[Flag, ...]:
        return self.kept.store.flags.list(organisation="acme")


def wired(kept: Kitchen) -> Callable[[CannedServer], GatewayParts]:
    """The real serving and feedback stories behind the real listener."""

    def granted(credential: str, permission: Permission) -> Granted:
        who = identify(credential, kept.store.keys, pepper=PEPPER, now_ms=kept.clock.now_ms())
        return authorise(who, permission)

    async def take(
        credential: str, *, exchange_id: str, reason: FlagReason, comment: str, correction: str
    ) -> Recorded[Flag]:
        return await flag_exchange(
            granted(credential, Permission.FLAG_CREATE),
            FlagParts(kept.store.ledger, kept.store.flags, kept.clock),
            exchange_id=exchange_id,
            reason=reason,
            comment=comment,
            correction=correction,
        )

    return lambda server: replace(
        gateway_parts(server), server=kept.serving, authorise=granted, feedback=take
    )


@asynccontextmanager
async def opened() -> AsyncGenerator[Desk, None]:
    kept = await kitchen()
    async with (
        running(CannedServer(), parts=wired(kept)) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as client,
        openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=kept.key) as sdk,
    ):
        answer = await sdk.chat.completions.create(
            model="fees", messages=[{"role": "user", "content": "What is the transfer fee?"}]
        )
        yield Desk(kept, client, answer.id)


def error(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


async def test_feedback_becomes_a_flag_on_the_answer_that_it_names() -> None:
    async with opened() as desk:
        answer = await desk.post(comment=" It is 5 %. ", correction="The fee is 5 percent.")
        (flag,) = desk.flags()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": flag.id,
        "exchange_id": desk.exchange_id,
        "reason": "wrong",
        "created": flag.at_ms // 1_000,
        "object": "feedback",
    }
    assert (flag.comment, flag.correction) == ("It is 5 %.", "The fee is 5 percent.")
    assert flag.exchange_id == desk.exchange_id


async def test_feedback_is_on_record_without_its_words() -> None:
    async with opened() as desk:
        await desk.post(comment="my name is Lovelace", correction="Lovelace says 5")
        entries = desk.kept.store.ledger.of_subject(desk.exchange_id, organisation="acme")
    assert [entry.event for entry in entries] == [
        "exchange.ended",
        "flag.create.intended",
        "flag.create.done",
    ]
    assert json.loads(entries[-1].facts)["corrected"] is True
    assert not any(b"Lovelace" in entry.facts for entry in entries)


async def test_comment_and_correction_may_be_left_out() -> None:
    async with opened() as desk:
        assert (await desk.post()).status_code == 201
        (flag,) = desk.flags()
    assert (flag.comment, flag.correction) == ("", "")


@pytest.mark.parametrize("exchange_id", ["exc_unknown", "", "exc_'; --"])
async def test_feedback_on_an_unknown_exchange_is_not_found(exchange_id: str) -> None:
    async with opened() as desk:
        answer = await desk.post(exchange_id=exchange_id)
        assert desk.flags() == ()
    assert (answer.status_code, error(answer)["code"]) == (404, "not_found")


async def test_feedback_on_what_somebody_else_was_answered_is_not_found_either() -> None:
    async with opened() as desk:
        answer = await desk.post(await desk.key("per_bob", "end_user"))
        unknown = await desk.post(await desk.key("per_bo", "end_user"), exchange_id="exc_unknown")
        assert desk.flags() == ()
    assert answer.status_code == 404
    assert error(answer) == error(unknown)


async def test_reviewer_gives_feedback_on_what_others_were_answered() -> None:
    async with opened() as desk:
        assert (await desk.post(await desk.key("per_rita", "reviewer"))).status_code == 201


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"reason": "ugly"}, "reason"),
        ({"reason": None}, "reason"),
        ({"comment": 5}, "comment"),
        ({"rating": 5}, "rating"),
        ({"comment": "x" * 4_001}, "comment"),
        ({"correction": "x" * 8_001}, "correction"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_faulty_feedback_is_refused_with_the_name_of_the_field(
    body: dict[str, object], param: str
) -> None:
    async with opened() as desk:
        answer = await desk.post(**body)
        assert desk.flags() == ()
    assert answer.status_code == 400
    assert error(answer)["param"] == param
    assert error(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"exchange_id": "\\ud800"}', b"\xff"])
async def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    async with opened() as desk:
        headers = {"authorization": f"Bearer {desk.kept.key}", "content-type": "application/json"}
        answer = await desk.client.post("/v1/feedback", content=body, headers=headers)
    assert (answer.status_code, error(answer)["code"]) == (400, "invalid_json")


async def test_caller_without_a_key_or_the_permission_gives_no_feedback() -> None:
    async with opened() as desk:
        stranger = await desk.post("sk-live-nonsense")
        auditor = await desk.post(await desk.key("per_sec", "security"))
        assert desk.flags() == ()
    assert (stranger.status_code, error(stranger)["code"]) == (401, "invalid_api_key")
    assert (auditor.status_code, error(auditor)["code"]) == (403, "permission_denied")


async def test_feedback_that_cannot_be_recorded_is_not_kept() -> None:
    async with opened() as desk:
        desk.kept.store.ledger.close()
        answer = await desk.post()
        assert desk.flags() == ()
    assert (answer.status_code, error(answer)["code"]) == (503, "ledger_unavailable")


async def test_reading_feedback_is_not_offered_here() -> None:
    async with opened() as desk:
        answer = await desk.client.get("/v1/feedback")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

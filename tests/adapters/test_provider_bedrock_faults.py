"""What goes wrong at Bedrock, over real sockets."""

from typing import Any

import pytest

from passerelle.adapters.providers.bedrock import BearerKey
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.core.values.clock import SetClock
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.transport.egress.sigv4 import Credentials
from tests.adapters.bedrock_calls import model_call
from tests.adapters.bedrock_frames import frame
from tests.adapters.bedrock_upstream import (
    BEGUN,
    HELLO,
    KEYS,
    REGION,
    REST,
    STREAMED,
    always,
    provider,
    serving,
    streamed,
)
from tests.adapters.signed_upstream import Answer, Signatures, refused, signed_upstream
from tests.adapters.upstream import upstream

FAILURES = [
    (refused("AccessDeniedException", "User: arn:aws:iam::1:user/x"), ProviderMisconfigured),
    (refused("UnrecognizedClientException", "The token is invalid."), ProviderMisconfigured),
    (refused("ExpiredTokenException", "The token is expired."), ProviderMisconfigured),
    (refused("ResourceNotFoundException", "End of life.", 404), ProviderMisconfigured),
    (
        refused("ValidationException", "The provided model identifier is invalid.", 400),
        ProviderMisconfigured,
    ),
    (
        refused(
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn’t supported.",
            400,
        ),
        ProviderMisconfigured,
    ),
    (
        refused("ThrottlingException", "Too many tokens per day, please wait.", 429),
        ProviderMisconfigured,
    ),
    (refused("ThrottlingException", "Too many requests.", 429), ProviderOverloaded),
    (refused("ServiceUnavailableException", "Bedrock is busy.", 503), ProviderOverloaded),
    (refused("ModelNotReadyException", "Warming up.", 429), ProviderOverloaded),
    (refused("ServiceQuotaExceededException", "Quota.", 400), ProviderOverloaded),
    (refused("ModelTimeoutException", "Too slow.", 408), ProviderTimedOut),
    (refused("ValidationException", "Malformed input request.", 400), ProviderRefused),
    (refused("InternalServerException", "Oh no.", 500), ProviderFailed),
    (refused("ModelErrorException", "The model failed.", 424), ProviderFailed),
    (Answer(b"<html>Bad gateway</html>", 502), ProviderFailed),
    (Answer(b'{"message":"Forbidden"}', 403), ProviderMisconfigured),
    (Answer(b'{"message":"Slow down"}', 429), ProviderOverloaded),
]


@pytest.mark.parametrize(("answer", "kind"), FAILURES)
async def test_each_error_of_aws_has_its_meaning(
    answer: Answer, kind: type[ProviderFailed], clock: SetClock
) -> None:
    async with serving(clock, always(answer)) as (bedrock, _):
        for ask in (bedrock.complete, lambda call: streamed(bedrock, call)):
            with pytest.raises(ProviderFailed) as caught:
                await ask(model_call())
            assert type(caught.value) is kind
            assert "arn:aws" not in str(caught.value)


async def test_only_words_about_the_request_are_passed_on_and_without_accounts(
    clock: SetClock,
) -> None:
    words = "The model arn:aws:bedrock:eu-west-3:123456789012:custom/x returned: too long."
    answer = refused("ValidationException", words, 400)
    async with serving(clock, always(answer)) as (bedrock, _):
        with pytest.raises(ProviderRefused) as caught:
            await bedrock.complete(model_call())
    assert str(caught.value).endswith("Provider `aws`: The model *** returned: too long.")


async def test_an_overloaded_upstream_may_say_when_to_come_back(clock: SetClock) -> None:
    busy = refused("ThrottlingException", "Wait.", 429)
    answer = Answer(busy.body, 429, (*busy.headers, ("retry-after", "7")))
    async with serving(clock, always(answer)) as (bedrock, _):
        with pytest.raises(ProviderOverloaded) as caught:
            await bedrock.complete(model_call())
    assert caught.value.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("name", "payload", "kind"),
    [
        ("throttlingException", {"message": "Too many"}, ProviderOverloaded),
        ("serviceUnavailableException", {"message": "Busy"}, ProviderOverloaded),
        ("validationException", {"message": "Bad"}, ProviderRefused),
        ("internalServerException", {"message": "Oh"}, ProviderFailed),
        ("modelStreamErrorException", {"message": "Oh"}, ProviderFailed),
        ("modelStreamErrorException", {"originalStatusCode": 429}, ProviderOverloaded),
        ("modelTimeoutException", {"message": "Slow"}, ProviderTimedOut),
        ("brandNewException", {}, ProviderFailed),
    ],
)
async def test_an_exception_after_a_good_status_has_its_meaning(
    name: str, payload: dict[str, Any], kind: type[ProviderFailed], clock: SetClock
) -> None:
    answer = Answer(BEGUN + frame(name, payload, "exception"), headers=STREAMED)
    async with serving(clock, always(answer), cut="random") as (bedrock, _):
        with pytest.raises(ProviderFailed) as caught:
            await streamed(bedrock, model_call())
        assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BEGUN, AnswerCutOff),
        (b"", AnswerCutOff),
        (BEGUN + REST[:-200], AnswerCutOff),
        (BEGUN + bytes([REST[0] ^ 1]) + REST[1:], Unreadable),
        (b"data: {}\n\ndata: [DONE]\n\n", Unreadable),
        (frame("contentBlockDelta", {"delta": "?"}), Unreadable),
    ],
)
async def test_a_stream_that_is_not_whole_is_no_answer(
    body: bytes, kind: type[ProviderFailed], clock: SetClock
) -> None:
    async with serving(clock, always(Answer(body, headers=STREAMED))) as (bedrock, _):
        with pytest.raises(kind):
            await streamed(bedrock, model_call())


async def test_something_else_than_an_answer_is_unreadable(clock: SetClock) -> None:
    async with serving(clock, always(Answer(b"{}"))) as (bedrock, _):
        with pytest.raises(Unreadable):
            await bedrock.complete(model_call())
        with pytest.raises(Unreadable):
            await bedrock.embed(EmbeddingCall("amazon.titan-embed-text-v2:0", ("a",), 5.0))


async def test_an_upstream_that_is_silent_times_out(clock: SetClock) -> None:
    async with upstream(lambda _: [30.0]) as served, provider(served.url, clock) as bedrock:
        call = EmbeddingCall("amazon.titan-embed-text-v2:0", ("a", "b"), 0.1)
        with pytest.raises(ProviderTimedOut):
            await bedrock.embed(call)


async def test_an_upstream_that_is_not_there_has_failed(clock: SetClock) -> None:
    async with upstream(lambda _: ["close"]) as served:
        url = served.url
    async with provider(url, clock) as bedrock:
        with pytest.raises(ProviderFailed):
            await bedrock.complete(model_call())


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(KEYS.access_key_id, "another-secret", KEYS.session_token),
        Credentials("AKIDOTHEROTHER", KEYS.secret_access_key, KEYS.session_token),
        Credentials(KEYS.access_key_id, KEYS.secret_access_key),
        BearerKey("no-such-key"),
    ],
)
async def test_wrong_credentials_are_our_fault_and_never_shown(
    credentials: Credentials | BearerKey, clock: SetClock
) -> None:
    judge = Signatures(KEYS, REGION, clock.now_ms)
    async with (
        signed_upstream(judge, always(HELLO)) as served,
        provider(served.url, clock, credentials) as bedrock,
    ):
        for ask in (bedrock.complete, lambda call: streamed(bedrock, call)):
            with pytest.raises(ProviderMisconfigured) as caught:
                await ask(model_call())
            shown = f"{caught.value!r} {caught.value}"
            assert "credentials" in shown
            assert "secret" not in shown
            assert "no-such-key" not in shown
    assert len(served.refusals) == 2


async def test_a_clock_that_is_wrong_is_our_fault(clock: SetClock) -> None:
    late = SetClock(clock.now_ms() + 301_000)
    judge = Signatures(KEYS, REGION, clock.now_ms)
    async with (
        signed_upstream(judge, always(HELLO)) as served,
        provider(served.url, late) as bedrock,
    ):
        with pytest.raises(ProviderMisconfigured):
            await bedrock.complete(model_call())


async def test_another_region_is_another_signature(clock: SetClock) -> None:
    judge = Signatures(KEYS, "us-east-1", clock.now_ms)
    async with (
        signed_upstream(judge, always(HELLO)) as served,
        provider(served.url, clock) as bedrock,
    ):
        with pytest.raises(ProviderMisconfigured):
            await bedrock.complete(model_call())

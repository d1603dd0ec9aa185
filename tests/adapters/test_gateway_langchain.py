"""LangChain's own suite for chat models, through the whole gateway.

The model behind it is a script; what the suite shows is that nothing of what LangChain sends
or reads is lost on the way. Switched off by the suite's own properties: Anthropic's content
blocks, which ChatOpenAI does not send, and the suite's benchmark.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

from tests.adapters.messages_gateway import MODEL, Served
from tests.adapters.obliging_model import oblige
from tests.adapters.threaded_gateway import threaded_gateway


@pytest.fixture(scope="module")
def served() -> Generator[Served, None, None]:
    with threaded_gateway(oblige) as found:
        yield found


def _giving(response: httpx.Response) -> Callable[..., httpx.Response]:
    return lambda *_, **__: response


_ALWAYS = {
    "test_anthropic_inputs": "blocks of Anthropic's own format are for Anthropic's client",
    "test_stream_time": "a benchmark over recordings of a real provider",
}


@pytest.mark.slow
@pytest.mark.filterwarnings(  # of what the suite hands to LangChain, not of what we answer
    "ignore:Received a Pydantic BaseModel V1 schema",
    "ignore:Pydantic serializer warnings",
    "ignore:OpenAI may require a filename",
    "ignore:LANGCHAIN_TESTS_USER_AGENT",
)
class _Suite(ChatModelIntegrationTests):
    responses = False

    @pytest.fixture(autouse=True)
    async def _settle(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncGenerator[None, None]:
        self.served = served
        # The suite gets its samples from the internet; here any bytes will do.
        sample = httpx.Response(200, content=b"a sample")
        monkeypatch.setattr(
            "langchain_tests.integration_tests.chat_models.httpx.get", _giving(sample)
        )
        # Else LangChain keeps one for all models, beyond the loop of a test.
        async with openai.DefaultAsyncHttpxClient() as client:
            self.client = client
            yield

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": MODEL,
            "base_url": f"{self.served.url}/v1",
            "api_key": self.served.kitchen.key,
            "http_async_client": self.client,
            "stream_usage": True,
            "use_responses_api": self.responses,
        }

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return self.responses

    @property
    def model_override_value(self) -> str:
        return MODEL

    @property
    def enable_vcr_tests(self) -> bool:
        return False


class TestChatCompletions(_Suite):
    """`ChatOpenAI` as most programs use it."""

    leaves_out = _ALWAYS | {
        "test_pdf_tool_message": "Chat Completions has no files in the results of tools",
    }

    @property
    def supports_audio_inputs(self) -> bool:
        return True


class TestResponses(_Suite):
    """`ChatOpenAI(use_responses_api=True)`."""

    leaves_out = _ALWAYS | {
        "test_audio_inputs": "the Responses API has no audio in its input",
    }
    responses = True

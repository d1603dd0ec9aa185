"""How many tokens a call took, where the provider does not say."""

from typing import Final

import msgspec

from passerelle.core.values.chat import Completion, Message, Usage
from passerelle.domain.routing.providers import ModelCall

_BYTES_PER_TOKEN: Final = 4
"""Which holds for English within a third or so."""
_MESSAGE_TOKENS: Final = 4
"""What a chat template adds around one message."""
_encode = msgspec.json.Encoder().encode


def estimated_usage(call: ModelCall, answered_bytes: int) -> Usage:
    """From the bytes of all that the model wrote."""
    asked = sum(
        _MESSAGE_TOKENS + _bytes_of(message) // _BYTES_PER_TOKEN for message in call.messages
    )
    offered = sum(
        len(tool.name) + len(tool.description) + len(_encode(dict(tool.parameters)))
        for tool in call.options.tools
    )
    return Usage(
        input_tokens=max(1, asked + offered // _BYTES_PER_TOKEN),
        output_tokens=-(-answered_bytes // _BYTES_PER_TOKEN),
        estimated=True,
    )


def answered_bytes(completion: Completion) -> int:
    """Bytes of all that the model wrote."""
    return sum(
        len(text.encode())
        for choice in completion.choices
        for text in (
            choice.text,
            choice.refusal,
            *(thought.text for thought in choice.thoughts),
            *(call.name + call.arguments for call in choice.tool_calls),
        )
    )


def _bytes_of(message: Message) -> int:
    called = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.text.encode()) + called

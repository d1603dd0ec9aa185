"""Claude on Bedrock by InvokeModel: Anthropic's own format within AWS's frames."""

import base64
import binascii
from dataclasses import replace

import msgspec

from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire import anthropic_answers, anthropic_requests
from passerelle.transport.wire.anthropic_answers import NotAMessage
from passerelle.transport.wire.anthropic_errors import status_told
from passerelle.transport.wire.anthropic_stream_reader import (
    MessagesReader,
    StreamBrokeOff,
    StreamCutOff,
)
from passerelle.transport.wire.aws_errors import AwsError, told_in_stream
from passerelle.transport.wire.aws_event_stream import MessageReader
from passerelle.transport.wire.bedrock_answers import NotAnAnswer
from passerelle.transport.wire.bedrock_streams import CutOff, ErrorTold
from passerelle.transport.wire.estimates import answered_bytes, estimated_usage


class _Chunk(msgspec.Struct):
    bytes: str
    """Base64 of one event of Anthropic's."""


_decode = msgspec.json.Decoder(_Chunk).decode


def encode_request(call: ModelCall) -> bytes:
    """Raises `Inexpressible`."""
    return anthropic_requests.encode_request(
        call, stream=False, platform=anthropic_requests.BEDROCK
    )


def decode_completion(body: bytes, call: ModelCall) -> Completion:
    """Raises `NotAnAnswer`."""
    try:
        completion = anthropic_answers.decode_completion(body)
    except NotAMessage as fault:
        raise NotAnAnswer from fault
    if not completion.usage.estimated:
        return completion
    return replace(completion, usage=estimated_usage(call, answered_bytes(completion)))


class InvokeReader:
    """From bytes of a stream to pieces, as `ConverseReader`; raises the same."""

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._frames = MessageReader()
        self._events = MessagesReader()
        self._written = 0
        """Bytes of all that the model wrote."""

    @property
    def ended(self) -> bool:
        return self._events.ended

    def push(self, chunk: bytes) -> list[Piece]:
        pieces: list[Piece] = []
        for message in self._frames.push(chunk):
            kind = message.headers.get(":message-type")
            if kind in ("exception", "error"):
                raise ErrorTold(told_in_stream(message))
            if message.headers.get(":event-type") == "chunk":
                pieces += self._take(message.payload)
        return pieces

    def finish(self) -> list[Piece]:
        try:
            pieces = self._events.finish()
        except StreamCutOff as fault:
            raise CutOff from fault
        *rest, last = pieces
        usage = last.usage or estimated_usage(self._call, self._written)
        return [*rest, replace(last, usage=usage)]

    def _take(self, payload: bytes) -> list[Piece]:
        try:
            pieces = self._events.take(base64.b64decode(_decode(payload).bytes, validate=True))
        except StreamBrokeOff as failure:
            told = failure.told
            raise ErrorTold(AwsError(told.type, told.message, status_told(told))) from None
        except (NotAMessage, msgspec.MsgspecError, binascii.Error) as fault:
            raise NotAnAnswer from fault
        self._written += sum(_bytes_of(piece) for piece in pieces)
        return pieces


def _bytes_of(piece: Piece) -> int:
    thought = piece.thought.text if piece.thought is not None else ""
    called = "".join(call.name + call.arguments for call in piece.calls)
    return len(f"{piece.text}{thought}{called}".encode())

"""Asks an upstream: whole, streamed, or for vectors. What formats do differently, they bring."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from passerelle.adapters.providers.pieces import pieces_of
from passerelle.adapters.providers.upstream_faults import (
    AnswerCutOff,
    Identity,
    Unreadable,
    failure_of_transport,
    failure_told,
)
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings, ModelCall, ProviderFailed
from passerelle.transport.egress.connections import Connections, ResponseStream
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.targets import Target
from passerelle.transport.wire.estimates import answered_bytes, estimated_usage
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.openai_embeddings import NotEmbeddings
from passerelle.transport.wire.sse import EventTooLong
from passerelle.transport.wire.vectors import Embedded, together

_OK: Final = 200
Read = TypeVar("Read")
_AT_ONCE: Final = 8
"""Requests under way for one call of embeddings."""


class Reader(Protocol):
    """Raises `ErrorTold`, `CutOff`, `EventTooLong` and what its format adds."""

    @property
    def ended(self) -> bool:
        """Nothing more is to be read, whatever comes."""
        ...

    def push(self, chunk: bytes) -> list[Piece]: ...

    def finish(self) -> list[Piece]: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """How to read the answers of one format."""

    decode: Callable[[bytes], Completion]
    """Its usage is estimated where the upstream told none."""
    reader: Callable[[ModelCall], Reader]
    unreadable: type[Exception]
    """What both raise for bytes of another format."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent, and how many seconds the answer may take."""

    target: Target
    body: bytes
    seconds: float
    headers: bytes = b""
    """Whole lines for this request alone."""


Failure = Callable[[int, Mapping[str, str], bytes], ProviderFailed]
"""What a status that is not good means, with the headers and the body beside it."""


class UpstreamCalls:
    """Of one provider. Raises kin of `ProviderFailed` only."""

    def __init__(
        self,
        identity: Identity,
        connections: Connections,
        failure: Failure,
        *,
        connect_seconds: float,
    ) -> None:
        self._identity = identity
        self._connections = connections
        self._failure = failure
        self._connect_seconds = connect_seconds

    async def complete(self, question: Question, answers: Answers, call: ModelCall) -> Completion:
        return self._completion_in(await self._asked(question), answers, call)

    async def stream(
        self, question: Question, answers: Answers, call: ModelCall
    ) -> AsyncGenerator[Piece, None]:
        response: ResponseStream | None = None
        try:
            with self._faults(answers.unreadable):
                response = await self._connections.stream(
                    question.target,
                    question.body,
                    headers=question.headers,
                    deadlines=self._deadlines(question.seconds),
                )
                async with aclosing(self._pieces(response, answers, call)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            if response is not None:
                response.close()

    async def read(self, question: Question, decode: Callable[[bytes], Read]) -> Read:
        """What `decode` makes of the answer; it may raise `NotEmbeddings`."""
        body = await self._asked(question)
        with self._faults():
            return decode(body)

    async def embed(
        self,
        questions: Sequence[Question],
        decode: Callable[[bytes], Embedded],
        call: EmbeddingCall,
    ) -> Embeddings:
        """A few at once, within the seconds of the call for all of them."""
        answers: dict[int, Embedded] = {}
        waiting = iter(enumerate(questions))
        loop = asyncio.get_running_loop()
        began_at = loop.time()

        async def work() -> None:
            for place, question in waiting:
                left = max(0.001, question.seconds - (loop.time() - began_at))
                answers[place] = await self.read(replace(question, seconds=left), decode)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in questions[:_AT_ONCE]:
                    group.create_task(work())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        with self._faults():
            return together([answers[place] for place in sorted(answers)], call)

    async def close(self) -> None:
        await self._connections.close()

    async def _asked(self, question: Question) -> bytes:
        with self._faults():
            response = await self._connections.request(
                question.target,
                question.body,
                headers=question.headers,
                deadlines=self._deadlines(question.seconds),
            )
        if response.status != _OK:
            raise self._failure(response.status, response.headers, response.body)
        return response.body

    async def _pieces(
        self, response: ResponseStream, answers: Answers, call: ModelCall
    ) -> AsyncGenerator[Piece, None]:
        if response.status != _OK:
            raise self._failure(response.status, response.headers, await response.read())
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            for piece in pieces_of(self._completion_in(await response.read(), answers, call)):
                yield piece
            return
        reader = answers.reader(call)
        async for chunk in response:
            for piece in reader.push(chunk):
                yield piece
            if reader.ended:
                break
        for piece in reader.finish():
            yield piece
        await response.settle()

    def _completion_in(self, body: bytes, answers: Answers, call: ModelCall) -> Completion:
        with self._faults(answers.unreadable):
            completion = answers.decode(body)
        if not completion.usage.estimated:
            return completion
        return replace(completion, usage=estimated_usage(call, answered_bytes(completion)))

    @contextmanager
    def _faults(self, unreadable: type[Exception] = NotEmbeddings) -> Iterator[None]:
        """Everything that can go wrong at an upstream, in the words of the role."""
        name = self._identity[0]
        try:
            yield
        except EgressFailed as failure:
            raise failure_of_transport(failure, name) from None
        except ErrorTold as failure:
            raise failure_told(failure.told, self._identity) from None
        except CutOff:
            raise AnswerCutOff from None
        except EventTooLong:
            raise Unreadable("One event of the stream is too long.") from None
        except NotEmbeddings:
            raise Unreadable(f"`{name}` sent something else than embeddings.") from None
        except unreadable:
            raise Unreadable(f"`{name}` sent something else than an answer.") from None

    def _deadlines(self, seconds: float) -> Deadlines:
        return Deadlines(
            connect=min(self._connect_seconds, seconds),
            first_byte=seconds,
            between_bytes=seconds,
            total=seconds,
        )

"""`POST /v1/chat/completions`."""

from passerelle.adapters.gateway.conversations import PlainDialogue
from passerelle.adapters.gateway.edge import Request
from passerelle.core.values.chat import Completion
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_answers import ChatWriter, encode_completion
from passerelle.transport.wire.openai_chat import decode_request
from passerelle.transport.wire.provenance import Provenance


class ChatDialogue(PlainDialogue):
    """One request of Chat Completions."""

    def whole(
        self, heading: Heading, completion: Completion, provenance: Provenance | None
    ) -> bytes:
        return encode_completion(heading, completion, provenance)

    def writer(self, heading: Heading) -> ChatWriter:
        return ChatWriter(heading, self.chat)


def read_chat(body: bytes, _request: Request) -> ChatDialogue:
    """Raises kin of `InvalidRequest` that name the parameter."""
    return ChatDialogue(decode_request(body))

"""What a conversation holds that only the format it came in knows."""

from typing import Final

from passerelle.core.values.chat import JsonObject, Message
from passerelle.domain.routing.providers import Inexpressible

_CACHE_MARK: Final = "cache_control"
"""Left out where it means nothing: a cache changes no answer."""


def refuse_extras(extras: JsonObject, *known: str, of: str, within: str) -> None:
    """`of` is the provider, `within` the place in the request. Raises `Inexpressible`."""
    for field in extras:
        if field != _CACHE_MARK and field not in known:
            raise Inexpressible(f"{of} has no `{field}` here.", param=f"{within}.{field}")


def names_of_calls(message: Message) -> dict[str, str]:
    """Of the tool that each call asks for, by its id, which a later turn may use again."""
    return {call.id: call.name for call in message.tool_calls}


def beside_name(message: Message, name: str | None) -> JsonObject:
    """Fields of a tool's result; its name, which its call says already, is none."""
    if name is None or message.extras.get("name") != name:
        return message.extras
    return {key: value for key, value in message.extras.items() if key != "name"}

"""Who is asking."""

from dataclasses import dataclass
from typing import Literal

from passerelle.core.values.scope import Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a service that has been identified; never made from a caller's own words."""

    id: str
    kind: Literal["person", "service"]
    name: str
    scope: Scope
    roles: frozenset[str]
    key_id: str = ""
    """Public id of the API key that identified it; empty for other ways in."""

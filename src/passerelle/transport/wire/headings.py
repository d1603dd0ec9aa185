"""What every object of one answer repeats."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    id: str
    created: int
    """Unix seconds."""
    model: str
    """The name that the client asked for."""

"""Secrets and files that the settings name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from passerelle.core.values.sections import Section


class Secret:
    """A text that shows itself only when asked to, never in messages, logs or copies of values."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be serialised")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the settings stand: their folder, and the environment of the process."""

    folder: Path
    variables: Mapping[str, str]

    def path(self, section: Section, key: str) -> Path | None:
        """An existing file or folder."""
        if key not in section:
            return None
        name = section.text(key)
        path = self.folder / Path(name).expanduser()
        if name and not path.exists():
            section.fault(key, f"{path} does not exist")
        return path

    def secret(self, section: Section, key: str = "api_key") -> Secret | None:
        if key not in section:
            return None
        scheme, _, name = section.text(key).partition(":")
        readers: dict[str, Callable[[str], str]] = {
            "env": lambda name: self.variables[name],
            "file": lambda name: (self.folder / Path(name).expanduser()).read_text("utf-8"),
        }
        if scheme not in readers or not name:
            # The value may be the key itself: it must not be repeated.
            message = (
                'must be "env:NAME" or "file:PATH"; a key itself never belongs in this file'
                " (if one stood here, revoke it)"
            )
            section.fault(key, message)
            return None
        try:
            value = readers[scheme](name).strip()
        except KeyError:
            section.fault(key, f"the environment variable {name} is not set")
        except (OSError, UnicodeDecodeError):
            section.fault(key, f"the file {name} cannot be read")
        else:
            if value:
                return Secret(value)
            section.fault(key, f"{name} is empty")
        return None

"""The prompt files of a use case: immutable versions, read from the folder when asked."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from passerelle.core.values.errors import Fault
from passerelle.domain.prompts.versions import PromptVersion, parse_prompt

ReadFile: TypeAlias = Callable[[str], str]
"""Reads a text below the use case's folder, by a path with forward slashes; raises OSError."""
ListFiles: TypeAlias = Callable[[str], Sequence[str]]
"""Names of the files in a folder below the use case's; none when there is no such folder."""

_ENDING = ".md"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def no_files(folder: str) -> Sequence[str]:  # noqa: ARG001 - implements `ListFiles`
    """For a use case whose folder cannot be listed: only versions that are named can be read."""
    return ()


@dataclass(frozen=True, slots=True)
class PromptShelf:
    """Looks at the folder at each call, so that a version added later is found."""

    file: str
    """What to call the use case's file in messages."""
    folder: str
    read_file: ReadFile
    list_files: ListFiles

    def version(
        self, name: str, *, named_at: tuple[str, ...] = ()
    ) -> tuple[PromptVersion | None, tuple[Fault, ...]]:
        """The version of that name, or what is wrong with it.

        `named_at` is the key of the use case's file that names it.
        """
        if not _VERSION.fullmatch(name):
            message = f'"{name}" must be the name of a file without its ending, such as "v1"'
            return None, (Fault(named_at, message),)
        path = f"{self.folder.rstrip('/')}/{name}{_ENDING}"
        try:
            text = self.read_file(path)
        except UnicodeDecodeError:
            return None, (Fault(named_at, f"{path} is not UTF-8 text"),)
        except OSError as error:
            reason = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be read"
            return None, (Fault(named_at, f"the prompt file {path} {reason}"),)
        folders = self.file.rpartition("/")
        return parse_prompt(name, text, file="".join((*folders[:2], path)))

    def names(self) -> tuple[str, ...]:
        """Of every version in the folder, faulty ones too, in the order of their names."""
        stems = (
            file.removesuffix(_ENDING)
            for file in self.list_files(self.folder)
            if file.endswith(_ENDING)
        )
        return tuple(sorted(stem for stem in stems if _VERSION.fullmatch(stem)))

    def versions(self) -> Mapping[str, PromptVersion]:
        """Every version without faults, by name: a draft beside them stops nobody."""
        found = {name: self.version(name)[0] for name in self.names()}
        return {name: version for name, version in found.items() if version is not None}

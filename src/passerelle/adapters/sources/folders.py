"""Documents in a folder. Nothing outside the folder is read, whatever its entries point to."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from stat import S_ISREG

from passerelle.core.values.errors import NotFound
from passerelle.domain.knowledge.documents import SourceItem, Unreadable

LARGEST_FILE_BYTES = 64 * 1024 * 1024
_UNKNOWN_STAMP = ""
_UPWARDS = "..\\"
"""A hidden file is none of ours; one that is named to climb out is told."""
_CLOSED = "it cannot be opened; check its permissions"
_IRREGULAR = "it is no regular file; put a copy of the document in its place"


@dataclass(frozen=True, slots=True)
class FolderDocuments:
    """Implements `Source`. Hidden files and folders are skipped."""

    folder: Path
    include: Sequence[str]
    """Patterns such as `**/*.md`; `**` stands for any folders, none included."""
    exclude: Sequence[str] = ()
    prefix: str = ""
    """Put before every path, with a slash."""
    largest_bytes: int = field(default=LARGEST_FILE_BYTES)

    def items(self) -> Iterator[SourceItem]:
        """Raises `NotFound` when there is no such folder."""
        if not self.folder.is_dir():
            raise NotFound(f"Knowledge folder {self.folder}: create it, or correct usecase.toml.")
        root = os.path.realpath(self.folder)
        included, excluded = _matcher(self.include), _matcher(self.exclude)
        for found in _walk(root, ""):
            if included(found.path) and not excluded(found.path):
                yield self._item(root, found)

    def _item(self, root: str, found: "_Found") -> SourceItem:
        path = _safe(found.path)
        named = f"{self.prefix}/{path}" if self.prefix else path
        fault = found.fault or _fault(root, found)
        if fault:
            return SourceItem(named, _UNKNOWN_STAMP, partial(_refuse, fault))
        try:
            state = found.entry.stat()
        except OSError:
            return SourceItem(named, _UNKNOWN_STAMP, partial(_refuse, _CLOSED))
        if not S_ISREG(state.st_mode):
            return SourceItem(named, _UNKNOWN_STAMP, partial(_refuse, _IRREGULAR))
        # The change time and the file number tell a replaced file whose time was set back.
        stamp = f"{state.st_size}-{state.st_mtime_ns}-{state.st_ctime_ns}-{state.st_ino}"
        return SourceItem(named, stamp, partial(_read, found.entry.path, self.largest_bytes))


@dataclass(frozen=True, slots=True)
class _Found:
    entry: "os.DirEntry[str]"
    path: str
    """Below the folder, as the file system writes it."""
    fault: str = ""


def _walk(folder: str, below: str) -> Iterator[_Found]:
    """Files and links by name; linked folders are not entered, closed ones are told."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name.startswith(".") and not entry.name.startswith(_UPWARDS):
            continue
        path = f"{below}{entry.name}"
        if not entry.is_dir(follow_symlinks=False):
            yield _Found(entry, path)
        elif os.access(entry.path, os.R_OK | os.X_OK):
            yield from _walk(entry.path, f"{path}/")
        else:
            yield _Found(entry, path, _CLOSED)


def _fault(root: str, found: _Found) -> str:
    if ".." in re.split(r"[\\/]", found.path):
        return "its name points out of the folder; rename the file"
    if _safe(found.path) != found.path:
        return "its name holds signs that are no text; rename the file"
    if not found.entry.is_symlink():
        return ""
    target = os.path.realpath(found.entry.path)
    if os.path.commonpath([root, target]) != root:
        return "it is a link that leaves the folder; put a copy of the document in its place"
    if Path(target).is_dir():
        return "it is a link to a folder; name that folder as a source of its own"
    return ""


def _safe(path: str) -> str:
    """Forward slashes, and nothing that could not be written as UTF-8 or would move a cursor."""
    text = path.encode("utf-8", "replace").decode("utf-8").replace("\\", "/")
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _refuse(fault: str) -> bytes:
    raise Unreadable(fault)


def _read(path: str, largest_bytes: int) -> bytes:
    """Never more than a byte above the limit, however large the file has grown."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(largest_bytes + 1)
    except OSError:
        raise Unreadable(_CLOSED) from None
    if len(data) > largest_bytes:
        limit = largest_bytes // (1024 * 1024)
        raise Unreadable(f"larger than {limit} MiB; split the document")
    return data


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    compiled = [re.compile(_expression(pattern)) for pattern in patterns]
    return lambda path: any(pattern.fullmatch(path) for pattern in compiled)


def _expression(pattern: str) -> str:
    """`*` and `?` stay within one folder, `**` crosses folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    known = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return "".join(known.get(part, re.escape(part)) for part in parts)

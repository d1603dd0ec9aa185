"""The structure of a text: headings, paragraphs, code fences, tables."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

LONGEST_NAME = 300
"""Characters of a heading or title that are kept as its name."""

BlockKind = Literal["heading", "paragraph", "code", "table"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_CLOSING = re.compile(r"(?:^|[ \t])#+$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_HEAD_MARKS = ("---", "+++")
_TITLE = re.compile(r"^title[ \t]*[:=](.+)$", re.MULTILINE)
_EMPHASIS = re.compile(r"[*`]+|(?<!\w)_+(?=\w)|(?<=[\w.!?)])_+(?!\w)")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that belongs together, without white space around it."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    """1 to 6 for a heading."""
    name: str = ""
    """Words of a heading."""


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str
    """Without the line break and white space at the end."""

    @property
    def begin(self) -> int:
        """Behind the indent."""
        return self.start + len(self.text) - len(self.text.lstrip())

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def markdown_blocks(text: str) -> list[Block]:
    """Blocks in order, without overlap; settings at the top of the file are none."""
    return list(_Reader(_lines(text, front_matter_end(text))).markdown())


def plain_blocks(text: str) -> list[Block]:
    """Paragraphs between blank lines."""
    return list(_Reader(_lines(text, 0)).plain())


def front_matter_end(text: str) -> int:
    """Where the document itself begins: behind YAML or TOML between marks at the very top."""
    for mark in _HEAD_MARKS:
        if re.match(rf"{re.escape(mark)}[ \t]*\r?\n", text):
            closing = re.compile(rf"^{re.escape(mark)}[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
            found = closing.search(text, len(mark) + 1)
            return found.end() if found else 0
    return 0


def title_of(text: str) -> str:
    """The title in the settings at the top, else the first heading of the first level."""
    start = front_matter_end(text)
    named = _TITLE.search(text, 0, start) if start else None
    if named:
        return named[1].strip().strip("\"'")[:LONGEST_NAME]
    blocks = _Reader(_lines(text, start)).markdown()
    return next((block.name for block in blocks if block.level == 1), "")


class _Reader:
    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines
        self._at = 0

    def markdown(self) -> Iterator[Block]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.text:
                self._at += 1
            elif _FENCE.match(line.text):
                yield self._fence()
            elif (heading := _heading(line)) is not None:
                self._at += 1
                yield heading
            elif _tabular(line):
                yield self._run("table", lambda other: not _tabular(other))
            else:
                yield self._prose()

    def plain(self) -> Iterator[Block]:
        while self._at < len(self._lines):
            if self._lines[self._at].text:
                yield self._run("paragraph", lambda line: not line.text)
            else:
                self._at += 1

    def _run(self, kind: BlockKind, ends: Callable[[_Line], bool]) -> Block:
        """From here to the line before the first that ends it; at least one line."""
        first = self._at
        self._at += 1
        while self._at < len(self._lines) and not ends(self._lines[self._at]):
            self._at += 1
        filled = [line for line in self._lines[first : self._at] if line.text]
        return Block(kind, filled[0].begin, filled[-1].end)

    def _fence(self) -> Block:
        """Up to the closing fence: the same sign at least as often, alone; else to the end."""
        opening = _FENCE.match(self._lines[self._at].text)
        mark = opening[1] if opening else ""
        block = self._run("code", lambda line: _closes(line, mark))
        if self._at < len(self._lines):
            block = Block("code", block.start, self._lines[self._at].end)
            self._at += 1
        return block

    def _prose(self) -> Block:
        """A paragraph or a list; one line with a rule below it is a heading."""
        first = self._lines[self._at]
        below = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else None
        rule = _UNDERLINE.fullmatch(below.text) if below else None
        if below and rule:
            self._at += 2
            level = 1 if rule[1].startswith("=") else 2
            return Block("heading", first.begin, below.end, level, _plain(first.text))
        return self._run("paragraph", _interrupts)


def _lines(text: str, start: int) -> list[_Line]:
    return [_Line(found.start(), found[0].rstrip()) for found in _LINE.finditer(text, start)]


def _heading(line: _Line) -> Block | None:
    found = _HEADING.match(line.text)
    if found is None:
        return None
    name = _plain(line.text[found.end() :])
    return Block("heading", line.begin, line.end, len(found[1]), name)


def _plain(words: str) -> str:
    """Without closing signs and emphasis; cut where it is too long to be a name."""
    name = words.strip()[:LONGEST_NAME]
    return _EMPHASIS.sub("", _CLOSING.sub("", name)).strip()


def _tabular(line: _Line) -> bool:
    return line.text.lstrip().startswith("|")


def _closes(line: _Line, mark: str) -> bool:
    bare = line.text.strip()
    return bare.startswith(mark) and not bare.strip(mark[0])


def _interrupts(line: _Line) -> bool:
    return (
        not line.text
        or _tabular(line)
        or _FENCE.match(line.text) is not None
        or _heading(line) is not None
    )

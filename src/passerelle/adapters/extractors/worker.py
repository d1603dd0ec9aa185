"""One parser process: reads tasks from stdin, writes outcomes to stdout, until stdin ends.

Started by the pool with its limits as JSON. A parser that crashes takes only
this process with it.
"""

import asyncio
import os
import sys
from typing import BinaryIO

import msgspec

from passerelle.adapters.extractors.frames import LENGTH, Outcome, Task, frame
from passerelle.adapters.extractors.limits import Confinement, Limits

DAMAGED = "damaged, or not what its name says; open it and save it again"
LOCKED = "protected by a password; save it without one"
TOO_LONG = "holds more text than {limit:,} characters; split the document"
TOO_MUCH_MEMORY = "needs more memory than allowed; split the document"
_LOCKED_SIGNS = ("password", "encrypt", "decrypt")


def main() -> None:
    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    # The parser writes warnings to the standard streams: keep the answer's way clear of them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confinement = Confinement(limits)
    confinement.enter()
    while (head := _message(sys.stdin.buffer)) is not None:
        data = _message(sys.stdin.buffer) or b""
        confinement.allow_one_document()
        task = msgspec.json.decode(head, type=Task)
        outcome, text = _outcome(task, data, limits)
        answers.write(frame(outcome, text))
        answers.flush()


def _message(stream: BinaryIO) -> bytes | None:
    size = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(size)[0]) if len(size) == LENGTH.size else None


def _outcome(task: Task, data: bytes, limits: Limits) -> tuple[Outcome, bytes]:
    try:
        title, text = asyncio.run(_parsed(task.media_type, data))
    except MemoryError:
        return Outcome(fault=TOO_MUCH_MEMORY), b""
    except (RuntimeError, ValueError, OSError) as error:  # what the parser's errors derive from
        locked = any(sign in str(error).lower() for sign in _LOCKED_SIGNS)
        return Outcome(fault=LOCKED if locked else DAMAGED), b""
    if len(text) > limits.output_characters:
        return Outcome(fault=TOO_LONG.format(limit=limits.output_characters)), b""
    return Outcome(title=title), text.encode("utf-8", "replace")


async def _parsed(media_type: str, data: bytes) -> tuple[str, str]:
    import xberg  # noqa: PLC0415 - a quarter of a second and 50 MB, inside the limits

    config = xberg.ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        disable_ocr=True,
        # Without this, HTML metadata would stand in the text as if the page had said it.
        html_options=xberg.ConversionOptions(extract_metadata=False),
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
    )
    task = xberg.ExtractInput(kind="bytes", bytes=data, mime_type=media_type)
    try:
        result = await xberg.extract(task, config)
    except xberg.XbergError as error:
        raise RuntimeError(str(error)) from None
    if not result.results:
        raise RuntimeError("no result")
    document = result.results[0]
    return document.metadata.title or "", document.content


if __name__ == "__main__":
    main()

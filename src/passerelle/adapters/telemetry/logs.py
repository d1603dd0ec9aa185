"""Structured logs: one JSON object per line, with ids, never with content or secrets.

Only the fields named here leave. An exception is told by its type and the places it came
through, without its message, since messages of parsers quote what they could not read.
"""

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec

_FIELDS: Final = (
    "request_id",
    "exchange_id",
    "usecase",
    "stage",
    "endpoint",
    "method",
    "status",
    "code",
    "reason",
    "provider",
    "duration_ms",
    "count",
    "port",
)
_SECRET: Final = re.compile(
    r"(?:sk|pk|rk|ghp|gho|xox[abp]|AKIA|AIza)[-_A-Za-z0-9]{12,}"
    r"|(?i:bearer)\s+[^\s\"']{8,}"
    r"|://[^/\s:@]+:[^/\s@]+@"
)
_FRAMES: Final = 12


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        for name in _FIELDS:
            value = record.__dict__.get(name)
            if isinstance(value, bool | int | float):
                line[name] = value
            elif value is not None and value != "":
                line[name] = without_secrets(str(value))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-_FRAMES:]
            line["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return msgspec.json.encode(line).decode()


def without_secrets(text: str) -> str:
    """The last net: whoever logs must not put one in at all."""
    return _SECRET.sub("***", text)


def start_logging(*, level: str = "INFO", stream: TextIO | None = None) -> logging.Handler:
    """Sends the product's own logs to `stream` (standard error) and returns the handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("passerelle")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
    return handler

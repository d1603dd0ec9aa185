"""Random texts in random pieces: whatever the pieces, the same text leaves a stream.

`python -m tests.campaigns.chunkings --count 1000000`; the suite runs 2,000 of them.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from passerelle.core.values.verdicts import Verdict
from passerelle.domain.guardrails.checksums import checksum_62
from passerelle.domain.guardrails.competitors import Competitors
from passerelle.domain.guardrails.guards import Action, GuardPolicy, Surface
from passerelle.domain.guardrails.personal_data import PersonalData
from passerelle.domain.guardrails.screening import screen
from passerelle.domain.guardrails.secrets import Secrets
from passerelle.domain.guardrails.windows import Windows

SUITE = 2_000
OUTPUT = frozenset({Surface.OUTPUT})
GUARDS = (PersonalData(), Secrets(), Competitors(["Acme", "Acme Corp", "Open Bridge", "Zeta"]))
WORDS = (
    "the", "of", "and", "number", "is", "was", "born", "on", "passport", "mrn", "phone", "call",
    "ext", "x", "ACME", "Zeta", "bridge", "open", "corp", "a", "c", "m", "e", "March", "May",
    "12th", "3,", "WEST", "IBAN", "patient", "id", "no.", "version", "password", "token",
    "secret", "key:", "=", "at", "THE", "OF", "naïve", "größe", "你好", "привет", "Аcme", "acm3",
    "z.e.t.a", "https://", "postgres://", "user@", "555", "0688", "22", "4111", "+44", "(0)",
)  # fmt: skip
JOINTS = (
    " ", " ", " ", " ", "", "\n", "  ", ", ", ". ", "-", ".", "/", ":", "\u200b", "@", "(", ") ",
)  # fmt: skip
SHAPES = (  # each # becomes a digit
    "jo.###@mail.example.com", "555-###-####", "+41 (0)96 ### 07 95", "4111 1111 1111 1111",
    "4111-1111-1111-1111 ###", "GB82 WEST 1234 5698 7654 32", "gb82west12345698765432",
    "123-45-####", "86.121.##.248", "2001:db8::ff00:42:8329", "MRN: ST-######",
    "born on March #, 1980", "date of birth is 12th of May 19##",
    "postgres://joe:s3cret@db.example.com/x", "password = hunter####x", "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123", "xoxb-############-############",
    "Acme Corp", "a.c.m.e", "Op3n-Bridge",
)  # fmt: skip


def _digits(random_: random.Random, count: int) -> str:
    return "".join(random_.choice("0123456789") for _ in range(count))


def _own_key(random_: random.Random) -> str:
    body = f"sk-dev-{_digits(random_, 8)}-{'aB3x' * 8}"
    return f"{body}-{checksum_62(body)}"


def _private_key(random_: random.Random) -> str:
    lines = "\n".join(_digits(random_, 64) for _ in range(random_.randint(1, 6)))
    end = random_.choice(("\n-----END RSA PRIVATE KEY-----", ""))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}{end}"


def _hidden_name(random_: random.Random) -> str:
    return "Ac" + "\u200b" * random_.randint(1, 40) + "me"


def _long_run(random_: random.Random) -> str:
    return random_.choice(("a", "7", "-", "@", "eyJ", "A.")) * random_.randint(100, 900)


def _shape(random_: random.Random) -> str:
    parts = random_.choice(SHAPES).split("#")
    return "".join(part + _digits(random_, 1) for part in parts[:-1]) + parts[-1]


MAKERS: tuple[Callable[[random.Random], str], ...] = (
    *(_shape for _ in SHAPES), _own_key, _private_key, _hidden_name, _long_run,
)  # fmt: skip


def random_text(random_: random.Random) -> str:
    """Words, numbers and findings, whole or cut off, joined in ways that make new ones."""
    pieces: list[str] = []
    for _ in range(random_.randint(1, 14)):
        kind = random_.random()
        if kind < 0.3:
            piece = random_.choice(MAKERS)(random_)
            if random_.random() < 0.25:
                piece = piece[: random_.randint(1, len(piece))]
        elif kind < 0.45:
            piece = _digits(random_, random_.randint(1, 19))
        else:
            piece = random_.choice(WORDS)
        pieces += (piece, random_.choice(JOINTS))
    return "".join(pieces)


def random_pieces(random_: random.Random, text: str) -> Iterator[str]:
    """The text cut anywhere; sometimes into single characters."""
    most = random_.choice((1, 3, 8, 40, 400))
    place = 0
    while place < len(text):
        size = random_.randint(1, most)
        yield text[place : place + size]
        place += size


def random_policies(random_: random.Random) -> tuple[GuardPolicy, ...]:
    def action() -> Action:
        return random_.choices(("redact", "annotate", "block"), (6, 1, 1))[0]

    return tuple(GuardPolicy(guard, action(), OUTPUT) for guard in GUARDS if random_.random() < 0.8)


def plain(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    return tuple(replace(verdict, released_characters=0) for verdict in verdicts)


def fault(seed: int) -> str:
    """What is wrong with one random case; '' when nothing is."""
    random_ = random.Random(seed)  # noqa: S311 - it must repeat, not be secret
    text, policies = random_text(random_), random_policies(random_)
    windows = Windows(policies, window=random_.choice((1, 16, 64, 256)))
    left = "".join(windows.push(piece) for piece in random_pieces(random_, text))
    left += windows.finish()
    whole = screen(text, policies, Surface.OUTPUT)
    if windows.blocked != whole.blocked:
        return f"blocked: {windows.blocked} in windows, {whole.blocked} as a whole"
    if windows.released_characters != len(left):
        return "miscounted"
    if not whole.blocked:
        if left != whole.text:
            return f"released {left!r}, not {whole.text!r}"
        return "" if plain(windows.verdicts) == plain(whole.verdicts) else "other verdicts"
    return _blocked_fault(text, policies, left)


def _blocked_fault(text: str, policies: tuple[GuardPolicy, ...], left: str) -> str:
    """A blocked stream ends where the first blocked finding begins, in whatever pieces it came."""
    blocking = [policy.guard for policy in policies if policy.action == "block"]
    stop = min(finding.start for guard in blocking for finding in guard.findings(text))
    at_once = Windows(policies, window=1)
    same = at_once.push(text) + at_once.finish()
    if left != same:
        return f"released {left!r} before the block, {same!r} in one piece"
    hides = any(policy.action == "redact" for policy in policies)
    return "" if hides or left == text[:stop] else f"released {left!r}, not {text[:stop]!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    faults = 0
    for seed in range(wanted.seed, wanted.seed + wanted.count):
        found = fault(seed)
        if found:
            faults += 1
            print(f"seed {seed}: {found}")  # noqa: T201
    print(f"{faults} faults in {wanted.count:,} random chunkings from seed {wanted.seed}")  # noqa: T201
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()

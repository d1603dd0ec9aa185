"""passerelle doctor: what is wrong here, and the cure."""

import typer

from passerelle.cli.options import HERE, AsJson, Config, Data
from passerelle.cli.output import NO, explained, print_json, say
from passerelle.wiring.diagnosing import diagnose
from passerelle.wiring.installation import Told

SIGNS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


def doctor(*, config: Config = HERE, data: Data = None, as_json: AsJson = False) -> None:
    """Look at an installation; exit status 1 when something is broken."""
    with explained(as_json=as_json):
        findings = diagnose(Told(config, data))
    broken = sum(finding.outcome == "fault" for finding in findings)
    if as_json:
        print_json({"ok": not broken, "findings": findings})
    else:
        for finding in findings:
            say(f"{SIGNS[finding.outcome]}  {finding.check}: {finding.message}")
            for line in finding.cure.strip().splitlines():
                say(f"         → {line}")
        say("\nNothing is broken." if not broken else f"\n{broken} to repair.")
    if broken:
        raise typer.Exit(NO)

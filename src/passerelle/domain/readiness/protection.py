"""Is it safe, and can we prove what happened?"""

from passerelle.domain.readiness.checks import (
    Check,
    Decision,
    Family,
    Severity,
    about,
    counted,
    failed,
    listed,
    missing,
    passed,
    share,
)
from passerelle.domain.readiness.facts import Facts, Keys, Proof, Reach, Traffic

NEEDED_GUARDS = {
    "input": frozenset({"injection", "personal_data", "secrets"}),
    "output": frozenset({"personal_data", "secrets"}),
}
"""Guards that must redact or block, by surface."""


def _guarded(facts: Facts) -> Decision:
    acting = facts.guarding.acting
    gaps = [
        f"{name} on {surface}"
        for surface, names in NEEDED_GUARDS.items()
        for name in sorted(names - acting.get(surface, frozenset()))
    ]
    if gaps:
        return failed(f"Nothing is redacted or blocked by {', '.join(gaps)}.")
    places = (f"{surface}: {', '.join(sorted(names))}" for surface, names in acting.items())
    return passed("; ".join(places))


def _scanned(traffic: Traffic, facts: Facts) -> Decision:
    del facts
    unread = traffic.not_scanned
    if not unread.n:
        return missing("No guard has seen live traffic yet.")
    told = f"Texts that a guard could not check: {share(unread)}."
    return (failed if unread.value > 0 else passed)(told, unread)


def _no_development_key(keys: Keys, facts: Facts) -> Decision:
    del facts
    if keys.development:
        told = counted(len(keys.development), "development key")
        return failed(f"{told} would be accepted: {listed(keys.development)}.")
    return passed(f"None of {counted(len(keys.alive), 'live key')} is for development.")


def _ending(keys: Keys, facts: Facts) -> Decision:
    del facts
    if keys.unending:
        told = counted(len(keys.unending), "key lives", "keys live")
        return failed(f"{told} for more than a year: {listed(keys.unending)}.")
    return passed(f"{counted(len(keys.alive), 'key')}, each with an end within a year.")


def _used(keys: Keys, facts: Facts) -> Decision:
    del facts
    if keys.unused:
        return failed(f"Nothing was asked for a month with {listed(keys.unused)}.")
    return passed(f"{counted(len(keys.alive), 'key')}, all new or in use.")


def _private(reach: Reach, facts: Facts) -> Decision:
    del facts
    if reach.tls:
        return passed(f"{reach.host} speaks TLS.")
    if reach.loopback:
        return passed(f"{reach.host} can be reached from this machine only.")
    return failed(f"{reach.host} can be reached by others, without TLS.")


def _proved(proof: Proof, facts: Facts) -> Decision:
    del facts
    if not proof.ok:
        return failed(f"The ledger does not hold: {proof.fault}")
    return passed(f"{counted(proof.entries, 'entry', 'entries')} proved.")


def _retained(facts: Facts) -> Decision:
    held = facts.retention
    told = f"Data class {held.data_class}; what is asked and answered is "
    if not held.keeps_content:
        return passed(f"{told}not kept.")
    if held.sensitive:
        return failed(f"{told}kept without an end.")
    return passed(f"{told}kept until it is erased.")


CHECKS = (
    Check(
        id="SEC-01",
        family=Family.SECURITY,
        title="Guards act on personal data, secrets and injections",
        severity=Severity.BLOCKER,
        owner="security",
        why="A guard that only notes lets everything through.",
        remediation='Set "redact" or "block" for input and output in [guards.NAME].',
        decide=_guarded,
    ),
    Check(
        id="SEC-02",
        family=Family.SECURITY,
        title="Guards could check every text of live traffic",
        severity=Severity.BLOCKER,
        owner="security",
        why="A guard that was never seen at work proves nothing, nor does one that looks away.",
        remediation='Ask the use case; set unscanned = "block" at the stage if texts slip through.',
        decide=about(lambda facts: facts.traffic, _scanned),
    ),
    Check(
        id="SEC-03",
        family=Family.SECURITY,
        title="No development key is accepted",
        severity=Severity.BLOCKER,
        owner="security",
        why="A key for trying things out lies around in shells and note books.",
        remediation="Revoke it: passerelle keys revoke PUBLIC_ID.",
        decide=about(lambda facts: facts.keys, _no_development_key),
    ),
    Check(
        id="SEC-04",
        family=Family.SECURITY,
        title="Every key ends within a year",
        severity=Severity.WARNING,
        owner="security",
        why="A key that never ends outlives the person who asked for it.",
        remediation="Make keys with --expires-in-days, and revoke the others.",
        decide=about(lambda facts: facts.keys, _ending),
    ),
    Check(
        id="SEC-05",
        family=Family.SECURITY,
        title="No key lies unused",
        severity=Severity.WARNING,
        owner="security",
        why="Nobody misses a stolen key that nobody uses.",
        remediation="Revoke it: passerelle keys revoke PUBLIC_ID.",
        decide=about(lambda facts: facts.keys, _used),
    ),
    Check(
        id="SEC-06",
        family=Family.SECURITY,
        title="Nobody can listen in",
        severity=Severity.BLOCKER,
        owner="security",
        why="Keys and questions cross the network with every request.",
        remediation="Set tls_certificate and tls_key in [listener], or listen on 127.0.0.1 only.",
        decide=about(lambda facts: facts.reach, _private),
    ),
    Check(
        id="COM-01",
        family=Family.COMPLIANCE,
        title="The whole ledger is proved",
        severity=Severity.BLOCKER,
        owner="compliance",
        why="A record that may have been changed proves nothing.",
        remediation="Stop the gateway, keep a copy, and restore the last backup that verifies.",
        decide=about(lambda facts: facts.proof, _proved),
    ),
    Check(
        id="COM-02",
        family=Family.COMPLIANCE,
        title="Sensitive contents are not kept for ever",
        severity=Severity.BLOCKER,
        owner="compliance",
        why="Personal data may be kept only as long as its purpose needs it.",
        remediation="Set keep_content = false in the stage's table.",
        decide=_retained,
    ),
)

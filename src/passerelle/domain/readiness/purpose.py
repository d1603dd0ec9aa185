"""Is it worth going live, who answers for it, and when should it happen?"""

from passerelle.core.text.numbers import quantities
from passerelle.core.text.tokens import words
from passerelle.domain.readiness.checks import (
    Check,
    Decision,
    Family,
    Severity,
    failed,
    missing,
    passed,
)
from passerelle.domain.readiness.facts import Facts

FEWEST_WORDS = 6
"""A shorter goal cannot say for whom, what changes and by how much."""


def _goal(facts: Facts) -> Decision:
    goal = facts.purpose.goal
    if len(words(goal)) < FEWEST_WORDS:
        return failed(f'"{goal}" is too short to say for whom, what changes and by how much.')
    if not quantities(goal.rstrip(" .!")):
        return failed(f'"{goal}" names no figure, so nobody can tell when it is reached.')
    return passed(goal)


def _kill_value(facts: Facts) -> Decision:
    kpi = facts.purpose
    told = (
        f"{kpi.kpi} in {kpi.unit}: baseline {kpi.baseline:g}, target {kpi.target:g}, "
        f"stop at {kpi.kill_value:g}."
    )
    worse = kpi.kill_value < kpi.baseline if kpi.higher_is_better else kpi.kill_value > kpi.baseline
    if worse:
        return failed(f"{told} It would go on while things are worse than before.")
    return passed(told)


def _named(facts: Facts) -> Decision:
    nobody = [role for role, holder in facts.people.items() if not holder]
    if nobody:
        return failed(f"Nobody is named for {', '.join(nobody)}.")
    return passed(", ".join(f"{role}: {holder}" for role, holder in facts.people.items()))


def _different(facts: Facts) -> Decision:
    roles: dict[str, list[str]] = {}
    for role, holder in facts.people.items():
        if holder:
            roles.setdefault(" ".join(holder.casefold().split()), []).append(role)
    if not roles:
        return missing("Nobody is named for any role.")
    double = next((held for held in roles.values() if len(held) > 1), None)
    if double:
        return failed(f"One holder for {' and '.join(double)}: they cannot check each other.")
    return passed(f"{len(roles)} holders, one role each.")


def _dated(facts: Facts) -> Decision:
    due, today = facts.course.due, facts.course.today
    if due is None:
        return failed(f"There is no date for {facts.target}.")
    if due < today:
        return failed(f"{facts.target} was due on {due}, {(today - due).days} days ago.")
    return passed(f"{facts.target} is due on {due}, in {(due - today).days} days.")


def _prepared(facts: Facts) -> Decision:
    if facts.course.prepared:
        return passed(f"[stages.{facts.target}] says how it is set up.")
    return failed(f"There is no [stages.{facts.target}], so nobody can ask for it beforehand.")


CHECKS = (
    Check(
        id="VAL-01",
        family=Family.VALUE,
        title="The goal says for whom, what changes and by how much",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="A goal without a figure is never reached and never missed.",
        remediation="Write [charter] goal as one sentence with a figure.",
        decide=_goal,
    ),
    Check(
        id="VAL-02",
        family=Family.VALUE,
        title="The KPI has a baseline, a target and a value at which we stop",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="A use case that makes things worse than before must end by itself.",
        remediation="Set kill_value in [charter.kpi] no worse than the baseline.",
        decide=_kill_value,
    ),
    Check(
        id="PPL-01",
        family=Family.PEOPLE,
        title="Four roles are named",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="What nobody answers for is not looked after.",
        remediation="Name a person for each role in [charter.roles].",
        decide=_named,
    ),
    Check(
        id="PPL-02",
        family=Family.PEOPLE,
        title="Four different people hold them",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="Whoever builds it cannot be the one who approves it.",
        remediation="Name different people in [charter.roles].",
        decide=_different,
    ),
    Check(
        id="PLN-01",
        family=Family.PLAN,
        title="The next stage has a date that is not past",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="A proof of concept without a date stays one.",
        remediation='Set the date in [plan], such as pilot = "2027-01-15".',
        decide=_dated,
    ),
    Check(
        id="PLN-02",
        family=Family.PLAN,
        title="The next stage is set up",
        severity=Severity.BLOCKER,
        owner="developer",
        why="What goes live must have been tried as it goes live.",
        remediation="Add a table [stages.NAME] for it; an empty one keeps the defaults.",
        decide=_prepared,
    ),
)

"""Purpose, people and plan, from the use case file."""

from dataclasses import fields
from datetime import datetime
from zoneinfo import ZoneInfo

from passerelle.domain.readiness.facts import Course, Purpose
from passerelle.domain.usecases.charter import Charter, Roles
from passerelle.stories.justify.candidates import Inquiry


def look_at_purpose(charter: Charter) -> Purpose:
    kpi = charter.kpi
    return Purpose(
        goal=charter.goal,
        kpi=kpi.name,
        unit=kpi.unit,
        baseline=kpi.baseline,
        target=kpi.target,
        kill_value=kpi.kill_value,
        higher_is_better=kpi.higher_is_better,
    )


def look_at_people(roles: Roles) -> dict[str, str]:
    """Role to holder; empty for a role that nobody holds yet."""
    return {
        role.name: "" if role.name in roles.unnamed else str(getattr(roles, role.name))
        for role in fields(roles)
    }


def look_at_course(inquiry: Inquiry) -> Course:
    candidate = inquiry.candidate
    zone = ZoneInfo(candidate.budget.time_zone)
    return Course(
        due=candidate.timetable.due.get(inquiry.target),
        today=datetime.fromtimestamp(inquiry.now_ms / 1_000, zone).date(),
        prepared=inquiry.target in candidate.setups,
    )

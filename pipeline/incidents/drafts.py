"""Drafts the message to an audience, as far as it can be filled in from what is known."""

import datetime
import string
from collections.abc import Mapping

from pipeline.errors import Mistake
from pipeline.handbook.communication import BY_NAME, FIELDS
from pipeline.handbook.playbooks import named
from pipeline.incidents.cadence import next_word
from pipeline.record.incidents import Incident

REVIEW_DAYS = 5


def draft(
    incident: Incident, audience: str, now: datetime.datetime, said: Mapping[str, str], release: str = ""
) -> tuple[str, tuple[str, ...]]:
    """Draft the text of a message, and name the FIELDS that nobody has filled in. ``said`` goes before what we know."""
    if audience not in BY_NAME:
        raise Mistake(f"--audience {audience}: is none; there are {', '.join(BY_NAME)}")
    for name in said:
        if name not in FIELDS:
            raise Mistake(f"--set {name}=…: is no field; there are {', '.join(FIELDS)}")
    template = BY_NAME[audience].template
    known = {**_known(incident, audience, now, release), **said}
    wanted = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    missing = tuple(name for name in wanted if not known.get(name) and name not in OPTIONAL)
    words = {name: known.get(name) or ("" if name in OPTIONAL else f"[{FIELDS[name]}]") for name in wanted}
    return "\n".join(line.rstrip() for line in template.format_map(words).splitlines()).strip(), missing


OPTIONAL = frozenset({"todo"})


def _known(incident: Incident, audience: str, now: datetime.datetime, release: str) -> dict[str, str]:
    book = named(incident.playbook)
    doing = (
        incident.done[-1].remedy
        if incident.done
        else f"following the playbook “{book.title}”"
        if book
        else "finding out"
    )
    return {
        "severity": incident.severity,
        "what": incident.what,
        "since": _clock(incident.since or incident.opened),
        "lead": incident.lead or "nobody yet",
        "playbook": book.title if book else "none yet",
        "release": release or "not known here",
        "doing": doing,
        "next": f"{next_word(incident, audience, now):%H:%M} UTC",
        "affects": book.impact.rstrip(".") if book else "",
        "need": "You need not do anything.",
        "saved": "We do not know yet whether saved work is affected."
        if incident.severity == "P0"
        else "Work that you have saved is safe.",
        "evidence": f"the incident's record ({incident.id})",
        "over": _clock(incident.recovered or incident.resolved) if incident.recovered or incident.resolved else "",
        "works": incident.works or "everything works again",
        "cause": incident.cause and incident.cause.rstrip(".") + ".",
        "by": f"{now + datetime.timedelta(days=REVIEW_DAYS):%Y-%m-%d}",
        "name": incident.lead,
    }


def _clock(text: str) -> str:
    return f"{datetime.datetime.fromisoformat(text).astimezone(datetime.UTC):%H:%M} UTC" if text else ""

"""The monitoring guide: what each dashboard shows, which reading is an incident, what to look at when."""

from pipeline.config import DeployFile, Policies
from pipeline.definitions.checklists import BASELINES, DAILY, WEEKLY, Item
from pipeline.documents.pages.incidents import TITLES, playbook_link
from pipeline.documents.pages.questions import questions
from pipeline.documents.pages.words import INCIDENTS, RUNBOOK, gate_link, known_here, linked, page
from pipeline.handbook.dashboards import Dashboard, dashboards
from pipeline.handbook.queries import QUERIES
from pipeline.handbook.techniques import TECHNIQUES
from pipeline.handbook.thresholds import thresholds
from pipeline.render.markdown import bullets, fence, link, stop, table, upper

OPENING = """
What the dashboards say, what is normal, and from which number on somebody is called. The numbers come from
`deploy.yml`: the gates judge by the same ones.
"""
TROUBLESHOOTING = "troubleshooting.md"


def monitoring(file: DeployFile, policies: Policies) -> str:
    """The whole document."""
    parts = (
        *map(_dashboard, dashboards(policies)),
        _thresholds(policies),
        _baselines(),
        _checklist("Daily Monitoring Checklist", "Five minutes, every working day, by whoever is on call.", DAILY),
        _checklist("Weekly Monitoring Checklist", "Half an hour, on the same day every week.", WEEKLY),
        questions(policies),
    )
    return page("Monitoring", OPENING, "\n\n".join(parts), known_here(file, policies))


def _dashboard(one: Dashboard) -> str:
    rows = [(f"**{p.name}**", p.shows, p.well, p.worry, _linked(p.then)) for p in one.panels]
    return "\n\n".join(
        (
            f"## {one.title}",
            f"Where: {stop(one.where)}",
            table(("look at", "where, what it shows", "well", "worry", "then"), rows),
            f"Without the dashboard, {one.tells}:",
            fence(one.command),
        )
    )


def _thresholds(policies: Policies) -> str:
    rows = [
        (
            one.signal,
            one.source,
            one.usual,
            f"**{one.limit}**",
            one.severity.name,
            gate_link(one.gate, RUNBOOK) if one.gate else "a person, on the dashboard",
            playbook_link(one.playbook, INCIDENTS),
        )
        for one in thresholds(policies)
    ]
    return "\n\n".join(
        (
            "## Escalation Thresholds",
            f"Past the limit it is an incident of that severity"
            f" ({link('Severity Classification', page=INCIDENTS)}): open"
            " it, then follow the playbook.",
            table(("signal", "source", "usual", "limit", "severity", "asked by", "playbook"), rows),
        )
    )


def _baselines() -> str:
    rows = [(what, _linked(where), "", "", worry) for what, where, worry in BASELINES]
    return "\n\n".join(
        (
            "## Historical Baselines",
            "Every number that a deployment, `./inv monitor.daily` or `./inv monitor.weekly` reads is kept."
            " `./inv monitor.baseline` shows each beside last week's, beside the same hour of the same weekday, and"
            " beside the last good releases: medians, with the number of readings, so that one outlier moves nothing.",
            "A number means something only beside last week's. Fill in a line a week, on the same day, and keep"
            " the table"
            " where everybody can see it. Compare with the week before, and with the same week of the last term: a"
            " school"
            " has seasons. After a change of hardware, plan or region begin anew.",
            table(("what", "read it off", "last week", "this week", "worry when it is"), rows),
            "The gates have baselines of their own: a release's errors are compared, per request, with the day before"
            " its promotion, and production's load times with the last good releases.",
        )
    )


def _checklist(title: str, intro: str, items: tuple[Item, ...]) -> str:
    return "\n\n".join((f"## {title}", intro, bullets(map(_item, items), "- [ ]")))


def _item(one: Item) -> str:
    asked = ", ".join(gate_link(gate, RUNBOOK) for gate in one.asks)
    return f"**{one.does}.** {upper(stop(_linked(one.by_hand)))}\nWorry: {stop(one.worry)} Asked by {asked}."


def _linked(text: str) -> str:
    pages = dict.fromkeys(TITLES.values(), INCIDENTS)
    pages |= {query.name: TROUBLESHOOTING for queries in QUERIES.values() for query in queries}
    pages |= {technique.title: TROUBLESHOOTING for technique in TECHNIQUES}
    return linked(text, pages | {"Historical Baselines": ""})

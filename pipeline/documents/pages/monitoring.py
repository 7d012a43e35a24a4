"""The monitoring guide: what each dashboard shows, which reading is an incident, what to look at when."""

from pipeline.config import DeployFile, Policies
from pipeline.definitions.checklists import BASELINES, CHECKLISTS, DAILY, WEEKLY, Item
from pipeline.definitions.diagnoses import DIAGNOSES
from pipeline.documents.pages.entries import gate_entry, step_entry
from pipeline.documents.pages.incidents import TITLES, playbook_link
from pipeline.documents.pages.words import (
    INCIDENTS,
    RUNBOOK,
    SHIPPING,
    STEPS,
    document,
    gate_link,
    gate_links,
    known_here,
    linked,
)
from pipeline.handbook.dashboards import Dashboard, dashboards
from pipeline.handbook.exits import EXIT_CODES
from pipeline.handbook.queries import QUERIES
from pipeline.handbook.techniques import TECHNIQUES
from pipeline.handbook.thresholds import thresholds
from pipeline.render.markdown import stop, upper

TROUBLESHOOTING = "troubleshooting.md"


def monitoring(file: DeployFile, policies: Policies) -> str:
    """The whole page."""
    return document(
        "monitoring",
        known_here(file, policies),
        dashboards=[(dashboard, _panel_rows(dashboard)) for dashboard in dashboards(policies)],
        threshold_rows=_threshold_rows(policies),
        baseline_rows=[(what, _linked(where), "", "", worry) for what, where, worry in BASELINES],
        daily=[_item(item) for item in DAILY],
        weekly=[_item(item) for item in WEEKLY],
        exit_rows=[(str(code), word) for word, code in EXIT_CODES.items()],
        diagnosis_rows=[
            (f"`./inv {diagnosis.name}`", diagnosis.purpose, gate_links(diagnosis.gates, page=RUNBOOK))
            for diagnosis in DIAGNOSES.values()
        ],
        questions=_questions(policies),
    )


def _panel_rows(dashboard: Dashboard) -> list[tuple[str, ...]]:
    return [
        (f"**{panel.name}**", panel.shows, panel.well, panel.worry, _linked(panel.then)) for panel in dashboard.panels
    ]


def _threshold_rows(policies: Policies) -> list[tuple[str, ...]]:
    return [
        (
            threshold.signal,
            threshold.source,
            threshold.usual,
            f"**{threshold.limit}**",
            threshold.severity.name,
            gate_link(threshold.gate, RUNBOOK) if threshold.gate else "a person, on the dashboard",
            playbook_link(threshold.playbook, INCIDENTS),
        )
        for threshold in thresholds(policies)
    ]


def _item(item: Item) -> str:
    asked = gate_links(item.asks, page=RUNBOOK)
    return f"**{item.does}.** {upper(stop(_linked(item.by_hand)))}\nWorry: {stop(item.worry)} Asked by {asked}."


def _questions(policies: Policies) -> str:
    """The entries of the gates and steps of checklists and diagnoses that no release asks."""
    every = (*CHECKLISTS.values(), *DIAGNOSES.values())
    steps = dict.fromkeys(step for pipeline in every for step in pipeline.steps if step not in STEPS)
    gates = dict.fromkeys(gate for pipeline in every for gate in pipeline.gates if gate not in SHIPPING)
    return "\n\n".join([*map(step_entry, steps), *(gate_entry(gate, policies) for gate in gates)])


def _linked(text: str) -> str:
    pages = dict.fromkeys(TITLES.values(), INCIDENTS)
    pages |= {query.name: TROUBLESHOOTING for queries in QUERIES.values() for query in queries}
    pages |= {technique.title: TROUBLESHOOTING for technique in TECHNIQUES}
    return linked(text, pages | {"Historical Baselines": ""})

"""The homes of a fleet's projects: what is wrong with each before anything begins, and at which stage a run is."""

import contextlib
from pathlib import Path

from pipeline.config import load
from pipeline.config.shared import SharedSections
from pipeline.errors import Mistake, PipelineError
from pipeline.fleet.children import missing_tokens
from pipeline.fleet.file import FleetProject
from pipeline.home import FILE
from pipeline.record.journal import events_of
from pipeline.record.place import NAME
from pipeline.record.private import RUNS
from pipeline.record.report import report_of
from pipeline.session.runs import store_of


def problems_of(
    project: FleetProject, home: Path, *, machines: bool = False, shared: SharedSections | None = None
) -> tuple[str, ...]:
    """A line for each thing for which the project cannot be deployed; none when it can be tried.

    ``machines``: several of them work for the fleet; ``shared``: what the fleet says of its `deploy.yml`.
    """
    if not home.is_dir():
        return (f"has no home: there is no folder {home}",)
    if not (home / FILE).is_file():
        return (f"has no home: there is no {FILE} in {home}",)
    try:
        config = load(home / FILE, shared=shared or SharedSections())
        config.target(project.target)
    except Mistake as mistake:
        return tuple(str(mistake).splitlines())
    thrown = () if isinstance(project.home, str) else _thrown_away(config.file.state, machines=machines)
    return (*thrown, *missing_tokens(project))


def _thrown_away(state: str, *, machines: bool) -> tuple[str, ...]:
    """Why the record of a home in a repository would be lost; none when it is kept."""
    if NAME.fullmatch(state):
        return ()
    named = "name a variable with a Postgres URL as `state` there, and it under `tokens` here"
    if machines:
        return (f"keeps its runs in {state or RUNS}, which other workers of this fleet do not see; {named}",)
    if state and not Path(state).is_absolute() and Path(state).parts[0] != RUNS:
        return (f"keeps its runs in {state}, which goes with the checkout; leave `state` out there, or {named}",)
    return ()


def stage_of(home: Path, run: str, shared: SharedSections) -> str:
    """The stage that a run in ``home`` is at; empty when its record does not say."""
    with contextlib.suppress(PipelineError, OSError):
        store = store_of(load(home / FILE, shared=shared), home)
        try:
            stages = report_of(run, events_of(store, run)).stages
            return stages[-1].name if stages else ""
        finally:
            store.close()
    return ""

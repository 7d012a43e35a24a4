"""The homes of a fleet's projects: what is wrong with each before anything begins, and at which stage a run is."""

import contextlib
from pathlib import Path

from pipeline.config import load
from pipeline.errors import Mistake, PipelineError
from pipeline.fleet.children import missing_tokens
from pipeline.fleet.file import FleetProject
from pipeline.home import FILE
from pipeline.record.journal import events_of
from pipeline.record.report import report_of
from pipeline.session.runs import store_of


def problems_of(project: FleetProject, home: Path) -> tuple[str, ...]:
    """A line for each thing for which the project cannot be deployed; none when it can be tried."""
    if not home.is_dir():
        return (f"has no home: there is no folder {home}",)
    if not (home / FILE).is_file():
        return (f"has no home: there is no {FILE} in {home}",)
    try:
        load(home / FILE).target(project.target)
    except Mistake as mistake:
        return tuple(str(mistake).splitlines())
    return missing_tokens(project)


def stage_of(home: Path, run: str) -> str:
    """The stage that a run in ``home`` is at; empty when its record does not say."""
    with contextlib.suppress(PipelineError, OSError):
        store = store_of(load(home / FILE), home)
        try:
            stages = report_of(run, events_of(store, run)).stages
            return stages[-1].name if stages else ""
        finally:
            store.close()
    return ""

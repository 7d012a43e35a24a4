"""``fleet.init``, ``fleet.report`` and ``fleet.dashboard``: a file from a team, and what people see of orders."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, honest, out, somebody


@task(
    name="init",
    iterable=["homes"],
    help={
        "team": "the team's id or slug (default: VERCEL_ORG_ID; neither: the account of the token)",
        "homes": "a folder below which the projects' homes lie; may be said again (default: the fleet's own)",
        "yes": "write without asking",
    },
)
def init(c: Context, homes: list[str], team: str = "", yes: bool = False) -> None:
    """Write fleet.yml from a Vercel team's projects, and say which have no home. Exit 1: something is left to do."""
    with honest():
        from pathlib import Path

        from pipeline.commands.fleetinit import FleetInitWish, init_fleet
        from pipeline.home import here

        folders = tuple(here() / Path(one).expanduser() for one in homes)
        left = init_fleet(ROOT, FleetInitWish(folders, team, yes, somebody()), out)
    if left:
        raise SystemExit(1)


@task(
    help={
        "order": "an order's id (default: the newest)",
        "json": "as one JSON document, with every project",
        "html": "as one page for a browser, into this file; it needs no network",
    },
)
def report(c: Context, order: str = "", json: bool = False, html: str = "") -> None:
    """One order, whole: what it did by wave, what several projects share, what is left for a person."""
    with honest():
        from pipeline.commands.fleetdashboard import show_report

        show_report(ROOT, order, out, as_json=json, to=html)


@task(
    help={
        "port": "on 127.0.0.1 (default: 8421; 0: any that is free)",
        "export": "write the pages into this folder instead, and end",
    }
)
def dashboard(c: Context, port: int = 8421, export: str = "") -> None:
    """The fleet's orders as pages for a browser of this machine, as they go on: waves, projects, what they share."""
    with honest():
        from pathlib import Path

        from pipeline.commands.fleetdashboard import export_fleet, show_fleet

        if export:
            out("\n".join(export_fleet(ROOT, Path(export).expanduser())))
        else:
            show_fleet(ROOT, port, out)

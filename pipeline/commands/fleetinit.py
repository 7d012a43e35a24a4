"""``invoke fleet.init``: a Vercel team's projects as a ``fleet.yml``, shown first; one that is there is left alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.adoption.proposal import FileChange
from pipeline.clients.vercelteam import TeamProject, VercelTeam
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.config.target import Services
from pipeline.emergency.domain import client
from pipeline.environment import variable_or_file
from pipeline.errors import Mistake
from pipeline.fleet.file import load_fleet
from pipeline.fleet.proposing import ProposedProject, fleet_yml, found_homes, missing, proposed
from pipeline.home import FILE, FLEET, command_here
from pipeline.redact import Redactor, one_line
from pipeline.render.adoption import changes_text

Out = Callable[[str], None]
SHOWN = 20


@dataclass(frozen=True)
class FleetInitWish:
    """What was typed after ``fleet.init``. ``asks`` puts a question to whoever sits there; None: nobody does."""

    homes: tuple[Path, ...]
    team: str = ""
    yes: bool = False
    asks: Callable[[str], str] | None = None


def init_fleet(root: Path, wish: FleetInitWish, out: Out) -> bool:
    """Say which projects of the team have a home, and write ``fleet.yml``. True when something is left to do.

    Raises Mistake, and ServiceError when Vercel does not say.
    """
    team = wish.team or variable_or_file("VERCEL_ORG_ID", root)
    homes, wrong = found_homes(wish.homes or (root,))
    projects = team_projects(root, team)
    found = proposed(projects, homes, team)
    _say(found, wrong, team, out)
    if (root / FLEET).exists():
        return _say_new(root, found, out)
    if not any(one.home for one in found):
        out("Nothing was written: no project has a home. ./inv init in an app's folder makes one.")
        return True
    change = FileChange(FLEET, "", fleet_yml(found, root, team))
    out(changes_text([change]) + "\n")
    if not (wish.yes or (wish.asks and wish.asks(f"Write {FLEET}? [Y/n]").lower() in ("", "y", "yes"))):
        out("Nothing was written; --yes writes it.")
        return True
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / FLEET).open("x", encoding="utf-8") as file:  # never over one that came meanwhile
            file.write(change.after)
    except OSError as error:
        raise Mistake(f"{root / FLEET}: cannot be written: {error.strerror}") from error
    out(f"{FLEET} was written. Next: {command_here(root)} fleet.plan")
    return False


def team_projects(root: Path, team: str) -> tuple[TeamProject, ...]:
    """What Vercel says; its address is that of the fleet's own ``deploy.yml``, if it has one."""
    token = variable_or_file("VERCEL_TOKEN", root)
    if not token:
        raise Mistake("VERCEL_TOKEN: is not set; vercel.com → Account Settings → Tokens, of the team")
    Redactor([token])
    services = load(root / FILE).target()[1].services if (root / FILE).is_file() else Services()

    async def ask() -> tuple[TeamProject, ...]:
        async with client(services.vercel) as http:
            return await VercelTeam(services.vercel, token, team, http, SystemClock()).projects()

    return asyncio.run(ask())


def _say(found: tuple[ProposedProject, ...], wrong: tuple[str, ...], team: str, out: Out) -> None:
    """Which have a home and which not; the latter all, for somebody has to make one for each."""
    lack = [one for one in found if one.home is None]
    out(f"{len(found)} projects of {one_line(team) or 'the account'}: {len(found) - len(lack)} have a home")
    for one in lack:
        where = one_line(" ".join(filter(None, (one.project.repository, one.project.folder))))
        out(f"  ✗ {one_line(one.project.name):<32} no home{f'; its repository is {where}' if where else ''}")
    for one in found:
        if one.home and one.others:
            rest = ", ".join(f"{other.folder} ({other.target})" for other in one.others)
            out(f"  ! {one_line(one.project.name)}: {one.home.folder} ({one.home.target}) counts, not {one_line(rest)}")
    for line in wrong:
        out(f"  ✗ {one_line(line)}")
    out("")


def _say_new(root: Path, found: tuple[ProposedProject, ...], out: Out) -> bool:
    """Name what a ``fleet.yml`` that is there lacks, as lines to add; True when there are any."""
    new = missing(found, load_fleet(root / FLEET), root)
    if not new:
        out(f"{FLEET} has all of those with a home; it is left as it is.")
        return False
    out(f"{FLEET} is left as it is. It lacks {len(new)}; add below `projects:`")
    for one in new:
        out(one.line(root))
    return True

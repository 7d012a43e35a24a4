"""Does what a person does in the lab, with the same calls that the vendors' commands make."""

import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks.evidence import Release
from checks.policy import Waiver
from pipeline.definitions.deploy import DEPLOY
from pipeline.sandbox.errortracking import capture
from pipeline.selftest.lab import Lab
from pipeline.world.world import World

Act = Callable[[Lab], object]
FUNCTION = ".vercel/output/functions/lms.func"
PROJECT = "/v9/projects/{project}"


def together(*acts: Act) -> Act:
    """Make one act of several, done one after the other."""

    def act(lab: Lab) -> None:
        for step in acts:
            step(lab)

    return act


def patch(**services: Mapping[str, Any]) -> Act:
    """Make an act that sets fields of the services' states."""
    return lambda lab: lab.patch(**services)


def fault(*texts: str) -> Act:
    """Make an act that lets services misbehave."""
    return lambda lab: lab.fault(*texts)


def it_is_over(lab: Lab) -> None:
    """End every fault: what misbehaved is well again."""
    lab.no_faults()


def require(kind: type, **changes: Any) -> Act:
    """Make an act that changes a section of ``deploy.yml``."""
    return lambda lab: lab.require(kind, **changes)


def later(seconds: float) -> Act:
    """Make an act that moves the clock by so many seconds."""
    return lambda lab: lab.clock.move(seconds)


def sql(*statements: str) -> Act:
    """Make an act that runs SQL by hand on production's database."""

    async def go(world: World) -> None:
        async with world.database.connection("by hand") as db:
            for statement in statements:
                await db.execute(statement.encode())

    return lambda lab: lab.call(go)


def waived(gate: str, subject: str = "") -> Act:
    """Make an act by which a stakeholder signs a waiver for today."""
    return lambda lab: lab.waive(Waiver(gate, lab.today(), "Dana Ops", "the self-test", subject))


def vercel(method: str, path: str, **more: Any) -> Callable[[World], Awaitable[Any]]:
    """Make an act that sends one request to Vercel, as its command does; ``{project}`` stands for the project's id."""

    async def go(world: World) -> Any:
        address = path.format(project=world.vercel.project_id)
        params = {"teamId": world.vercel.team, **more.pop("params", {})}
        return await world.vercel.once(method, address, lambda body: body, params=params, **more)

    return go


def set_variable(lab: Lab, name: str, value: str) -> None:
    """Make an act like ``vercel env add NAME production``, in place of the variable that was set."""
    body = {"key": name, "value": value, "type": "encrypted", "target": ["production", "preview"]}
    lab.call(vercel("POST", "/v10/projects/{project}/env", params={"upsert": "true"}, json=body))


def remove_variable(lab: Lab, name: str) -> None:
    """Make an act like ``vercel env rm NAME production``; the old value is kept for whoever puts it back."""
    found = lab.state(lambda state: next(one for one in state.vercel.env if one.key == name))
    lab.kept[name] = found.value
    lab.call(vercel("DELETE", f"{PROJECT}/env/{found.id}"))


def live(lab: Lab) -> str:
    """The id of the deployment that production points to."""
    return lab.state(lambda state: state.vercel.production)


def staged(lab: Lab) -> str:
    """The id of the newest deployment: the one that the run has made."""
    return lab.state(lambda state: max(state.vercel.deployments.values(), key=lambda one: one.created).id)


def before_live(lab: Lab) -> str:
    """The id of the newest deployment that was production and is not now."""

    def newest(state: Any) -> str:
        were = [deployment for deployment in state.vercel.deployments.values() if deployment.was_production]
        return str(max((one for one in were if one.id != state.vercel.production), key=lambda one: one.created).id)

    return lab.state(newest)


def oldest(lab: Lab) -> str:
    """The id of the first deployment that was ever production."""
    return lab.state(lambda state: min(state.vercel.deployments.values(), key=lambda one: one.created).id)


def a_colleague_promotes(lab: Lab) -> None:
    """Point production at another deployment, as a colleague's promotion does."""
    other = oldest(lab)
    lab.state(lambda state: setattr(state.vercel, "production", other))


def move(lab: Lab, way: str, id: str) -> None:
    """Make an act like ``vercel promote ID`` or ``vercel rollback ID``, which waits until it is done."""
    lab.call(
        vercel(
            "POST",
            f"/v10/projects/{{project}}/promote/{id}"
            if way == "promote"
            else f"/v1/projects/{{project}}/rollback/{id}",
        )
    )
    lab.clock.move(5)


def commit(lab: Lab, message: str, folder: str = "") -> str:
    """Push a new commit on main, green and reviewed; gives its SHA-1."""
    number = lab.state(lambda state: state.next_id())
    sha = hashlib.sha1(f"{message} {number}".encode(), usedforsecurity=False).hexdigest()
    lab.clock.move(1)
    lab.change(lambda sandbox: sandbox.commit(sha, message, folder))
    return sha


def ship(
    lab: Lab, example: str = "good", *, edits: Mapping[str, Callable[[str], str]] | None = None, **said: Any
) -> Release:
    """Build and push a release of its own: an example with some files edited. ``said``: how the run is started.

    An edit is given what the file holds, or an empty string.
    """
    made, _ = lab.change(lambda sandbox: sandbox.release(example))
    folder = lab.home / "work" / str(lab.state(lambda state: state.next_id()))
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path, edit in (edits or {}).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(edit(file.read_text(encoding="utf-8") if file.exists() else ""), encoding="utf-8")
    now = lab.clock.now().timestamp()
    os.utime(folder / ".vercel/output/config.json", (now, now))
    lab.release = replace(Release(commit(lab, f"Release {folder.name}", str(folder)), str(folder)), **said)
    return lab.release


def taken_back(lab: Lab) -> None:
    """Ship a release that is ill in production only, so that its run goes back."""
    bad_in_production("/login")(lab)
    lab.order(over_rollback=True)


def repaired(lab: Lab) -> None:
    """Push a commit in which the fault was mended; the run says that it may promote over the rollback."""
    ship(lab, over_rollback=True)


def shipping(example: str = "good", **more: Any) -> Act:
    """Make an act after which the run ships a release of this kind."""
    return lambda lab: ship(lab, example, **more)


def migration(name: str, text: str, *, instead: bool = False) -> Act:
    """Make an act that gives the release this migration; ``instead``: without the example's own pending one."""

    def act(lab: Lab) -> None:
        release = ship(lab, edits={f"prisma/migrations/{name}/migration.sql": lambda _: text})
        if instead:
            shutil.rmtree(Path(release.folder) / "prisma/migrations/20260301000000_course_level")

    return act


def in_production(line: str) -> Callable[[str], str]:
    """Edit the app's ``index.py`` so that ``line`` runs first, with ``request``, but only at the production domain."""
    head = "async def answer(request):\n"
    return lambda text: text.replace("from . import", "from . import environ, sleep,", 1).replace(
        head, f'{head}    if request.headers["host"] != environ["VERCEL_URL"]:\n        {line}\n', 1
    )


def everywhere(line: str) -> Callable[[str], str]:
    """Edit the app's ``index.py`` so that ``line`` runs first at every address."""
    head = "async def answer(request):\n"
    return lambda text: text.replace("from . import", "from . import environ, sleep,", 1).replace(
        head, f"{head}    {line}\n", 1
    )


INDEX = f"{FUNCTION}/index.py"


def bad_in_production(path: str, answer: str = 'Response.html("Internal Server Error", 500)') -> Act:
    """Make a release that is well at its own address, and fails on ``path`` of the production domain."""
    return shipping(edits={INDEX: in_production(f'if request.path == "{path}": return {answer}')})


def bad_everywhere(path: str, answer: str = 'Response.html("Internal Server Error", 500)') -> Act:
    """Make a release that fails on ``path`` wherever it is asked."""
    return shipping(edits={INDEX: everywhere(f'if request.path == "{path}": return {answer}')})


def error(title: str, *, times: int = 1, where: str = "GET /courses", level: str = "error", by: str = "") -> Act:
    """Send this error to Sentry as the app's SDK does. ``by``: the commit that it names; empty is the release's own."""

    def act(lab: Lab) -> None:
        def send(sandbox: Any) -> None:
            for _ in range(times):
                capture(sandbox.core, title, where, by or lab.release.commit, "production", level)

        lab.change(send)
        lab.clock.move(2)  # Sentry's spans of time have whole seconds

    return act


def deployed(lab: Lab) -> None:
    """Ship the release through the whole pipeline."""
    ran = lab.run(DEPLOY)
    if ran.report.outcome != "deployed":
        raise AssertionError(f"the lab's own deploy ended {ran.report.outcome}: {ran.report.reason}")

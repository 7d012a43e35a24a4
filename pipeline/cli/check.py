"""``check`` and ``check.FAMILY.GATE``: one task a gate. Loads the gates, so it is loaded only when asked for."""

import sys
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task, task

from checks.gate import Gate
from pipeline.cli.summary import on_github, to_summary
from pipeline.cli.terminal import DEPLOY_FILE, ROOT, as_json, command, configuration, honest, out, typed_here
from pipeline.commands.check import ask_gates
from pipeline.config.own import own_gates
from pipeline.definitions.deploy import DEPLOY
from pipeline.definitions.every import GATES
from pipeline.definitions.own import placed
from pipeline.home import app_in, here
from pipeline.session.askable import given_by_steps
from pipeline.session.session import Order

HELP = {
    "target": "as for deploy",
    "from": "as for deploy",
    "commit": "as for deploy",
    "approved-by": "as for deploy",
    "over-rollback": "as for deploy",
    "older": "as for deploy",
    "json": "as one JSON document",
}


@task(
    name="pull-request",
    help={
        "base": "the commit that it is merged into (default: origin/main, as it is here)",
        "target": "as for deploy (default: the one that a push is deployed to)",
        "from": "the folder of the app (default: `app` of deploy.yml)",
        "json": "as one JSON document",
    },
)
def pull_request(c: Context, base: str = "", target: str = "", from_: str = "", json: bool = False) -> None:
    """Before a merge, without any service or secret: deploy.yml, the new migrations, the generated files."""
    with honest():
        import datetime

        from pipeline.cli.runbooks import sources
        from pipeline.documents.writing import stale
        from pipeline.render.merging import merging_markdown, plain_remark, remarks_annotations, remarks_text
        from pipeline.session.merging import before_the_merge

        config = configuration()
        name, _ = config.target(target or config.shipped)
        branch = config.policies[name].source.branch
        folder = Path(from_ or app_in(ROOT, config.file.app, here())).resolve()
        today = datetime.datetime.now(datetime.UTC).date()
        remarks = before_the_merge(config, name, folder, base or f"origin/{branch}", today)
        differences = stale(sources(c))
        if json:
            out(as_json({"remarks": [plain_remark(one) for one in remarks], "stale": differences}))
        elif remarks:
            out(remarks_text(remarks))
        if on_github() and remarks:  # before what may be long
            command(remarks_annotations(remarks), sys.stderr if json else sys.stdout)
        if not json:
            out(differences or "all generated files are current")
        if on_github():
            to_summary(typed_here(merging_markdown(remarks, differences)))
    if differences or any(one.finding.verdict.stops for one in remarks):
        raise SystemExit(1)


def collection() -> Collection:
    """``check`` (everything that can be asked now) and one task a gate, grouped by family."""

    def task_for(name: str, gates: tuple[Gate, ...], words: str) -> "Task[Any]":
        def body(
            c: Context,
            target: str = "",
            from_: str = "",
            commit: str = "",
            approved_by: str = "",
            over_rollback: bool = False,
            older: bool = False,
            json: bool = False,
        ) -> None:
            with honest():
                order = Order(target, from_, commit, approved_by=approved_by, over_rollback=over_rollback, older=older)
                stops = ask_gates(configuration(), order, ROOT, gates, out, as_json=json)
            if stops:
                raise SystemExit(1)

        body.__doc__ = words
        return Task(body, name=name, help=HELP)

    own = _own()
    first = placed(DEPLOY, own).stages[0]
    now = tuple(gate for gate in first.asks if not given_by_steps(gate))
    made = Collection()
    made.add_task(task_for("all", now, "Ask everything that preflight asks."), default=True)
    made.add_task(pull_request)
    families: dict[str, Collection] = {}
    for gate in (*GATES, *own):
        family = families.setdefault(gate.family, Collection())
        family.add_task(task_for(gate.name.partition(".")[2], (gate,), _words(gate)))
    for family_name, family in families.items():
        askable = tuple(one for one in (*GATES, *own) if one.family == family_name and not given_by_steps(one))
        if askable:
            words = f"Ask everything of {family_name} that can be asked now."
            family.add_task(task_for("all", askable, words), default=True)
        made.add_collection(family, family_name)
    return made


def _own() -> tuple[Gate, ...]:
    with honest():
        return own_gates(DEPLOY_FILE.parent)


def _words(gate: Gate) -> str:
    words = gate.procedure
    return f"{words.title}\n\nWhy: {words.why}\n\nBy hand:\n{words.by_hand}\n\nIf it fails: {words.if_it_fails}"

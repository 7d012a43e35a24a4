"""``env.check``: the environment variables of a target."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, configuration, honest, out


@task(
    name="check",
    help={
        "target": "as for deploy",
        "from": "as for deploy",
        "commit": "as for deploy",
        "json": "as one JSON document",
    },
)
def check(c: Context, target: str = "", from_: str = "", commit: str = "", json: bool = False) -> None:
    """The target's environment variables: missing, empty, misshapen, stale, or read by the code and set by nobody."""
    with honest():
        from pipeline.commands.environment import check
        from pipeline.session.session import Order

        stops = check(configuration(), Order(target, from_, commit), ROOT, out, as_json=json)
    if stops:
        raise SystemExit(1)

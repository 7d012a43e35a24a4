"""``selftest``: is every gate able to stop something?"""

import signal

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import aside, configuration, honest, out


@task(
    name="selftest",
    help={
        "only": "a gate's name, or a pattern such as 'database.*'",
        "format": "table, markdown or json",
        "json": "as --format json",
    },
)
def selftest(c: Context, only: str = "", format: str = "table", json: bool = False) -> None:
    """Break the sandbox for every gate, see it stop, follow its *If it fails*, see it pass. Touches nothing else."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    with honest():
        from pipeline.commands.selftest import try_gates

        code = try_gates(configuration(), only, "json" if json else format, out, aside)
    if code:
        raise SystemExit(code)

"""``sandbox``, ``fault``, ``faults``: a production to break."""

import signal

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, configuration, honest, out


@task(help={"json": "one line of JSON", "reset": "start anew: forget every deployment and the database"})
def sandbox(c: Context, json: bool = False, reset: bool = False) -> None:
    """Keep the sandbox running for play and print its addresses and tokens. Ctrl-C stops it."""
    with honest():
        from pipeline.commands.sandbox import keep_up, start_anew

        if reset:
            start_anew(ROOT)
            out("the sandbox starts anew with the next command")
        else:
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # a script's `&` has made it ignore SIGINT
            keep_up(ROOT, out, as_json=json)


@task(
    help={
        "target": "a sandbox",
        "users": "how many at once (default: 4)",
        "during": "how long, e.g. 2m (default: 30s); deploy or roll back meanwhile in another terminal",
        "json": "as one JSON document",
    }
)
def load(c: Context, target: str = "", users: int = 4, during: str = "30s", json: bool = False) -> None:
    """Let users do the journeys of deploy.yml in a sandbox and print the curve; exit 1 when one failed."""
    with honest():
        from pipeline.commands.deploy import seconds_of
        from pipeline.commands.load import put_load

        seconds = seconds_of("--during", during)
        failed = put_load(configuration(), target, ROOT, out, users=users, seconds=seconds, as_json=json)
    if failed:
        raise SystemExit(1)


@task(
    help={
        "fault": 'e.g. "vercel half-done POST */promote/*"; `faults` lists the kinds',
        "json": "the faults that are on then, as one JSON document",
    }
)
def fault(c: Context, fault: str, json: bool = False) -> None:
    """Make a service of the sandbox misbehave until `faults --clear`."""
    with honest():
        from pipeline.commands.sandbox import known_faults, misbehave

        text = misbehave(ROOT, fault)
        out(known_faults(ROOT, clear=False, as_json=True) if json else text)


@task(help={"clear": "take all faults away", "json": "as one JSON document"})
def faults(c: Context, clear: bool = False, json: bool = False) -> None:
    """The faults that are on the sandbox, and the kinds there are."""
    with honest():
        from pipeline.commands.sandbox import known_faults

        out(known_faults(ROOT, clear=clear, as_json=json))

"""``journal.…``: the record of all runs, as a ledger."""

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, configuration, fail, honest, out

WRONG = 1


@task(
    name="verify",
    help={
        "against": "a copy to compare with: a file of journal.export, or the NAME of a variable with a Postgres URL",
        "file": "check this copy instead of the record; nothing else is needed for it",
        "signers": "with --file: whose keys count, as git's allowed_signers",
        "json": "as one JSON document",
    },
)
def verify(c: Context, against: str = "", file: str = "", signers: str = "", json: bool = False) -> None:
    """Whether anything in the record was changed, removed or added since it was written; exit 1 when it was."""
    with honest():
        from pathlib import Path

        from pipeline.commands.journal import verify as compute
        from pipeline.commands.journal import verify_file

        if file:
            whole = verify_file(Path(file), out, signers=Path(signers) if signers else None, as_json=json)
        else:
            whole = compute(configuration(), ROOT, out, against=against, as_json=json)
    if not whole:
        raise SystemExit(WRONG)


@task(
    name="export",
    help={
        "to": "the file to write, JSON lines",
        "run": "only this run (default: everything)",
        "key": "sign it with this SSH key, e.g. ~/.ssh/id_ed25519",
        "by": "who signs, as allowed_signers has it, e.g. an address (default: your login)",
        "json": "as one JSON document",
    },
)
def export(c: Context, to: str = "", run: str = "", key: str = "", by: str = "", json: bool = False) -> None:
    """Write a copy of the record, or of one run, that can be checked by whoever has only the file."""
    with honest():
        from pathlib import Path

        from pipeline.commands.journal import export as write

        if not to:
            fail("--to: say which file to write, e.g. --to journal.jsonl", 2)
        write(configuration(), ROOT, Path(to), out, run=run, key=key, by=by, as_json=json)


@task(name="import", help={"file": "a copy that journal.export wrote", "json": "as one JSON document"})
def import_(c: Context, file: str, json: bool = False) -> None:
    """Take the events and readings of a copy into the record, as far as they are not there."""
    with honest():
        from pathlib import Path

        from pipeline.commands.journal import take_in

        take_in(configuration(), ROOT, Path(file), out, as_json=json)


@task(
    name="trim",
    help={
        "days": "keep what is younger, and every run that has no end",
        "to": "where the copy of everything goes",
        "json": "as one JSON document",
    },
)
def trim(c: Context, days: int = 400, to: str = "", json: bool = False) -> None:
    """Let go of what is old, after a copy was written; the chain goes on from the hash of what is gone."""
    with honest():
        from pathlib import Path

        from pipeline.commands.journal import let_go

        if not to:
            fail("--to: say which file keeps a copy, e.g. --to journal-2026.jsonl", 2)
        let_go(configuration(), ROOT, days, Path(to), out, as_json=json)


@task(name="tell", help={"target": "as for deploy", "json": "as one JSON document"})
def tell(c: Context, target: str = "", json: bool = False) -> None:
    """Tell GitHub how runs ended that could not tell it, e.g. because it was down; the next deploy does so, too."""
    with honest():
        from pipeline.commands.journal import tell as say

        known = say(configuration(), ROOT, out, target, as_json=json)
    if not known:
        raise SystemExit(WRONG)


def collection() -> Collection:
    return Collection(verify, export, import_, trim, tell)

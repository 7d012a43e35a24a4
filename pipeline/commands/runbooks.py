"""``runbooks`` and ``runbooks.…``: written, checked, signed, proved."""

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from pipeline.terminal import ROOT, configuration, honest, out


@task(
    name="write",
    help={"check": "only say what is stale, or not done; exit 1 when something is",
          "to": "write the documents to this folder"},
)  # fmt: skip
def write(c: Context, check: bool = False, to: str = "") -> None:
    """Write the runbooks, the reference, the editor schema and the workflow from the code and deploy.yml."""
    with honest():
        from pipeline import documents

        if check:
            differences = documents.stale(configuration(), ROOT)
            out(differences or "all generated files are current")
            if differences:
                raise Exit(code=1)
        else:
            out("\n".join(documents.write(configuration(), ROOT, to)))


@task(name="done", positional=["action"], help={"action": "its id, as runbooks --check names it", "by": "your name"})
def done(c: Context, action: str, by: str = "") -> None:
    """Close an action that a review or a drill left open."""
    with honest():
        import datetime

        from pipeline.actions import finish
        from pipeline.execute import whoami

        one = finish(ROOT, action, by or whoami(), datetime.datetime.now(datetime.UTC).date())
        out(f"{one.id}: done {one.done}")


def collection() -> Collection:
    """``runbooks`` alone writes them."""
    made = Collection(done)
    made.add_task(write, default=True)
    return made

"""``runbooks`` and ``runbooks.…``: written, checked, signed, proved."""

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import DEPLOY_FILE, ROOT, as_json, configuration, honest, out

if TYPE_CHECKING:
    from pipeline.documents.writing import Sources


def sources(c: Context) -> "Sources":
    """What the documents are written from. The command line puts its own commands into every task's context."""
    from pipeline.documents.writing import Sources
    from pipeline.home import below_top, command_in

    return Sources(configuration(), ROOT, c["command_words"](), command_in(ROOT), below_top(ROOT))


@task(
    name="write",
    help={
        "check": "only say what is stale, edited by hand, missing, pointing nowhere or not done; exit 1 then",
        "to": "write the documents to this folder; with --check: look at those there",
        "force": "overwrite pages that were edited by hand",
        "site": "write them as a static site with a search into this folder, e.g. .runs/site",
        "json": "as one JSON document",
    },
)
def write(
    c: Context, check: bool = False, to: str = "", force: bool = False, site: str = "", json: bool = False
) -> None:
    """Write the runbooks, the reference, the editor schema and the workflow from the code and deploy.yml."""
    with honest():
        from pipeline.documents.writing import generated, pages, stale, write_documents

        if site:
            from pathlib import Path

            from pipeline.documents.site.writing import write_site

            made = write_site(pages(generated(sources(c))), Path(site))
            said = f"{len(made)} files; open {Path(site).absolute() / 'index.html'}"
            out(as_json({"files": sorted(made), "stale": ""}) if json else said)
        elif check:
            differences = stale(sources(c), to)
            said = differences or "all generated files are current"
            out(as_json({"files": [], "stale": differences}) if json else said)
            if differences:
                raise SystemExit(1)
        else:
            files = write_documents(sources(c), to, force=force)
            out(as_json({"files": files, "stale": ""}) if json else "\n".join(files))


@task(name="done", positional=["action"], help={"action": "its id, as runbooks --check names it", "by": "your name"})
def done(c: Context, action: str, by: str = "") -> None:
    """Close an action that a review or a drill left open."""
    with honest():
        import datetime

        from pipeline.documents.todo import finish
        from pipeline.session.session import whoami

        one = finish(ROOT, action, by or whoami(), datetime.datetime.now(datetime.UTC).date())
        out(f"{one.id}: done {one.done}")


@task(
    name="review",
    help={
        "sign": "your name as it is to stand there; default with --key: none. Without it, only list how sections stand",
        "section": "only this one, e.g. incident-response.md#site-down; or a page, e.g. troubleshooting.md",
        "key": "sign with this SSH key; runbooks/reviews/allowed_signers has to have its public half",
        "github": "also count who approved the pull request that brought each page",
        "target": "whose GitHub access --github uses",
        "json": "as one JSON document",
    },
)
def review(
    c: Context,
    sign: str = "",
    section: str = "",
    key: str = "",
    github: bool = False,
    target: str = "",
    json: bool = False,
) -> None:
    """Who has read which section as it is now; exit 1 when one needs a reader. --sign NAME signs."""
    with honest():
        from pipeline.commands.review import ReviewOrder, review_sections

        wanted = ReviewOrder(sign, section, key, github, target)
        needed = review_sections(sources(c), wanted, out, as_json=json)
    if needed:
        raise SystemExit(1)


@task(
    name="prove",
    help={
        "only": "by commas: commands (each by-hand one, typed into a shell), drills, gates (each seen to stop), runs"
    },
)
def prove(c: Context, only: str = "commands,drills,gates,runs") -> None:
    """Do what the runbooks say, in the sandbox, and keep when it was done; exit 1 when something failed."""
    with honest():
        from pipeline.commands.prove import prove_documents

        failed = prove_documents(configuration(), only.split(","), ROOT, DEPLOY_FILE, out)
    if failed:
        raise SystemExit(1)


def collection() -> Collection:
    """``runbooks`` alone writes them."""
    made = Collection(done, review, prove)
    made.add_task(write, default=True)
    return made

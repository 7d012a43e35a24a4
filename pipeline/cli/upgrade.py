"""``upgrade``: what this version of the tool changes in the home."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import DEPLOY_FILE, ROOT, configuration, honest, out


@task(help={"plan": "only show it; exit 1 when something would change"})
def upgrade(c: Context, plan: bool = False) -> None:
    """What this version changes here: keys, workflows, runbooks. Without --plan it writes the last two."""
    with honest():
        from pipeline.cli.runbooks import sources
        from pipeline.documents.writing import changes, write_documents
        from pipeline.home import NAME, VERSION

        out(f"{NAME} {VERSION}  {ROOT}")
        configuration()  # lists every key that this version does not know, with its line
        out(f"{DEPLOY_FILE.name}: every key is known")
        lines = changes(sources(c))
        out("\n".join(lines) or "workflows and runbooks are those of this version")
        if lines and not plan:
            write_documents(sources(c))
            out("written; look at the difference before you commit it")
    if lines and plan:
        raise SystemExit(1)

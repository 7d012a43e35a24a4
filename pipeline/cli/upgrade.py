"""``upgrade``: what this version of the tool changes in the home."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import DEPLOY_FILE, ROOT, as_json, aside, configuration, honest, out


@task(help={"plan": "only show it; exit 1 when something would change", "json": "as one JSON document"})
def upgrade(c: Context, plan: bool = False, json: bool = False) -> None:
    """What this version changes here: keys, workflows, runbooks. Without --plan it writes them."""
    with honest():
        from pipeline.adoption.upgrade import renamed_in, write_new_names
        from pipeline.cli.runbooks import sources
        from pipeline.config import load
        from pipeline.documents.writing import Sources, changes, write_documents
        from pipeline.home import NAME, VERSION, below_top, command_in

        say = aside if json else out
        say(f"{NAME} {VERSION}  {ROOT}")
        names, text = renamed_in(DEPLOY_FILE)
        for name in names:
            say(f"{DEPLOY_FILE.name}:{name}")
        if not plan:
            write_new_names(DEPLOY_FILE, names, text)
        config = load(DEPLOY_FILE, text) if names else configuration()  # lists every key that is not known, by line
        say(f"{DEPLOY_FILE.name}: every key is known")
        made = Sources(config, ROOT, c["command_words"](), command_in(ROOT), below_top(ROOT))
        lines = changes(made)
        say("\n".join(lines) or "workflows and runbooks are those of this version")
        written = bool(lines or names) and not plan
        if written:
            write_documents(sources(c))
            say("written; look at the difference before you commit it")
        if json:
            said = {"names": [f"{DEPLOY_FILE.name}:{name}" for name in names], "changes": lines, "written": written}
            out(as_json({"version": VERSION, "home": str(ROOT), **said}))
    if (lines or names) and plan:
        raise SystemExit(1)

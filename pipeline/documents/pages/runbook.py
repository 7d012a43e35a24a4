"""The deployment runbook: what is asked before, what is done, what is asked after, and the way back."""

from collections.abc import Callable, Mapping

from checks import errors, health, identity, performance, release, services, smoke
from checks.gate import Gate
from checks.procedure import procedure
from pipeline.config import DeployFile, Policies
from pipeline.documents.pages.reference import stages_in_order
from pipeline.documents.pages.words import INCIDENTS, gate_link, known_here, page
from pipeline.emergency.steps import STEPS
from pipeline.engine.plan import Pipeline
from pipeline.handbook.communication import AUDIENCES
from pipeline.handbook.playbook import claim
from pipeline.handbook.thresholds import criteria
from pipeline.render.markdown import bullets, fence, flow, link, numbered, spell, table

CHECKLIST = (
    ("All tests pass in CI, and the commit was reviewed", ("source",)),
    ("Security scan completed, no P0 or P1 vulnerability", ("security",)),
    ("Database migrations prepared and tested", ("database", "sql")),
    ("Environment variables validated", ("environment",)),
    ("Stakeholder approval obtained", ("approval",)),
    ("Production can take a release now", ("release", "order", "rolling", "health", "services", "calendar")),
)
VALIDATION: tuple[tuple[str, tuple[Gate, ...]], ...] = (
    ("Health check", (release.is_live, identity.production_is_release, health.production_is_well)),
    (
        "Smoke tests: login, course access, file upload",
        (smoke.production_routes_answer, smoke.production_journeys_work),
    ),
    ("Sentry: no new critical errors", (errors.no_new_critical, errors.rate_is_usual)),
    ("Better Stack: uptime confirmed", (services.uptime_is_confirmed,)),
    ("Vercel Analytics: performance", (performance.pages_are_quick,)),
)  # fmt: skip
OPENING = """
How a commit gets to production and, when it turns out to be bad, back again. Two ways lead through it, and both do the
same: with the tool (`./inv deploy`), or by hand, following *By hand* in each entry with the tool switched off.

In an emergency go straight to [Rollback Procedure](#rollback-procedure). When users are affected, open
[incident-response.md](incident-response.md).
"""
MANUAL = (
    ("Have exactly the commit", "git checkout $COMMIT && git status --short", "The second command prints nothing."),
    ("Get the project's settings", "vercel pull --yes --environment=production", ""),
    ("Build it", "vercel build --prod", ""),
    (
        "Upload it without moving any domain",
        "vercel deploy --prebuilt --prod --skip-domain",
        "It prints the new deployment's address: `$STAGED`. Its id is in `vercel inspect $STAGED`: `$DEPLOYMENT`.",
    ),
    ("Migrate over the direct address", 'DATABASE_URL="$DIRECT_URL" npx prisma migrate deploy', ""),
    ("Ask it whether it is well", "curl -sS -i $STAGED/api/health/db", "Then the other questions of stage *smoke*."),
    ("Note the way back", "vercel inspect $DOMAIN", "The id it prints is `$PREVIOUS`. Do not go on without it."),
    ("Promote, with the id", "vercel promote $DEPLOYMENT", "Without an id the command only prints a status."),
)


def runbook(
    pipeline: Pipeline,
    preview: Pipeline,
    rolling: Pipeline,
    file: DeployFile,
    policies: Policies,
    prose: Mapping[str, str],
) -> str:
    """The whole document."""
    parts = (
        _checklist(pipeline),
        _deployment(pipeline, preview, policies, prose),
        _validation(policies),
        _rollback(pipeline, policies),
        stages_in_order(pipeline, rolling, policies),
    )
    return page("Deployment Runbook", OPENING, "\n\n".join(parts), known_here(file, policies))


def _checklist(pipeline: Pipeline) -> str:
    gates = pipeline.stages[0].asks
    text = [
        "## Pre-Deployment Checklist",
        "The tool asks all of these at once, before it touches anything: `./inv check --target production` asks them"
        " without deploying. By hand, tick them in order. Each link leads to why, and to what to do when the"
        " answer is no.",
    ]
    for heading, families in CHECKLIST:
        text += [f"### {heading}", bullets([_tick(gate) for gate in gates if gate.family in families], "- [ ]")]
    return "\n\n".join(text)


def _tick(gate: Gate) -> str:
    return f"{gate.procedure.title} {gate_link(gate)}\n*By hand:* {flow(gate.procedure.by_hand)}"


def _deployment(pipeline: Pipeline, preview: Pipeline, policies: Policies, prose: Mapping[str, str]) -> str:
    stages = " → ".join(f"[{stage.name}](#stage-{n}-{stage.name})" for n, stage in enumerate(pipeline.stages, 1))
    return "\n\n".join(
        (
            "## Deployment Steps (Vercel)",
            f"Every way goes through the same stages: {stages}.",
            prose.get("friday", ""),
            _automatic(policies),
            _manual(),
            _preview(preview),
            _variables(policies),
            "### Zero-Downtime Strategy",
            prose.get("zero-downtime", ""),
        )
    ).replace("\n\n\n\n", "\n\n")


def _automatic(policies: Policies) -> str:
    return "\n\n".join(
        (
            f"### Automatic, on Push to `{policies.source.branch}`",
            numbered(
                (
                    f"Merge the pull request. The push to `{policies.source.branch}` starts the workflow"
                    " `.github/workflows/deploy.yml`, once the repository variable `DEPLOY` is `on`:\n"
                    "`gh api repos/$REPOSITORY/actions/variables -f name=DEPLOY -f value=on`.",
                    "Watch it: `gh run list --workflow deploy.yml --limit 3`, then `gh run watch $ID`."
                    " Each stage is one step of the job.",
                    "Green: the release is live and has been watched. Red: the job summary says which question stopped"
                    " it, what production serves now, and what to do next.",
                    "Cancelling the job is safe: its last step goes back to what production served before.",
                )
            ),
            "The workflow has to be the only one that deploys. Vercel's own Git integration would put every push on the"
            f" production domain without asking anything, so `vercel.json` says for branch `{policies.source.branch}`:",
            fence(f'{{"git": {{"deploymentEnabled": {{"{policies.source.branch}": false}}}}}}', "json"),
            "Without this tool and without that setting, a push makes a production deployment that is live as soon"
            " as it"
            " is built. Then the checklist above comes before the merge, and the validation below after it.",
        )
    )


def _manual() -> str:
    steps = [f"{does}: `{command}`." + (f"\n{note}" if note else "") for does, command, note in MANUAL]
    return "\n\n".join(
        (
            "### Manual, by Command Line",
            "With the tool, from a clean checkout of the commit:",
            fence(
                "vercel pull --yes --environment=production && vercel build --prod\n"
                "./inv deploy --target production --plan     # shows what would happen, touches nothing\n"
                "./inv deploy --target production --from ."
            ),
            "By hand, with the Vercel CLI alone, after the checklist above:",
            numbered([*steps, "Go through [Post-Deployment Validation](#post-deployment-validation)."]),
        )
    )


def _preview(preview: Pipeline) -> str:
    questions = [f"**{stage.name}**: {', '.join(map(gate_link, stage.asks))}" for stage in preview.stages if stage.asks]
    return "\n\n".join(
        (
            "### Preview Deployment Validation",
            "A preview shows a change before it is merged. Production is not involved.",
            numbered(
                (
                    "Build it: `vercel pull --yes --environment=preview && vercel build`.",
                    "Upload it. With the tool `./inv deploy --target preview --from .`; by hand"
                    " `vercel deploy --prebuilt`. It prints the address: `$STAGED`.",
                    "Ask it what production will be asked (below). By hand: follow those entries.",
                    "Open `$STAGED` and use the change the way a student would. Once on a phone.",
                    "Write the address and what you saw into the pull request:\n"
                    '`gh api repos/$REPOSITORY/issues/$NUMBER/comments -f body="$STAGED works: login, course, upload"`'
                    ".",
                    "Previews use the variables of Vercel's *preview* environment. They must not point to the"
                    " production"
                    " database: `vercel env ls preview`.",
                )
            ),
            "What the preview is asked:",
            bullets(questions),
            "An answer 401 with a Vercel sign-in page is Deployment Protection: set `VERCEL_AUTOMATION_BYPASS_SECRET`.",
        )
    )


def _variables(policies: Policies) -> str:
    from checks import environment

    lines = [f"`{one.name}`{_shape(one.shape, one.min_length)}" for one in policies.environment.required]
    ticks = bullets(lines, "- [ ]") if lines else "`environment.required` in `deploy.yml` names none yet."
    return "\n\n".join(
        (
            "### Production Environment Variable Verification",
            f"The tool asks {gate_link(environment.required_variables)} and"
            f" {gate_link(environment.variables_have_shape)}. By hand: `vercel env ls production` shows the names,"
            " `vercel env pull --environment=production .env.check` the values (`rm .env.check` afterwards).",
            ticks,
            "Alone: `./inv env.check --target production`. It also names variables that the code reads and nobody set,"
            " and values that were changed since the live deployment was made; values themselves are never shown.",
            "A variable reaches only deployments that are built after it was set.",
        )
    )


def _shape(shape: str, min_length: int) -> str:
    words = {
        "url": "an address",
        "postgres": "a `postgresql://` address",
        "secret": "a secret",
        "email": "an e-mail address",
    }
    said = [words[shape]] if shape in words else []
    said += [f"at least {min_length} characters"] if min_length > 1 else []
    return f": {', '.join(said)}" if said else ": set, not empty"


def _validation(policies: Policies) -> str:
    text = [
        "## Post-Deployment Validation",
        "The tool asks these after the promotion and goes back by itself when one stays no. By hand: do it within five"
        " minutes of the promotion, then keep looking for ten. If one is a no, go to"
        " [Rollback Procedure](#rollback-procedure).",
    ]
    for heading, gates in VALIDATION:
        text += [f"### {heading}", bullets([_tick(gate) for gate in gates], "- [ ]")]
        if smoke.production_routes_answer in gates:
            text.append(_smoke(policies))
    return "\n\n".join(text)


def _smoke(policies: Policies) -> str:
    does = policies.smoke.journeys
    journeys = [
        *(["Login: sign in as the smoke student; a session must be there afterwards"] if does.login else []),
        *([f"Course: `{does.course}` shows `{does.course_contains}` to the signed-in student"] if does.course else []),
        *([f"Upload: a small file goes to `{does.upload}` and comes back the same"] if does.upload else []),
    ]
    routes = [(f"`{r.path}`", r.status, f"`{r.contains}`" if r.contains else "") for r in policies.smoke.routes]
    return "\n\n".join((table(("route", "answers", "contains"), routes), bullets(journeys)))


def _rollback(pipeline: Pipeline, policies: Policies) -> str:
    after = (
        release.is_restored,
        health.is_well_before,
        smoke.production_journeys_work,
        services.uptime_is_confirmed,
        errors.rate_is_usual,
    )
    words = next(one for one in AUDIENCES if one.name == "release")
    return "\n\n".join(
        (
            "## Rollback Procedure",
            "A rollback points production back at the deployment before. Nothing is rebuilt; it takes seconds. When in"
            " doubt, roll back: it can be taken back with `vercel promote $DEPLOYMENT`.",
            "### When to Roll Back",
            "Roll back when any of these is true after a release. The tool does so by itself, until the watch is over;"
            " later, and by hand, it is you who decides.",
            _criteria(pipeline, policies),
            "Roll back at once, without measuring, when data is being lost or shown to the wrong people.",
            "Do **not** roll back when a vendor is down (it helps nobody), or past a leaked secret (the old build"
            " still has"
            " the old value). A migration is no reason against it: migrations only expand, and old code runs on them.",
            "### With the Tool",
            fence(
                "./inv rollback --target production --plan     # shows where it would go back to, touches"
                " nothing\n./inv rollback --target production"
            ),
            "It needs `VERCEL_TOKEN` and a project, nothing else: no database, no approval, and with"
            " `--project $PROJECT` not even a readable `deploy.yml`. `--to $PREVIOUS` names another deployment."
            " Exit 0: proved. Exit 4: production needs a person now.",
            "### By Vercel Dashboard",
            numbered(
                (
                    "Vercel → the project → Deployments.",
                    "Find the newest `Ready` production deployment below the one marked *Current*.",
                    "⋯ → *Instant Rollback* → confirm.",
                )
            ),
            "### By Vercel CLI",
            fence(
                "vercel ls --environment production     # the newest Ready one below the live one is"
                " $PREVIOUS\nvercel rollback $PREVIOUS\nvercel inspect $DOMAIN"
            ),
            "Always with the id: `vercel rollback` without one only prints a status and exits 0.",
            "### By GitHub, Without a Laptop",
            "GitHub → Actions → *rollback* → *Run workflow*; leave `to` empty. From a terminal:",
            fence("gh workflow run rollback.yml --ref $BRANCH"),
            "### What a Rollback Does Not Do",
            bullets(
                (
                    "It does not undo migrations. They stay, and the old code runs on them.",
                    "It does not change variables: the old build has the values it was built with.",
                    "It brings back the old cron jobs.",
                    "It **pins production**: new deployments stay staged until somebody promotes. The next run needs"
                    f" `--over-rollback`; see {gate_link(release.is_not_pinned)}.",
                )
            ),
            "### Validation After a Rollback",
            bullets([_tick(gate).replace(gate.procedure.title, claim(gate)) for gate in after], "- [ ]"),
            "### Communication",
            f"Write to {words.where}, {words.first}:",
            fence(words.form, "text"),
            f"If users noticed, it is an incident: {link('Severity Classification', page=INCIDENTS)},"
            f" {link('Communication Cadence', page=INCIDENTS)}.",
            "### The Rollback, Step by Step",
            "What `./inv rollback` does, in order, and how each is done by hand.",
            *map(_emergency, STEPS),
        )
    )


def _criteria(pipeline: Pipeline, policies: Policies) -> str:
    patience = {gate: spell(stage.patience) for stage in pipeline.stages for gate in stage.asks}
    rows = [
        (one.signal, one.limit, "roll back at once" if one.at_once else patience[one.gate], gate_link(one.gate))
        for one in criteria(policies)
    ]
    return table(("signal", "roll back when", "how long it must last", "asked by"), rows)


def _emergency(act: Callable[..., object]) -> str:
    words = procedure(act.__doc__, owner="on-call", of=act.__name__)
    return "\n\n".join(
        (
            f"#### Rollback: {act.__name__.replace('_', '-')}",
            f"**{words.title}**",
            f"**Why:** {flow(words.why)}",
            f"**By hand:** {flow(words.by_hand)}",
            f"**If it fails:** {flow(words.if_it_fails)}",
        )
    )

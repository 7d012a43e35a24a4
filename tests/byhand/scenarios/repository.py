"""GitHub and git: commits, checks, reviews, alerts, workflow runs."""

from typing import Any

from tests.byhand.reader import Reader
from tests.byhand.scenarios.model import Scenario, Typed
from tests.vendors.world import Ran

REPO = "/repos/acme/lms"


def known(reader: Reader) -> None:
    """The pull request of the newest commit, and something in every list."""
    reader.world.control("/commits", {"sha": reader.history[-1], "message": ""})
    found = reader.world.ask("github", f"{REPO}/commits/{reader.history[-1]}/pulls")
    reader.names["NUMBER"] = str(found[0]["number"])
    alert = {"number": 1, "at": 1767225600.0}
    state = {
        "code_scanning": [{**alert, "severity": "high", "summary": "SQL injection"}],
        "dependabot": [{**alert, "severity": "critical", "summary": "Prototype pollution"}],
        "secret_scanning": [{**alert, "severity": "high", "summary": "neon_connection_uri"}],
        "keys": ["old laptop"],
    }
    reader.world.control("/state", {"github": state})


def asked(path: str, true: Any) -> Any:
    """What GitHub says afterwards at a path below the repository."""

    def holds(reader: Reader, ran: Ran) -> bool:
        return bool(true(reader.world.ask("github", f"{REPO}{path.format(**reader.names)}")))

    return holds


def recorded(reader: Reader, ran: Ran) -> bool:
    """The deployment is there; its id is what the next command wants."""
    found = reader.world.ask("github", f"{REPO}/deployments")[0]
    reader.names["ID"] = str(found["id"])
    return bool(found["sha"] == reader.names["COMMIT"] and f'"id":{found["id"]}' in ran.out)


def run(workflow: str, conclusion: str) -> Any:
    def started(reader: Reader) -> None:
        """A run of a workflow that will end so; its id is noted."""
        reader.world.control("/state", {"github": {"run_conclusion": conclusion}, "timing": {"build": 1.5}})
        path = f"{reader.world.urls['github']}{REPO}/actions/workflows/{workflow}/dispatches"
        headers = {"authorization": f"Bearer {reader.world.tokens['github']}"}
        assert reader.world.web.post(path, json={"ref": "main"}, headers=headers).is_success
        runs = reader.world.ask("github", f"{REPO}/actions/workflows/{workflow}/runs")["workflow_runs"]
        reader.names["ID"] = str(runs[0]["id"])

    return started


def over(reader: Reader) -> None:
    run("deploy.yml", "failure")(reader)
    at = f"{REPO}/actions/runs/{reader.names['ID']}"
    reader.world.until(lambda: reader.world.ask("github", at)["status"] == "completed")


COMMITS = Scenario(
    "is this commit what may ship",
    (
        Typed(
            "git rev-parse HEAD",
            effect=lambda reader, ran: ran.out == reader.names["COMMIT"],
            before=lambda reader: reader.git("checkout", "-q", reader.history[-1]),
        ),
        Typed("git log", "Levels of courses.*Show lessons"),
        Typed("git merge-base --is-ancestor $LIVE_COMMIT $COMMIT"),
        Typed("git show $LIVE_COMMIT:prisma/schema.prisma", "model User"),
        Typed("grep -rhoE 'process\\.env\\.[A-Z0-9_]+' app src lib | sort -u", "DATABASE_URL.*NEXTAUTH_SECRET"),
        Typed(
            "gh api repos/$REPOSITORY/branches/$BRANCH --jq .commit.sha",
            effect=lambda reader, ran: ran.out == reader.names["COMMIT"],
        ),
        Typed(
            "gh api --paginate repos/$REPOSITORY/commits/$COMMIT/check-runs --jq '.check_runs[] | [.name, .status, .conclusion]'",
            '"test","completed","success"',
        ),
        Typed(
            "gh api --paginate repos/$REPOSITORY/commits/$COMMIT/status --jq '.statuses[] | [.context, .state]'",
            '"success"',
        ),
        Typed(
            "gh api repos/$REPOSITORY/commits/$COMMIT/pulls --jq '.[] | [.number, .head.sha, .merge_commit_sha]'",
            effect=lambda reader, ran: ran.out.startswith(f"[{reader.names['NUMBER']},"),
        ),
        Typed(
            "gh api repos/$REPOSITORY/commits/$COMMIT/pulls --jq '.[].number'",
            effect=lambda reader, ran: ran.out == reader.names["NUMBER"],
        ),
        Typed(
            "gh api --paginate repos/$REPOSITORY/pulls/$NUMBER/reviews --jq '.[] | [.user.login, .state, .commit_id]'",
            "sam-reviewer.*APPROVED",
        ),
        Typed(
            'gh api --paginate "repos/$REPOSITORY/code-scanning/alerts?state=open"'
            " --jq '.[] | [.rule.security_severity_level, .rule.description]'",
            "high.*SQL injection",
        ),
        Typed(
            'gh api --paginate "repos/$REPOSITORY/dependabot/alerts?state=open"'
            " --jq '.[] | [.security_advisory.severity, .security_advisory.summary]'",
            "critical.*Prototype",
        ),
        Typed(
            "gh api --paginate \"repos/$REPOSITORY/secret-scanning/alerts?state=open\" --jq '.[] | [.secret_type, .html_url]'",
            "neon_connection_uri",
        ),
        Typed("gh api --paginate repos/$REPOSITORY/keys --jq '.[].title'", "old laptop"),
        Typed(
            'gh api "repos/$REPOSITORY/pulls?state=closed&sort=updated&direction=desc&per_page=5"'
            " --jq '.[] | [.number, .merged_at, .title] | @tsv'",
            "Levels of courses",
        ),
    ),
    known,
    ("gh",),
)
WRITING = Scenario(
    "what a reader does on GitHub",
    (
        Typed(
            "gh api repos/$REPOSITORY/pulls/$NUMBER/reviews -f event=APPROVE",
            "APPROVED",
            asked("/pulls/{NUMBER}/reviews", lambda found: len(found) == 2),
        ),
        Typed(
            'gh api repos/$REPOSITORY/issues/$NUMBER/comments -f body="$STAGED works: sign-in, pages, upload"',
            effect=asked("/issues/{NUMBER}/comments", lambda found: found[0]["body"].startswith("https://lms-")),
        ),
        Typed(
            "gh api repos/$REPOSITORY/actions/variables -f name=DEPLOY -f value=on",
            effect=asked("/actions/variables/DEPLOY", lambda found: found["value"] == "on"),
        ),
        Typed(
            "gh api repos/$REPOSITORY/deployments -f ref=$COMMIT -f environment=production -F auto_merge=false",
            effect=recorded,
        ),
        Typed(
            'gh api --paginate "repos/$REPOSITORY/deployments?environment=production"'
            " --jq '.[] | [.id, .sha, .payload.deployRun] | @tsv'",
            r"\d+\s+[0-9a-f]{40}",
        ),
        Typed(
            "gh api repos/$REPOSITORY/deployments/$ID/statuses -f state=in_progress",
            effect=asked("/deployments/{ID}/statuses", lambda found: found[0]["state"] == "in_progress"),
        ),
        Typed("gh api repos/$REPOSITORY/deployments/$ID/statuses --jq '.[0].state'", "in_progress"),
        Typed(
            "gh api repos/$REPOSITORY/deployments/$ID/statuses -f state=success",
            effect=asked("/deployments/{ID}/statuses", lambda found: found[0]["state"] == "success"),
        ),
        Typed(
            "gh workflow run rollback.yml --ref $BRANCH",
            effect=asked("/actions/workflows/rollback.yml/runs", lambda found: found["total_count"] == 1),
        ),
        Typed("gh run watch $ID", "✓ deploy in", before=run("deploy.yml", "success")),
        Typed("gh run list --workflow deploy.yml --limit 3", "success"),
        Typed("gh run list --workflow deploy.yml --limit 5", "failure.*success", before=over),
        Typed("gh run list --workflow deploy.yml --limit 10", "failure.*success"),
        Typed("gh run view $ID --log-failed", "it ended: failure"),
    ),
    lambda reader: (reader.staged(), known(reader)),
    ("gh",),
)
SCENARIOS = (COMMITS, WRITING)

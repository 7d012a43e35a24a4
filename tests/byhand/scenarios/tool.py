"""The tool itself, in a checkout whose targets are the sandbox."""

import json
import subprocess
from typing import Any

import psycopg

from tests.byhand.reader import Reader
from tests.byhand.scenarios.model import Scenario, Typed
from tests.vendors.world import Ran

ANEW = "rm -f .vercel/.env.production.local && vercel pull --yes --environment=production && vercel build --prod"
STAGE = "./inv deploy --target production --run $RUN --stage {}"
MIGRATION = "20260301000000_course_level"


def begun(reader: Reader) -> None:
    """A run that the reader names, and where production was before."""
    reader.names |= {"RUN": "by-hand-1", "BEFORE": reader.world.alias()}


def elsewhere(reader: Reader, ran: Ran) -> bool:
    """Production serves something that it did not serve before; it is the new `before`."""
    moved = reader.world.alias() == reader.world.visited() != reader.names["BEFORE"]
    reader.names["BEFORE"] = reader.world.alias()
    return moved


def same(reader: Reader, ran: Ran) -> bool:
    return reader.world.alias() == reader.names["BEFORE"]


def newest_run(reader: Reader) -> None:
    """The id of the newest run, as `history` shows it."""
    found = json.loads(reader.types("./inv history --json").out.splitlines()[0])
    reader.names["RUN"] = str(found["run"] if isinstance(found, dict) else found[0]["run"])


def failing(reader: Reader) -> None:
    """The live release is ill."""
    reader.world.calm()
    meta = {"githubCommitSha": reader.commit("A release that is ill"), "githubCommitRef": "main"}
    body = {"name": "lms", "deploymentId": reader.world.alias(), "target": "production", "meta": meta}
    env = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/lms"}
    made = reader.world.vercel("POST", "/v13/deployments", json={**body, "env": env}).json()
    reader.world.until(lambda: reader.world.alias() == made["id"])


def pinned(reader: Reader) -> None:
    """A colleague went back with Vercel's own command."""
    reader.types("vercel rollback $PREVIOUS")
    reader.names["BEFORE"] = reader.world.alias()


def checked_out(reader: Reader) -> None:
    """The newest commit is what lies here and what is pushed."""
    begun(reader)
    reader.git("checkout", "-q", "main")
    reader.world.control("/commits", {"sha": reader.git("rev-parse", "HEAD"), "message": ""})


def cut_off(reader: Reader) -> None:
    """The laptop that deployed is closed just before the promotion."""
    process = subprocess.Popen(
        ["./inv", "deploy", "--target", "production"],
        cwd=reader.folder,
        env=reader.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout
        assert any(line.strip() == "smoke" for line in process.stdout)
        process.kill()
    newest_run(reader)


def half_done(reader: Reader) -> None:
    """A migration stands in the history as begun and never finished."""
    reader.names["MIGRATION"] = MIGRATION
    with psycopg.connect(reader.names["DIRECT_URL"], autocommit=True) as connection:
        connection.execute("delete from _prisma_migrations where migration_name = %s", [MIGRATION])
        connection.execute(
            "insert into _prisma_migrations (id, checksum, migration_name, logs) values ('x', %s, %s, 'ERROR')",
            ["0" * 64, MIGRATION],
        )


def rolled_back(reader: Reader, ran: Ran) -> bool:
    with psycopg.connect(reader.names["DIRECT_URL"]) as connection:
        asked = "select rolled_back_at from _prisma_migrations where id = 'x'"
        found = connection.execute(asked).fetchone()
    return bool(found and found[0])


def broken(reader: Reader) -> None:
    """The newest deployment answers one page with an error."""
    id = reader.staged()
    reader.world.fault(f"app failing-route /broken deployment={id}")
    assert reader.world.web.get(f"http://{reader.world.deployment(id)['url']}/broken").status_code == 500


def stages(*names: str, **effects: Any) -> tuple[Typed, ...]:
    return tuple(Typed(STAGE.format(name), f"^{name}\n", effects.get(name)) for name in names)


RELEASE = Scenario(
    "a release with the tool, stage by stage",
    (
        Typed("./inv check --target production", "source.is-pushed"),
        Typed("./inv deploy --target production --plan", "Nothing is touched", same),
        *stages("preflight", "build", "rehearse", "safeguard", "migrate", "wake", "smoke", "confirm"),
        *stages("promote", "validate", "watch", "announce", promote=elsewhere, validate=same, watch=same),
        Typed("./inv report $RUN", "run by-hand-1: deploy"),
        Typed("./inv history --target production", "by-hand-1 .*deployed"),
        Typed("./inv status --target production", "serves .*pinned    no"),
        Typed("./inv settle --run $RUN --target production", "DEPLOYED", same),
        Typed("./inv rollback --target production --plan", "dpl_", same),
        Typed("./inv rollback --target production", "ROLLED BACK", elsewhere),
        Typed("./inv rollback --target production --to $PREVIOUS", "", lambda reader, ran: True),
    ),
    begun,
)
AGAIN = Scenario(
    "the tool, when something came in between",
    (
        Typed("./inv deploy --target production --resume $RUN", "DEPLOYED", elsewhere, before=cut_off),
        Typed(
            "./inv deploy --target production",
            "DEPLOYED",
            elsewhere,
            before=lambda reader: (reader.two_releases(), begun(reader)),
        ),
        Typed("./inv deploy --target production --over-rollback", "DEPLOYED", elsewhere, before=pinned),
        Typed("./inv bisect --target production", "FIRST BAD", before=failing),
    ),
    begun,
)
OWN = Scenario(
    "what the reader built is deployed with the tool",
    (
        Typed(
            "./inv deploy --target production --from .",
            "DEPLOYED",
            elsewhere,
            before=lambda reader: reader.types(ANEW),
        ),
        Typed("./inv deploy --target preview --from .", "DEPLOYED"),
    ),
    checked_out,
)
ASKING = Scenario(
    "asking the tool",
    (
        *(
            Typed(f"./inv diagnose.{name} --target production", "well: nothing is past a limit")
            for name in ("auth", "build", "performance", "rate-limit", "storage")
        ),
        Typed("./inv diagnose --target production", "diagnosis · production", expect=-1),
        Typed("./inv diagnose.errors --target production", "An error spike", expect=-1),
        Typed(
            "./inv diagnose.database --target production", "Connection health check: the database answers", expect=-1
        ),
        Typed("./inv database.rehearse-restore --target production", "RESTORED"),
        Typed("./inv database.resolve --target production --rolled-back $MIGRATION", "", rolled_back, before=half_done),
        Typed("./inv env.check --target production", "DATABASE_URL .*required"),
        Typed('./inv lock --target production --reason "vendor outage" --hours 4', "production is locked by"),
        Typed("./inv unlock --target production", "it is free now"),
        Typed(
            "./inv logs --target production --deployment $DEPLOYMENT --level error --since 1h",
            "/broken failed",
            before=broken,
        ),
        Typed(
            "./inv logs --target production --status 429 --since 1h", "", before=lambda reader: reader.two_releases()
        ),
        Typed("./inv journal.tell --target production", "GitHub knows of every run"),
        Typed("./inv monitor.baseline --target production", "medians"),
        Typed("./inv monitor.baseline --target production --json", '"metric"'),
        Typed("./inv monitor.sync --target production", "create LMS front page", expect=1),
        Typed("./inv monitor.sync --target production --apply", "created LMS front page"),
        Typed("./inv monitor.daily --target production", "daily · production", expect=-1),
        Typed("./inv incident.review --target production", "reviews/incident-"),
        Typed("./inv monitor.weekly --target production", "weekly · production", expect=-1),
        Typed("./inv runbooks", "deployment-runbook.md"),
        Typed("./inv runbooks --check", "all generated files are current"),
    ),
)
OPENED = './inv incident.open --what "nothing loads" --impact down --target production'


def quiet(reader: Reader) -> None:
    """No incident is open, and nothing is broken."""
    reader.two_releases()
    for one in json.loads(reader.types("./inv incident.status --json --target production").out)["incidents"]:
        words = f"./inv incident.resolve --incident {one['id']} --cause x --unverified y --target production"
        reader.types(words)


def open_now(reader: Reader) -> dict[str, Any]:
    """The one incident that is open."""
    (one,) = json.loads(reader.types("./inv incident.status --json --target production").out)["incidents"]
    return dict(one)


def walked(name: str) -> Typed:
    """Somebody who answers each question with Enter; that the record has it is the effect."""
    return Typed(
        f"./inv playbook.{name} --target production",
        "-- Diagnose",
        says="\n" * 80,
        expect=-1,
        effect=lambda reader, ran: name in open_now(reader)["walked"],
    )


INCIDENT = Scenario(
    "an incident, from the alarm through every playbook",
    (
        Typed(OPENED, "P0   OPEN", lambda reader, ran: open_now(reader)["what"] == "nothing loads", before=quiet),
        Typed(
            "./inv incident.notify users --target production",
            "told users by the status page",
            lambda reader, ran: open_now(reader)["told"][0]["audience"] == "users",
        ),
        Typed("./inv incident.status --target production", "first word"),
        Typed(
            "./inv incident.escalate --target production",
            "CALL NOW: see the rota",
            lambda reader, ran: open_now(reader)["called"][0]["role"] == "on-call engineer",
        ),
        *map(
            walked,
            (
                "site-down",
                "database-unreachable",
                "deployment-failure",
                "error-spike",
                "performance-degradation",
                "authentication-failure",
                "storage-failure",
                "data-loss",
                "rate-limiting",
                "security-incident",
                "vendor-outage",
            ),
        ),
    ),
)
SCENARIOS = (RELEASE, AGAIN, OWN, ASKING, INCIDENT)

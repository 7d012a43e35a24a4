"""The environment by behaviour: what is set, for whom, since when, and what the code really reads."""

import asyncio
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import ChangedVariables, EnvironmentVariables, Evidence, ReadVariables, Release, Variable
from checks.outcome import Outcome
from checks.policy import ApprovalPolicy, RequiredVariable
from checks.values import doubtful, wrong
from pipeline.engine.plan import probes_by_type
from pipeline.engine.readings import Round
from pipeline.probes.environment import connection, pasted, pooling, shapes
from pipeline.probes.every import PROBES
from pipeline.sandbox.neonstate import Branch
from tests.stage import ROOT, InProcess

SECRET = "a-secret-value-that-must-never-be-seen-0123456789"


def variable(inside: InProcess, name: str) -> Any:
    return next(one for one in inside.sandbox.state.vercel.env if one.key == name)


def read(inside: InProcess, kind: type[Evidence], release: Release | None = None) -> Any:
    async def go() -> Any:
        async with (
            inside.world(release or inside.release()) as world,
            Round(world, inside.settings.policies, probes_by_type(PROBES)) as look,
        ):
            return await look.get(kind)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("postgresql://u:p@ep-1.eu.neon.tech/lms?sslmode=require", ("ep-1.eu.neon.tech", "require")),
        ("postgresql://u:p%40x@h:5432/lms", ("h", "")),
        ("https://x.example/?sslmode=", ("x.example", "")),
        ("http://[::1", ("", "")),
        ("", ("", "")),
    ],
)
def test_host_and_sslmode_are_read_and_nothing_else(value: str, found: tuple[str, str]) -> None:
    assert connection(value) == found


def test_a_postgres_url_is_no_e_mail_address() -> None:
    assert shapes("postgresql://dana@example.com/lms") == {"url", "postgres"}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("NEXTAUTH_URL", "https://lms.example.com\n", "has a newline around it"),
        ("NEXTAUTH_SECRET", "\r\n" + "k3y" * 14, "has a newline around it"),
        ("R2_BUCKET", " lms-uploads", "has a blank around it"),
        ("R2_BUCKET", "lms-uploads\u00a0", "has a blank around it"),
        ("UPSTASH_REDIS_REST_TOKEN", '"' + "AX" * 20 + '"', "stands in quotes"),
        ("R2_ACCOUNT_ID", "'0123456789abcdef'\n", "has a newline around it"),
        ("NEXTAUTH_SECRET", "NEXTAUTH_SECRET=" + "k3y" * 14, "begins with its own name"),
        ("NEXTAUTH_SECRET", "k3y" * 14 + "\u200b" + "k3y", "holds a character that cannot be seen"),
        ("DIRECT_URL", "psql 'postgresql://u:p@ep-x.eu.aws.neon.tech/lms'", "is a whole command"),
        ("R2_ACCESS_KEY_ID", "[SENSITIVE]", "still holds a placeholder"),
        ("R2_BUCKET", "undefined", "still holds a placeholder"),
        (
            "NEXTAUTH_URL",
            "https://lms-git-fix-acme.vercel.app",
            "points to lms-git-fix-acme.vercel.app, which is no domain",
        ),
        ("UPSTASH_REDIS_REST_URL", "rediss://default:p@eu1-x.upstash.io:6379", "is the address for Redis clients"),
        ("DIRECT_URL", "postgresql://u:p@ep-x-pooler.eu.aws.neon.tech/lms", "goes through the pooler"),
        ("DIRECT_URL", "postgresql://u:p@db.example/lms?pgbouncer=true", "goes through the pooler"),
        ("DIRECT_URL", "postgresql://u:p@aws-0.pooler.supabase.com:5432/lms", "goes through the pooler"),
    ],
)
def test_a_value_as_people_paste_it_stops_the_run(inside: InProcess, name: str, value: str, says: str) -> None:
    found = variable(inside, name)
    found.value, found.kind = value, "encrypted"
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert f"{name} {says}" in report.reason
    inner = value.strip()
    assert inner in says or len(inner) < 20 or inner not in json.dumps(report.reason), "its value is nobody's business"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("postgresql://u:p@ep-cool-x-1-pooler.eu.aws.neon.tech/lms", (True, "ep-cool-x-1")),
        ("postgresql://u:p@ep-cool-x-1.eu.aws.neon.tech/lms", (False, "ep-cool-x-1")),
        ("postgresql://u:p@db.example.com/lms", (False, "")),
        ("postgres://[::1", (False, "")),
    ],
)
def test_a_pooler_and_a_neon_compute_are_told_by_the_address(value: str, found: tuple[bool, str]) -> None:
    assert pooling(value) == found


def test_a_key_of_several_lines_is_pasted_well() -> None:
    assert pasted("KEY", "-----BEGIN KEY-----\nabc\n-----END KEY-----") == frozenset()
    assert pasted("KEY", "-----BEGIN KEY-----\\nabc\\n-----END KEY-----\\n") == frozenset(), "in one line"
    assert pasted("KEY", "") == frozenset()


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("“s3cret-value”", "quoted"),
        ("„s3cret-value“", "quoted"),
        ("«s3cret-value»", "quoted"),
        ("s3cret-value\\n", "escaped"),
        ("s3cret-value\u200b", "invisible"),
        ("\u00a0s3cret-value", "blank"),
        ("\ufeffs3cret-value", "invisible"),
    ],
)
def test_what_a_text_editor_or_a_file_of_variables_adds_is_seen(value: str, how: str) -> None:
    assert pasted("NEXTAUTH_SECRET", value) == {how}
    assert pasted("NEXTAUTH_SECRET", "s3cret-value") == frozenset()
    seen = Variable("NEXTAUTH_SECRET", readable=True, length=40, shapes=frozenset({how}))
    assert [*wrong(RequiredVariable("NEXTAUTH_SECRET"), seen, seen_with(seen))], "and it stops the run"


def test_a_value_of_the_team_that_was_changed_since_the_live_build_is_named(inside: InProcess) -> None:
    state = inside.sandbox.state.vercel
    mine = variable(inside, "NEXTAUTH_SECRET")
    state.env.remove(mine)
    state.shared.append(mine)
    assert "NEXTAUTH_SECRET" not in read(inside, ChangedVariables).names
    mine.value = "an0ther-" * 6
    assert "NEXTAUTH_SECRET" in read(inside, ChangedVariables).names


def seen_with(*variables: Variable) -> EnvironmentVariables:
    """Two domains, of which one only redirects, and ``variables``."""
    return EnvironmentVariables(
        "production", variables, serving=("www.example.com",), redirects=(("example.com", "www.example.com"),)
    )


def neon(name: str, **more: Any) -> Variable:
    return Variable(name, True, 70, frozenset({"url", "postgres"}), **more)


def test_the_two_database_addresses_lead_to_one_database() -> None:
    direct = neon("DIRECT_URL", endpoint="ep-a")
    assert (
        list(wrong(RequiredVariable("DIRECT_URL"), direct, seen_with(direct, neon("DATABASE_URL", endpoint="ep-a"))))
        == []
    )
    two = list(wrong(RequiredVariable("DIRECT_URL"), direct, seen_with(direct, neon("DATABASE_URL", endpoint="ep-b"))))
    assert two == ["is another Neon database than DATABASE_URL: one would be migrated, the other one is read"]
    stray = neon("DATABASE_URL", endpoint="ep-a", neon_branch="preview/fix", pooled=True)
    assert list(wrong(RequiredVariable("DATABASE_URL"), stray, seen_with(stray))) == [
        "is the database of the Neon branch preview/fix, which is not production's"
    ]


def test_what_is_only_doubtful_warns() -> None:
    assert list(doubtful(neon("DATABASE_URL", endpoint="ep-a"), seen_with())) == [
        "is Neon's direct address; functions that scale out run out of connections without `-pooler`"
    ]
    address = Variable("AUTH_URL", True, 20, frozenset({"url"}), host="example.com")
    assert list(doubtful(address, seen_with())) == [
        "points to example.com, which only sends its visitors to www.example.com"
    ]
    assert list(wrong(RequiredVariable("AUTH_URL"), address, seen_with())) == []
    served = replace(seen_with(), serving=("example.com",))
    assert list(doubtful(address, served)) == [], "another port of the same host serves, as in the sandbox"
    assert list(doubtful(neon("DATABASE_URL", endpoint="ep-a", pooled=True), seen_with())) == []


@pytest.mark.parametrize(
    ("value", "warns"),
    [
        ("http://www.example.com", True),
        ("HTTP://www.example.com/", True),
        ("https://www.example.com", False),
        ("http://localhost:3000", False),
        ("http://lms.localhost:3000", False),
        ("http://127.0.0.1:8800", False),
        ("http://[::1]:3000", False),
    ],
)
def test_an_address_of_the_site_without_tls_warns(value: str, warns: bool) -> None:
    address = Variable("NEXTAUTH_URL", True, len(value), shapes(value), host="www.example.com")
    assert any("begins with http://" in doubt for doubt in doubtful(address, seen_with())) is warns


def test_an_address_on_another_neon_branch_is_seen(inside: InProcess) -> None:
    """Neon's own list of computes says on which branch each of them is."""
    neon_state = inside.sandbox.state.neon
    stray = Branch("br-fix", "preview/fix", neon_state.created, endpoint="ep-fix-1")
    stray.ready = stray.updated = neon_state.created
    neon_state.branches.append(stray)
    variable(inside, "DATABASE_URL").value = "postgresql://u:p@ep-fix-1-pooler.eu.aws.neon.tech/lms"
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "DATABASE_URL is the database of the Neon branch preview/fix" in report.reason


def test_a_branch_override_alone_is_not_set(inside: InProcess) -> None:
    variable(inside, "NEXTAUTH_SECRET").branch = "staging"
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "is set on production for the branch staging only" in report.reason


def test_a_variable_of_another_target_is_named(inside: InProcess) -> None:
    variable(inside, "NEXTAUTH_SECRET").target = ["preview", "development"]
    _, report = inside.deploy()
    assert "is not set on production, only on preview, development" in report.reason


def test_an_empty_string_is_found_although_the_listing_looks_the_same(inside: InProcess) -> None:
    variable(inside, "SENTRY_DSN").value = ""
    _, report = inside.deploy()
    assert "is set to an empty string" in report.reason


def test_a_public_value_that_was_changed_after_the_build_stops_the_run(inside: InProcess) -> None:
    release = inside.release()
    env = inside.sandbox.state.vercel.env
    env.append(type(env[0])("env_x", "NEXT_PUBLIC_SITE", "https://x", "plain", ["production"], 1.0, "", 9e9, ""))
    os.utime(Path(release.folder) / ".vercel/output/config.json", (1_000, 1_000))
    inside.require(ApprovalPolicy(required=0))  # or that comes first: the review is of before that change, too
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "was changed after the release was built" in report.reason


def test_a_value_that_differs_from_the_live_builds_is_named_and_never_shown(inside: InProcess) -> None:
    inside.deploy()
    variable(inside, "NEXTAUTH_SECRET").value = SECRET
    changed = read(inside, ChangedVariables)
    assert changed.names == ("NEXTAUTH_SECRET",)
    _, report = inside.deploy(run="r2")
    assert ("environment.changes-are-known", "NEXTAUTH_SECRET") in [(g, f["subject"]) for g, f in report.warnings]
    told = json.dumps([event.body for event in inside.journal("r2").events()], default=str)
    assert SECRET not in told


def test_what_the_code_reads_comes_from_the_teams_own_sources(inside: InProcess, tmp_path: Path) -> None:
    release = inside.release()
    folder = Path(release.folder)
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app/pay.ts").write_text('const key = process.env.STRIPE_KEY!; process.env["MAIL_FROM"]; process.env.CI')
    (folder / "node_modules/x").mkdir(parents=True, exist_ok=True)
    (folder / "node_modules/x/index.js").write_text("process.env.SOMEBODY_ELSES")
    for own in (".sandbox/functions/dpl_1", ".runs", ".fleet"):
        (folder / own).mkdir(parents=True, exist_ok=True)
        (folder / own / "index.py").write_text('os.environ["OF_THE_DEMO"]')

    assert read_by(inside, release) == (("MAIL_FROM", "app/pay.ts"), ("STRIPE_KEY", "app/pay.ts"))


def read_by(inside: InProcess, release: Release) -> tuple[tuple[str, str], ...]:
    async def go() -> ReadVariables:
        async with (
            inside.world(release) as world,
            Round(world, inside.settings.policies, probes_by_type(PROBES)) as look,
        ):
            found: ReadVariables = await look.get(ReadVariables)
            return found

    return asyncio.run(go()).names


@pytest.mark.parametrize("place", [".", "tools/deploy"])
def test_this_tool_in_the_apps_checkout_is_none_of_the_apps_sources(inside: InProcess, place: str) -> None:
    """The generated workflow checks out both as one: then the app is built where the tool lies."""
    release = inside.release()
    folder = Path(release.folder)
    for name in ("checks", "pipeline", "bench", "tests"):
        shutil.copytree(
            ROOT / name, folder / place / name, ignore=lambda _, names: {"node_modules", "app"} & set(names)
        )
    shutil.copy(ROOT / "tasks.py", folder / place / "tasks.py")
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app/pay.ts").write_text("process.env.STRIPE_KEY")
    (folder / "pipeline").mkdir(exist_ok=True)
    assert read_by(inside, release) == (("STRIPE_KEY", "app/pay.ts"),)
    (folder / "jobs/pipeline").mkdir(parents=True)
    (folder / "jobs/pipeline/mail.ts").write_text("process.env.MAIL_FROM")
    assert ("MAIL_FROM", "jobs/pipeline/mail.ts") in read_by(inside, release), "a folder of that name is the app's own"


def test_a_sensitive_value_is_never_asked_for(inside: InProcess) -> None:
    variable(inside, "NEXTAUTH_SECRET").type = "sensitive"
    seen = read(inside, EnvironmentVariables)
    assert next(one for one in seen.variables if one.name == "NEXTAUTH_SECRET").readable is False

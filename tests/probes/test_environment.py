"""The environment by behaviour: what is set, for whom, since when, and what the code really reads."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import ChangedVariables, EnvironmentVariables, Evidence, ReadVariables
from checks.outcome import Outcome
from pipeline.engine.plan import probes_by_type
from pipeline.engine.readings import Round
from pipeline.probes.environment import connection, shapes
from pipeline.probes.every import PROBES
from tests.stage import InProcess

SECRET = "a-secret-value-that-must-never-be-seen-0123456789"


def variable(inside: InProcess, name: str) -> Any:
    return next(one for one in inside.sandbox.state.vercel.env if one.key == name)


def read(inside: InProcess, kind: type[Evidence]) -> Any:
    async def go() -> Any:
        async with (
            inside.world(inside.release()) as world,
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

    async def go() -> ReadVariables:
        async with (
            inside.world(release) as world,
            Round(world, inside.settings.policies, probes_by_type(PROBES)) as look,
        ):
            found: ReadVariables = await look.get(ReadVariables)
            return found

    assert asyncio.run(go()).names == (("MAIL_FROM", "app/pay.ts"), ("STRIPE_KEY", "app/pay.ts"))


def test_a_sensitive_value_is_never_asked_for(inside: InProcess) -> None:
    variable(inside, "NEXTAUTH_SECRET").type = "sensitive"
    seen = read(inside, EnvironmentVariables)
    assert next(one for one in seen.variables if one.name == "NEXTAUTH_SECRET").readable is False

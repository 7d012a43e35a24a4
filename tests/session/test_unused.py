"""A team without Sentry, or without Better Stack, deploys with everything else."""

from dataclasses import replace
from pathlib import Path

import pytest

from checks.outcome import Outcome
from checks.policy import (
    EnvironmentPolicy,
    ErrorsPolicy,
    RedisPolicy,
    RequiredVariable,
    StoragePolicy,
    UptimePolicy,
    VendorsPolicy,
)
from pipeline.config import load
from pipeline.definitions.unused import without_unused
from pipeline.errors import Mistake
from pipeline.session.session import open_session
from pipeline.world.absent import absent_of
from pipeline.world.opening import open_settings
from pipeline.world.secrets import OPTIONAL, SECRETS
from tests.session.test_monitoring import daily
from tests.stage import ROOT, InProcess

WITHOUT = {"SENTRY_AUTH_TOKEN": ErrorsPolicy(), "BETTERSTACK_API_TOKEN": UptimePolicy()}
SERVICE = {"SENTRY_AUTH_TOKEN": "sentry", "BETTERSTACK_API_TOKEN": "betterstack"}


@pytest.mark.parametrize("names", [["SENTRY_AUTH_TOKEN"], ["BETTERSTACK_API_TOKEN"], [*WITHOUT]], ids=" ".join)
def test_a_team_without_a_vendor_deploys_and_asks_nothing_of_it(inside: InProcess, names: list[str]) -> None:
    policies = {**inside.settings.policies, **{type(WITHOUT[name]): WITHOUT[name] for name in names}}
    secrets = {name: value for name, value in inside.settings.secrets.items() if name not in names}
    inside.settings = replace(inside.settings, policies=policies, secrets=secrets)
    inside.pipeline = without_unused(inside.pipeline, policies)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert inside.serves() == report.staged["id"]
    for name in names:
        assert not inside.sandbox.asked[SERVICE[name]]


def test_the_health_of_production_is_watched_all_the_same(inside: InProcess) -> None:
    policies = {**inside.settings.policies, ErrorsPolicy: ErrorsPolicy(), UptimePolicy: UptimePolicy()}
    inside.settings = replace(inside.settings, policies=policies)
    inside.pipeline = without_unused(inside.pipeline, policies)
    before = inside.serves()
    inside.at_stage("watch", lambda: inside.sandbox.inject("app failing-route /api/auth/session where=production"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert inside.serves() == before


@pytest.mark.parametrize("drop", [False, True])
def test_only_the_secrets_of_what_the_file_uses_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drop: bool
) -> None:
    text = (ROOT / "deploy.yml").read_text(encoding="utf-8").replace("team_REPLACE_ME", "team_lms")
    if drop:
        text = text.replace("organization: acme", 'organization: ""').replace('monitor: "100"', 'monitor: ""')
    (tmp_path / "deploy.yml").write_text(text, encoding="utf-8")
    for name in SECRETS:
        monkeypatch.setenv(name, "" if name in WITHOUT else "something")
    config = load(tmp_path / "deploy.yml")
    if drop:
        with open_settings(config, "production", tmp_path) as settings:
            assert "SENTRY_AUTH_TOKEN" not in settings.secrets
        return
    with (
        pytest.raises(Mistake, match=r"leaves `errors\.organization` empty"),
        open_settings(config, "production", tmp_path),
    ):
        pass


@pytest.mark.parametrize("journeys", ["[]", "[{name: page, steps: [{path: /}]}]", "[{name: in, sign_in: nextauth}]"])
def test_where_nobody_signs_in_no_student_is_asked_for(
    journeys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deploy.yml").write_text(
        f"source: {{repository: acme/lms}}\nsmoke: {{journeys: {journeys}}}\ntarget: production\n"
        "targets: {production: {kind: production, project: lms, domain: lms.example.com}}\n",
        encoding="utf-8",
    )
    for name in SECRETS:
        monkeypatch.setenv(name, "" if name.startswith("SMOKE") else "something")
    monkeypatch.setenv("DIRECT_URL", "postgresql://u:p@localhost/db")
    config = load(tmp_path / "deploy.yml")
    if "sign_in" not in journeys:
        with open_settings(config, "production", tmp_path) as settings:
            assert "SMOKE_EMAIL" not in settings.secrets
        return
    with pytest.raises(Mistake, match="SMOKE_PASSWORD"), open_settings(config, "production", tmp_path):
        pass


BARE = """\
source: {repository: acme/lms}
auth: {path: ""}
target: production
targets: {production: {kind: production, project: lms, domain: lms.example.com}}
"""


def test_what_a_team_does_without_is_absent_and_that_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No R2, no Upstash, no Sentry, no Neon, no Better Stack, nobody who signs in: ten findings say nothing."""
    (tmp_path / "deploy.yml").write_text(BARE, encoding="utf-8")
    for name in (*SECRETS, *OPTIONAL):
        monkeypatch.setenv(name, "" if name in OPTIONAL or name.startswith("SMOKE") else "something")
    monkeypatch.setenv("DIRECT_URL", "postgresql://u:p@localhost/db")
    with open_session(load(tmp_path / "deploy.yml"), "production", tmp_path) as session:
        assert session.absent == (
            "not used here, and not asked: R2, Upstash, Sentry, Better Stack, Neon, NextAuth, journeys"
        )
        names = {gate.name for gate in session.pipeline.gates}
        pages = session.settings.policies[VendorsPolicy].pages
        assert [page.vendor for page in pages] == ["Cloudflare", "GitHub", "Upstash"]
    for words in ("storage", "redis", "errors.", "journeys", "neon", "smoke-user", "uptime"):
        assert not [name for name in names if words in name], words
    assert {"smoke.routes-answer", "health.production-is-well", "services.vercel-is-operational"} <= names


@pytest.mark.parametrize("sign", ["{required: [{name: R2_BUCKET}]}", "R2_BUCKET", "used"])
def test_a_store_is_used_as_soon_as_anything_says_so(sign: str) -> None:
    policies = load(ROOT / "deploy.yml").policies["sandbox"].by_type()
    policies[EnvironmentPolicy] = EnvironmentPolicy()
    assert {"R2", "Upstash"} <= {*absent_of(policies)}
    if sign == "R2_BUCKET":
        assert "R2" not in absent_of(policies, [sign])
        policies[StoragePolicy] = StoragePolicy(used=False)
        assert "R2" in absent_of(policies, [sign])
        return
    if sign == "used":
        policies[StoragePolicy] = StoragePolicy(used=True)
    else:
        policies[EnvironmentPolicy] = EnvironmentPolicy((RequiredVariable("R2_BUCKET"),))
    assert "R2" not in absent_of(policies)
    assert "Upstash" in absent_of(policies)


def test_the_day_of_a_team_without_stores_says_nothing_of_them(inside: InProcess) -> None:
    inside.require(StoragePolicy(used=False), RedisPolicy(used=False))
    checked = daily(inside)
    subjects = {gate.name for line in checked.lines for gate in (answer.gate for answer in line.answers)}
    assert "storage.bucket-answers" not in subjects
    assert "redis.redis-answers" not in subjects
    assert not inside.sandbox.asked["upstash"]


def test_both_sections_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text(
        "source: {repository: acme/lms}\nerrors: {}\nuptime: {}\ntarget: production\n"
        "targets: {production: {kind: production, project: lms, domain: lms.example.com}}\n",
        encoding="utf-8",
    )
    policies = load(tmp_path / "deploy.yml").policies["production"]
    assert (policies.errors.organization, policies.uptime.monitor) == ("", "")

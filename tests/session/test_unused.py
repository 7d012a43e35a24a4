"""A team without Sentry, or without Better Stack, deploys with everything else."""

from dataclasses import replace
from pathlib import Path

import pytest

from checks.outcome import Outcome
from checks.policy import ErrorsPolicy, UptimePolicy
from pipeline.config import load
from pipeline.definitions.unused import without_unused
from pipeline.errors import Mistake
from pipeline.world.opening import open_settings
from pipeline.world.secrets import SECRETS
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


@pytest.mark.parametrize("journeys", ["{login: false}", "{login: false, course: /courses/1}", "{}"])
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
    if journeys == "{login: false}":
        with open_settings(config, "production", tmp_path) as settings:
            assert "SMOKE_EMAIL" not in settings.secrets
        return
    with pytest.raises(Mistake, match="SMOKE_PASSWORD"), open_settings(config, "production", tmp_path):
        pass


def test_both_sections_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text(
        "source: {repository: acme/lms}\nerrors: {}\nuptime: {}\ntarget: production\n"
        "targets: {production: {kind: production, project: lms, domain: lms.example.com}}\n",
        encoding="utf-8",
    )
    policies = load(tmp_path / "deploy.yml").policies["production"]
    assert (policies.errors.organization, policies.uptime.monitor) == ("", "")

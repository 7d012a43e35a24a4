"""The doctor against the sandbox: all well, then each secret missing and wrong, and accounts that allow too little."""

import asyncio
import dataclasses
import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checks.gate import Verdict
from checks.policy import BuildPolicy, DatabasePolicy, ErrorsPolicy, SmokePolicy, UptimePolicy
from pipeline.adoption.consultation import Consultation, without_malformed, without_unfilled
from pipeline.adoption.doctor import EXAMINATIONS, examined
from pipeline.adoption.symptoms import PAGES, SCOPES, Symptom, exit_code, not_set
from pipeline.clients.programs import version_of
from pipeline.config import load
from pipeline.engine.readings import Round
from pipeline.errors import Mistake
from pipeline.render.doctor import symptoms_text
from pipeline.render.folding import folded
from pipeline.session.asking import READERS
from pipeline.session.session import NOTHING
from pipeline.world.opening import open_settings
from pipeline.world.secrets import CHANNELS, OPTIONAL, SECRETS
from tests.stage import ROOT, InProcess

SEEN_WRONG = (Verdict.NOT_YET, Verdict.UNKNOWN, Verdict.BLOCK)


@pytest.fixture(autouse=True)
def _quick_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking npm for its version takes half a second, and this machine may have none."""
    known = {"node": "22.1.0", "npm": "10.0.0", "git": "2.40.0"}
    monkeypatch.setattr("pipeline.adoption.machine.version_of", lambda words, folder=None: known.get(words[0]))


def looked(inside: InProcess, root: Path, secrets: Mapping[str, str] | None = None) -> tuple[Symptom, ...]:
    """What the doctor says of the sandbox, with other ``secrets`` than its own."""
    if secrets is not None:
        inside.settings = dataclasses.replace(inside.settings, secrets=secrets)

    inside.settings, malformed = without_malformed(inside.settings)

    async def go() -> tuple[Symptom, ...]:
        async with inside.world(NOTHING) as world, Round(world, inside.settings.policies, READERS) as look:
            return await examined(Consultation(world, inside.settings, inside.config, look, root, ROOT, malformed))

    return asyncio.run(go())


def wrong(symptoms: tuple[Symptom, ...]) -> list[str]:
    return [f"{one.service}: {one.subject} {one.says}" for one in symptoms if one.verdict in SEEN_WRONG]


def of(symptoms: tuple[Symptom, ...], subject: str) -> list[Symptom]:
    return [one for one in symptoms if one.subject == subject and one.verdict is not Verdict.PASS]


def test_when_all_is_well_nothing_is_wrong_and_every_service_has_a_line(inside: InProcess, tmp_path: Path) -> None:
    found = looked(inside, tmp_path)
    assert wrong(found) == []
    assert exit_code(found) == 0
    assert {one.service for one in found} == {one.service for one in EXAMINATIONS}
    said = symptoms_text("sandbox", found)
    assert len(folded(said, 80).splitlines()) < 60, "two screens"
    assert not [value for value in inside.settings.hidden if value in said]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_is_to_be_done_hangs_below_its_label_at_every_width(width: int) -> None:
    said = symptoms_text("production", (Symptom("GitHub", Verdict.BLOCK, "GITHUB_TOKEN", "is not set"),))
    lines = folded(said, width).splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("      needs  "))
    end = next(at for at, line in enumerate(lines) if line.startswith("      paste  "))
    assert end - at > 1
    assert {len(line) - len(line.lstrip()) for line in lines[at + 1 : end]} == {len("      needs  ")}


def test_without_any_secret_each_is_a_line_with_its_page_and_what_to_paste(inside: InProcess, tmp_path: Path) -> None:
    found = looked(inside, tmp_path, {})
    assert sorted(one.subject for one in found if one.verdict is Verdict.BLOCK) == sorted(SECRETS), "each once"
    assert exit_code(found) == 1
    said = symptoms_text("sandbox", found)
    assert "https://vercel.com/account/settings/tokens" in said
    assert "gh secret set DEPLOY_GITHUB_TOKEN" in said
    assert f"{inside.settings.services.vercel} can be reached" in said, "so the network is not what is wrong"
    assert f"{inside.settings.domain} answers" in said, "what needs no secret is looked at all the same"


WRONG = {
    "VERCEL_TOKEN": "Vercel",
    "GITHUB_TOKEN": "GitHub",
    "SENTRY_AUTH_TOKEN": "Sentry",
    "BETTERSTACK_API_TOKEN": "Better Stack",
    "DIRECT_URL": "Database",
    "NEON_API_KEY": "Neon",
    "R2_SECRET_ACCESS_KEY": "R2",
    "CLOUDFLARE_API_TOKEN": "Cloudflare",
    "UPSTASH_REDIS_REST_TOKEN": "Upstash",
    "SMOKE_PASSWORD": "Site",
    "NOTIFY_WEBHOOK_URL": "People",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_secret_that_is_wrong_is_named_once_and_where_to_make_it(
    name: str, inside: InProcess, tmp_path: Path
) -> None:
    value, other = inside.settings.secrets[name], "wrong"
    if name == "NOTIFY_WEBHOOK_URL":
        other = value
        inside.sandbox.state.gone_webhooks.append(urlsplit(value).path)
    found = looked(inside, tmp_path, {**inside.settings.secrets, name: other})
    blocked = [one for one in found if one.verdict is Verdict.BLOCK]
    assert [(one.service, one.subject) for one in blocked if one.subject == name] == [(WRONG[name], name)]
    assert exit_code(found) == 1
    (line,) = [one for one in blocked if one.subject == name]
    assert line.page or line.fix
    assert line.paste == f"{name}=… in .env; gh secret set {'DEPLOY_' if name.startswith('GITHUB') else ''}{name}"
    others = {one.subject for one in blocked} - {name}
    assert others <= {"VERCEL_TOKEN"} if name == "VERCEL_TOKEN" else not others


@pytest.mark.parametrize(
    ("change", "subject", "says"),
    [
        ({"vercel": {"role": "DEVELOPER"}}, "VERCEL_TOKEN", "may not promote or roll back"),
        ({"github": {"repository": "acme/elsewhere"}}, "GITHUB_TOKEN", "does not see acme/lms"),
        ({"github": {"job_token": True}}, "GITHUB_TOKEN", "may not read the alerts of dependabot"),
        ({"github": {"code_scanning": None}}, "code-scanning", "is switched off"),
        ({"cloudflare": {"status": "expired"}}, "CLOUDFLARE_API_TOKEN", "is expired"),
        ({"sentry": {"scopes": ["event:read", "org:read"]}}, "SENTRY_AUTH_TOKEN", "may not project:releases"),
    ],
)
def test_an_account_that_allows_too_little(
    change: dict[str, object], subject: str, says: str, inside: InProcess, tmp_path: Path
) -> None:
    inside.sandbox.patch(change)
    found = looked(inside, tmp_path)
    assert [one for one in of(found, subject) if one.verdict is Verdict.BLOCK and one.says.startswith(says)], wrong(
        found
    )


def test_what_the_token_for_github_may_not_read_is_named(inside: InProcess, tmp_path: Path) -> None:
    inside.sandbox.inject("github answer status=403 GET */pulls")
    inside.sandbox.inject("github answer status=403 GET */deployments")
    said = [one.says for one in of(looked(inside, tmp_path), "GITHUB_TOKEN")]
    assert "may not read Pull requests, Deployments" in said


IN_A_WEEK = datetime.timedelta(days=7)


def test_what_may_too_much_or_ends_soon_is_a_warning_and_no_fault(inside: InProcess, tmp_path: Path) -> None:
    ends = inside.clock.now() + IN_A_WEEK
    vercel = {"token_scope": "user", "token_ends": ends.timestamp()}
    github = {"token_scopes": "repo, admin:org", "token_ends": f"{ends:%Y-%m-%d %H:%M:%S} UTC"}
    sentry = {"scopes": ["event:read", "org:read", "project:releases", "org:admin"]}
    cloudflare = {"expires_on": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
    inside.sandbox.patch({"vercel": vercel, "github": github, "sentry": sentry, "cloudflare": cloudflare})
    found = looked(inside, tmp_path)
    assert exit_code(found) == 0, wrong(found)
    said = {
        name: " ".join(one.says for one in of(found, name))
        for name in ("VERCEL_TOKEN", "GITHUB_TOKEN", "SENTRY_AUTH_TOKEN", "CLOUDFLARE_API_TOKEN")
    }
    assert f"ends on {ends:%Y-%m-%d}" in said["CLOUDFLARE_API_TOKEN"]
    assert f"ends on {ends:%Y-%m-%d}" in said["VERCEL_TOKEN"]
    assert "for the full account" in said["VERCEL_TOKEN"]
    assert f"ends on {ends:%Y-%m-%d}" in said["GITHUB_TOKEN"]
    assert "may repo, admin:org, in every repository" in said["GITHUB_TOKEN"]
    assert "more than is needed: org:admin" in said["SENTRY_AUTH_TOKEN"]


def test_a_branch_and_an_environment_that_nothing_guards_are_said(inside: InProcess, tmp_path: Path) -> None:
    inside.sandbox.patch({"github": {"environments": {"sandbox": []}, "secrets": ["VERCEL_TOKEN", "OTHER"]}})
    found = looked(inside, tmp_path)
    assert of(found, "environment sandbox")[0].says.startswith("has no rule")
    assert "DEPLOY_GITHUB_TOKEN" in of(found, "secrets")[0].says
    assert "VERCEL_TOKEN" not in of(found, "secrets")[0].says
    inside.sandbox.patch({"github": {"environments": {}}})
    assert of(looked(inside, tmp_path), "environment sandbox")[0].says == "is not there"


def test_a_service_that_cannot_be_read_is_not_seen_and_the_rest_is(inside: InProcess, tmp_path: Path) -> None:
    inside.sandbox.inject("betterstack answer status=503 GET *")
    found = looked(inside, tmp_path)
    assert [line.partition(":")[0] for line in wrong(found)] == ["Better Stack"]
    assert exit_code(found) == 14


def test_a_vendor_that_is_not_used_is_asked_nothing(inside: InProcess, tmp_path: Path) -> None:
    inside.require(ErrorsPolicy(), UptimePolicy(), DatabasePolicy(), SmokePolicy())
    used = ("VERCEL_TOKEN", "GITHUB_TOKEN", "DIRECT_URL")
    found = looked(inside, tmp_path, {name: inside.settings.secrets[name] for name in used})
    assert wrong(found) == []
    assert {one.subject for one in found if "is not used" in one.says} >= {"Sentry", "Better Stack", "Neon"}
    said = symptoms_text("sandbox", found).splitlines()
    (line,) = [one for one in said if one.startswith("Not used here, and not asked: ")]
    idle = ["Neon", "Sentry", "Better Stack", "R2", "Cloudflare", "Upstash"]
    assert re.findall(r"([A-Z][\w ]+?) \(", line) == idle, "each once, with why"
    assert "Sentry (errors.organization is empty)" in line
    assert "  ✓ sign-in is not used: no journey in smoke.journeys signs in" in said
    assert not {*idle} & {one.strip() for one in said}, "and nowhere else"
    well = [one for one in found if one.verdict is Verdict.PASS and one.service not in idle]
    assert said[-1].endswith(f" {len(well)} well"), "what is not asked is not well"


def test_half_of_the_keys_of_a_bucket_are_a_fault_and_none_is_a_choice(inside: InProcess, tmp_path: Path) -> None:
    secrets = dict(inside.settings.secrets)
    del secrets["R2_BUCKET"]
    assert [one.subject for one in looked(inside, tmp_path, secrets) if one.verdict is Verdict.BLOCK] == ["R2_BUCKET"]


def test_the_address_of_a_pooler_and_a_state_without_its_variable(inside: InProcess, tmp_path: Path) -> None:
    file = dataclasses.replace(inside.config.file, state="NOT_SET_JOURNAL")
    inside.config = dataclasses.replace(inside.config, file=file)
    secrets = {**inside.settings.secrets, "DIRECT_URL": "postgresql://u@ep-x-pooler.eu.neon.tech/db"}
    found = looked(inside, tmp_path, secrets)
    assert of(found, "DIRECT_URL")[0].says.startswith("is a Neon -pooler address")
    assert of(found, "NOT_SET_JOURNAL")[0].verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    "url", ["mysql://u:secret-word@host/db", "just words", "postgresql://u:secret-word@ep-x-pooler.eu.neon.tech/db"]
)
def test_an_address_that_is_none_is_a_line_without_its_value(url: str, inside: InProcess, tmp_path: Path) -> None:
    found = looked(inside, tmp_path, {**inside.settings.secrets, "DIRECT_URL": url})
    (line,) = of(found, "DIRECT_URL")
    assert line.verdict is Verdict.BLOCK
    assert "secret-word" not in symptoms_text("sandbox", found)


def test_the_command_line_that_builds_has_to_be_the_one_that_was_named(inside: InProcess, tmp_path: Path) -> None:
    inside.require(BuildPolicy(by="cli", command="there-is-no-such-program", version="1.2.3"))
    (line,) = of(looked(inside, tmp_path), "vercel")
    assert (line.verdict, line.says) == (Verdict.BLOCK, "is not there")


def test_a_program_says_its_version_or_is_not_there(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho program version 12.3.4 of today\n")
    program.chmod(0o755)
    assert version_of([str(program), "--version"]) == "12.3.4"
    program.write_text("#!/bin/sh\necho 12.3\nexit 3\n")
    assert version_of([str(program)]) is None
    assert version_of([str(tmp_path / "none")]) is None


def test_every_secret_says_where_it_is_made() -> None:
    for name in (*SECRETS, *OPTIONAL):
        assert not_set("x", name, wanted=True).fix
    assert {*PAGES, *SCOPES} <= {*SECRETS, *OPTIONAL}
    assert {*CHANNELS.values()} <= {*OPTIONAL}


def test_as_json_every_part_is_there() -> None:
    shown = json.loads(json.dumps(not_set("Vercel", "VERCEL_TOKEN", wanted=True).plain))
    assert shown["verdict"] == "block"
    assert shown["page"].startswith("https://")
    assert shown["scopes"]
    assert Symptom("Vercel", Verdict.PASS, "VERCEL_TOKEN", "is valid").plain["paste"] == ""


def test_a_token_of_an_account_of_cloudflares_is_asked_there(inside: InProcess, tmp_path: Path) -> None:
    inside.sandbox.inject("cloudflare answer status=401 GET */user/tokens/verify")
    assert not of(looked(inside, tmp_path), "CLOUDFLARE_API_TOKEN")


UNFINISHED = """\
target: production
source: {repository: shop/web}
targets:
  production: {kind: production, team: team_REPLACE_ME%s}
"""


@pytest.mark.parametrize("more", ["", ", domain: shop.example", ", project: web", ", project: your-project"])
def test_a_target_that_nobody_has_filled_in_is_lines_and_the_rest_is_looked_at(
    more: str, inside: InProcess, tmp_path: Path
) -> None:
    (tmp_path / "deploy.yml").write_text(UNFINISHED % more, encoding="utf-8")
    config = load(tmp_path / "deploy.yml")
    with pytest.raises(Mistake), open_settings(config, "production", tmp_path, needs=()):
        pass
    with open_settings(config, "production", tmp_path, needs=(), unfinished=True) as settings:
        sound, unfilled = without_unfilled(dataclasses.replace(settings, secrets=inside.settings.secrets), config)
    said = {one.subject.rpartition(".")[2]: one for one in unfilled}
    wanted = (
        {"team"} | ({"project"} if "web" not in more else set()) | ({"domain"} if "shop.example" not in more else set())
    )
    assert {*said} == wanted
    assert all(one.verdict is Verdict.BLOCK and f"{key}: …" in one.fix for key, one in said.items())
    assert "deploy.yml:4" in said["team"].fix
    assert (sound.project, sound.team) == ("", ""), "an example's id is asked of nobody"

    here = inside.settings
    inside.settings = dataclasses.replace(
        here, project="", team="", domain=here.domain if "domain" not in wanted else ""
    )
    inside.config = dataclasses.replace(inside.config)

    async def go() -> tuple[Symptom, ...]:
        async with inside.world(NOTHING) as world, Round(world, inside.settings.policies, READERS) as look:
            given = Consultation(world, inside.settings, inside.config, look, tmp_path, ROOT, {}, unfilled)
            return await examined(given)

    found = asyncio.run(go())
    assert {one.subject for one in found if one.verdict is Verdict.BLOCK} == {one.subject for one in unfilled}
    assert exit_code(found) == 1
    assert [one for one in found if one.subject == "VERCEL_TOKEN" and one.says.startswith("is valid")]
    assert [one for one in found if one.subject == "project" and "is to be filled in" in one.says]


def test_a_target_that_is_filled_in_has_no_such_line(tmp_path: Path) -> None:
    text = UNFINISHED.replace("_REPLACE_ME%s", "_1, project: web, domain: shop.example")
    (tmp_path / "deploy.yml").write_text(text, encoding="utf-8")
    config = load(tmp_path / "deploy.yml")
    with open_settings(config, "production", tmp_path, needs=(), unfinished=True) as settings:
        assert without_unfilled(settings, config) == (settings, ())

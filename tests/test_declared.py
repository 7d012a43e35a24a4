"""``smoke.journeys`` of deploy.yml: each mistake is said with its line and its key."""

from pathlib import Path

import pytest

from checks.policy import SmokePolicy
from pipeline.config import load
from pipeline.errors import Mistake
from pipeline.world.opening import open_settings
from pipeline.world.secrets import SECRETS

HEAD = "source: {repository: acme/lms}\ntargets: {production: {kind: production, project: lms, domain: a.example}}\n"
HEAD += "target: production\nsmoke:\n  journeys:\n"


def mistakes(folder: Path, *lines: str) -> list[str]:
    (folder / "deploy.yml").write_text(HEAD + "".join(f"    {line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(Mistake) as caught:
        load(folder / "deploy.yml")
    return [line.removeprefix("deploy.yml:") for line in str(caught.value).splitlines()]


def test_every_mistake_in_the_journeys_is_said_with_its_line(tmp_path: Path) -> None:
    said = mistakes(
        tmp_path,
        "- {name: nothing}",
        "- name: sent",
        "  steps:",
        "    - {path: /a, form: {a: b}, body: c}",
        "    - {path: orders, method: GET, json: {a: 1}}",
        "    - {path: '/a?k=$SMOKE_TOKEN'}",
        "    - {path: '/{later}', keep: {later: {json: id}, now: {json: a}, Two: {json: a, html: b}}}",
        "    - {path: /b, headers: {Authorization: Bearer abc, x-trace: abc}, form: {password: hunter2}}",
        "    - {path: /c, headers: {x-key: $VERCEL_TOKEN}}",
        "- {name: nothing, sign_in: bearer, using: {value: abc}}",
        "- {name: fresh, fresh: true, steps: [{path: '/{later}'}]}",
    )
    assert said == [
        "6: smoke.journeys[0]: does nothing: say `sign_in` or `steps`",
        "7: smoke.journeys[1]: names $VERCEL_TOKEN; only variables that begin with SMOKE_ go to a site",
        "9: smoke.journeys[1].steps[0].body: is sent beside `form`; a request has one body",
        "10: smoke.journeys[1].steps[1].method: is GET, which sends no `json`",
        "10: smoke.journeys[1].steps[1].path: is 'orders'; a path begins with a slash: /orders",
        "11: smoke.journeys[1].steps[2].path: has a variable, and addresses are logged; send it in `headers`, `form` or"
        " `json`",
        "12: smoke.journeys[1].steps[3].keep.Two: is no name: small letters, digits and _",
        "12: smoke.journeys[1].steps[3].keep.Two: stands in one place: say `json`, `header`, `html` or `cookie`",
        "12: smoke.journeys[1].steps[3].keep.now: is there from the start: {now}; call it otherwise",
        "12: smoke.journeys[1].steps[3].path: uses {later}, which no step before this one keeps",
        "13: smoke.journeys[1].steps[4].form.password: is a secret as it stands; say it by a variable, e.g."
        " $SMOKE_TOKEN",
        "13: smoke.journeys[1].steps[4].headers.Authorization: is a secret as it stands; say it by a variable, e.g."
        " $SMOKE_TOKEN",
        "15: smoke.journeys[2].name: is 'nothing' again; a finding names a journey by it",
        "15: smoke.journeys[2].using.value: is a secret as it stands; say it by a variable, e.g. $SMOKE_TOKEN",
        "16: smoke.journeys[3].steps[0].path: uses {later}, which no step before this one keeps",
    ]


def test_what_a_mistake_of_type_leaves_readable_is_said_with_it(tmp_path: Path) -> None:
    said = mistakes(
        tmp_path,
        "- {name: a, steps: [{path: orders, headers: {x-key: $VERCEL_TOKEN}}]}",
        "- {name: b, fresh: often, steps: [{path: '/b?k=$SMOKE_TOKEN'}, 7]}",
        "- 7",
    )
    assert {line.split(": ", 2)[0] + ": " + line.split(": ", 2)[1] for line in said} >= {
        "6: smoke.journeys[0]",
        "6: smoke.journeys[0].steps[0].path",
        "7: smoke.journeys[1].steps[0].path",
        "7: smoke.journeys[1].fresh",
    }
    assert any("$VERCEL_TOKEN" in line for line in said)


def test_the_words_of_before_lead_to_those_of_now(tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text(HEAD + "    login: true\n    course: /courses/1\n", encoding="utf-8")
    with pytest.raises(Mistake) as caught:
        load(tmp_path / "deploy.yml")
    assert "deploy.yml:5: smoke.journeys: is a list of journeys: - {name: login, sign_in: nextauth}" in str(
        caught.value
    )


def test_a_mistake_in_what_a_target_overrides_has_that_line(tmp_path: Path) -> None:
    text = "source: {repository: acme/lms}\ntargets:\n  sandbox:\n    kind: sandbox\n    override:\n      smoke:\n"
    (tmp_path / "deploy.yml").write_text(text + "        journeys:\n          - {name: a}\n", encoding="utf-8")
    with pytest.raises(Mistake, match=r"deploy\.yml:8: smoke\.journeys\[0\]: does nothing"):
        load(tmp_path / "deploy.yml")


def test_the_variables_that_journeys_name_are_wanted_and_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "    - {name: in, sign_in: bearer}\n    - {name: x, steps: [{path: /, form: {otp: '${SMOKE_OTP}x'}}]}\n"
    (tmp_path / "deploy.yml").write_text(HEAD + text, encoding="utf-8")
    config = load(tmp_path / "deploy.yml")
    assert config.policies["production"].smoke.variables == ("SMOKE_TOKEN", "SMOKE_OTP")
    for name in SECRETS:
        monkeypatch.setenv(name, "" if name.startswith("SMOKE") else "something")
    monkeypatch.setenv("DIRECT_URL", "postgresql://u:p@localhost/db")
    monkeypatch.setenv("SMOKE_TOKEN", "t0ken-of-smoke")
    with pytest.raises(Mistake) as caught, open_settings(config, "production", tmp_path):
        pass
    assert str(caught.value).splitlines()[0] == "SMOKE_OTP: is not set; `smoke.journeys` in deploy.yml names it"
    (tmp_path / ".env").write_text("SMOKE_OTP=0815-4711\n", encoding="utf-8")
    with open_settings(config, "production", tmp_path) as settings:
        assert {"t0ken-of-smoke", "0815-4711"} <= {*settings.hidden}
        assert settings.policies[SmokePolicy].variables == ("SMOKE_TOKEN", "SMOKE_OTP")

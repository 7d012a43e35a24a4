"""What `vercel pull` wrote for the build is held against what is set now."""

import json
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import PulledVariables
from checks.outcome import Outcome
from pipeline.clients.prebuilt import OUTPUT, holding
from pipeline.sandbox.vercelstate import Variable
from tests.probes.test_environment import read
from tests.stage import InProcess

PULLED = ".vercel/.env.production.local"


def shipped(inside: InProcess, *lines: str, name: str = PULLED) -> Any:
    """A release beside which `vercel pull` has left a file of these lines."""
    release = inside.release()
    file = Path(release.folder) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# Created by Vercel CLI\n" + "\n".join(lines) + "\n")
    return release


def public(inside: InProcess, value: str, kind: str = "encrypted") -> None:
    vercel = inside.sandbox.state.vercel
    vercel.env.append(Variable("env_site", "NEXT_PUBLIC_SITE", value, kind, ["production"], 0.0))


def reason(inside: InProcess, release: Any) -> str:
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    return str(report.reason)


def test_a_release_without_a_pulled_file_is_not_judged_by_one(inside: InProcess) -> None:
    assert read(inside, PulledVariables) == PulledVariables("")


def test_what_is_pulled_now_is_no_finding(inside: InProcess) -> None:
    public(inside, "line one\nline two")
    lines = (
        'NEXT_PUBLIC_SITE="line one\\nline two"',
        'R2_BUCKET="lms-uploads"',
        'VERCEL="1"',
        'TURBO_CACHE="remote:rw"',
    )
    outcome, _ = inside.deploy(release=shipped(inside, *lines))
    assert outcome is Outcome.DEPLOYED


def test_a_key_that_was_removed_does_not_ship_once_more(inside: InProcess) -> None:
    """Pulling into a file that is there only adds; an old value of a leaked key is in the build."""
    said = reason(inside, shipped(inside, 'STRIPE_SECRET_KEY="sk_live_very_secret"'))
    assert "STRIPE_SECRET_KEY is not set on production any more" in said
    assert "sk_live_very_secret" not in json.dumps(
        [str(event) for event in inside.store.execute("select body from deploy_events")]
    )


@pytest.mark.parametrize("lines", [(), ('NEXT_PUBLIC_SITE="https://old.example.com"',)])
def test_a_public_value_that_is_another_one_now_was_built_in(inside: InProcess, lines: tuple[str, ...]) -> None:
    public(inside, "https://lms.example.com")
    assert "NEXT_PUBLIC_SITE was built in with another value than is set now" in reason(inside, shipped(inside, *lines))


def test_a_public_variable_of_the_sensitive_type_is_a_stand_in(inside: InProcess) -> None:
    public(inside, "https://lms.example.com", "sensitive")
    assert "so [SENSITIVE] was built in" in reason(inside, shipped(inside, 'NEXT_PUBLIC_SITE="[SENSITIVE]"'))


def test_a_page_that_was_made_with_the_stand_in_is_found(inside: InProcess) -> None:
    inside.sandbox.state.vercel.env.append(Variable("env_cms", "CMS_TOKEN", "t0", "sensitive", ["production"], 0.0))
    release = shipped(inside, 'CMS_TOKEN="[SENSITIVE]"')
    assert read(inside, PulledVariables, release).built_in == (), "by itself it says only that nobody can read it back"
    page = Path(release.folder) / OUTPUT / "static/prices.html"
    page.write_text("<p>Bearer [SENSITIVE]</p>")
    assert f"{OUTPUT}/static/prices.html holds [SENSITIVE] where a value belongs: one of CMS_TOKEN" in reason(
        inside, release
    )


def test_developments_values_are_not_productions(inside: InProcess) -> None:
    public(inside, "https://lms.example.com")
    release = shipped(inside, 'NEXT_PUBLIC_SITE="http://localhost:3000"', name=".vercel/.env.development.local")
    assert ".vercel/.env.development.local was pulled, and nothing for production" in reason(inside, release)


def test_a_value_that_readers_disagree_about_is_named(inside: InProcess) -> None:
    inside.sandbox.state.vercel.env.append(Variable("env_q", "GREETING", 'say "hi"', "plain", ["production"], 0.0))
    seen = read_with(inside, 'GREETING="say "hi""', 'NEXTAUTH_SECRET="a$b"', 'R2_BUCKET="lms-uploads"')
    assert seen.disputed == ("GREETING", "NEXTAUTH_SECRET")


def read_with(inside: InProcess, *lines: str) -> Any:
    release = shipped(inside, *lines)
    return read(inside, PulledVariables, release)


def test_a_text_is_found_across_the_pieces_that_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.clients.prebuilt.BLOCK", 4)
    (tmp_path / OUTPUT / "static").mkdir(parents=True)
    (tmp_path / OUTPUT / "config.json").write_text('{"version": 3}')
    (tmp_path / OUTPUT / "static/a.js").write_text("xx[SENSITIVE]xx")
    (tmp_path / OUTPUT / "static/b.js").write_text("xx[SENSITIV]Exx")
    (tmp_path / OUTPUT / "functions/f.func/node_modules/lib").mkdir(parents=True)
    (tmp_path / OUTPUT / "functions/f.func/.vc-config.json").write_text("{}")
    (tmp_path / OUTPUT / "functions/f.func/node_modules/lib/c.js").write_text("[SENSITIVE]")
    assert list(holding(tmp_path, b"[SENSITIVE]")) == [f"{OUTPUT}/static/a.js"]

"""Incidents and playbooks as commands, in whole processes: by hand, interrupted, resumed, wrong, reviewed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.documents.reviews import last_commit
from tests.processes import LONGEST
from tests.whole.test_process import ROOT, Checkout, Up, checkout, until_stage, up

pytestmark = pytest.mark.process
__all__ = ["checkout", "up"]  # fixtures


def answered(checkout: Checkout, *words: str, lines: str) -> tuple[int, str]:
    """A command whose questions are answered from a pipe, which ends."""
    ran = subprocess.run(
        [str(checkout.folder / "inv"), *words],
        input=lines,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        cwd="/",
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def own_runbooks(checkout: Checkout) -> Path:
    """The documents as files of this checkout."""
    folder = checkout.folder / "runbooks"
    folder.unlink()
    shutil.copytree(ROOT / "runbooks", folder)
    (folder / "actions.yml").unlink(missing_ok=True)
    shutil.rmtree(folder / "reviews", ignore_errors=True)
    return folder


def test_a_walk_that_was_interrupted_goes_on_where_it_stopped(checkout: Checkout, up: Up) -> None:
    send = "y\n" * 3  # team, users, stakeholders
    code, said = answered(checkout, "playbook.site-down", lines=f"{send}it answers 200\n")
    assert code == 1
    assert "nobody answers any more" in said
    code, said = answered(checkout, "playbook.site-down", lines="\n" * 3 + "n\n" * 8)
    assert "curl -sS -i $PRODUCTION/api/health/db → it answers 200" in said, "in the timeline"
    assert not re.search(r"-- Look:\n  curl -sS -i \$PRODUCTION/api/health/db", said), "but not asked again"
    assert "vercel inspect $DOMAIN" in said
    assert code == 0, said
    found = json.loads(checkout.run("incident.status", "--json"))["incidents"]
    assert [len(one["well"]) for one in found] == [2]
    told = [one["audience"] for one in found[0]["told"]]
    assert sorted(told) == ["stakeholders", "team", "users"], "nobody is told twice"


def test_from_the_alarm_to_the_review_and_the_action_stays_red_until_done(checkout: Checkout, up: Up) -> None:
    runbooks = own_runbooks(checkout)
    up.fault("app failing-route /api/health/db where=production")
    opened = checkout.run(
        "incident.open", "--playbook", "site-down", "--impact", "down", "--since", "00:01", "--lead", "dana"
    )
    assert "P0   OPEN" in opened
    assert "because   the site is down" in opened
    assert "TELL" in opened
    assert checkout.run("incident.status", "--check", expect=1)
    checkout.run(
        "incident.note", "the old deployment is ill too", "--severity", "P1", "--reason", "only the health check"
    )
    assert "CALL NOW: see the rota" in checkout.run("incident.escalate")
    assert "told team by webhook" in checkout.run("incident.notify", "team")
    assert "told users by the status page" in checkout.run("incident.notify", "users", "--set", "what=pages fail")
    assert "these words are missing" in checkout.run("incident.notify", "data protection", expect=2)
    assert "nobody has seen that production is well" in checkout.run("incident.resolve", "--cause", "x", expect=2)
    checkout.run("playbook.site-down", "--auto", expect=1)
    checkout.run("faults", "--clear")
    assert "It is over" in checkout.run("playbook.site-down", "--auto")
    assert "say the cause" in checkout.run("incident.resolve", expect=2)
    assert "all-clear by" in checkout.run("incident.resolve", "--cause", "a fault", "--works", "all pages")
    update = "troubleshooting.md#vercel-logs: say where the fault shows"
    said = checkout.run("incident.review", "--measure", "a test", "--update", update)
    (review,) = (runbooks / "reviews").glob("incident-*.md")
    text = review.read_text(encoding="utf-8")
    for words in ("P1 (only the health check)", "a fault", "escalated to on-call engineer", "Lead: dana", "a test"):
        assert words in text
    assert "is there already" in checkout.run("incident.review", expect=2)
    red = checkout.run("runbooks", "--check", expect=1)
    assert "is not done" in red
    assert "say where the fault shows" in red
    action = re.search(r"open until done: (\S+):", said)[1]  # type: ignore[index]
    checkout.run("runbooks.done", action, "--by", "dana")
    assert checkout.run("runbooks", "--check").strip() == "all generated files are current"


def test_a_release_that_is_taken_back_opens_an_incident_and_says_so(checkout: Checkout, up: Up) -> None:
    checkout.pace(watch={"during": 8, "patience": 1, "every": 0.2}, validate={"patience": 1, "every": 0.2})
    started = checkout.start("deploy")
    until_stage(started, "watch")
    up.fault("app failing-route /api/health/db where=production")
    out, err = started.communicate(timeout=LONGEST)
    assert started.returncode in (3, 4, 5), out
    assert re.search(r"incident incident-\S+ is open \(P[012]: ", err), err
    (one,) = json.loads(checkout.run("incident.status", "--json"))["incidents"]
    assert one["cause_run"].startswith("run ")
    assert any("watch." in text for text in one["evidence"]), one["evidence"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("incident.open",), "say with --what what users cannot do"),
        (("incident.open", "--what", "x", "--impact", "sad"), "--impact sad: is none; there are down"),
        (("incident.open", "--playbook", "nope"), "--playbook nope: is none; there are site-down"),
        (("incident.open", "--what", "x", "--since", "25:99"), "--since 25:99: is no time; write 02:10"),
        (("incident.note", "x"), "there is no open incident on sandbox; ./inv incident.open begins one"),
        (("incident.status", "--incident", "nope"), "incident nope: there is none"),
        (("incident.review", "--incident", "nope"), "incident nope: there is none"),
        (("runbooks.done", "nope"), "there is no such action"),
        (("runbooks.prove", "--only", "nope"), "--only nope: is none; there are commands, drills, gates, runs"),
        (("drill.all", "--nope"), "there is no flag --nope of drill.all"),
        (("runbooks", "--site", "/etc"), "there is something else in it"),
    ],
)
def test_what_is_typed_wrong_is_said_and_exits_2(checkout: Checkout, words: tuple[str, ...], says: str) -> None:
    assert says in checkout.run(*words, expect=2)


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_who_approved_the_pull_request_on_github_has_read_the_page(checkout: Checkout, up: Up) -> None:
    own_runbooks(checkout)
    git = ["git", "-c", "user.name=Dana", "-c", "user.email=dana@example.com"]
    for words in (["init", "-q"], ["add", "runbooks"], ["commit", "-qm", "Runbooks"]):
        subprocess.run([*git, *words], cwd=checkout.folder, check=True)
    sha = last_commit(checkout.folder, "troubleshooting.md")
    up.ask("control", "/commits", "POST", {"sha": sha, "message": "Runbooks"})
    page = ("--section", "troubleshooting.md")
    assert "0 of" in checkout.run("runbooks.review", *page, expect=1)
    said = checkout.run("runbooks.review", *page, "--github")
    assert "GitHub: 1 approver(s) of 1 page(s)" in said
    (stood,) = re.findall(r"^(\d+) of \1 sections are read", said, re.MULTILINE)
    assert int(stood) > 10

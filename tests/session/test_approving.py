"""From the plan that a run reads to the yes that a key signs, and what becomes of both when something changes."""

import dataclasses
import datetime
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import ReleasePlan
from checks.outcome import Outcome
from checks.policy import ApprovalPolicy, HealthPolicy, Waiver
from pipeline.clients.sshsign import Unproved, sign, signer_of
from pipeline.config import Config
from pipeline.definitions.deploy import DEPLOY
from pipeline.engine.plan import probes_by_type
from pipeline.engine.planned import rules_of
from pipeline.errors import Mistake
from pipeline.probes.every import PROBES
from pipeline.record.approvals import approval_text, given_to
from pipeline.record.journal import Event, Journal, events_of
from pipeline.record.place import Place
from pipeline.record.plans import plan_in, plans_of
from pipeline.record.report import Report
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.sandbox.githubstate import ActionRun
from pipeline.session.approving import ApproveOrder, approve, planned
from pipeline.session.planning import must_be_as_planned, noting_plan
from pipeline.session.prompting import Prompt
from pipeline.session.session import Session
from tests.stage import InProcess

needs_keys = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="there is no ssh-keygen: install openssh-client")
SIGNERS = "allowed_signers"


@pytest.fixture
def people(inside: InProcess) -> "People":
    return People(inside)


class People:
    """A sandbox whose runs need signatures, in a folder with a journal and the keys of some people."""

    def __init__(self, inside: InProcess) -> None:
        self.inside, self.root = inside, inside.folder
        inside.store = SqliteStore(self.root / ".runs/journal.db")
        inside.settings = dataclasses.replace(inside.settings, root=self.root)
        inside.pipeline = inside.pipeline.at_pace({"preflight": {"every": 20, "patience": 600}})
        self.require(required=1)
        (self.root / SIGNERS).write_text("")

    def require(self, **policy: Any) -> None:
        self.inside.require(ApprovalPolicy(ways=("signature",), signers=SIGNERS, **policy))

    @property
    def config(self) -> Config:
        policies = dataclasses.replace(
            self.inside.config.policies["sandbox"], approval=self.inside.settings.policies[ApprovalPolicy]
        )
        return dataclasses.replace(self.inside.config, policies={"sandbox": policies})

    def key(self, name: str, *, known: str = "") -> Path:
        """A new key; ``known``: the names under which the file has it."""
        path = self.root / f"key-{name}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
        if known:
            with (self.root / SIGNERS).open("a") as file:
                file.write(f"{known} {path.with_suffix('.pub').read_text()}")
        return path

    def deploy(self, run: str, name: str = "good") -> tuple[Outcome | None, Report]:
        """A run that writes down its plan, as a command does."""
        journal = Journal(self.inside.store, run, self.inside.clock.now, Redactor())
        journal.append("run begins", pipeline="deploy", target="sandbox", commit="", by="x", production="https://x")
        runner, note = self.inside.runner, noting_plan(journal, lambda value: None)
        self.inside.runner = lambda world, journal, **more: runner(world, journal, keep=note)  # type: ignore[method-assign]
        try:
            return self.inside.deploy(name, run)
        finally:
            self.inside.runner = runner  # type: ignore[method-assign]

    def approve(self, key: Path, what: str = "r1", by: str = "Dana Ops") -> list[str]:
        lines: list[str] = []
        now = self.inside.clock.now()
        approve(self.config, self.root, ApproveOrder(what, str(key), by), now, lines.append)
        return lines


@needs_keys
def test_a_run_is_stopped_then_approved_with_a_key_and_the_next_one_of_that_plan_ships(people: People) -> None:
    outcome, report = people.deploy("r1")
    assert outcome is Outcome.BLOCKED
    assert "has 0 of 1 approvals" in report.reason
    assert report.plan
    said = people.approve(people.key("dana", known="dana-ops,dana@example.com"))
    assert said[0].startswith(f"plan {report.plan}\n  run         r1 to sandbox\n")
    assert "20260301000000_course_level" in said[0]
    outcome, again = people.deploy("r2")
    assert outcome is Outcome.DEPLOYED, again.reason
    assert again.plan == report.plan


@needs_keys
def test_another_variable_another_commit_or_other_rules_void_it_and_the_gate_says_which(people: People) -> None:
    plan = people.deploy("r1")[1].plan
    people.approve(people.key("dana", known="dana@example.com"), plan[:12])
    one = next(each for each in people.inside.sandbox.state.vercel.env if "production" in each.target)
    one.updated += 60
    outcome, report = people.deploy("r2")
    assert outcome is Outcome.BLOCKED
    assert f"Dana Ops (of plan {plan[:12]}, since when the environment changed)" in report.reason
    one.updated -= 60
    outcome, report = people.deploy("r3", "slow")
    assert outcome is Outcome.BLOCKED
    assert "since when the commit changed" in report.reason


@needs_keys
def test_a_run_that_waits_goes_on_when_the_yes_comes_and_the_waiting_is_told_apart(people: People) -> None:
    people.require(required=1, wait=3600)
    key = people.key("dana", known="dana@example.com")
    people.inside.clock.at[1800] = lambda: people.approve(key)
    outcome, report = people.deploy("r1")
    assert outcome is Outcome.DEPLOYED, report.reason
    assert 1750_000 < report.waited_ms < 1900_000
    assert report.ms - report.waited_ms < 240_000
    kinds = [event.kind for event in events_of(people.inside.store, "r1")]
    assert kinds.count("waiting for people begins") == kinds.count("waiting for people ends") == 1


def test_nobody_is_waited_for_longer_than_the_file_says(people: People) -> None:
    people.require(required=1, wait=600)
    outcome, report = people.deploy("r1")
    assert outcome is Outcome.BLOCKED
    assert 590_000 < report.waited_ms < 680_000
    assert report.ms < 700_000


def test_who_waits_for_people_does_not_wait_for_a_red_test(people: People) -> None:
    people.require(required=1, wait=3600)
    release = people.inside.release()
    people.inside.sandbox.state.github.commits[release.commit].checks["test"] = "failure"
    outcome, report = people.inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert report.waited_ms == 0


@needs_keys
@pytest.mark.parametrize("spoil", ["by", "at", "run", "commit", "target", "plan", "parts"])
def test_nothing_of_what_was_signed_can_be_changed_afterwards(people: People, spoil: str) -> None:
    people.deploy("r1")
    people.approve(people.key("dana", known="dana@example.com"))
    (given,) = given_to(people.inside.store, "sandbox")
    later = (people.inside.clock.now() + datetime.timedelta(seconds=1)).isoformat()
    others = {"at": later, "parts": (("commit", "0" * 64),), "plan": "0" * 64}
    changed = dataclasses.replace(given, **{spoil: others.get(spoil, "other")})
    if spoil == "target":
        assert approval_text(changed) != approval_text(given)
        return
    fresh = SqliteStore(people.root / "spoiled.db")
    people.inside.store = fresh
    Journal(fresh, "a", people.inside.clock.now, Redactor()).append("approval given", exact={"approval": changed})
    outcome, report = people.deploy("r2")
    assert outcome is Outcome.BLOCKED
    assert "not counted" in report.reason


@needs_keys
def test_a_key_that_the_file_does_not_know_is_refused_at_once_and_counts_nowhere(people: People) -> None:
    people.deploy("r1")
    with pytest.raises(Mistake, match=r"allowed_signers has no such key; a line of allowed_signers is"):
        people.approve(people.key("eve"))
    assert given_to(people.inside.store, "sandbox") == ()
    key = people.key("dana", known="dana@example.com")
    people.approve(key)
    (people.root / SIGNERS).write_text("")
    assert "Dana Ops (allowed_signers has no such key)" in people.deploy("r2")[1].reason


@needs_keys
def test_a_name_that_is_only_typed_makes_nobody_a_stakeholder(people: People) -> None:
    people.require(stakeholders=("ada",))
    people.deploy("r1")
    people.approve(people.key("dana", known="dana"), by="ada")
    outcome, report = people.deploy("r2")
    assert outcome is Outcome.BLOCKED
    assert "whom `approval.stakeholders` does not name" in report.reason


@needs_keys
def test_nobody_signs_in_the_name_of_somebody_else_whose_key_is_known(people: People) -> None:
    people.deploy("r1")
    dana = people.key("dana", known="dana")
    people.approve(dana, by="Ada")  # nobody is called so yet
    people.key("ada", known="ada@lms.example.com,ada")
    with pytest.raises(Mistake, match="--by Ada: that is somebody else; this key is of dana"):
        people.approve(dana, by="Ada")
    outcome, report = people.deploy("r2")
    assert outcome is Outcome.BLOCKED
    assert "Ada (signed with the key of dana)" in report.reason


@needs_keys
def test_a_signature_for_another_purpose_is_none(people: People) -> None:
    key = people.key("dana", known="dana@example.com")
    proof = sign(key, "text\n", "git")
    with pytest.raises(Unproved, match="of something else"):
        signer_of("text\n", proof, people.root / SIGNERS, "release-approval")
    assert signer_of("text\n", proof, people.root / SIGNERS, "git").names == ("dana@example.com",)


def test_without_ssh_keygen_it_is_said_what_to_install(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.deploy("r1")
    monkeypatch.setenv("PATH", str(people.root))
    with pytest.raises(Mistake, match="ssh-keygen is not installed here: install openssh-client"):
        people.approve(people.root / "key")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("nope", "approve nope: is no run .* nor 12 digits or more of a plan's hash"),
        ("abc", "approve abc: is no run"),
        ("", "approve : is no run"),
        ("a" * 12, "no run has read such a plan"),
        ("r0", "approve r0: it has read no plan yet"),
    ],
)
def test_what_nobody_has_planned_is_not_approved(people: People, what: str, says: str) -> None:
    plan = people.deploy("r1")[1].plan
    Journal(people.inside.store, "r0", people.inside.clock.now, Redactor()).append("run begins", target="sandbox")
    assert planned(people.inside.store, plan).run == planned(people.inside.store, plan[:12]).run == "r1"
    with pytest.raises(Mistake, match=says):
        planned(people.inside.store, what)


@pytest.mark.parametrize(
    ("who", "where", "ends"),
    [("robin", "production", Outcome.DEPLOYED), ("robin", "staging", Outcome.BLOCKED), ("kim-dev", "production", None)],
)
def test_who_lets_the_job_into_its_environment_has_approved(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, who: str, where: str, ends: Outcome | None
) -> None:
    release, github = inside.release(), inside.sandbox.state.github
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", "7001")
    github.runs.append(
        ActionRun(7001, "deploy.yml", release.commit, "push", inside.clock.now().timestamp(), 1e6, "success")
    )
    github.let_in.append(who)
    github.permissions["robin"] = "write"
    inside.settings = dataclasses.replace(inside.settings, name=where)
    if where == "staging":
        inside.settings = dataclasses.replace(inside.settings, name="production", kind="preview")
    inside.require(ApprovalPolicy(ways=("environment",)))
    outcome, report = inside.deploy(release=release)
    assert outcome is (ends or Outcome.BLOCKED), report.reason
    if ends is None:
        assert "kim-dev (the author)" in report.reason


# -- the plan


def rules(inside: InProcess, **changes: Any) -> dict[str, str]:
    known = {
        "pipeline": inside.pipeline, "policies": inside.settings.policies, "probes": probes_by_type(PROBES),
        "waivers": (), **changes,
    }  # fmt: skip
    return dict(rules_of(**known))


WAIVER = Waiver("calendar.no-freeze", datetime.date(2026, 12, 1), "dana", "x")


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        (lambda inside: {}, set()),
        (lambda inside: {"pipeline": inside.pipeline.at_pace({"watch": {"during": 1}})}, set()),
        (lambda inside: {"pipeline": inside.pipeline.with_shadows(["calendar.no-freeze"])}, {"gates"}),
        (
            lambda inside: {"pipeline": dataclasses.replace(DEPLOY, stages=DEPLOY.stages[:-1])},
            {"gates"},
        ),
        (
            lambda inside: {"policies": {**inside.settings.policies, HealthPolicy: HealthPolicy(slowest_ms=1)}},
            {"policies"},
        ),
        (lambda inside: {"waivers": (WAIVER,)}, {"waivers"}),
    ],
)
def test_the_rules_are_a_pure_function_of_gates_policies_and_waivers(
    inside: InProcess, changes: Callable[[InProcess], dict[str, Any]], differs: set[str]
) -> None:
    before, now = rules(inside), rules(inside, **changes(inside))
    assert {name for name in before if before[name] != now[name]} == differs


def test_no_value_of_the_environment_is_in_a_plan(people: People) -> None:
    plan = plan_in(events_of(people.inside.store, people.deploy("r1")[1].run))
    assert isinstance(plan, ReleasePlan)
    assert [name for name, _ in plan.parts] == ["commit", "sql", "environment"]
    assert all(len(digest) == 64 for _, digest in plan.parts)


def test_a_run_whose_rules_have_changed_does_not_go_on(inside: InProcess) -> None:
    session = Session(inside.settings, inside.pipeline, inside.store, Redactor(), inside.clock, inside.config)
    journal = Journal(inside.store, "r1", inside.clock.now, Redactor())
    journal.append("run begins", exact={"rules": session.rules})
    must_be_as_planned(session, journal.events())
    must_be_as_planned(session, ())
    file = dataclasses.replace(inside.config.file, waivers=(WAIVER,))
    session.config = dataclasses.replace(inside.config, file=file)
    session.pipeline = session.pipeline.with_shadows(["calendar.no-freeze"])
    with pytest.raises(Mistake, match=r"run r1: the gates and the waivers changed since .*settle --target sandb"):
        must_be_as_planned(session, journal.events())


@needs_keys
def test_the_authors_key_is_the_authors_on_whichever_line_of_the_file_it_stands(people: People) -> None:
    people.deploy("r1")
    key = people.key("robin", known="robin")
    with (people.root / SIGNERS).open("a") as file:
        file.write(f"kim-dev@lms.example.com {key.with_suffix('.pub').read_text()}")
    people.approve(key, by="Robin")
    outcome, report = people.deploy("r2")
    assert outcome is Outcome.BLOCKED
    assert "Robin (the author)" in report.reason


def at_the_terminal(people: People, name: str) -> list[str]:
    """Somebody who is asked by a run and types ``name``; what was asked."""
    inside, asked = people.inside, list[str]()
    place = Place(str(people.root / ".runs/journal.db"), "x")
    session = Session(
        inside.settings, inside.pipeline, inside.store, Redactor(), inside.clock, inside.config, people.root, place
    )
    prompt = Prompt(session, lambda question: (asked.append(question), name)[1])

    def listen(event: Event) -> None:
        prompt(event)
        if prompt.asking:
            prompt.asking.join()  # the run's clock does not wait for a thread

    inside.listeners.append(listen)
    return asked


@pytest.mark.parametrize(("name", "ends"), [("Robin", Outcome.DEPLOYED), ("kim-dev", None), ("", None)])
def test_a_name_that_is_typed_at_the_prompt_of_a_waiting_run_is_a_yes_to_that_plan(
    people: People, name: str, ends: Outcome | None
) -> None:
    people.inside.require(ApprovalPolicy(ways=("in person",), wait=300))
    asked = at_the_terminal(people, name)
    outcome, report = people.deploy("r1")
    assert outcome is (ends or Outcome.BLOCKED), report.reason
    assert asked == [f"Who agrees to plan {report.plan[:12]} here, in person? NAME:"]
    given = given_to(people.inside.store, "sandbox")
    assert [(one.by, one.plan, one.via) for one in given] == ([(name, report.plan, "in person")] if name else [])


def test_what_is_typed_at_a_prompt_is_no_signature(people: People) -> None:
    people.require(required=1, wait=300)
    at_the_terminal(people, "Robin")
    outcome, report = people.deploy("r1")
    assert outcome is Outcome.BLOCKED
    assert "Robin (in person: `approval.ways` leaves that out)" in report.reason


def test_a_variable_that_is_changed_after_the_review_on_github_makes_it_void(people: People) -> None:
    people.inside.require(ApprovalPolicy(required=1))
    people.inside.release()
    one = next(each for each in people.inside.sandbox.state.vercel.env if "production" in each.target)
    one.updated = people.inside.clock.now().timestamp() + 60
    outcome, report = people.deploy("r1")
    assert outcome is Outcome.BLOCKED
    assert "since when the environment changed" in report.reason


def test_the_plans_of_a_commit_are_those_that_runs_to_this_target_have_read(inside: InProcess) -> None:
    plans = [ReleasePlan("c1", (("sql", text),), (text,), "2026-11-24T08:00:00+00:00") for text in "ab"]
    for target, plan in (("sandbox", plans[0]), ("production", plans[1]), ("sandbox", plans[1])):
        journal = Journal(inside.store, f"{target}-{plan.pending[0]}", inside.clock.now, Redactor())
        journal.append("run begins", pipeline="deploy", target=target, commit="c1", by="x", production="https://x")
        noting_plan(journal, lambda value: None)(plan)
    assert [one.plan for one in plans_of(inside.store, "sandbox", "c1")] == plans
    assert [one.plan for one in plans_of(inside.store, "production", "c1")] == plans[1:]
    assert plans_of(inside.store, "sandbox", "c2") == ()

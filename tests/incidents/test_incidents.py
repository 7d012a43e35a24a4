"""Incidents: the record is a fold over the journal, severity and cadence are rules, words are drafts."""

import asyncio
import dataclasses
import datetime
import json
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from checks.evidence import RestorePoint
from checks.outcome import Outcome
from checks.policy import IncidentsPolicy
from checks.severity import Graded
from pipeline.cli.playbook import NAMES
from pipeline.clients.channels import Channels
from pipeline.documents import todo as actions
from pipeline.engine.past import freeze
from pipeline.errors import Mistake
from pipeline.handbook.communication import AUDIENCES, CADENCE, FIELDS
from pipeline.handbook.playbooks import PLAYBOOKS, named
from pipeline.handbook.situation import Situation
from pipeline.incidents.cadence import due
from pipeline.incidents.classify import IMPACTS, classify
from pipeline.incidents.desk import Desk, Opening, contact_due, desk, escalate, new, tell
from pipeline.incidents.drafts import draft
from pipeline.incidents.hands import Hands
from pipeline.incidents.looking import release_here
from pipeline.incidents.opening import after_monitor, after_run
from pipeline.incidents.person import Nobody
from pipeline.incidents.review import Update, between, review_of
from pipeline.incidents.walk import GO_TO
from pipeline.record.incidents import FOLDS, fold, incidents, whole_timeline
from pipeline.record.journal import Event
from pipeline.record.report import Report
from pipeline.redact import Redactor
from pipeline.render.incident import review_markdown
from pipeline.session import restoring
from pipeline.session.restoring import restorable
from pipeline.session.session import NOTHING, Session
from pipeline.steps.restore import RestorePlan
from pipeline.world.world import World
from tests.session.test_monitoring import daily, error
from tests.stage import InProcess

MINUTE = 60.0
ROOT = Path(__file__).resolve().parent.parent.parent


def opened(inside: InProcess, severity: str = "P0", playbook: str = "site-down", what: str = "nothing loads") -> Desk:
    return new(session(inside), Opening(what, classify(_impact(severity)), playbook), "dana")


def _impact(severity: str) -> list[str]:
    return [next(name for name, (level, _) in IMPACTS.items() if level == severity)]


def session(inside: InProcess) -> Session:
    return Session(
        inside.settings,
        inside.pipeline,
        inside.store,
        Redactor(inside.settings.hidden),
        inside.clock,
        inside.config,
    )


def in_world(inside: InProcess, act: Callable[[World], object]) -> object:
    async def go() -> object:
        async with inside.world(inside.release(), "incident") as world:
            return await act(world)  # type: ignore[misc]

    return asyncio.run(go())


def wait(inside: InProcess, seconds: float) -> None:
    asyncio.run(inside.clock.sleep(seconds))


def notices(inside: InProcess, path: str) -> list[str]:
    return [one["body"]["text"] for one in inside.sandbox.state.notices if one["path"].endswith(path)]


# -- severity


@pytest.mark.parametrize(("impact", "severity"), [(name, level) for name, (level, _) in IMPACTS.items()])
def test_what_users_feel_decides_the_severity_and_says_why(impact: str, severity: str) -> None:
    found = classify([impact])
    assert (found.severity, found.reason) == (severity, IMPACTS[impact][1])


def test_the_gravest_counts_and_a_workaround_helps_a_p1_only() -> None:
    assert classify(["cosmetic", "data-loss", "major"]).severity == "P0"
    assert classify(["major"], workaround=True).severity == "P2"
    assert classify(["down"], workaround=True).severity == "P0"
    assert classify(["minor"], Graded("P0", "smoke.x", "login fails")).reason == "smoke.x: login fails"
    assert classify(["major"], Graded("unknown", "x", "y")).severity == "P1"


def test_without_any_word_the_playbook_decides_and_nothing_at_all_is_a_p1() -> None:
    assert classify((), None, named("rate-limiting")).severity == "P2"
    assert classify(["down"], None, named("rate-limiting")).severity == "P0"
    assert classify().severity == "P1"


# -- the record


def test_the_record_is_a_fold_and_an_unknown_event_hurts_nobody() -> None:
    at = "2026-01-01T00:01:00+00:00"
    body = {
        "target": "t", "playbook": "site-down", "severity": "P1", "reason": "r", "since": at, "cause": "",
        "evidence": ["e"], "lead": "", "by": "dana",
    }  # fmt: skip
    events = [
        Event("i", at, "incident opened", "slow", body),
        Event("i", at, "incident of tomorrow", "?", {}),
        Event("i", at, "incident classified", "P0", {"reason": "worse", "by": "taylor"}),
        Event("i", at, "playbook verified", "", {"well": True, "no": {}}),
        Event("i", at, "playbook verified", "", {"well": False, "no": {"g": "503"}}),
    ]
    it = fold("i", events)
    assert (it.severity, it.reason, it.what, it.recovered, it.open) == ("P0", "worse", "slow", "", True)
    assert [one.by for one in it.moments] == ["dana", "taylor", "", ""]
    assert "g: 503" in it.moments[-1].what


def test_every_kind_that_the_desk_writes_is_folded(inside: InProcess) -> None:
    at = opened(inside)
    at.note("looked"), at.classify("P1", "half of them"), at.lead("dana"), at.begin("site-down")
    at.asked("diagnose", {"g": "no"}), at.looked("vercel ls", "ready"), at.did("roll back", "the tool", "done")
    at.told("team", "text", ("webhook",), (), ""), at.verified({}), at.resolve("a typo", "all"), at.reviewed("x.md")
    in_world(inside, lambda world: escalate(world, at))
    it = at.incident
    assert len(it.moments) == len(FOLDS)
    assert (it.lead, it.severity, it.cause, it.reviewed) == ("dana", "P1", "a typo", "x.md")
    assert not it.open


def test_the_only_open_one_is_meant_and_two_have_to_be_named(inside: InProcess) -> None:
    it = session(inside)
    with pytest.raises(Mistake, match=r"there is no open incident.*incident.open"):
        desk(it)
    first = opened(inside)
    assert desk(it).id == first.id
    second = opened(inside, what="slow")
    with pytest.raises(Mistake, match=f"(?s)several are open.*{second.id}"):
        desk(it)
    assert desk(it, second.id).id == second.id
    assert desk(it, second.id.removeprefix("incident-")).id == second.id
    second.resolve("c", "w")
    with pytest.raises(Mistake, match="is resolved"):
        desk(it, second.id)
    with pytest.raises(Mistake, match="there is none"):
        desk(it, "nope")


def test_a_secret_that_somebody_types_is_not_kept(inside: InProcess) -> None:
    at, secret = opened(inside), inside.settings.secrets["VERCEL_TOKEN"]
    at.note(f"the token {secret} was in the log")
    at.looked("env", f"VERCEL_TOKEN={secret}")
    assert secret not in json.dumps(inside.store.execute("select subject, body from deploy_events"))


# -- cadence


def test_who_is_due_follows_severity_playbook_and_time(inside: InProcess) -> None:
    at = opened(inside)
    first = {one.audience: one for one in due(at.incident, inside.clock.now())}
    assert set(first) == {"team", "users", "stakeholders"}
    wait(inside, 16 * MINUTE)
    assert {one.audience for one in due(at.incident, inside.clock.now()) if one.overdue} == set(first)
    at.told("users", "x", ("the status page",), (), "")
    later = {one.audience: one for one in due(at.incident, inside.clock.now())}
    assert not later["users"].overdue
    assert not later["users"].first
    wait(inside, 31 * MINUTE)
    assert {one.audience: one for one in due(at.incident, inside.clock.now())}["users"].overdue
    at.told("users", "x", (), ("nobody",), "")
    assert {one.audience: one for one in due(at.incident, inside.clock.now())}["users"].overdue, "it did not arrive"


def test_the_all_clear_is_due_to_those_who_heard(inside: InProcess) -> None:
    at = opened(inside)
    at.resolve("c", "w")
    assert due(at.incident, inside.clock.now()) == ()
    other = opened(inside)
    other.told("team", "x", ("webhook",), (), "")
    other.resolve("c", "w")
    assert [one.audience for one in due(other.incident, inside.clock.now())] == ["everybody"]


def test_the_words_of_the_cadence_are_its_numbers() -> None:
    for notice in CADENCE:
        for rhythm in notice.rhythms.values():
            if rhythm.every == 30 * MINUTE:
                assert "every 30 minutes" in rhythm.words
            if rhythm.first == 15 * MINUTE:
                assert "within 15 minutes" in rhythm.words


def test_the_tree_is_called_in_order_and_in_time(inside: InProcess) -> None:
    from checks.policy import ContactsPolicy

    at, tree = opened(inside), inside.settings.policies[ContactsPolicy].escalation
    called = []
    for _ in tree:
        wait(inside, 14 * MINUTE)
        contact = contact_due(at.incident, tree, inside.clock.now())
        if contact:
            called.append(contact.role)
            in_world(inside, lambda world: escalate(world, at))
    assert called == [one.role for one in tree[:3]], "the fourth is for after an hour"
    assert len(notices(inside, "/on-call")) == 3
    at.verified({})
    assert contact_due(at.incident, tree, inside.clock.now()) is None


# -- words


@pytest.mark.parametrize("audience", AUDIENCES, ids=lambda one: one.name)
def test_every_template_can_be_filled_in_and_shows_hints(audience: object) -> None:
    form = audience.form  # type: ignore[attr-defined]
    assert "{" not in form
    assert "[" in form


def test_a_draft_says_what_is_known_and_names_what_is_missing(inside: InProcess) -> None:
    at = opened(inside)
    text, missing = draft(at.incident, "team", inside.clock.now(), {}, "abc, 01:00")
    assert missing == ()
    assert text.startswith("INCIDENT P0: nothing loads, since ")
    assert "abc, 01:00" in text
    _, missing = draft(at.incident, "data protection", inside.clock.now(), {})
    assert set(missing) == {"data", "closed"}
    text, missing = draft(at.incident, "data protection", inside.clock.now(), {"data": "names", "closed": "closed it"})
    assert missing == ()
    assert "names" in text
    with pytest.raises(Mistake, match="is no field"):
        draft(at.incident, "team", inside.clock.now(), {"x": "y"})
    with pytest.raises(Mistake, match="is none; there are team"):
        draft(at.incident, "press", inside.clock.now(), {})
    assert all(FIELDS.values())


def test_users_hear_by_the_status_page_and_it_ends_with_the_all_clear(inside: InProcess) -> None:
    at = opened(inside)
    in_world(inside, lambda world: tell(world, at, "users", {}))
    in_world(inside, lambda world: tell(world, at, "users", {"what": "still nothing"}))
    (report,) = inside.sandbox.state.betterstack.reports
    assert report.title == "nothing loads"
    assert [one.message.splitlines()[0] for one in report.updates] == [
        "We are looking into a problem: nothing loads.",
        "We are looking into a problem: still nothing.",
    ]
    assert report.updates[0].affected == [{"status_page_resource_id": "1", "status": "downtime"}]
    at.verified({}), at.resolve("a typo", "everything loads again")
    in_world(inside, lambda world: tell(world, at, "everybody", {}))
    assert report.updates[-1].message.startswith("It is over since ")
    assert report.updates[-1].affected[0]["status"] == "resolved"
    assert report.ends


def test_a_channel_that_fails_is_said_and_the_others_are_told(inside: InProcess) -> None:
    at = opened(inside)
    in_world(inside, lambda world: tell(world, at, "team", {}))
    in_world(inside, lambda world: tell(world, at, "stakeholders", {}))
    assert notices(inside, "/stakeholders")[0].startswith("Since ")
    at.resolve("c", "w")
    inside.sandbox.inject("notify answer status=500 POST *stakeholders")
    _, reached, failed = in_world(inside, lambda world: tell(world, at, "everybody", {"over": "now"}))  # type: ignore[misc]
    assert reached == ("webhook (team)",)
    assert [one.partition(":")[0] for one in failed] == ["stakeholders"]
    assert inside.settings.secrets["NOTIFY_STAKEHOLDERS_URL"] not in str(failed)


def test_e_mail_arrives_through_the_library() -> None:
    from aiosmtpd.controller import Controller

    class Inbox:
        got: list[tuple[list[str], str]] = []  # noqa: RUF012

        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
            self.got.append((envelope.rcpt_tos, envelope.content.decode()))  # type: ignore[attr-defined]
            return "250 OK"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Inbox(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        address = f"mailto://127.0.0.1:{port}?from=ops@example.com&to=board@example.com&mode=insecure"

        async def go() -> tuple[tuple[str, ...], tuple[str, ...]]:
            async with httpx.AsyncClient() as http:
                from pipeline.clock import SystemClock

                channels = Channels(
                    {"board": f"{address} mailto://127.0.0.1:1?from=a@b.c&to=d@e.f bogus://x"}, http, SystemClock()
                )
                return await channels.tell("board", "P0: nothing loads", "We are on it.")

        reached, failed = asyncio.run(go())
    finally:
        controller.stop()
    assert reached == ("e-mail",)
    assert [one.partition(":")[0] for one in failed] == ["e-mail", "bogus"]
    ((to, content),) = Inbox.got
    assert to == ["board@example.com"]
    assert "P0: nothing loads" in content
    assert "We are on it." in content


# -- opened by themselves


def test_a_run_that_goes_back_opens_one_with_its_evidence_and_a_second_adds_to_it(inside: InProcess) -> None:
    inside.at_stage("watch", lambda: inside.sandbox.inject("app failing-route /api/health/db where=production"))
    outcome, report = inside.deploy()
    assert outcome in (Outcome.ROLLED_BACK, Outcome.HELD, Outcome.STRANDED)
    found = after_run(session(inside), report)
    assert found
    it = found.incident
    assert it.playbook == "deployment-failure"
    assert it.cause_run == f"run {report.run}"
    assert any("watch" in text for text in it.evidence)
    assert any(report.run in text for text in it.evidence)
    assert after_run(session(inside), report).id == it.id  # type: ignore[union-attr]
    assert len(incidents(inside.store)) == 1
    says = [one.what for one in whole_timeline(desk(session(inside)).incident, inside.store)]
    assert any(f"ends: {report.outcome}" in what for what in says)


@pytest.mark.parametrize(("outcome", "severity"), [("stranded", "P0"), ("held", "P1"), ("rolled back", "P2")])
def test_how_a_run_ends_decides_how_grave_it_is(inside: InProcess, outcome: str, severity: str) -> None:
    report = Report("r", "deploy", "sandbox", "c" * 40, outcome=outcome, began="2026-01-01T00:00:00+00:00")
    found = after_run(session(inside), report)
    assert found
    assert found.incident.severity == severity


def test_a_blocked_run_is_none_unless_deploy_yml_says_so(inside: InProcess) -> None:
    report = Report("r", "deploy", "sandbox", "c" * 40, outcome="blocked", began="2026-01-01T00:00:00+00:00")
    assert after_run(session(inside), report) is None
    inside.require(IncidentsPolicy(opens_on=("blocked",)))
    assert after_run(session(inside), report)


def test_what_the_day_finds_opens_one_with_all_that_stops(inside: InProcess) -> None:
    error(inside, "CallbackError: sign in failed")
    found = after_monitor(session(inside), daily(inside))
    assert found
    assert (found.incident.severity, found.incident.playbook) == ("P0", "error-spike")
    assert any("CallbackError" in text for text in found.incident.evidence)
    inside.require(IncidentsPolicy(monitor="never"))
    assert after_monitor(session(inside), daily(inside)) is None


# -- review and actions


def test_the_review_has_the_storys_sections_and_the_durations(inside: InProcess) -> None:
    it = session(inside)
    begun = (inside.clock.now() - datetime.timedelta(minutes=4)).isoformat()
    at = new(it, Opening("nothing loads", classify(["down"]), "site-down", begun), "dana")
    wait(inside, 120), at.did("roll back", "the tool", "proved"), wait(inside, 60), at.verified({}), wait(inside, 60)
    at.resolve("a typo in a route", "everything")
    updates = [Update("troubleshooting.md#pinned", "say who unpins")]
    text = review_markdown(review_of(at.incident, whole_timeline(at.incident, inside.store), ["a test"], updates))
    for heading in (
        "Incident Timeline (UTC)",
        "Root Cause Analysis",
        "Resolution Steps Taken",
        "Preventive Measures",
        "Runbook Updates Needed",
    ):
        assert f"## {heading}" in text
    assert "Time to notice: 4 min" in text
    assert "Time to decide: 2 min" in text
    assert "Time to recover: 7 min" in text
    assert "Duration: 8 min" in text
    assert "a typo in a route" in text
    assert "say who unpins" in text


def test_an_action_is_red_until_it_is_done(tmp_path: Path) -> None:
    today = datetime.date(2026, 11, 24)
    new_ones = actions.add(tmp_path, "incident-1", [("a.md#b", "say more"), ("a.md", "less")], today)
    assert [one.id for one in new_ones] == ["incident-1-1", "incident-1-2"]
    assert actions.add(tmp_path, "incident-2", [("a.md", "less")], today) == (), "it is there already"
    assert len(actions.open_actions(tmp_path)) == 2
    actions.finish(tmp_path, "incident-1-2", "dana", today)
    assert [one.id for one in actions.open_actions(tmp_path)] == ["incident-1-1"]
    assert actions.add(tmp_path, "incident-2", [("a.md", "less")], today), "it came back"
    with pytest.raises(Mistake, match=r"there is no such action; open: incident-1-1"):
        actions.finish(tmp_path, "nope", "dana", today)
    (tmp_path / actions.FILE).write_text("- {wrong: key}\n")
    with pytest.raises(Mistake, match="is no list of actions"):
        actions.actions(tmp_path)


def test_durations_are_spelt() -> None:
    at = "2026-01-01T00:00:00+00:00"
    assert between(at, "2026-01-01T00:00:45+00:00") == "45 s"
    assert between(at, "2026-01-01T02:05:00+00:00") == "2 h 5 min"
    assert between(at, "") == ""


# -- playbooks


def test_every_playbook_has_its_command() -> None:
    assert set(NAMES) == {one.name for one in PLAYBOOKS}


def test_every_go_to_names_a_playbook_and_every_hand_exists() -> None:
    from pipeline.incidents.hands import HANDS

    titles = {one.title for one in PLAYBOOKS}
    for book in PLAYBOOKS:
        words = [clue.no_means for clue in book.ask] + [remedy.does for remedy in book.mitigate]
        assert {title for text in words for title in GO_TO.findall(text)} <= titles
        for remedy in book.mitigate:
            assert not remedy.hand or remedy.hand in HANDS
            assert not remedy.hand or (remedy.fits and remedy.tool) or remedy.hand.startswith(("end_", "restart_"))


def test_a_fresh_release_is_rolled_back_but_not_twice_and_not_for_a_vendor() -> None:
    (roll_back,) = [one for one in named("site-down").mitigate if one.hand == "roll_back"]  # type: ignore[union-attr]
    assert roll_back.fits
    assert roll_back.fits(Situation(released=60))
    for other in (
        Situation(released=None),
        Situation(released=86400),
        Situation(released=60, went_back=True),
        Situation(released=60, pinned=True),
        Situation({"services.vercel-is-operational": "down"}, released=60),
        Situation({"database.has-not-drifted": GONE}, released=60),
    ):
        assert not roll_back.fits(other)


GONE = 'table "Lesson" is made by the migrations, but is not in the database'


def test_a_restore_fits_what_is_gone_and_was_kept_and_nothing_else() -> None:
    (restore,) = [one for one in named("data-loss").mitigate if one.hand == "restore_database"]  # type: ignore[union-attr]
    assert restore.fits
    assert restore.fits(Situation({"database.has-not-drifted": GONE}, restorable="r1"))
    assert not restore.fits(Situation({"database.has-not-drifted": GONE}))
    changed = Situation({"database.has-not-drifted": "column x is not as the migrations make it"}, restorable="r1")
    assert not restore.fits(changed)


class Types(Nobody):
    """Somebody at a terminal who types one thing."""

    auto = False

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def writes(self, question: str) -> str:
        return self._text


@pytest.mark.parametrize(
    ("person", "control", "done"),
    [
        (Types("sandbox"), "", True),
        (Types("yes"), "http://control", False),
        (Types(""), "http://control", False),
        (Nobody(), "", False),
        (Nobody(), "http://control", True),
    ],
    ids=["the name", "yes", "Enter", "nobody", "nobody, in the sandbox"],
)
def test_a_playbook_overwrites_a_database_only_when_its_targets_name_is_typed(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, person: Nobody, control: str, done: bool
) -> None:
    plan = RestorePlan(RestorePoint("branch", "br-1", "before-r1"), "branch main", "before-restore-1", 5, ())
    carried_out: list[str] = []

    def restore(session: Session, plan: RestorePlan, run: str, out: object) -> tuple[RestorePoint, float]:
        carried_out.append(plan.point.name)
        return RestorePoint("branch", "br-2", plan.keep), 1.0

    monkeypatch.setattr(restoring, "plan_to", lambda session, to, run, out: plan)
    monkeypatch.setattr(restoring, "restore", restore)
    inside.settings = dataclasses.replace(inside.settings, control=control)
    did = Hands(session(inside), inside.config, ROOT, ROOT, "dana", person).do(
        "restore_database", Situation(restorable="r1")
    )
    assert (did.worked, carried_out) == (done, ["before-r1"] if done else [])
    assert ("before-restore-1" if done else "nothing was changed") in did.says


def test_a_playbook_sees_the_restore_point_and_the_migrations_of_what_was_deployed(inside: InProcess) -> None:
    kept, at = RestorePoint("dump", "/x", "before-r1"), session(inside)
    folder = inside.release().folder
    assert (restorable(at), release_here(at)) == ("", NOTHING)
    for run, where, body in (("r1", folder, kept), ("r2", folder, RestorePoint()), ("r3", "/gone", RestorePoint())):
        journal = inside.journal(run)
        journal.append("run begins", pipeline="deploy", target=at.settings.name, folder=where, commit="c")
        journal.append("step done", "keep-restore-point", gives=freeze(body))
        journal.append("run ended", outcome="deployed" if run != "r3" else "blocked")
        wait(inside, 1)
    assert restorable(at) == "r1"
    assert release_here(at).folder == folder

"""A person keeps what no run could call well: only what serves, once, with who and why."""

from typing import Any

import pytest

from checks.books import runs_ended_well
from checks.evidence import Bookkeeping
from checks.outcome import Outcome
from pipeline.errors import Locked, Mistake
from pipeline.incidents.opening import after_accept, after_run
from pipeline.record.incidents import Incident
from pipeline.record.journal import Journal, events_of
from pipeline.record.lock import Lock
from pipeline.record.report import Report
from pipeline.redact import Redactor
from pipeline.render.history import history_text
from pipeline.render.report import report_text, summary_markdown
from pipeline.session.accepting import accepted
from pipeline.session.deploy import _refuse_after_cut_off
from pipeline.session.session import Session
from tests.render.test_aiming import PLACES
from tests.stage import InProcess


def opened(inside: InProcess) -> Session:
    return Session(inside.settings, inside.pipeline, inside.store, Redactor(()), inside.clock, inside.config)


def begun(inside: InProcess, run: str) -> Journal:
    journal = Journal(inside.store, run, inside.clock.now, Redactor())
    journal.append(
        "run begins", pipeline="deploy", target="sandbox", commit="c" * 40, by="robin", production="https://x"
    )
    return journal


def held(inside: InProcess) -> Report:
    begun(inside, "r1")
    inside.sandbox.patch({"sentry": {"deaf": True}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD
    return report


def cut_off(inside: InProcess) -> Report:
    """The run r2, of which everything is known but its end."""
    inside.deploy()
    journal = begun(inside, "r2")
    for event in events_of(inside.store, "r1"):
        if event.kind != "run ended":
            journal.append(event.kind, event.subject, exact=event.body)
    return inside.report("r2")


def test_a_held_release_is_kept_in_somebodys_name_and_every_report_says_so(inside: InProcess) -> None:
    live = held(inside).staged["id"]
    report = accepted(opened(inside), "latest", "Sentry is down; the pages are well", "dana", live)
    assert report.outcome == "held"
    assert report.ended_as == "held, accepted by dana"
    shown = (report_text(report), summary_markdown(report, PLACES), history_text([report], "here"))
    assert all("dana" in text and "Sentry is down; the pages are well" in text for text in shown)
    assert not any("/inv accept" in text for text in shown)
    (run,) = opened(inside).records.bookkeeping().runs
    assert list(runs_ended_well.judge(Bookkeeping((run,)))) == []


def test_what_was_cut_off_after_it_had_promoted_is_kept_and_the_next_run_may_go(inside: InProcess) -> None:
    report, session = cut_off(inside), opened(inside)
    with pytest.raises(Locked, match=r"run r2 was cut off after it had promoted.*accept r2"):
        _refuse_after_cut_off(session, "r3")
    kept = accepted(session, "r2", "looked at by hand", "dana", report.staged["id"])
    assert kept.ended_as == "held, accepted by dana"
    _refuse_after_cut_off(session, "r3")
    assert Lock(inside.store, "sandbox", "", inside.clock).held() is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"because": " "}, "say with --because why"),
        ({"live": "dpl_other"}, "production serves dpl_other now, and not dpl_"),
        ({"run": "r9"}, "it has moved nothing"),
    ],
)
def test_only_what_serves_is_kept_and_only_with_a_reason(inside: InProcess, change: dict[str, Any], says: str) -> None:
    asked = {"run": "r1", "because": "why not", "by": "dana", "live": held(inside).staged["id"], **change}
    begun(inside, "r9")
    with pytest.raises(Mistake, match=says):
        accepted(opened(inside), **asked)
    assert not [event for event in events_of(inside.store, asked["run"]) if event.kind == "release accepted"]


def test_nobody_keeps_what_is_kept_or_what_ended_otherwise(inside: InProcess) -> None:
    live = held(inside).staged["id"]
    accepted(opened(inside), "r1", "yes", "dana", live)
    with pytest.raises(Mistake, match="dana has kept it already: yes"):
        accepted(opened(inside), "r1", "me too", "kim", live)
    inside.sandbox.patch({"sentry": {"deaf": False}})
    begun(inside, "r2")
    assert inside.deploy(run="r2")[0] is Outcome.DEPLOYED
    with pytest.raises(Mistake, match="it ended as deployed"):
        accepted(opened(inside), "r2", "yes", "dana", inside.report("r2").staged["id"])


def test_two_who_decide_at_once_are_not_both_written_down(inside: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    live, take = held(inside).staged["id"], Lock.take

    def later(lock: Lock, reason: str, *, by_hand: bool = False) -> None:
        """Somebody else had the lock, and has decided meanwhile."""
        monkeypatch.setattr(Lock, "take", take)
        accepted(opened(inside), "r1", "it is well", "ada", live)
        take(lock, reason, by_hand=by_hand)

    monkeypatch.setattr(Lock, "take", later)
    with pytest.raises(Mistake, match="ada has kept it already"):
        accepted(opened(inside), "r1", "it is fine", "dana", live)
    assert [event.body["by"] for event in events_of(inside.store, "r1") if event.kind == "release accepted"] == ["ada"]


def test_a_run_that_is_at_it_is_not_kept_behind_its_back(inside: InProcess) -> None:
    report = cut_off(inside)
    Lock(inside.store, "sandbox", "r2", inside.clock, pid=1).take("deploy")
    with pytest.raises(Locked, match="sandbox is locked by r2"):
        accepted(opened(inside), "r2", "yes", "dana", report.staged["id"])


def kept(inside: InProcess, *, seen_by_others: bool = False) -> Incident:
    """The incident that a held run opened, after somebody has kept its release."""
    session, report = opened(inside), held(inside)
    desk = after_run(session, report)
    assert desk is not None
    if seen_by_others:
        desk.note("seen again by monitor.health: pages are slow", ["health: slow"])
    after = after_accept(session, accepted(session, "r1", "Sentry is deaf; I looked", "dana", report.staged["id"]))
    assert after is not None
    assert after.id == desk.id
    return after.incident


def test_the_incident_that_the_held_run_opened_is_over_once_its_release_is_kept(inside: InProcess) -> None:
    incident = kept(inside)
    assert incident.resolved
    assert "dana has looked: Sentry is deaf; I looked" in incident.cause
    assert after_accept(opened(inside), inside.report("r1")) is None, "it is over, and stays so"


def test_an_incident_that_others_have_seen_as_well_knows_of_it_and_stays_open(inside: InProcess) -> None:
    incident = kept(inside, seen_by_others=True)
    assert incident.open
    assert any("dana has kept the release of run r1" in moment.what for moment in incident.moments)

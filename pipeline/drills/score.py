"""Scores a drill: a pure function of the scenario and of what the journal says was done, and when."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.drills.scenario import Scenario
from pipeline.handbook.playbooks import named
from pipeline.incidents.cadence import RHYTHMS
from pipeline.incidents.review import spelt
from pipeline.record.incidents import Incident
from pipeline.record.journal import Event


@dataclass(frozen=True)
class ScorePoint:
    """A point that a drill can score. ``gap``: what the runbooks or the people lacked, when it was not reached."""

    name: str
    got: int
    of: int
    says: str
    gap: str = ""


@dataclass(frozen=True)
class Score:
    """What a drill scored. Durations are seconds; None when it never came to that."""

    scenario: str
    played: str
    by: str
    points: tuple[ScorePoint, ...]
    detect: float | None
    decide: float | None
    recover: float | None

    @property
    def percent(self) -> int:
        return round(100 * sum(one.got for one in self.points) / sum(point.of for point in self.points))

    @property
    def gaps(self) -> tuple[ScorePoint, ...]:
        return tuple(point for point in self.points if point.got < point.of)


def score(scenario: Scenario, drill: Iterable[Event], incident: Incident, hands: Mapping[str, str]) -> Score:
    """Score a drill by the events of its journal. ``hands``: what the machine does, by the remedy's words."""
    moments = {event.kind: event.at for event in drill}
    broke, alarmed = moments["drill broke"], moments.get("drill alarmed", "")
    begun = next(event for event in drill if event.kind == "drill begins")
    detect = _gone(broke, incident.opened)
    decide = _gone(incident.opened, _decided(scenario, incident))
    recover = _gone(broke, incident.recovered)
    cleared = incident.last_told("everybody")
    points = (
        _point("alarm", 1, bool(alarmed), "the alarm went off" if alarmed else "nothing went off",
               "no gate saw it: which one should have?"),
        _timed("detect", detect, scenario.limits.detect, "the alarm was not taken up in time"),
        _severity(scenario, incident),
        _point("playbook", 1, scenario.playbook in incident.walked, f"followed {', '.join(incident.walked) or 'none'}",
               f"{scenario.playbook} was the playbook for this; say so where people look first"),
        _decision(scenario, incident, hands),
        _timed("decide", decide, scenario.limits.decide, "it took too long until something was done"),
        _told(incident),
        _timed("recover", recover, scenario.limits.recover, "users were not well in time"),
        _point("steady state", 2, len(incident.well) >= 2, f"was seen to be well {len(incident.well)} time(s) in a row",
               "nobody made sure, twice, that production is well"),
        _point("all-clear", 1, bool(cleared), "given" if cleared else "not given",
               "those who had heard of it were not told that it is over"),
    )  # fmt: skip
    return Score(scenario.name, broke, str(begun.body["by"]), points, detect, decide, recover)


def _decided(scenario: Scenario, incident: Incident) -> str:
    """The time of the first act; when nothing had to be done, of the first look that saw production well."""
    if incident.done:
        return incident.done[0].at
    return "" if scenario.hands else incident.recovered


def _severity(scenario: Scenario, incident: Incident) -> ScorePoint:
    right = incident.severity == scenario.severity
    says = f"{incident.severity}, because {incident.reason}" + ("" if right else f"; it was a {scenario.severity}")
    return _point("severity", 2, right, says, "the severity rule led to another level than the exercise's")


def _decision(scenario: Scenario, incident: Incident, hands: Mapping[str, str]) -> ScorePoint:
    """Score whether the right remedy was used, and nothing else that touches production."""
    did = [hands.get(one.remedy, "") for one in incident.done if one.worked]
    wrong = [hand for hand in did if hand and hand not in scenario.hands]
    if wrong:
        return ScorePoint(
            "decision",
            0,
            4,
            f"did {', '.join(wrong)}, which does not help: {scenario.decision}",
            "the playbook led to an act that does not help",
        )
    done = not scenario.hands or any(hand in scenario.hands for hand in did)
    by_hand = any(one.how == "a person" and one.worked for one in incident.done)
    if done or by_hand:
        return ScorePoint("decision", 4, 4, scenario.decision)
    return ScorePoint("decision", 0, 4, f"not done: {scenario.decision}", "the playbook did not lead to the right act")


def _told(incident: Incident) -> ScorePoint:
    """Score whether everybody that the playbook names had their first message in time."""
    book = named(incident.playbook)
    late = []
    for audience in ("team", *(book.tell if book else ())):
        rhythm = RHYTHMS[incident.severity].get(audience)
        if rhythm is None or rhythm.first is None:
            continue
        first = next((one.at for one in incident.told if one.audience == audience and one.reached), "")
        gone = _gone(incident.opened, first)
        if gone is None or gone > rhythm.first + 60:
            late.append(f"{audience} {'after ' + spelt(gone) if gone is not None else 'never'}")
    return _point(
        "communication",
        2,
        not late,
        "; ".join(late) or "every first word was in time",
        "somebody heard too late or not at all",
    )


def _timed(name: str, took: float | None, limit: float, gap: str) -> ScorePoint:
    says = f"{'never' if took is None else spelt(took)}, of {spelt(limit)}"
    return _point(name, 2, took is not None and took <= limit, says, gap)


def _point(name: str, of: int, reached: bool, says: str, gap: str) -> ScorePoint:
    return ScorePoint(name, of if reached else 0, of, says, "" if reached else gap)


def _gone(begin: str, end: str) -> float | None:
    if not begin or not end:
        return None
    return max(0.0, (datetime.datetime.fromisoformat(end) - datetime.datetime.fromisoformat(begin)).total_seconds())

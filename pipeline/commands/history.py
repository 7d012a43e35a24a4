"""``invoke history``: the runs that are wanted, as text, JSON or CSV; or figures about them."""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checks.outcome import Outcome
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.record.dora import delivery
from pipeline.record.history import EVERY, Wanted, by_gate, by_person
from pipeline.record.journal import plain
from pipeline.record.place import place_of
from pipeline.record.report import Report
from pipeline.render.history import delivery_text, gates_text, history_csv, history_text, people_text
from pipeline.session.logs import moment
from pipeline.session.runs import past_runs

FIGURES = ("dora", "gates", "people")
NEWEST = 20
CUT_OFF = "cut off"
USUAL = datetime.timedelta(days=30)


@dataclass(frozen=True)
class HistoryOrder:
    """What a person typed after ``history``. ``limit`` 0: not said; ``shows``: one of FIGURES, or empty for the runs.

    ``form``: text, json or csv.
    """

    since: str = ""
    until: str = ""
    outcome: str = ""
    by: str = ""
    target: str = ""
    limit: int = 0
    shows: str = ""
    form: str = "text"


def chosen(name: str, options: dict[str, bool]) -> str:
    """The one of ``options`` that is on, or empty. Raises Mistake when several are."""
    said = [option for option, on in options.items() if on]
    if len(said) > 1:
        raise Mistake(f"{name}: say one of {', '.join(f'--{option}' for option in said)}")
    return next(iter(said), "")


def show_history(
    config: Config, root: Path, order: HistoryOrder, now: datetime.datetime, out: Callable[[str], None]
) -> None:
    """Print what ``order`` asks for. Raises Mistake."""
    if order.shows and order.form == "csv":
        raise Mistake(f"history --{order.shows}: has no --csv; say --json, or leave --{order.shows} out")
    if order.target:
        config.target(order.target)
    if order.outcome not in ("", CUT_OFF, *(one.word for one in Outcome)):
        raise Mistake(f"--outcome {order.outcome}: there are {', '.join(one.word for one in Outcome)} and {CUT_OFF}")
    if order.shows == "dora":
        out(_delivery(config, root, order, now))
        return
    reports = past_runs(config, root, _wanted(order, now))
    if order.shows:
        counted = by_gate(reports) if order.shows == "gates" else by_person(reports)
        texts = {"gates": gates_text, "people": people_text}
        out(_json(counted) if order.form == "json" else texts[order.shows](counted))  # type: ignore[operator]
    else:
        out(_runs(config, root, reports, order.form))


def _runs(config: Config, root: Path, reports: list[Report], form: str) -> str:
    if form == "csv":
        return history_csv(reports)
    return _json(reports) if form == "json" else history_text(reports, str(place_of(config.file.state, root)))


def _wanted(order: HistoryOrder, now: datetime.datetime) -> Wanted:
    return Wanted(
        _moment("--since", order.since, now),
        _moment("--until", order.until, now),
        order.outcome,
        order.by,
        order.target,
        order.limit or (EVERY if order.shows else NEWEST),
    )


def _moment(option: str, text: str, now: datetime.datetime) -> datetime.datetime | None:
    ms = moment(option, text, now)
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC) if ms else None


def _delivery(config: Config, root: Path, order: HistoryOrder, now: datetime.datetime) -> str:
    """The figures of one target. Whoever began what, and how it ended, is not asked: it would make them untrue."""
    said = chosen("history --dora", {"outcome": bool(order.outcome), "by": bool(order.by), "limit": bool(order.limit)})
    if said:
        raise Mistake(f"history --dora: counts everything of a target and a time; leave --{said} out")
    target, _ = config.target(order.target)
    since = _moment("--since", order.since, now) or now - USUAL
    until = _moment("--until", order.until, now) or now
    seen = delivery(past_runs(config, root, Wanted(since=since, target=target)), since, until)
    return _json(seen) if order.form == "json" else delivery_text(seen, target)


def _json(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False)

"""The longest time of each command when nobody answers it: added up from the bounds that stand in the code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checks.policy import SmokePolicy
from pipeline.clients import base, exchange, git, vercel, waits
from pipeline.config.tools import LONGEST_BUILD, LONGEST_INSTALL, LONGEST_PULL
from pipeline.emergency import domain, memory
from pipeline.emergency import steps as emergency
from pipeline.engine import readings, runner
from pipeline.engine.plan import Pipeline
from pipeline.probes import load
from pipeline.record import bounded
from pipeline.session import asking, bulletin, status
from pipeline.session.limits import LIMITS, UNTIL_CTRL_C
from pipeline.steps import alert, promotion, seeding

STATEMENTS = 4
"""A record that is silent is waited for this often at most (it is opened, taken in, asked), and then left alone."""


@dataclass(frozen=True)
class Bound:
    """The longest time of a command in seconds, and what it is made of. 0: it ends as ``made_of`` says."""

    seconds: float
    made_of: str


def request() -> float:
    """Seconds that one request may take, with all its repetitions and the waits that a service may ask for."""
    return base.ATTEMPTS * exchange.DEADLINE + (base.ATTEMPTS - 1) * waits.LONGEST_WAIT


def record() -> float:
    """Seconds that the record may take."""
    return STATEMENTS * bounded.DEADLINE


def longest(names: Iterable[str], deploy: Pipeline) -> Mapping[str, Bound]:
    """Each command of ``names`` and its longest time. ``deploy``: the pipeline whose stages and undos count.

    Raises KeyError for a command of which nothing is known here.
    """
    stopped = {name: Bound(*limit) for name, limit in LIMITS.items()}
    shown = {name: Bound(0, words) for name, words in UNTIL_CTRL_C.items()}
    known = {**stopped, **shown, **_looking(), **_acting(deploy)}
    return {name: known[name] if name in known else known[name.partition(".")[0] + "."] for name in names}


def _looking() -> dict[str, Bound]:
    one = Bound(record() + asking.GLANCE + readings.READING, "the record, the live commit, and all readings at once")
    weekly = one.seconds + alert.WHOLE + readings.READING
    build = Bound(
        LONGEST_INSTALL + LONGEST_PULL + LONGEST_BUILD,
        "the installation, the pull and the build, each of which is stopped",
    )
    asks = Bound(record() + readings.READING, "the record, and all readings at once")
    of_record = Bound(record(), "the record")
    lines = Bound(record() + 3 * request() + vercel.COLLECTED, "the record, three requests, and the lines that come")
    return {
        "status": Bound(record() + max(status.LOOKING, exchange.DEADLINE), "the record, and all questions at once"),
        "monitor.daily": one,
        "monitor.weekly": Bound(weekly, "as the daily one; the test alerts, and what they did"),
        "diagnose": one,
        "diagnose.": one,
        "check": asks,
        "env.check": asks,
        "database.plan": asks,
        "load": Bound(
            load.LONGEST + SmokePolicy().budget, "as long as `--during` says, and the journeys that were begun"
        ),
        "database.seed": Bound(record() + seeding.LONGEST, "the record, and the seeding, which is stopped"),
        "doctor": asks,
        "init": Bound(3 * git.SECONDS, "three questions to git; besides, reading the folder's files, and your answers"),
        "build": build,
        "build.": build,
        "logs": Bound(lines.seconds, f"{lines.made_of}; with `--follow` until Ctrl-C"),
        **dict.fromkeys(("history", "report", "approve", "waivers", "lock", "unlock", "monitor.baseline"), of_record),
        **dict.fromkeys(("fault", "faults"), Bound(exchange.DEADLINE, "one request to the sandbox")),
    }


def _acting(deploy: Pipeline) -> dict[str, Bound]:
    waits = sum(stage.acts * bool(stage.does) + stage.patience + stage.during for stage in deploy.stages)
    words = (
        "of each stage what its steps may take, its patience and its watch; the record; and the way back of `settle`"
    )
    return {
        "deploy": Bound(waits + record() + _way_back(deploy), words),
        "accept": Bound(record() + 2 * request(), "the record, and two questions to Vercel"),
        "settle": Bound(record() + _way_back(deploy), "the record, and each undo with its repetitions and its proof"),
        "rollback": Bound(_emergency(), "a look, a promotion under way, the request repeated, the proof, the record"),
    }


def _way_back(deploy: Pipeline) -> float:
    undos = [step for step in deploy.steps if step.undo]
    act = max(promotion.LANDED, promotion.LANDING) + promotion.GLANCE + request()
    return len(undos) * (2 * runner.PROOF_PATIENCE + act + readings.READING) + bulletin.PATIENCE


def _emergency() -> float:
    looks = 2 * emergency.LOOKED + emergency.PATIENCE
    asks = emergency.PATIENCE + exchange.DEADLINE + emergency.REFUSED_PATIENCE + 3 * domain.GLANCE
    return looks + asks + 4 * memory.PATIENCE + request()

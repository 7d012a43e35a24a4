"""Drills: every scenario is well-formed and has its sheets; the score is a fold; three are really played."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline.cli.drill import NAMES
from pipeline.commands.drill import keep, names_of, quick
from pipeline.config import load
from pipeline.documents.pages.drill import facilitator_sheet, participant_sheet
from pipeline.drills.place import own_place
from pipeline.drills.play import BY_NAME, REMEDIES, Played, play
from pipeline.drills.scenario import Scenario, scenarios
from pipeline.drills.scenario import load as load_scenario
from pipeline.drills.score import score
from pipeline.errors import Mistake
from pipeline.incidents.person import Nobody
from pipeline.record.incidents import fold
from pipeline.record.journal import Event

ROOT = Path(__file__).resolve().parent.parent.parent
STORY = {"Production site down", "Database performance degradation", "Deployment rollback required"}
every = pytest.mark.parametrize("one", scenarios().values(), ids=scenarios())

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy.yml"


def test_a_file_without_a_sandbox_is_told_what_a_drill_needs() -> None:
    config = load(EXAMPLE)
    without = {name: target for name, target in config.file.targets.items() if name != "sandbox"}
    with pytest.raises(Mistake, match="--target sandbox: is no target"):
        quick(dataclasses.replace(config, file=dataclasses.replace(config.file, targets=without)))


def test_the_storys_three_and_at_least_seven_more() -> None:
    assert {one.title for one in scenarios().values() if one.from_story} == STORY
    assert len(scenarios()) >= 10
    assert [scenarios()[name].from_story for name in names_of("plain")] == [True] * 3
    assert set(NAMES) == {*scenarios(), "all", "plain"}


@every
def test_a_scenario_is_whole(one: Scenario) -> None:
    assert set(one.alarm.gates) <= set(BY_NAME)
    assert one.breaks
    assert one.questions
    assert NAMES[one.name].rstrip(".") == one.title
    assert set(one.hands) <= {*REMEDIES.values()}


@every
def test_participants_do_not_see_what_the_facilitator_knows(one: Scenario) -> None:
    theirs, ours = participant_sheet(one), facilitator_sheet(one)
    for hidden in (one.secret.strip(), one.decision):
        assert hidden not in theirs
        assert hidden in ours
    assert one.picture.strip() in theirs


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title: [", "is not YAML"),
        ("title: x", "picture"),
        ("- a", "wrong.yml"),
    ],
)
def test_a_wrong_scenario_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "wrong.yml"
    file.write_text(text)
    with pytest.raises(Mistake, match=says):
        load_scenario(file)


def test_a_wrong_playbook_or_hand_is_named(tmp_path: Path) -> None:
    good = (ROOT / "pipeline/drills/scenarios/site-down.yml").read_text(encoding="utf-8")
    for change, says in (
        ("playbook: site-down", "playbook: there is no"),
        ("hands: [roll_back]", "hands: there is no"),
    ):
        file = tmp_path / "x.yml"
        file.write_text(good.replace(change, change.replace("site-down", "nope").replace("roll_back", "nope")))
        with pytest.raises(Mistake, match=says):
            load_scenario(file)


# -- the score

AT = "2026-01-01T00:{:02}:00+00:00"
ROLL_BACK = next(words for words, hand in REMEDIES.items() if hand == "roll_back")


def event(minute: int, kind: str, subject: str = "", **body: object) -> Event:
    return Event("i", AT.format(minute), kind, subject, {"by": "dana", **body})


def record(*more: Event, severity: str = "P0", minute: int = 2) -> list[Event]:
    return [
        event(
            minute,
            "incident opened",
            "x",
            target="t",
            playbook="site-down",
            severity=severity,
            reason="r",
            since=AT.format(0),
            cause="",
            evidence=[],
            lead="",
        ),
        event(minute, "playbook begun", "site-down"),
        *more,
    ]


WELL = [
    *(event(3, "incident told", name, text="t", reached=["webhook"], failed=[], report="") for name in ("team", "users",
      "stakeholders")),
    event(4, "playbook did", ROLL_BACK, how="the tool", says="done", worked=True),
    event(5, "playbook verified", well=True, no={}),
    event(6, "playbook verified", well=True, no={}),
    event(7, "incident resolved", "c", works="w"),
    event(7, "incident told", "everybody", text="t", reached=["webhook"], failed=[], report=""),
]  # fmt: skip
BROKE = [event(0, "drill begins", "site-down"), event(0, "drill broke"), event(1, "drill alarmed", "g")]


def scored(events: list[Event], drill: list[Event] = BROKE) -> dict[str, int]:
    found = score(scenarios()["site-down"], drill, fold("i", events), REMEDIES)
    return {one.name: one.got for one in found.gaps} | {"percent": found.percent}


def test_a_drill_that_went_well_has_no_gap_and_its_durations() -> None:
    assert scored(record(*WELL)) == {"percent": 100}
    found = score(scenarios()["site-down"], BROKE, fold("i", record(*WELL)), REMEDIES)
    assert (found.detect, found.decide, found.recover) == (120, 120, 300)


@pytest.mark.parametrize(
    ("lacks", "events"),
    [
        ("severity", record(*WELL, severity="P1")),
        ("detect", record(*WELL, minute=9)),
        ("decision", record(*WELL, event(5, "playbook did", "Always", how="the tool", says="", worked=True))),
        ("decision", record(*[one for one in WELL if one.kind != "playbook did"])),
        ("decide", record(*[one for one in WELL if one.kind != "playbook did"])),
        ("communication", record(*[one for one in WELL if one.subject != "users"])),
        ("steady state", record(*[one for one in WELL if one.at != AT.format(6)])),
        ("recover", record(*WELL, event(8, "playbook verified", well=False, no={"g": "x"}))),
        ("all-clear", record(*[one for one in WELL if one.subject != "everybody"])),
        ("playbook", [*record()[:1], *WELL]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_not_done_is_a_gap(lacks: str, events: list[Event]) -> None:
    assert lacks in scored(events)


def test_an_alarm_that_never_went_off_is_a_gap() -> None:
    assert "alarm" in scored(record(*WELL), BROKE[:2])


# -- played


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


def played(name: str) -> Played:
    with own_place() as root:
        return play(quick(load(ROOT / "deploy.yml")), name, root, ROOT / "deploy.yml", Nobody())


PLAIN = [name for name in scenarios() if scenarios()[name].plain or os.environ.get("DRILLS") == "all"]


@pytest.mark.process
@pytest.mark.parametrize("name", PLAIN)
def test_the_machine_plays_it_without_a_gap(name: str) -> None:
    done = played(name)
    assert [f"{one.name}: {one.says}" for one in done.score.gaps] == []
    assert done.score.percent == 100


@pytest.mark.process
def test_a_playbook_that_forgets_the_remedy_is_found_out_and_stays_red(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pipeline.documents import todo as actions
    from pipeline.drills import play as player
    from pipeline.handbook.playbooks import named

    book = named("performance-degradation")
    assert book
    blank = dataclasses.replace(book, mitigate=())
    monkeypatch.setattr(player, "named", lambda name: blank)
    done = played("database-slow")
    gaps = {one.name for one in done.score.gaps}
    assert {"decision", "recover", "steady state"} <= gaps
    said = keep(done, tmp_path)
    assert (tmp_path / said[0]).read_text(encoding="utf-8").startswith("# Result: Database performance degradation")
    assert len(actions.open_actions(tmp_path)) == len(done.score.gaps)


@pytest.mark.process
def test_a_person_plays_it_at_a_terminal(tmp_path: Path) -> None:
    """The answers come through a pipe: severity, playbook, what was seen, and yes to the machine's proposals."""
    with own_place() as root:
        (root / "deploy.yml").write_bytes((ROOT / "deploy.yml").read_bytes())
        answers = "\n" * 60
        ran = subprocess.run(
            [str(ROOT / "inv"), "--home", str(root), "drill.site-down", "--json"],
            input=answers,
            capture_output=True,
            text=True,
            timeout=120,
            cwd="/",
            check=False,
        )
        assert "Which severity, P0 to P3?" in ran.stdout
        (found,) = json.loads(ran.stdout.splitlines()[-1])
        assert found["percent"] == 100, found
        assert list((root / "runbooks/drills/results").glob("*site-down.md"))

"""An order folded as its events come is the order folded at once: by whoever conducts it, too."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fleet.conducting import Conductor
from pipeline.fleet.deciding import decide
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.file import load_fleet
from pipeline.fleet.order import BEGINS, state_of
from pipeline.fleet.ordering import deploy_plan, give
from pipeline.fleet.place import Fleet
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Event, events_of, plain
from pipeline.record.place import Place
from pipeline.record.store import open_store
from tests.fleet.test_deciding import T0, WELL, Story

CALLS = {"vercel.x": {"calls": 7, "most": 0, "window": 0}}
YES = {"may": True, "says": "", "findings": []}
ENDS = st.sampled_from(
    [plain(WELL), plain(ProjectEnd("blocked", "x")), {**plain(WELL), "calls": CALLS, "seconds": 2.5}]
)
HEARD = st.one_of(
    st.tuples(st.just("project queued"), st.sampled_from("abcd"), st.just({})),
    st.tuples(st.just("project begins"), st.sampled_from("abcd"), st.sampled_from([{"worker": "v"}, {"worker": "w"}])),
    st.tuples(st.just("project handed over"), st.sampled_from("abcd"), st.just({"worker": "v"})),
    st.tuples(st.just("project ended"), st.sampled_from("abcd"), ENDS),
    st.tuples(
        st.sampled_from(["wave begins", "wave ended", "gate asked"]), st.sampled_from(["one", "two"]), st.just({})
    ),
    st.tuples(st.just("gate answered"), st.sampled_from(["one", "two"]), st.sampled_from([YES, {**YES, "may": False}])),
    st.tuples(st.just("wave approved"), st.just("two"), st.just({"by": "lee"})),
    st.tuples(st.sampled_from(["order resumed", "worker differs"]), st.just(""), st.just({"by": "lee"})),
    st.tuples(st.just("budget spent"), st.just(""), st.just({"says": "x"})),
    st.tuples(st.just("order ended"), st.just(""), st.just({"outcome": "done"})),
    st.tuples(st.just(BEGINS), st.just(""), st.just({})),  # somebody gave it twice
)


@given(st.lists(HEARD, max_size=40), st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=200, deadline=None)
def test_an_order_folded_in_any_pieces_is_the_order_folded_at_once(
    heard: list[tuple[str, str, dict[str, Any]]], cuts: list[int]
) -> None:
    story = Story(PlannedWave("one", ("a", "b")), PlannedWave("two", ("c", "d"), approval=True, gate="./ok"))
    given_plan = story.events[0].body
    for kind, subject, body in heard:
        story.then(kind, subject, **(given_plan if kind == BEGINS else body))
    state, ends = None, [0, *sorted(cut for cut in cuts if cut < len(story.events)), len(story.events)]
    for since, until in itertools.pairwise(ends):
        state = state_of("o", story.events[since:until], state)
    assert state
    assert state == story.state
    assert decide(story.state, T0) == decide(state, T0)


def test_who_conducts_knows_after_each_look_what_the_whole_record_says(tmp_path: Path) -> None:
    """And has read each event once."""
    (tmp_path / "fleet.yml").write_text("projects: {a: {home: a}, b: {home: b}}\n")
    store = open_store("", tmp_path)
    fleet = Fleet(tmp_path, load_fleet(tmp_path / "fleet.yml"), store, Place("", ""), "")
    plan, shown = deploy_plan(fleet.file, ["a", "b"], "dana"), list[Event]()
    give(fleet, plan)
    queue: Any = None
    conductor, journal = Conductor(fleet, queue, plan.order, shown.append, asyncio.Event()), fleet.journal(plan.order)
    for kind, subject, body in (
        ("wave begins", "rest", {}),
        ("project queued", "a", {}),
        ("project begins", "a", {"worker": "w"}),
        ("project ended", "a", plain(WELL)),
        ("project ended", "a", plain(ProjectEnd("blocked"))),
        ("project queued", "b", {}),
    ):
        journal.append(kind, subject, exact=body)
        assert conductor.look() == state_of(plan.order, events_of(store, plan.order))
    assert conductor.look() == state_of(plan.order, events_of(store, plan.order))
    assert tuple(shown) == events_of(store, plan.order)
    store.close()

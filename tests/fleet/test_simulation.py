"""The simulation of a fleet, where arithmetic knows the answer; its decisions are the product's own."""

import dataclasses

import pytest

from bench.fleetsim import LOOKS, Limit, Run, Scenario, Simulation, binds, waves

PLAIN = Run(build=0, network=0, watch=100, fails=0, calls=())
SMALL = Scenario(
    projects=40, teams=1, workers=2, each=5, percents=(0.1,), pauses=(300.0,), budget=1, run=PLAIN, limits=()
)
SLACK = 10 * LOOKS


def changed(**more: object) -> Scenario:
    return dataclasses.replace(SMALL, **more)


def test_runs_are_so_long_as_their_slots_allow() -> None:
    # 4 at once, a pause, then 36 on 10 slots: 4 rounds of them
    assert Simulation(SMALL).whole().seconds == pytest.approx(100 + 300 + 400, abs=SLACK)
    assert Simulation(changed(each=50)).whole().seconds == pytest.approx(100 + 300 + 100, abs=SLACK)


def test_lengths_that_were_measured_are_taken_as_they_are() -> None:
    lengths = [[10.0] * 4, [20.0] * 36]
    assert Simulation(SMALL, lengths=lengths).whole().seconds == pytest.approx(10 + 300 + 80, abs=SLACK)


def test_a_limit_is_waited_for_and_a_tenth_of_it_is_left() -> None:
    run = dataclasses.replace(PLAIN, calls=(("deployments", 4),))
    limited = changed(run=run, percents=(), pauses=(), limits=(("deployments", Limit(100, 1000)),))
    # 160 requests, 90 in a window: the last ones are sent in the second, one by one as their runs come to their watch
    found = Simulation(limited).whole().seconds
    assert found == pytest.approx(1000 + 200, abs=110)
    assert Simulation(dataclasses.replace(limited, limits=())).whole().seconds == pytest.approx(400, abs=SLACK)


def test_teams_have_limits_of_their_own() -> None:
    run = dataclasses.replace(PLAIN, calls=(("deployments", 4),))
    limited = changed(run=run, percents=(), pauses=(), limits=(("deployments", Limit(100, 1000)),), teams=4)
    assert Simulation(limited).whole().seconds == pytest.approx(400, abs=SLACK)


def test_cores_are_what_builds_wait_for() -> None:
    run = dataclasses.replace(PLAIN, build=50, spread=0, watch=0)
    built = changed(run=run, percents=(), pauses=(), cores=2)
    assert Simulation(built).whole().seconds == pytest.approx(40 * 50 / 2, abs=SLACK)


def test_runs_whose_length_was_measured_share_the_cores_of_a_machine() -> None:
    # 40 runs of 100 s, ten at once, of which each wants a core for half of the time: on two cores they are the bound
    lengths, once = [[100.0] * 40], changed(percents=(), pauses=(), cpu=50)
    bound = Simulation(dataclasses.replace(once, machine=2), lengths=lengths).whole().seconds
    assert bound == pytest.approx(40 * 50 / 2, rel=0.1)
    free = Simulation(dataclasses.replace(once, machine=10), lengths=lengths).whole().seconds
    assert free == pytest.approx(400, abs=SLACK)
    assert free == pytest.approx(Simulation(once, lengths=lengths).whole().seconds, abs=SLACK)


def test_a_fix_that_breaks_everything_stops_after_its_first_wave() -> None:
    broken = changed(breaks=1, budget=0.05, detects=30)
    result = Simulation(broken).whole()
    assert (result.met, result.begun, result.bad) == (4, 4, 4)
    assert "ended badly" in result.spent
    alone = Simulation(dataclasses.replace(broken, percents=(), pauses=())).whole()
    assert alone.met == 10  # all that were under way when the budget was spent


def test_what_binds_is_what_shortens_it() -> None:
    assert binds(changed(percents=(), pauses=()), 400)[0] == "projects at once"
    assert binds(changed(each=50), 500) == ("pauses", pytest.approx(0.6, abs=0.01))


def test_every_project_is_in_one_wave() -> None:
    names = [name for wave in waves(Scenario(projects=1234)) for name in wave.projects]
    assert len(names) == len(set(names)) == 1234

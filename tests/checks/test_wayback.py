"""What a rollback goes back to: the one rule."""

from dataclasses import dataclass

import pytest

from checks.wayback import Return, way_back


@dataclass(frozen=True)
class Made:
    id: str
    created: int


OLD, GOOD, BAD, LIVE, NEWER = (Made(name, at) for at, name in enumerate(("old", "good", "bad", "live", "newer"), 1))
EVERY = (NEWER, OLD, BAD, LIVE, GOOD)


def test_the_newest_before_the_live_one_that_was_not_taken_back() -> None:
    assert way_back(LIVE, EVERY, {"bad"}) == Return(GOOD, (BAD,))
    assert way_back(LIVE, EVERY, ()) == Return(BAD)


def test_never_forward_to_what_was_just_left() -> None:
    assert way_back(OLD, EVERY, ()) == Return(None)
    assert way_back(GOOD, (NEWER, LIVE), {"live"}) == Return(None)


def test_when_nobody_knows_what_is_live_nothing_is_chosen() -> None:
    assert way_back(None, EVERY, ()) == Return(None)


@pytest.mark.parametrize("order", [EVERY, EVERY[::-1], sorted(EVERY, key=lambda one: one.id)])
def test_the_order_in_which_they_are_listed_does_not_matter(order: tuple[Made, ...]) -> None:
    assert way_back(LIVE, order, {"bad", "good"}) == Return(OLD, (BAD, GOOD))

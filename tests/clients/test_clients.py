"""What the clients do with awkward answers of the emulators."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from pipeline.clients.postgres import Postgres
from pipeline.errors import Mistake, Refused, ServiceError, Unreachable, Unreadable
from pipeline.world.world import World
from tests.stage import InProcess

T = TypeVar("T")


def ask(inside: InProcess, question: Callable[[World], Awaitable[T]]) -> T:
    async def go() -> T:
        async with inside.world(inside.release()) as world:
            return await question(world)

    return asyncio.run(go())


def test_every_page_is_read(inside: InProcess) -> None:
    release = inside.release()
    checks = {f"check {number}": "success" for number in range(250)}
    inside.sandbox.state.github.commits[release.commit].checks = checks
    inside.sandbox.state.github.most_listed = 100
    found = ask(inside, lambda world: world.github.check_runs(release.commit))
    assert {one.name for one in found} == {*checks, "monitor"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("vercel cut", Unreachable),
        ("vercel garbage", Unreadable),
        ("vercel answer status=403", Refused),
        ("vercel answer status=500", Refused),
        ("vercel answer status=200 json=[]", Unreadable),
        ("vercel answer status=200 json=null", Unreadable),
    ],
)
def test_every_failure_is_one_of_ours_and_names_the_request(
    inside: InProcess, fault: str, kind: type[ServiceError]
) -> None:
    inside.sandbox.inject(fault)
    with pytest.raises(kind, match="vercel: GET /v9/projects/"):
        ask(inside, lambda world: world.vercel.project())


def test_a_read_is_tried_again_as_long_as_the_service_asks_to_wait(inside: InProcess) -> None:
    inside.sandbox.inject("vercel answer status=429 retry_after=7 times=1")
    began = inside.clock.seconds
    assert ask(inside, lambda world: world.vercel.project()).name == "lms"
    assert inside.clock.seconds - began >= 7


def test_a_service_that_asks_for_an_hour_is_not_waited_for(inside: InProcess) -> None:
    inside.sandbox.inject("vercel answer status=429 retry_after=3600")
    began = inside.clock.seconds
    with pytest.raises(Refused) as caught:
        ask(inside, lambda world: world.vercel.project())
    assert inside.clock.seconds - began < 1
    assert not caught.value.lasting


def test_a_write_is_not_sent_twice(inside: InProcess) -> None:
    inside.sandbox.inject("vercel half-done POST */promote/*")
    live = inside.serves()
    inside.sandbox.asked["vercel"].clear()
    with pytest.raises(Refused):
        ask(inside, lambda world: world.vercel.promote(sorted(inside.sandbox.state.vercel.deployments)[0]))
    sent = [one for one in inside.sandbox.asked["vercel"] if one["method"] == "POST"]
    assert len(sent) == 1
    assert live


def test_what_is_already_so_is_no_failure(inside: InProcess) -> None:
    live = inside.serves()
    ask(inside, lambda world: world.vercel.promote(live))
    assert inside.serves() == live


def test_a_pooled_database_address_is_refused_with_the_reason() -> None:
    with pytest.raises(Mistake, match="-pooler"):
        Postgres("postgresql://u:p@ep-cool-1-pooler.eu-central-1.aws.neon.tech/db")

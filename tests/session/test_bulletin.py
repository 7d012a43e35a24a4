"""What the team's channel sees of a run: one message that is kept up to date, and its thread; nobody waits for it."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from checks.outcome import Outcome
from pipeline.clients.channels import Channels
from pipeline.clients.slack import Posted, lasting
from pipeline.errors import Refused
from pipeline.record.journal import Event, Journal
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.sandbox.notify import Notify
from pipeline.sandbox.seed import first_state
from pipeline.sandbox.state import ChatMessage, State
from pipeline.session import bulletin
from pipeline.session.bulletin import Bulletin, line_of, remember_in, remembered, told_of
from tests.render.runs import Telling, promoted
from tests.scripted import MovingClock
from tests.session.test_accepting import begun, opened
from tests.stage import InProcess

LINK = "<https://evil.example|the dashboard> @here"


class Team:
    """A Slack of the sandbox's and a plain webhook, and what a run tells there."""

    def __init__(self, folder: Path) -> None:
        self.clock = MovingClock()
        self.state: State = first_state(self.clock.now().timestamp())
        now = SimpleNamespace(state=self.state, now=lambda: self.clock.now().timestamp())
        self.notify, self.store = Notify(now), SqliteStore(folder / "journal.db")  # type: ignore[arg-type]
        self.token, self.notes = self.state.slack.token, list[str]()
        self.refusing: list[Response] = []

    async def answer(self, request: Request) -> Response:
        return self.refusing.pop(0) if self.refusing else await self.notify(request)

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator[Any]:
        app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
            addresses = f"slack://{self.token}/#deploys http://127.0.0.1:9/services/T0A/B0B/team"
            team = Channels({"team": addresses}, http, self.clock, "http://127.0.0.1:9/api")
            yield SimpleNamespace(team=team, clock=self.clock)

    def told(self, *events: Event, before: tuple[Event, ...] = ()) -> None:
        """What a process does that has ``events``, after one that had those ``before``."""

        async def go() -> None:
            async with self.world() as world:
                own = Journal(self.store, "news-1", self.clock.now, Redactor())
                made = Bulletin("r1", before, remembered(self.store, "r1"), remember_in(own, "r1"), self.notes.append)
                async with made.told(world):
                    for event in events:
                        made.hear(event)
                        for _ in range(30):  # time for the channel, as a real run has it
                            await asyncio.sleep(0)

        asyncio.run(go())

    @property
    def message(self) -> ChatMessage:
        """The one message that does not stand in a thread."""
        (one,) = [one for one in self.state.slack.messages if not one.thread]
        return one

    @property
    def thread(self) -> list[str]:
        assert {one.thread for one in self.state.slack.messages} <= {"", self.message.ts}
        return [one.text[6:] for one in self.state.slack.messages if one.thread]

    @property
    def plain(self) -> list[str]:
        return [one["body"]["text"] for one in self.state.notices]


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def taken_back() -> Telling:
    told = promoted()
    told.tell(50, "going back", reason="watch: /api/health answered 503")
    return told.tell(60, "run ended", outcome="rolled back", reason="watch: /api/health answered 503")


def test_a_run_leaves_one_message_with_its_end_and_a_thread(team: Team) -> None:
    team.told(*taken_back().events)
    assert team.message.text == "c0ffeec0ffee was taken back from https://x: rolled back (run r1, by kim)"
    assert team.message.changes >= 1
    assert team.thread == [
        "users have it",
        "goes back because watch: /api/health answered 503",
        "ended: rolled back because watch: /api/health answered 503",
    ]
    assert team.notes == []


def test_where_nothing_can_be_changed_the_first_and_the_last_word_are_said(team: Team) -> None:
    team.told(*taken_back().events)
    assert len(team.plain) == 2
    assert team.plain[0].startswith("c0ffeec0ffee ")
    assert team.plain[1].startswith("c0ffeec0ffee was taken back from https://x: rolled back")


def test_a_release_that_is_well_is_announced_and_not_told_twice(team: Team) -> None:
    team.told(*promoted().tell(60, "run ended", outcome="deployed").events)
    assert team.message.text.startswith("c0ffeec0ffee is live on https://x, and well")
    assert len(team.plain) == 1


def test_the_next_process_of_a_run_changes_the_message_of_the_one_before(team: Team) -> None:
    events = taken_back().events
    team.told(*events[:9])
    assert "rolled back" not in team.message.text
    team.told(*events[9:], before=tuple(events[:9]))
    assert "rolled back" in team.message.text
    assert len(team.plain) == 2, "the first word is said once"
    assert len(team.thread) == len(set(team.thread))


def test_a_message_that_somebody_has_deleted_is_posted_anew(team: Team) -> None:
    events = taken_back().events
    team.told(*events[:9])
    team.state.slack.messages = []
    team.told(*events[9:], before=tuple(events[:9]))
    assert "rolled back" in team.message.text
    assert remembered(team.store, "r1") == {"#deploys": Posted("C0DEPLOYS", team.message.ts)}


def test_who_has_to_wait_waits_as_long_as_slack_says(team: Team) -> None:
    team.refusing = [Response('{"ok": false, "error": "ratelimited"}', 429, {"retry-after": "30"})]
    team.told(*taken_back().events)
    assert "rolled back" in team.message.text
    assert team.clock.seconds >= 30


def test_a_message_that_was_posted_and_answered_500_is_there_twice_and_only_the_newest_goes_on(team: Team) -> None:
    done = team.answer

    async def half_done(request: Request) -> Response:
        answered = await done(request)
        if len(team.state.slack.messages) == 1 and request.url.path.endswith("chat.postMessage"):
            return Response("Internal Server Error", 500)
        return answered

    team.answer = half_done  # type: ignore[method-assign]
    team.told(*taken_back().events)
    lost, kept = [one.text for one in team.state.slack.messages if not one.thread]
    assert "has started" in lost, "Slack gives a message no name but the one in its answer"
    assert "rolled back" in kept
    assert team.notes == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda slack: setattr(slack, "token", "xoxb-1-another"), "invalid_auth"),
        (lambda slack: slack.archived.append("C0DEPLOYS"), "is_archived"),
        (lambda slack: slack.not_in.append("C0DEPLOYS"), "not_in_channel"),
        (lambda slack: slack.channels.clear(), "channel_not_found"),
    ],
)
def test_what_slack_will_never_take_is_said_once_and_given_up(team: Team, wrong: Any, says: str) -> None:
    wrong(team.state.slack)
    team.told(*taken_back().events)
    assert team.notes == [f"the team's channel was not told: answered 200: {says}"]
    assert team.token not in team.notes[0]
    assert len(team.plain) == 2, "the others are told all the same"


def test_a_channel_that_never_answers_holds_up_nobody(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulletin, "PATIENCE", 0.2)

    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(team, "answer", never)
    began = time.monotonic()
    team.told(*taken_back().events)
    assert time.monotonic() - began < 5


def test_the_message_says_when_production_was_seen_well_again(team: Team) -> None:
    team.told(*taken_back().events)

    async def again() -> None:
        async with team.world() as world:
            await bulletin.say_again(world, remembered(team.store, "r1"), "seen well again")

    asyncio.run(again())
    assert team.message.text == "seen well again"


async def no_of(act: Awaitable[Any]) -> Refused:
    with pytest.raises(Refused) as no:
        await act
    return no.value


def test_the_sandbox_refuses_what_slack_refuses(team: Team) -> None:
    async def go() -> None:
        async with team.world() as world:
            ((slack, _),) = world.team.boards("team")
            posted = await slack.post("#deploys", "x")
            wait = await no_of(slack.post("#deploys", "at once another"))
            assert (wait.status, wait.retry_after, lasting(wait)) == (429, 1.0, False)
            for message, says in (
                (Posted("#deploys", posted.ts), "channel_not_found"),
                (Posted(posted.channel, "1.2"), "message_not_found"),
            ):
                assert (await no_of(slack.update(message, "y"))).code == says
            assert (await no_of(slack.update(posted, ""))).code == "no_text"
            await slack.update(posted, "y" * 5000)
            for _ in range(49):
                await slack.update(posted, "z")
            assert (await no_of(slack.update(posted, "one more this minute"))).status == 429
            team.state.slack.token = "xoxb-1-another"
            assert await slack.would_take() == (False, "answered 200: invalid_auth")

    asyncio.run(go())


def test_others_words_are_only_words(team: Team) -> None:
    told = promoted(by="<!channel>").tell(50, "going back", reason=f"CI says {LINK}")
    team.told(*told.tell(60, "run ended", outcome="blocked", reason=LINK).events)
    said = "\n".join([one.text for one in team.state.slack.messages] + team.plain)
    assert "<" not in said
    assert "@here" not in said


def test_how_a_run_stands_is_said_at_each_point_of_it() -> None:
    told = Telling()
    said = [line_of(told.report)]
    for kind, more in (
        ("stage begins", {"patience": 1.0, "during": 0}),
        ("waiting for people begins", {"says": "the approval of dana is missing"}),
        ("waiting for people ends", {"ms": 9}),
    ):
        said.append(line_of(told.tell(1, kind, "preflight", **more).report))
    said += [line_of(promoted().report), line_of(promoted().tell(50, "going back", reason="x").report)]
    assert [text.partition(" (run r1, by kim)")[0].removeprefix("c0ffeec0ffee ") for text in said] == [
        "has started for https://x",
        "is on its way to https://x",
        "waits for people: the approval of dana is missing",
        "is on its way to https://x",
        "is live and watched on https://x",
        "is being taken back from https://x",
    ]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_end_is_told(outcome: Outcome) -> None:
    said = line_of(promoted().tell(60, "run ended", outcome=outcome.word).report)
    assert said.startswith("c0ffeec0ffee ")
    assert "{" not in said


def test_a_release_that_is_promoted_and_taken_back_leaves_one_message_in_slack(inside: InProcess) -> None:
    slack = inside.sandbox.state.slack
    secrets = {**inside.settings.secrets, "NOTIFY_WEBHOOK_URL": f"slack://{slack.token}/#deploys"}
    inside.settings = dataclasses.replace(inside.settings, secrets=secrets)

    async def go() -> Outcome | None:
        begun(inside, "r1")
        journal = inside.journal("r1")
        told = told_of(opened(inside), journal)
        async with inside.world(inside.release("broken-health")) as world, told.told(world):
            return await inside.runner(world, journal).run()

    assert asyncio.run(go()) is Outcome.ROLLED_BACK
    (message,) = [one for one in slack.messages if not one.thread]
    assert "was taken back from" in message.text
    assert "rolled back" in message.text
    thread = [one.text for one in slack.messages if one.thread == message.ts]
    assert [text[6:].split()[0] for text in thread] == ["users", "goes", "ended:"]
    assert slack.token not in str(slack.messages)

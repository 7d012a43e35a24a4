"""What the team's channel is told of a run: one message that is kept up to date where it can be, and its thread.

Nothing waits for it while a run goes on, and at its end nothing for longer than PATIENCE.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from checks.outcome import outcome_named
from pipeline.clients.slack import Posted, Slack, lasting
from pipeline.clock import Clock
from pipeline.environment import variable
from pipeline.errors import Refused, ServiceError
from pipeline.record.bounded import Store
from pipeline.record.journal import Event, Journal, events_of, new_run_id
from pipeline.record.report import MOVES, Report, fold, report_of
from pipeline.redact import one_line
from pipeline.session.session import Session
from pipeline.session.turn import note_of
from pipeline.world.world import World

if TYPE_CHECKING:
    from pipeline.clients.channels import Channels

TEAM, TITLE, POSTED = "team", "Deployment", "bulletin posted"
BY_FLEET = "DEPLOY_TOLD_BY_FLEET"
"""Set for the runs of a fleet that tells people itself."""
PATIENCE = 10.0  # seconds of real time
TRIES, PAUSE, LONGEST_PAUSE = 4, 1.0, 60.0
BEGUN, GOING_ON, WATCHED, BACK = "has started", "is on its way to", "is live and watched on", "is being taken back from"


def line_of(report: Report) -> str:
    """How a run stands, in a sentence."""
    release, site = report.commit[:12], report.production
    waits = next((one.says for one in report.waits[-1:] if not one.ms), "")
    outcome = outcome_named(report.outcome)
    if outcome:
        told = (outcome.because(report.held) or outcome).told or ENDS[outcome.word]
        says = told.format(release=release, site=site)
        says += f", kept by {report.accepted_by}" if report.accepted_by else ""
    elif report.reason:
        says = (
            f"{release} {BACK} {site}" if report.live_at else f"{release} was stopped, and what it made is taken away"
        )
    elif report.live_at:
        says = f"{release} {WATCHED} {site}"
    elif waits:
        says = f"{release} waits for people: {waits}"
    else:
        says = f"{release} {GOING_ON if report.stages else f'{BEGUN} for'} {site}"
    return f"{says} (run {report.run}, by {report.by or '?'})"


ENDS = {
    "deployed": "{release} is live on {site}, and well",
    "blocked": "{release} was stopped before users got it",
}
"""Outcome → what is told of it, of those of which the team needs to do nothing."""


def detail_of(event: Event) -> str:
    """What the thread says of an event; empty when that is nothing for people."""
    body, at = event.body, event.at[11:16]
    match event.kind:
        case "waiting for people begins":
            return f"{at} waits for people: {body['says']}"
        case "break glass":
            return f"{at} {body['by']} broke the glass: {body['reason']}"
        case "step done" if event.subject in MOVES:
            return f"{at} users have it"
        case "going back":
            return f"{at} goes back because {body['reason']}"
        case "undo failed":
            return f"{at} {event.subject} could not be undone: {body['error']}"
        case "run ended":
            because = f" because {body['reason']}" if body.get("reason") else ""
            return f"{at} ended: {body['outcome']}{because}"
        case "release accepted":
            return f"{at} kept by {body['by']}: {body['because']}"
    return ""


class TellingDesk(Protocol):
    """Where people are told: the World of a run has one."""

    @property
    def team(self) -> "Channels": ...

    @property
    def clock(self) -> Clock: ...


class Bulletin:
    """Hears the events of a run and tells them. ``before``: those of until now.

    ``posted``: the board's channel as it was asked for → the message that an earlier process has left there.
    ``remember`` is told of a new one; ``note`` of what could not be told.
    ``patience``: seconds for which its end is waited for; None: PATIENCE.
    """

    title, begun_by = TITLE, "stage begins"
    patience: float | None = None

    def __init__(
        self,
        run: str,
        before: Iterable[Event],
        posted: dict[str, Posted],
        remember: Callable[[str, Posted], None],
        note: Callable[[str], None],
    ) -> None:
        self._run, self._events, self._posted = run, list[Event](), posted
        self._report, self._reported = Report(run), 0
        self._remember, self._note = remember, note
        self._line, self._details = "", list[str]()
        self._news, self._over = asyncio.Event(), False
        events = list(before)
        self._first = not any(event.kind == self.begun_by for event in events)
        if self._first:
            for event in events:
                self.hear(event)
        else:
            self._events = events  # an earlier process has told them

    def hear(self, event: Event) -> None:
        """Listen to the journal."""
        self._events.append(event)
        self._line = one_line(self.line())
        if detail := one_line(self.detail(event)):
            self._details.append(detail)
        self._news.set()

    def line(self) -> str:
        """How it stands, in a sentence."""
        return line_of(self.report())

    def report(self) -> Report:
        """The run as the events have it that were heard; each is put into it once."""
        for event in self._events[self._reported :]:
            fold(self._report, event)
        self._reported = len(self._events)
        return self._report

    def detail(self, event: Event) -> str:
        """What the thread says of an event; empty for nothing."""
        return detail_of(event)

    def endings(self) -> Iterable[str]:
        """What is said at the end where a message stays as it is."""
        report = self.report()
        if report.outcome and report.outcome != "deployed":
            because = f" because {one_line(report.reason)}" if report.reason else ""
            yield f"{self._line}{because}."
        if report.outcome and report.glass:
            yield f"{report.glass_by} broke the glass: {one_line(report.glass)}."

    @contextlib.asynccontextmanager
    async def told(self, world: TellingDesk) -> AsyncIterator[None]:
        """Tell while the context lasts, and wait at its end for what is still to be told, but not for long."""
        boards = world.team.boards(TEAM)
        telling = [asyncio.ensure_future(self._keep(slack, channel, world.clock)) for slack, channel in boards]
        if self._first:
            telling.append(asyncio.ensure_future(self._once(world)))
        try:
            yield
        finally:
            self._over = True
            self._news.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE if self.patience is None else self.patience):
                    await asyncio.gather(*telling, self._last(world), return_exceptions=True)
            for one in telling:
                one.cancel()

    async def _once(self, world: TellingDesk) -> None:
        """Say where a message stays as it is that the run has begun."""
        if self._line:  # of what nobody hears, nobody is told
            await world.team.tell_for_good(TEAM, self.title, f"{self._line}.")

    async def _last(self, world: TellingDesk) -> None:
        """Say there how it ended; that it is live and well the announcement says."""
        for said in self.endings():
            await world.team.tell_for_good(TEAM, self.title, said)

    async def _keep(self, slack: Slack, channel: str, clock: Clock) -> None:
        """Keep the message of one board up to date, until the run is over or the board says that it never will."""
        shown, said, failures = "", 0, 0
        while True:
            line, details = self._line, self._details[said:]
            try:
                if line != shown:
                    await self._show(slack, channel, line)
                    shown = line
                elif details:
                    await slack.post(channel, details[0], self._posted[channel].ts)
                    said += 1
                elif self._over:
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
                failures = 0
            except ServiceError as error:
                failures += 1
                wait = getattr(error, "retry_after", 0.0)
                if failures == TRIES or wait > LONGEST_PAUSE or (isinstance(error, Refused) and lasting(error)):
                    self._note(f"the team's channel was not told: {error.came}")
                    return
                await clock.sleep(wait or PAUSE * failures)

    async def _show(self, slack: Slack, channel: str, line: str) -> None:
        """Post the message, or change it; anew when somebody has deleted it."""
        posted = self._posted.get(channel)
        if posted:
            try:
                return await slack.update(posted, line)
            except Refused as error:
                if error.code not in ("message_not_found", "edit_window_closed", "cant_update_message"):
                    raise
        self._posted[channel] = await slack.post(channel, line)
        self._remember(channel, self._posted[channel])
        return None


def told_of(session: Session, journal: Journal) -> Bulletin:
    """The bulletin of the run of ``journal``, which it hears from now on; a preview moves nothing, and is not told.

    Nor is the run of a fleet whose own message tells of it.
    """
    mute, run = session.settings.kind == "preview" or bool(variable(BY_FLEET)), journal.run
    made = _bulletin(session, run, () if mute else journal.events(), note_of(journal))
    if not mute:
        journal.listeners += (made.hear,)
    return made


async def tell_kept(session: Session, run: str) -> None:
    """Say that somebody has kept the release of ``run``, as its newest event has it."""
    *before, kept = events_of(session.store, run)
    made = _bulletin(session, run, before, lambda line: None)
    made.hear(kept)
    async with session.world(run) as world, made.told(world):
        pass


def tell_recovered(session: Session, run: str, incident: str) -> None:
    """Say in the message of the run that an incident came of that production was seen well again."""
    posted = dict[str, Posted]()
    with contextlib.suppress(ServiceError):
        posted = remembered(session.store, run)
    if posted:
        line = line_of(report_of(run, events_of(session.store, run)))
        says = f"{line}; production was seen well again at {session.clock.now():%H:%M} UTC ({incident})"
        session.in_world(run, lambda world: say_again(world, posted, says))


async def say_again(world: World, posted: dict[str, Posted], says: str) -> None:
    """Change the messages on the team's boards into ``says``; what they do not take within PATIENCE is left."""
    changed = (
        slack.update(posted[channel], one_line(says)) for slack, channel in world.team.boards(TEAM) if channel in posted
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*changed, return_exceptions=True)


def _bulletin(session: Session, run: str, before: Iterable[Event], note: Callable[[str], None]) -> Bulletin:
    own = Journal(session.store, f"news-{new_run_id(session.clock.now())}", session.clock.now, session.redactor)
    posted = dict[str, Posted]()
    with contextlib.suppress(ServiceError):
        posted = remembered(session.store, run)
    return Bulletin(run, before, posted, remember_in(own, run), note)


def remembered(store: Store, run: str) -> dict[str, Posted]:
    """The messages about ``run`` that are written down: the board's channel → the newest one."""
    sql = "select body from deploy_events where kind = ? and subject = ? order by seq"
    found: dict[str, Posted] = {}
    for (text,) in store.execute(sql, POSTED, run):
        body = json.loads(text)
        found[body["board"]] = Posted(body["channel"], body["ts"])
    return found


def remember_in(journal: Journal, run: str) -> Callable[[str, Posted], None]:
    """Write a message down beside the run, whose own events are the run's alone."""

    def remember(board: str, posted: Posted) -> None:
        with contextlib.suppress(ServiceError):
            journal.append(POSTED, run, board=board, exact={"channel": posted.channel, "ts": posted.ts})

    return remember

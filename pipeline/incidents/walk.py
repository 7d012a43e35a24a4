"""Walks a person, or nobody, through a playbook: does the machine's part, asks for theirs, writes both down.

What was done is in the incident's record, so a walk that was interrupted goes on where it stopped: the questions to
the machine are asked anew, what a person has looked at or done is not.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from checks.gate import Gate
from pipeline.handbook.playbook import Clue, Playbook, Remedy, claim
from pipeline.handbook.playbooks import titled
from pipeline.handbook.situation import Situation
from pipeline.incidents.cadence import due
from pipeline.incidents.desk import Desk, escalate, live_release, reachable, tell
from pipeline.incidents.drafts import draft
from pipeline.incidents.hands import Hands
from pipeline.incidents.looking import release_here, situation
from pipeline.incidents.person import Person
from pipeline.session.asking import LineAnswer, ask_gates
from pipeline.session.bulletin import tell_recovered
from pipeline.world.world import World

T = TypeVar("T")
GO_TO = re.compile(r"\bgo to \*([^*]+)\*")
APART = 300.0
"""Seconds between the two times that all last questions have to say yes."""
ROUNDS = 2


@dataclass(frozen=True)
class Walk:
    """Walks through one playbook.

    ``apart``: seconds between the two last looks; ``patience``: seconds that it may take to be well.
    """

    desk: Desk
    person: Person
    hands: Hands
    apart: float = APART
    patience: float = 0

    def go(self, book: Playbook) -> bool:
        """Walk from the symptom to the all-clear; gives whether production was seen to be well, twice."""
        self.person.say(f"\n== {book.title} ==\n{book.means}\nUsers: {book.impact}")
        if book.name not in self.desk.incident.walked:
            self.desk.begin(book.name)
        noes = self._ask("diagnose", book)
        self._words_due(bool(noes))
        other = self._elsewhere(book, noes)
        if other:
            return self.go(other)
        tried, ill = self._mitigate_first(book, noes)
        if ill:
            self._look(book)
            tried |= self._mitigate(book, noes)
        well = self._verify(book.verify)
        while not well and tried and self.person.auto:  # a first remedy may only have uncovered the second
            tried = self._mitigate(book, self._ask("diagnose again", book))
            well = bool(tried) and self._verify(book.verify)
        if not well:
            self._escalate()
        return well

    def all_clear(self) -> None:
        """Tell everybody who has heard of the incident that it is over."""
        if due(self.desk.incident, self.desk.session.clock.now()):
            self._tell("everybody")

    # -- diagnose

    def _ask(self, stage: str, book: Playbook) -> dict[str, str]:
        self.person.say("\n-- Diagnose: the machine asks")
        answers = self._answers([clue.gate for clue in book.ask])
        noes = stops(answers)
        clues = {clue.gate.name: clue for clue in book.ask}
        for answer in answers:
            says = noes.get(answer.gate.name)
            self.person.say(f"  {'NO ' if says else 'yes'} {claim(answer.gate)}" + (f"\n      {says}" if says else ""))
            if says:
                self.person.say(f"      → {clues[answer.gate.name].no_means}")
        self.desk.asked(stage, noes)
        return noes

    def _elsewhere(self, book: Playbook, noes: dict[str, str]) -> Playbook | None:
        """Find another playbook that a clue leads to, and that was not begun yet.

        What helps at once is done here first.
        """
        seen = self._situation(noes)
        helps = any(remedy.hand and remedy.fits and remedy.fits(seen) for remedy in book.mitigate)
        for clue in book.ask:
            other = _leads_to(clue, noes)
            if not other or other.name in self.desk.incident.walked:
                continue
            if self.person.agrees(f"Go to “{other.title}”?", default=not helps):
                return other
        return None

    def _look(self, book: Playbook) -> None:
        if self.person.auto:
            return
        for gate in book.look:
            if gate.command in self.desk.incident.looked:
                continue
            self.person.say(f"\n-- Look:\n  {gate.command}\n  → {gate.tells}")
            self.desk.looked(gate.command, self.person.writes("What did you see? (Enter: skipped)"))

    # -- mitigate

    def _mitigate(self, book: Playbook, noes: dict[str, str]) -> bool:
        """Try each remedy that fits, from the top, until users are well. Gives whether anything was tried."""
        tried = False
        for remedy in book.mitigate:
            if self._has_worked(remedy):
                continue
            seen = self._situation(noes)
            if not self._fits(remedy, seen):
                continue
            leads = GO_TO.search(remedy.does)
            if leads and not remedy.hand and titled(leads[1]).name not in self.desk.incident.walked:
                self.desk.did(remedy.when, "a person", f"went on to “{leads[1]}”")
                return self.go(titled(leads[1]))
            tried |= self._do(remedy, seen)
            noes = stops(self._answers(book.verify))
            if not noes:
                self.person.say("  users are well again")
                break
        return tried

    def _mitigate_first(self, book: Playbook, noes: dict[str, str]) -> tuple[bool, bool]:
        """Offer what the machine can do, and what fits for all that it knows, before anybody is asked to look around.

        Gives whether anything was tried, and whether it was not enough.
        """
        for remedy in () if self.person.auto else book.mitigate:
            seen = self._situation(noes)
            if self._has_worked(remedy) or not (remedy.hand and remedy.fits and remedy.fits(seen)):
                continue
            if self._fits(remedy, seen) and self._do(remedy, seen):
                return True, bool(stops(self._answers(book.verify)))
        return False, True

    def _has_worked(self, remedy: Remedy) -> bool:
        return any(one.remedy == remedy.when for one in self.desk.incident.done if one.worked)

    def _situation(self, noes: dict[str, str]) -> Situation:
        return self._in_the_world(lambda world: situation(world, self.desk.session, self.desk.incident, noes))

    def _fits(self, remedy: Remedy, seen: Situation) -> bool:
        guess = remedy.fits(seen) if remedy.fits else None
        if self.person.auto and not (remedy.hand and guess):
            return bool(guess)
        self.person.say(f"\n-- Mitigate: {remedy.when}?\n  {remedy.does}")
        for command in (remedy.tool, *remedy.commands):
            self.person.say(f"    {command}") if command else None
        thinks = "cannot tell" if guess is None else "thinks so" if guess else "thinks not"
        return self.person.agrees(f"Does that fit? The machine {thinks}.", default=bool(guess))

    def _do(self, remedy: Remedy, seen: Situation) -> bool:
        if remedy.hand and self.person.agrees("Shall the machine do it?", default=True):
            did = self.hands.do(remedy.hand, seen)
            self.desk.did(remedy.when, "the tool", did.says, worked=did.worked)
            self.person.say(f"  {'done' if did.worked else 'FAILED'}: {did.says}")
            return True
        if self.person.auto:
            return False
        says = self.person.writes("Do it now. What came of it? (Enter: not done)")
        if says:
            self.desk.did(remedy.when, "a person", says)
        return bool(says)

    # -- verify

    def _verify(self, gates: tuple[Gate, ...]) -> bool:
        """Ask the gates of the steady state until all say yes twice, ``apart`` seconds apart."""
        self.person.say("\n-- Verify: is the steady state back?")
        clock, seen = self.desk.session.clock, len(self.desk.incident.well)
        left = ROUNDS - seen if seen < ROUNDS else ROUNDS  # an interrupted look goes on, an old one is begun anew
        until = clock.monotonic() + self.patience
        while left:
            answers = self._answers(gates)
            noes = stops(answers)
            if noes and clock.monotonic() < until:
                asyncio.run(clock.sleep(min(1.0, self.apart)))
                continue
            for answer in answers:
                says = noes.get(answer.gate.name)
                self.person.say(
                    f"  {'NO ' if says else 'yes'} {claim(answer.gate)}" + (f"\n      {says}" if says else "")
                )
            self.desk.verified(noes)
            if noes:
                return False
            left -= 1
            if left:
                self.person.say(f"  once more in {self.apart:g} s (Ctrl-C: later, with the same command)")
                asyncio.run(clock.sleep(self.apart))
                self._words_due(False)
        tell_recovered(self.desk.session, self.desk.incident.cause_run.removeprefix("run "), self.desk.id)
        return True

    # -- communicate and escalate

    def _words_due(self, ill: bool) -> None:
        """Send every message that is due now; Enter tells users first when the machine sees it, too (``ill``)."""
        heard = {one.audience for one in self.desk.incident.told}
        for word in due(self.desk.incident, self.desk.session.clock.now()):
            if word.late >= 0 or word.first:
                self._tell(word.audience, default=ill or word.audience in {"team", "stakeholders", *heard})

    def _tell(self, audience: str, default: bool = True) -> None:
        incident, now = self.desk.incident, self.desk.session.clock.now()
        release = self._in_the_world(live_release)
        text, missing = draft(incident, audience, now, {}, release)
        said = {}
        if missing and not self.person.auto:
            self.person.say(f"\n-- Communicate: {audience}\n{text}")
            said = {name: self.person.writes(f"[{name}]?") for name in missing}
            text, missing = draft(incident, audience, now, {k: v for k, v in said.items() if v}, release)
        if missing:
            self.person.say(f"  {audience}: not told, these words are missing: {', '.join(missing)}")
            return
        if not self.person.auto:
            self.person.say(f"\n-- Communicate: {audience}\n{text}")
        if not self.person.agrees("Send it?", default=default):
            return
        _, reached, failed = self.desk.session.in_world(self.desk.id, lambda world: self._send(world, audience, text))
        self.person.say(f"  {audience} told by {', '.join(reached) or 'nobody'}" + "".join(f"; {w}" for w in failed))

    async def _send(self, world: World, audience: str, text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        by_hand = not reachable(world, self.desk, audience)
        if by_hand and self.person.auto:
            return text, (), (f"{audience}: no address is set",)
        if by_hand:
            self.person.say("  there is no address for them: send it yourself, now")
            if not self.person.writes("How did you tell them? (Enter: not told yet)"):
                return text, (), (f"{audience}: not told yet",)
        return await tell(world, self.desk, audience, {}, text, by_hand=by_hand)

    def _escalate(self) -> None:
        self.person.say("\n-- Escalate: it is not over, and this playbook has no more to say")
        if not self.person.agrees("Call the next contact?", default=True):
            return
        contact, _, _ = self._in_the_world(lambda world: escalate(world, self.desk))
        self.person.say(f"  CALL NOW: {contact.name}, {contact.role}: {contact.reach}")

    # -- the world

    def _answers(self, gates: Iterable[Gate]) -> tuple[LineAnswer, ...]:
        wanted = tuple(dict.fromkeys(gates))
        return self._in_the_world(lambda world: ask_gates(self.desk.session, world, wanted))

    def _in_the_world(self, act: Callable[[World], Awaitable[T]]) -> T:
        return self.desk.session.in_world(self.desk.id, act, release=release_here(self.desk.session))


def stops(answers: Iterable[LineAnswer]) -> dict[str, str]:
    """Collect the gates that do not say yes, each with what it said."""
    return {
        answer.gate.name: "; ".join(str(found) for found in answer.findings if found.verdict.stops)
        for answer in answers
        if any(found.verdict.stops for found in answer.findings)
    }


def _leads_to(clue: Clue, noes: dict[str, str]) -> Playbook | None:
    says = noes.get(clue.gate.name)
    found = GO_TO.search(clue.no_means)
    if says is None or not found or (clue.only and not any(word in says for word in clue.only)):
        return None
    return titled(found[1])

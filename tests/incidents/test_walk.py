"""A person is walked through a playbook: what is asked first, and what is written down of what they say."""

import dataclasses
from dataclasses import field
from typing import Any

import pytest

from checks.evidence import Release
from checks.outcome import Outcome
from pipeline.clients.channels import Channels
from pipeline.handbook.playbooks import named
from pipeline.incidents.hands import Hands
from pipeline.incidents.walk import Walk
from pipeline.session.session import NOTHING, Session
from tests.incidents.test_incidents import opened
from tests.stage import ROOT, InProcess


@dataclasses.dataclass
class Sleepy:
    """Somebody who presses Enter whatever is asked, but for what ``says`` has an answer to."""

    says: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    auto: bool = False

    def say(self, text: str) -> None:
        self.heard.append(text)

    def agrees(self, question: str, default: bool) -> bool:
        self.heard.append(f"{question} {default}")
        return default

    def writes(self, question: str) -> str:
        self.heard.append(question)
        return next((answer for words, answer in self.says.items() if words in question), "")

    def at(self, words: str) -> int:
        """Where the first thing with these ``words`` was said; far away when it was not."""
        return next((place for place, text in enumerate(self.heard) if words in text), 10_000)


@pytest.fixture(autouse=True)
def wired(inside: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worlds that a session opens are those of the sandbox in this process."""

    def world(self: Session, name: str, release: Release = NOTHING, progress: object = None) -> Any:
        return inside.world(release, name)

    monkeypatch.setattr(Session, "world", world)


def walked(inside: InProcess, book: str, person: Sleepy) -> dict[str, list[str]]:
    """Walk ``person`` through ``book``: who is written down as told, and by what."""
    desk = opened(inside, playbook=book)
    playbook = named(book)
    assert playbook
    hands = Hands(desk.session, inside.config, ROOT, ROOT / "deploy.yml", "dana")
    Walk(desk, person, hands, apart=0).go(playbook)
    return {one.audience: list(one.reached) for one in desk.incident.told}


def test_it_is_looked_at_before_anybody_is_told_and_users_are_not_told_of_what_nobody_sees(inside: InProcess) -> None:
    person = Sleepy()
    told = walked(inside, "site-down", person)
    assert person.at("-- Diagnose") < person.at("-- Communicate")
    assert "team" in told
    assert "users" not in told, "Enter tells nobody outside of what the machine does not see"


def test_when_it_is_seen_users_are_told_and_going_back_is_offered_before_anything_is_looked_up(
    inside: InProcess,
) -> None:
    assert inside.deploy()[0] is Outcome.DEPLOYED
    inside.sandbox.inject("app failing-route /api/health/db where=production")
    person = Sleepy()
    walked(inside, "site-down", person)
    assert person.at("Send it? True") < person.at("-- Mitigate: A release went out") < person.at("-- Look:")
    assert person.at("Send it? False") == 10_000


@pytest.mark.parametrize(("answer", "known"), [("", False), ("by phone", True)])
def test_told_by_hand_is_what_somebody_says_they_did(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, answer: str, known: bool
) -> None:
    monkeypatch.setattr(Channels, "has", lambda self, audience: False)
    person = Sleepy({"How did you tell them?": answer})
    told = walked(inside, "rate-limiting", person)
    assert ("team" in told) is known
    assert person.at("send it yourself, now") < 10_000


def test_storage_is_asked_whether_it_works(inside: InProcess) -> None:
    person = Sleepy()
    inside.sandbox.inject("r2 answer status=403")
    walked(inside, "storage-failure", person)
    assert person.at("R2 refuses our key") < person.at("-- Look:")

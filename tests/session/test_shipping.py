"""What was read of a run before its lock was ours is read again: nobody does what somebody else has done since."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks import healthy
from checks.evidence import Release
from pipeline.config import load
from pipeline.errors import Locked
from pipeline.record.bounded import Store
from pipeline.record.journal import Journal
from pipeline.record.lock import Lock
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from pipeline.session import deploy
from pipeline.session.deploy import ship
from pipeline.session.session import Order
from tests.scripted import MovingClock

LEAST = "source: {repository: acme/lms}\ntargets: {sandbox: {kind: sandbox}}\n"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A record in a home whose session looks at nothing else."""
    (tmp_path / "deploy.yml").write_text(LEAST, encoding="utf-8")
    opened, clock = open_store("", tmp_path), MovingClock()
    release = next(value for value in healthy.EVIDENCE if isinstance(value, Release))
    session = SimpleNamespace(
        must_be_whole=lambda: None,
        past=lambda run: SimpleNamespace(
            must_be_read=lambda *_: None, unread={}, ungiven={}, done={"build"}, outcome="", moved_production=False
        ),
        settings=SimpleNamespace(name="sandbox"),
        pipeline=SimpleNamespace(name="deploy"),
        store=opened,
        clock=clock,
        redactor=Redactor(),
    )

    @contextlib.contextmanager
    def open_session(*_: Any) -> Iterator[Any]:
        yield session

    monkeypatch.setattr(deploy, "open_session", open_session)
    for name in ("must_fit", "must_aim", "must_be_as_planned", "to_ship", "judged_waivers"):
        monkeypatch.setattr(deploy, name, lambda *_, **more: ())
    monkeypatch.setattr(deploy, "_release_of", lambda events: release)
    yield opened
    opened.close()


def shipped(home: Path, gone: list[str], monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    async def go(session: Any, journal: Journal, release: Any, past: Any, lock: Lock, stage: str) -> None:
        gone.append(f"{journal.run} for {lock.lease:g} s")

    monkeypatch.setattr(deploy, "_go", go)
    order = Order("sandbox", run="r1", resume=True, **more)
    ship(load(home / "deploy.yml"), order, home, lambda redactor, run: lambda event: None)


def test_a_run_that_went_on_elsewhere_while_its_lock_was_waited_for_is_not_gone_on_with_as_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(store, "r1", MovingClock().now, Redactor())
    journal.append("run begins", pipeline="deploy", target="sandbox", commit="c", by="dana", production="x")
    gone: list[str] = []
    take = Lock.take

    def somebody_is_quicker(lock: Lock, reason: str, *, by_hand: bool = False) -> None:
        monkeypatch.setattr(Lock, "take", take)
        journal.append("step begins", "promote")
        take(lock, reason, by_hand=by_hand)

    monkeypatch.setattr(Lock, "take", somebody_is_quicker)
    with pytest.raises(Locked, match="went on elsewhere"):
        shipped(tmp_path, gone, monkeypatch)
    assert gone == []
    assert Lock(store, "sandbox", "", MovingClock()).held() is None

    shipped(tmp_path, gone, monkeypatch)
    shipped(tmp_path, gone, monkeypatch, lease=15)
    assert gone == ["r1 for 60 s", "r1 for 15 s"]

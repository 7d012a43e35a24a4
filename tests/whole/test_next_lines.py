"""What is printed as *next* is typed, after every kind of end, until one command ends well or a person decides."""

import dataclasses
import re
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from checks.policy import FreezePolicy
from pipeline.record.journal import Journal, events_of, latest_runs
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from tests.render.test_next import typed
from tests.stage import InProcess
from tests.whole.typist import Typist

LOOKS = ("report", "status", "monitor.daily", "doctor", "follow")
"""They only look: their exit code says what they saw, and another command goes on."""
FURTHEST = 3


@pytest.fixture
def typist(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typist:
    home = tmp_path / "home"
    home.mkdir()
    return Typist(inside, home, monkeypatch, capsys)


def deploys(typist: Typist, ends: int, more: str = "") -> str:
    code, said = typist.type(f"deploy --quiet {more}")
    assert code == ends, said
    return said


def good(typist: Typist) -> str:
    return deploys(typist, 0)


def taken_back(typist: Typist) -> str:
    good(typist)
    typist.type("rollback --target sandbox")
    return deploys(typist, 1)


def not_seen(typist: Typist) -> str:
    typist.inside.sandbox.inject("sentry cut")
    said = deploys(typist, 1)
    typist.inside.sandbox.faults.clear()
    return said


def rolled_back(typist: Typist) -> str:
    return deploys(typist, 3, "--from broken-health")


def held(typist: Typist) -> str:
    typist.inside.sandbox.patch({"sentry": {"deaf": True}})
    return deploys(typist, 5)


def stranded(typist: Typist) -> str:
    def broken(request: httpx.Request) -> None:
        if request.method == "POST" and "/promote/" in request.url.path and not typist.inside.sandbox.state.faults:
            typist.inside.sandbox.inject("app failing-route /api/health/db where=production")
            typist.inside.sandbox.inject("vercel answer status=500 POST */rollback/*")

    typist.inside.tap(before=broken)
    said = deploys(typist, 4)
    typist.inside.tap()
    typist.inside.sandbox.faults.clear()
    return said


def killed(typist: Typist) -> str:
    """What a kill -9 in the watch leaves: a run without an end, whose lock nobody holds."""
    good(typist)
    store, now = open_store("", typist.home), typist.inside.clock.now
    journal = Journal(store, "killed", now, Redactor())
    for event in events_of(store, next(iter(latest_runs(store, 1)))):
        if event.subject == "watch":
            break
        journal.append(event.kind, event.subject, exact=event.body)
    store.close()
    return deploys(typist, 1, "--from fixed")


def settled(typist: Typist) -> str:
    killed(typist)
    return typist.type("settle")[1]


def frozen(typist: Typist) -> str:
    config = typist.config
    freeze = FreezePolicy("UTC", (), frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun"}))
    config.policies["sandbox"] = dataclasses.replace(config.policies["sandbox"], freeze=freeze)
    return deploys(typist, 1)


def locked(typist: Typist) -> str:
    typist.type("lock 'a freeze'")
    return deploys(typist, 1)


ENDS: tuple[tuple[Callable[[Typist], str], int], ...] = (
    *((end, 1) for end in (taken_back, not_seen, rolled_back, stranded, settled, frozen, locked)),
    *((held, 2), (killed, 3)),
)
"""How a run ends, and how many of its next lines are alternatives."""


def nexts(text: str) -> list[str]:
    """The commands of the *next* lines of ``text``, as somebody types them who fills in what is left open."""
    lines = re.findall(r"^(?:error: )? *next +(.*)$", text, re.MULTILINE) or re.findall(r"\./inv .*", text)
    said = "\n".join(lines).replace("…", "it is well").replace("NAME", "kim")
    return [" ".join(f"'{word}'" if " " in word else word for word in words) for words in typed(said)]


def leads_on(typist: Typist, text: str, which: int = 0, far: int = 0) -> None:
    commands = nexts(text)
    acts = [one for one in commands if one.split()[0] not in LOOKS]
    assert acts, f"a dead end:\n{text}"
    for look in (one for one in commands if one not in acts):
        code, said = typist.type(look)
        assert (code == 2, bool(said.strip())) == (False, True), f"{look}: {said}"
    code, said = typist.type(acts[which])
    assert code != 2, said
    if code and not said.startswith(("ROLLED BACK", "\nROLLED BACK")):
        assert far < FURTHEST, said
        leads_on(typist, said, far=far + 1)


@pytest.mark.parametrize(
    ("end", "which"),
    [pytest.param(end, which, id=f"{end.__name__}-{which}") for end, count in ENDS for which in range(count)],
)
def test_what_is_printed_as_next_is_typed_until_it_is_well(
    typist: Typist, end: Callable[[Typist], str], which: int
) -> None:
    leads_on(typist, end(typist), which)
    code, said = typist.type("status")
    assert (code, "lock      free" in said) == (0, True), said


@pytest.mark.parametrize("turn", [1, 2])
def test_what_is_typed_here_leaves_ctrl_c_to_those_after_it(turn: int) -> None:
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.SIG_IGN)

"""Every command that a page gives its reader is typed, as it stands, where the reader would type it."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tasks
from pipeline.config import load
from pipeline.documents.pages.every import documents
from pipeline.documents.pages.typed import MENTIONS, by_hand, mentioned
from tests.byhand.not_run import NOT_RUN
from tests.byhand.reader import Reader, reading
from tests.byhand.scenarios import SCENARIOS
from tests.byhand.scenarios.model import Scenario, Typed
from tests.vendors.world import NPM, needs_npm

ROOT = Path(__file__).resolve().parents[2]
MOST_NOT_RUN = 0.05


# All documents are written for it: not while every worker collects, also for a test of one gate.
@cache
def pages() -> dict[str, str]:
    """The documents at the top of ``runbooks/``, as they are."""
    config = load(ROOT / "deploy.yml")
    prose = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "runbooks/prose").glob("*.md")}
    made = documents(config.file, config.policies["production"], prose, tasks.command_words())
    return {Path(name).name: text for name, text in made.items() if re.fullmatch(r"runbooks/[\w-]+\.md", name)}


@cache
def wanted() -> set[str]:
    """Every command of them."""
    return {one.text for one in by_hand(pages())}


TYPED = Counter(one.text for scenario in SCENARIOS for one in scenario.typed)


def test_every_command_is_typed_in_one_scenario_or_its_reason_is_given() -> None:
    assert {text for text in wanted() if text not in TYPED and text not in NOT_RUN} == set()
    assert [text for text, times in TYPED.items() if times > 1] == []
    assert TYPED.keys() & NOT_RUN.keys() == set()


def test_nothing_is_typed_or_excused_that_no_page_says() -> None:
    assert TYPED.keys() - wanted() == set()
    assert NOT_RUN.keys() - wanted() == set()
    assert MENTIONS.keys() - mentioned(pages()) == set()


def test_hardly_any_command_is_not_run() -> None:
    assert all(NOT_RUN.values())
    assert len(NOT_RUN) <= MOST_NOT_RUN * len(wanted())


@pytest.fixture
def machine() -> Iterator[Reader]:
    """One for each scenario: what another one broke is no part of the situation."""
    with reading() as reader:
        yield reader


def lacking(scenario: Scenario) -> list[str]:
    """Tools that the scenario wants and this machine has not."""
    also = {"sentry-cli": NPM / ".bin/sentry-cli"}
    return [tool for tool in scenario.needs if not (shutil.which(tool) or also.get(tool, Path("/none")).exists())]


def check(reader: Reader, one: Typed) -> None:
    if one.before:
        one.before(reader)
    asked = [(question, answer.format(**reader.names)) for question, answer in one.asked]
    ran = reader.answers(one.text, *asked) if asked else reader.types(one.text, says=one.says, expect=one.expect)
    shown = f"{ran.out}\n{ran.err}".strip()
    assert not one.prints or re.search(one.prints, shown, re.DOTALL), f"{one.text}\nprinted no {one.prints}:\n{shown}"
    assert one.effect is None or one.effect(reader, ran), f"{one.text}\nhad not its effect:\n{shown}"


def attempt(reader: Reader, one: Typed) -> Iterator[Exception | AssertionError]:
    """What went wrong with it; the others are typed all the same."""
    try:
        check(reader, one)
    except (AssertionError, Exception) as error:
        yield error


@pytest.mark.wide
@pytest.mark.process
@needs_npm
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("jq")), reason="bash or jq is not installed")
@pytest.mark.byhand
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_commands_do_what_the_page_says(machine: Reader, scenario: Scenario) -> None:
    if lacking(scenario):
        pytest.skip(f"not installed: {', '.join(lacking(scenario))}")
    machine.two_releases()
    scenario.prepare(machine)
    wrong = [f"{type(error).__name__}: {error}" for one in scenario.typed for error in attempt(machine, one)]
    assert not wrong, "\n\n".join(wrong)

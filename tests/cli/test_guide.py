"""What the command line says of itself, and how it reads what was typed."""

import re
import sys
from collections.abc import Callable

import pytest

import tasks
from pipeline.cli import direct
from pipeline.cli.guide import GROUPS, MATTER, answer, family, first_page, help_of, listed
from pipeline.cli.parsing import wanted
from pipeline.cli.terminal import ROOT

NAMES = tuple(command.name for command in tasks.command_words())
ROWS = tuple(name for _, rows in GROUPS for name, _ in rows)


def rows_of(name: str) -> list[str]:
    """The rows of the list in which a command of this ``name`` is found."""
    return [row for row in ROWS if row == name or (row.endswith(".") and name.startswith(row) and name not in ROWS)]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_listed_once(name: str) -> None:
    assert len(rows_of(name)) == 1 or name.partition(".")[0] == "diagnose"


def test_nothing_is_listed_that_is_no_command() -> None:
    known = {*NAMES, *(f"{name.partition('.')[0]}." for name in NAMES), "check."}
    assert set(ROWS) <= known
    assert set(MATTER) <= set(ROWS)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_word_is_cut_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for text in (first_page("./inv"), listed("./inv")):
        assert max(map(len, text.splitlines())) <= width
    said = {word for _, rows in GROUPS for _, words in rows for word in words.split()}
    assert said <= set(listed("./inv").split())


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_help_of_every_command_and_family_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for command in tasks.command_words():
        text = help_of(lambda: None, command.options, command.name, "./inv")
        _, *lines = text.splitlines()  # the first is the command itself
        assert [line for line in lines if len(line) > width and len(line.split()) > 1] == [], command.name
    text = family({command.name: command.does for command in tasks.command_words()})
    assert [line for line in text.splitlines() if len(line) > width and len(line.split()) > 1] == []


def test_the_list_is_a_screen_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert len(listed("./inv").splitlines()) <= 50
    assert len(first_page("./inv").splitlines()) <= 20


def test_what_a_family_has_in_common_is_said_once() -> None:
    says = family({"a.x": "One thing. Exit 1: no.", "a.long": "Another thing. Exit 1: no."})
    assert says == "  a.x     One thing\n  a.long  Another thing\n\nExit 1: no."
    assert family({"a.x": "One. First.", "a.y": "Two. Second."}).count(".") == 6


def test_the_help_of_a_command_has_its_flags_and_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    def does() -> None:
        """Do a thing that takes more words than one line of this width has room for.

        And more.
        """

    says = help_of(does, [("-a STRING, --a-flag-with-a-long-name=STRING", "what for"), ("-b", "x")], "do", "./inv")
    assert says.startswith("./inv do [flags]\n\nDo a thing")
    assert "\n\nAnd more." in says
    assert max(map(len, says.splitlines())) <= 60
    assert re.search(r"--a-flag-with-a-long-name=STRING\n +what for", says)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["help", "deploy"], ["--help", "deploy"]),
        (["deploy", "--help"], ["--help", "deploy"]),
        (["deploy", "-t", "x", "-h"], ["--help", "deploy"]),
        (["--list", "drill"], ["--list", "drill"]),
        (["rollback", "--health", "/x"], ["rollback", "--health", "/x"]),
    ],
)
def test_a_question_for_help_may_stand_anywhere(typed: list[str], read: list[str]) -> None:
    assert wanted(typed) == read


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"], ["--list"], ["-l"], ["list"]])
def test_the_first_page_and_the_list_need_nothing_of_invoke(words: list[str]) -> None:
    assert "deploy" in answer(words, "./inv")
    assert not answer(["deploy"], "./inv")


Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type words, in this process; its exit code, and all that it said."""
    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    monkeypatch.setattr("gc.set_threshold", lambda *counts: None)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["inv", *words])
        monkeypatch.setattr("atexit.register", lambda act: act)
        monkeypatch.chdir(ROOT)
        with pytest.raises(SystemExit) as left:
            direct.main()
        said = capsys.readouterr()
        return left.value.code or 0, said.out + said.err  # type: ignore[return-value]

    return run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["deplyo"], "there is no command deplyo; did you mean deploy? ./inv --list shows all"),
        (["deploy", "--targt", "x"], "there is no flag --targt of deploy; did you mean --target"),
        (["deploy", "sandbox"], "./inv deploy sandbox: a target is named with --target sandbox"),
        (["deploy", "production"], "./inv deploy production: a target is named with --target production"),
        (["status", "history"], "./inv status history: one command at a time"),
        (["help", "deplo"], "there is no command deplo; did you mean deploy?"),
        (["--list", "drll"], "there is no family drll; did you mean drill?"),
        (["--nonsense"], "there is no flag --nonsense"),
        (["history", "3"], "there is no command 3"),
    ],
)
def test_what_is_not_understood_is_exit_2_and_says_what_may_be_meant(typed: Typed, words: list[str], says: str) -> None:
    code, said = typed(*words)
    assert (code, says in said) == (2, True), said


def test_the_help_and_the_families_are_ours(typed: Typed) -> None:
    assert typed("rollback", "--help")[1].startswith("./inv rollback [flags]\n\nEmergency:")
    assert "drill.plain" in typed("--list", "drill")[1]

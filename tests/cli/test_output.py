"""What is printed fits the terminal that it is printed on; a place that cannot be written is a sentence."""

import errno
import io
import os
from pathlib import Path

import pytest

from pipeline.cli import progress, terminal
from pipeline.cli.output import folded_for, unusable
from pipeline.fleet.example import write_example
from pipeline.record.journal import Event
from pipeline.redact import Redactor

WORDS = "the domain answers as another release, and nobody knows why"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert folded_for(Screen(), WORDS) == "the domain answers as another release,\nand nobody knows why"
    assert folded_for(io.StringIO(), WORDS) == WORDS
    closed = Screen()
    closed.isatty = lambda: io.StringIO.isatty(closed)  # type: ignore[method-assign]
    closed.close()
    assert folded_for(closed, WORDS) == folded_for(None, WORDS) == WORDS
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert folded_for(Screen(), WORDS) == WORDS, "the log of a job is none"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_line_that_is_rewritten_ends_with_a_whole_word(width: int) -> None:
    shown = progress._fit(WORDS * 3, width)
    assert len(shown) < width
    assert set(shown.removesuffix(" …").split()) <= set((WORDS * 3).split())


def test_a_line_that_is_over_leaves_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with progress.shown("r1", lambda line: None, screen=screen, groups=False) as seen:
        seen.note("applying a migration")
        seen.note("")
        screen.truncate(0)
    assert "applying" not in screen.getvalue()


def test_what_stays_is_whole_lines_above_the_one_that_is_rewritten_marks_in_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = "  ✗ release.is-live   1 ms"
    for no_colour, mark in (("", "\x1b[1m\x1b[31m✗\x1b[0m"), ("1", "✗")):
        screen = Screen()
        monkeypatch.setenv("NO_COLOR", no_colour)
        with progress.shown("r1", lambda line: None, screen=screen, groups=False) as seen:
            seen.note("applying a migration")
            seen._write(line)
        left = screen.getvalue()
        assert f"\x1b[K  {mark} release.is-live   1 ms\n" in left
        assert left.rstrip("\x1b[?25h").endswith("\x1b[K"), "nothing of the last line is left"


def test_a_report_on_stdout_has_nothing_of_the_terminal_of_stderr_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.reporting(as_json=True) as show:
        show(Redactor([]), "r1")(Event("r1", "", "going back", "", {"reason": "the watch"}))
    assert "going back: the watch" in screen.getvalue()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_one_sentence(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, terminal.honest():
        raise OSError(number, os.strerror(number), "/home/kim/shop/.runs")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: /home/kim/shop/.runs: cannot be used: {os.strerror(number)}")
    assert left.value.code == 2


@pytest.mark.parametrize("bug", [KeyError("x"), FileNotFoundError(errno.ENOENT, "no", "/x"), OSError("odd")])
def test_what_is_no_such_thing_is_a_bug(bug: Exception) -> None:
    assert unusable(bug) == ""


def test_an_example_of_a_fleet_says_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match=r"--to .*: cannot be written: Not a directory"):
        write_example(tmp_path / "file", 4)

"""Whatever is printed, at whatever width: no word is cut, and no line is longer than the terminal but for commands."""

import re

import pytest

from pipeline.render.folding import folded
from pipeline.render.history import history_text
from pipeline.render.report import report_text, summary_text
from tests.render.runs import Telling, finding
from tests.render.test_next import ENDS

WIDTHS = (40, 60, 80, 120, 200)
LONG = finding(
    "block",
    "https://shop.example/api/health/db",
    "answered 500: the database has no connections left since 02:10",
    "./inv diagnose.database   asks what holds them; runbooks/troubleshooting.md, Database connections",
)


def wordy() -> str:
    told = Telling().stage(1, "preflight").gate(2, "health.database-answers", "block", 90, LONG)
    told.tell(3, "going back", reason=f"preflight: {LONG['subject']} {LONG['says']}")
    return report_text(told.tell(4, "run ended", outcome="blocked", reason=LONG["says"]).report)


SHOWN: dict[str, str] = {
    **{f"the end: {name}": summary_text(report) for name, report in ENDS.items()},
    **{f"the report: {name}": report_text(report) for name, report in ENDS.items()},
    "history": history_text([report for report in ENDS.values() if report.began], "here"),
    "a long finding": wordy(),
}


def too_long(line: str, width: int) -> bool:
    """Whether a line is longer than it has to be: a command, an address or one word may be."""
    label = re.match(r" *(?:\S+(?: \S+){0,3} {2,})?(?:→ )?", line)
    rest = line[label.end() :] if label else line
    return len(line) > width and not re.match(r"\./inv |\S+$|`[^`]+`\S*$|curl |vercel ", rest)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shown", SHOWN)
def test_no_word_is_cut_and_no_line_too_long(shown: str, width: int) -> None:
    text = folded(SHOWN[shown], width)
    assert text.split() == SHOWN[shown].split()
    assert [line for line in text.split("\n") if too_long(line, width)] == []


def test_a_line_goes_on_below_where_it_began() -> None:
    assert folded("  because  the domain answers as another release, and nobody knows why", 40) == (
        "  because  the domain answers as another\n           release, and nobody knows why"
    )


def test_a_command_that_is_too_long_leaves_no_empty_line_below_it() -> None:
    shown = folded("  serves   was not looked at again; ./inv status --target sandbox tells", 40)
    assert all(line.strip() for line in shown.splitlines())


def test_a_number_keeps_its_unit() -> None:
    assert folded("  ✓ capacity.connections-are-left  155 ms", 40).splitlines()[-1].strip() == "155 ms"


def test_the_columns_of_the_history_are_as_wide_as_what_is_in_them_and_fit_a_terminal() -> None:
    head, *rows = SHOWN["history"].splitlines()
    assert all(len(row) <= 80 for row in (head, *rows) if not row.startswith("  "))
    for column in ("target", "commit", "began", "outcome"):
        at = head.index(column)
        assert all(row[at - 2 : at] == "  " for row in rows if not row.startswith("  "))


def test_lines_of_one_column_stay_in_it() -> None:
    lines = "health    200 ok\nrecord    .runs/journal.db of this checkout; nobody sees it"
    assert (
        folded(lines, 40) == "health    200 ok\nrecord    .runs/journal.db of this\n          checkout; nobody sees it"
    )


def test_what_leaves_no_room_beside_it_has_its_words_below() -> None:
    assert folded("   asks environment.required-variables     Every variable is set", 40) == (
        "   asks environment.required-variables\n     Every variable is set"
    )


def test_columns_move_together_before_a_line_is_broken() -> None:
    line = f"  ✗ {'health.database-answers':<38} {'90 ms':>9}"
    assert folded(line, 40) == "  ✗ health.database-answers  90 ms"


def test_a_command_stays_whole_and_can_be_copied() -> None:
    line = "  next     ./inv settle --target production --run 20261129-002046-9143   goes back"
    assert folded(line, 40).split("\n") == [
        "  next     ./inv settle --target production --run 20261129-002046-9143",
        "           goes back",
    ]
    assert "`vercel rollback dpl_KUpHn7lZCtW6usYap58xeY29`" in folded(
        f"Run `vercel rollback dpl_KUpHn7lZCtW6usYap58xeY29` {'x ' * 40}", 40
    )


@pytest.mark.parametrize("line", ['{"a": "' + "b " * 99 + '"}', "+" + "a b " * 50, "::error::" + "a b " * 50])
def test_what_programs_read_is_left_as_it_is(line: str) -> None:
    assert folded(line, 40) == line

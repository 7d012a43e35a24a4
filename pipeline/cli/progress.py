"""Shows a run while it happens: listeners of the journal, so that what is shown is what is recorded."""

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from pipeline.environment import variable
from pipeline.record.journal import Event
from pipeline.record.report import Report, report_of
from pipeline.redact import leaving, one_line
from pipeline.render.aiming import aimed
from pipeline.render.folding import folded
from pipeline.render.report import MARKS, duration, line_text, said_once

Write = Callable[[str], None]
WATCHING, ASKING, A_MINUTE = "watching for another", "asking ", 60.0


class Progress:
    """One line a step or gate, as soon as it is answered. ``write`` keeps a line, ``waiting`` replaces the last."""

    def __init__(self, run: str, write: Write, waiting: Write, *, groups: bool = False) -> None:
        self.report = Report(run)
        self._run, self._events, self._groups = run, list[Event](), groups
        self._write, self._waiting = self._aiming(write), self._aiming(waiting)
        self._open = False
        self._unanswered: dict[str, None] = {}
        self._patience = 0.0

    def __call__(self, event: Event) -> None:
        self._events.append(event)
        self.report = report_of(self._run, self._events)
        match event.kind:
            case "stage begins":
                self._stage(event.subject)
                self._unanswered = dict.fromkeys(asked_in(self.report.pipeline, event.subject))
                self._patience = event.body["patience"]
                self._ask()
                if event.body["during"]:
                    self._waiting(f"watching for {duration(round(event.body['during'] * 1000))}")
            case "step begins":
                self._waiting(f"{event.subject} …")
            case "step done" | "step failed":
                self._line("step", event.subject)
                self._ask()
            case "gate answered":
                self._gate(event)
            case "break glass":
                self._write(f"\n!! GLASS BROKEN by {event.body['by']}: {event.body['reason']}")
            case "waiting for people begins":
                self._write(f"  … waiting for people: {event.body['says']}")
            case "waiting for people ends":
                self._write(f"  … waited for people: {duration(event.body['ms'])}")
            case "going back":
                self._give_up()
                self._close()
                word = "going back" if event.body.get("undoes", 1) else "stopping, there is nothing to take back"
                self._write(f"\n{word}: {one_line(event.body['reason'])}")
            case "holding":
                self._give_up()
            case "undo begins":
                self._waiting(f"{event.body['undo']} …")
            case "undo done" | "undo failed":
                self._write(line_text(self.report.undone[-1]) + f"  {one_line(self.report.undone[-1].says)}")
            case "run ended":
                self._close()

    def _aiming(self, tell: Write) -> Write:
        """``tell``, with the target of the run after each command that a line says to type."""
        return lambda line: tell(aimed(line, self.report.target))

    def note(self, line: str) -> None:
        """A passing remark of a step, e.g. how many files are uploaded."""
        self._waiting(line)

    def _gate(self, event: Event) -> None:
        if event.body["verdict"] in ("not yet", "unknown"):
            says = "; ".join(f"{finding['subject']} {finding['says']}" for finding in event.body["findings"])
            self._waiting(f"waiting up to {duration(round(self._patience * 1000))} · {event.subject}: {says}")
        else:
            self._line("gate", event.subject)
            if self._unanswered.pop(event.subject, self) is None:
                self._ask()

    def _ask(self) -> None:
        """Show what is waited for: the gates of the stage that have not answered yet."""
        names = list(self._unanswered)
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        self._waiting(f"{ASKING}{', '.join(names[:2])}{more} …" if names else "")

    def _line(self, kind: str, name: str) -> None:
        line = self.report.stages[-1].line(kind, name)
        if line:
            self._write(line_text(line))

    def _stage(self, name: str) -> None:
        self._waiting("")
        self._close()
        self._write(f"::group::{name}" if self._groups else f"\n{name}")
        self._open = self._groups

    def _give_up(self) -> None:
        """Show the gates that never got a final answer: the patience of their stage has ended."""
        for line in said_once(self.report.stages[-1].lines if self.report.stages else ()):
            if line.state in ("not yet", "unknown"):
                self._write(line_text(line, mark=MARKS["block"]))

    def _close(self) -> None:
        if self._open:
            self._write("::endgroup::")
            self._open = False


def asked_in(pipeline: str, stage: str) -> tuple[str, ...]:
    """Names of the gates that a stage of the pipelines of this tool asks; none for one that it does not know."""
    from pipeline.definitions.every import EVERY

    stages = (one for known in EVERY if known.name == pipeline for one in known.stages if one.name == stage)
    return tuple(gate.name for one in stages for gate in one.gates)


@contextlib.contextmanager
def shown(
    run: str, write: Write, *, screen: TextIO | None, groups: bool, typed: Callable[[str], str] = str
) -> Iterator[Progress]:
    """Progress for a person at a terminal, ``screen`` (one moving last line), or as plain lines for everything else.

    ``typed`` has every command in a line as whoever looks types it.
    """
    if screen is None:
        last, shown_at = [""], [0.0]

        def once(line: str) -> None:
            """Drop repeated lines of what moves many times a second: they would bury the rest in a log."""
            if line.startswith(WATCHING):
                if time.monotonic() - shown_at[0] < A_MINUTE:
                    return
                shown_at[0] = time.monotonic()
            if line and line != last[0] and not line.startswith(("uploaded", ASKING)):
                last[0] = line
                write(f"  … {line}")

        yield Progress(run, write, once, groups=groups)
        return
    from yaspin.core import Yaspin

    width = shutil.get_terminal_size().columns
    with Yaspin(stream=screen) as status:

        def passing(line: str) -> None:
            status.text = _fit(typed(line), width)

        yield Progress(run, lambda line: status.write(_coloured(folded(leaving(typed(line)), width))), passing)


COLOURS = {"✓": "green", "!": "yellow", "✗": "bold red", "?": "magenta", "…": "yellow", "↩": "cyan"}
MARK = re.compile(rf"(?m)^(\s*)([{re.escape(''.join(COLOURS))}])")


def _coloured(line: str) -> str:
    from termcolor import colored

    plain = bool(variable("NO_COLOR"))

    def mark(found: re.Match[str]) -> str:
        *attributes, colour = COLOURS[found[2]].split()
        return found[1] + colored(found[2], colour, attrs=attributes, no_color=plain, force_color=not plain)

    if line.startswith("\n"):
        return colored(line, attrs=["bold"], no_color=plain, force_color=not plain)
    return MARK.sub(mark, line)


def _fit(line: str, width: int) -> str:
    line = one_line(line)
    return line[: width - 5].rpartition(" ")[0] + " …" if len(line) >= width - 4 else line

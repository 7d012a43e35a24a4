"""Every command begins here. ``rollback`` goes on without invoke and the other commands: two fifths of its time.

The task in ``pipeline/cli/release.py`` does the same. What is not plainly a rollback is left to invoke, which says why.
"""

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import NoReturn

from pipeline.cli.output import steadfast
from pipeline.cli.summary import fenced, to_summary
from pipeline.cli.terminal import DEPLOY_FILE, MISTAKE, ROOT, fail, honest, out, typed_here, unforeseen
from pipeline.emergency.access import RollbackOrder
from pipeline.home import ASKED, NAME, SCRIPT, TOOL, VERSION, typed_for, without_home

RARELY = (50_000, 20, 20)
"""How often Python looks for garbage: a command that begins makes half a million objects, and keeps them."""

ENDS = {0: "production is back", 1: "refused, nothing was touched", 4: "NOT PROVED, production needs a person now"}
"""Exit code of a rollback → what its summary begins with."""


def main() -> None:
    """Run the command that the process was started with."""
    atexit.register(gc.freeze)
    sys.excepthook = unforeseen
    said, words = without_home(sys.argv[1:])
    if said and not ROOT.is_dir():
        fail(f"--home {said}: there is no such folder", MISTAKE)
    if words[:1] in (["--version"], ["-V"], ["version"]):
        out(f"{NAME} {VERSION}")
        return
    if words[:1] == [SCRIPT]:
        from pipeline.cli.completion import SHELLS, completion_script

        if " ".join(words[1:]) not in SHELLS:
            fail(f"{SCRIPT} SHELL: knows {', '.join(SHELLS)}", MISTAKE)
        out(completion_script(words[1], typed_for(ROOT)))
        return
    order = order_of(words[1:]) if words[:1] == ["rollback"] else None
    if order:
        _leave(roll_back(order))
    else:
        from pipeline.cli.guide import answer

        program = typed_for(ROOT)
        text = answer(words, program)
        if text:
            with honest():
                out(text)
            return
        from pipeline.cli.parsing import Strict, wanted

        gc.set_threshold(*RARELY)
        gc.enable()
        typing = words[1:] if words[:1] == [ASKED] else None
        with steadfast():  # help and lists are read by `head`, too
            Strict(program, typing).run(
                ["inv", "--search-root", str(TOOL), *(wanted(words) if typing is None else [ASKED])]
            )


def order_of(words: Sequence[str]) -> RollbackOrder | None:
    """What was typed after ``rollback``; None when anything in it is no flag of ours, said twice, or has no value."""
    known = {"--" + field.name.replace("_", "-"): field for field in fields(RollbackOrder)}
    said: dict[str, str | bool] = {}
    rest = list(words)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        field = known.get(flag)
        if field is None or field.name in said:
            return None
        if field.default is False:
            if equals:
                return None
            said[field.name] = True
            continue
        if not equals and rest:
            value = rest.pop(0)
        if not value or value.startswith("-"):
            return None
        said[field.name] = value
    return RollbackOrder(**said)  # type: ignore[arg-type]


def roll_back(order: RollbackOrder) -> int:
    """Roll back as ``order`` says, and give the exit code that is true of production."""
    try:
        return _rolled_back(order)
    except SystemExit as end:  # it has said why
        return end.code if isinstance(end.code, int) else 1


def _leave(code: int) -> NoReturn:
    """End the process at once: all is written, and taking half a million objects apart is a tenth of a rollback."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def _rolled_back(order: RollbackOrder) -> int:
    with honest():
        from pipeline.emergency.rollback import rollback_now

        gc.freeze()
        gc.enable()
        said: list[str] = []

        def heard(text: str) -> None:
            said.append(text)
            out(text)

        code = rollback_now(order, ROOT, DEPLOY_FILE, heard)
        to_summary(fenced(f"Rollback: {ENDS.get(code, code)}", typed_here("\n".join(said))))
    return code

"""``invoke selftest``: tries the gates in a sandbox of its own, prints what was seen, and says whether all is whole."""

import fnmatch
import json
from collections.abc import Callable

from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.record.journal import plain
from pipeline.render.selftest import progress, seen_markdown, seen_plain, seen_text
from pipeline.selftest.breakages import BREAKAGES, TO_SEE
from pipeline.selftest.trial import Trial, results

Out = Callable[[str], None]
FORMATS = {"table": seen_text, "markdown": seen_markdown}


def try_gates(config: Config, only: str, form: str, out: Out, aside: Out) -> int:
    """Print the report on ``out`` and the progress on ``aside``; 1 when a gate was not seen to stop and to be cured.

    One that this machine cannot try is named, and no reason for a 1.
    """
    if form not in (*FORMATS, "json"):
        raise Mistake(f"--format {form}: is none; there are {', '.join((*FORMATS, 'json'))}")
    gates = tuple(gate for gate in (*TO_SEE, *config.own) if fnmatch.fnmatchcase(gate.name, only or "*"))
    if not gates:
        raise Mistake(f"--only {only}: no gate has such a name; ./inv --list check shows them")

    def tell(seen: Trial, number: int, of: int) -> None:
        aside(progress(seen, number, of))

    found = results(config, BREAKAGES, gates, tell)
    out(json.dumps(plain(seen_plain(found)), ensure_ascii=False) if form == "json" else FORMATS[form](found))
    return 0 if all(one.whole or one.did_not_run for one in found) else 1

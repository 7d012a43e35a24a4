"""``python -m tests.byhand.prove FILE``: types every command for a reader and writes down what was run, and when."""

import argparse
import datetime
import json
import sys
from pathlib import Path

from tests.byhand.not_run import NOT_RUN
from tests.byhand.reader import Reader, reading
from tests.byhand.scenarios import SCENARIOS
from tests.byhand.scenarios.model import Scenario
from tests.byhand.test_by_hand import attempt, lacking

Proof = dict[str, dict[str, str]]


def play(reader: Reader, scenario: Scenario, on: str) -> Proof:
    """What came of each command of one scenario."""
    missing = lacking(scenario)
    if missing:
        why = f"not installed: {', '.join(missing)}"
        return {one.text: {"result": "not run", "on": on, "why": why} for one in scenario.typed}
    reader.two_releases()
    scenario.prepare(reader)
    found: Proof = {}
    for one in scenario.typed:
        wrong = [str(error) for error in attempt(reader, one)]
        found[one.text] = {"result": "failed" if wrong else "ran", "on": on, "why": "\n".join(wrong)}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.byhand.prove", description=__doc__)
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    on = datetime.datetime.now(datetime.UTC).date().isoformat()
    found: Proof = {text: {"result": "not run", "on": on, "why": why} for text, why in NOT_RUN.items()}
    for scenario in SCENARIOS:
        with reading() as reader:
            found |= play(reader, scenario, on)
    file.write_text(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(any(one["result"] == "failed" for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())

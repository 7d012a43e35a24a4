"""``invoke runbooks.prove``: does what the runbooks say, and writes down that it was done, and when."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.clients.command import run_here
from pipeline.clock import SystemClock
from pipeline.commands.drill import quick
from pipeline.config import Config
from pipeline.documents.proofs import FILE, Proof, Proofs, load, save
from pipeline.drills.place import own_place
from pipeline.drills.play import play
from pipeline.drills.scenario import scenarios
from pipeline.environment import TESTS, for_child
from pipeline.errors import Mistake
from pipeline.home import TOOL
from pipeline.incidents.person import Nobody
from pipeline.record.journal import events_of, latest_runs
from pipeline.record.place import place_to_open
from pipeline.record.report import report_of
from pipeline.record.store import open_store
from pipeline.selftest.breakages import BREAKAGES, TO_SEE
from pipeline.selftest.trial import Trial, results

Out = Callable[[str], None]
KINDS = ("commands", "drills", "gates", "runs")
LONGEST = 1800


def prove_documents(config: Config, kinds: Iterable[str], root: Path, deploy_file: Path, out: Out) -> bool:
    """Prove each kind and keep what was seen; whether something failed. What was proved before of others stays."""
    wanted, today = tuple(kinds), SystemClock().now().date().isoformat()
    for one in wanted:
        if one not in KINDS:
            raise Mistake(f"--only {one}: is none; there are {', '.join(KINDS)}")
    found: Proofs = load(root)
    if "runs" in wanted:
        found = replace(found, runs={**found.runs, **_runs(config, root)})
    if "gates" in wanted:
        found = replace(found, gates=_gates(config, today, out))
    if "drills" in wanted:
        found = replace(found, drills=_drills(config, root, deploy_file, today, out))
    if "commands" in wanted:
        found = replace(found, commands=_commands(out))
    save(root, found)
    every = (found.commands, found.drills, found.gates)
    failed = [(name, proof.why) for each in every for name, proof in each.items() if proof.result == "failed"]
    for name, why in failed:
        out(f"not proved: {name}: {why}")
    out(f"{FILE}: written; ./inv runbooks shows it on the pages")
    return bool(failed)


def _gates(config: Config, today: str, out: Out) -> dict[str, Proof]:
    """Prove the gates: each is tried in every way that its breakages have, stopped, and cured."""
    proofs: dict[str, Proof] = {}

    def tell(trial: Trial, number: int, of: int) -> None:
        out(f"  {number:>3}/{of}  {'stops, is cured' if trial.whole else 'NOT SEEN':<16} {trial.gate}")

    for one in results(config, BREAKAGES, TO_SEE, tell):
        before = proofs.get(one.gate)
        whole = one.whole and (before is None or before.ran)
        proofs[one.gate] = Proof("ran" if whole else "failed", today, one.said if whole else one.problem)
    return proofs


def _drills(config: Config, root: Path, deploy_file: Path, today: str, out: Out) -> dict[str, Proof]:
    proofs = {}
    for name in scenarios():
        with own_place() as place:
            percent = play(quick(config), name, place, deploy_file, Nobody()).score.percent
        proofs[name] = Proof("ran" if percent == 100 else "failed", today, f"{percent} %")
        out(f"  {percent:>3} %  {name}")
    return proofs


def _commands(out: Out) -> dict[str, Proof]:
    """Prove the by-hand commands: tests type each into a shell; they need what `./inv test --wide` installs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "commands.json"
        words = [sys.executable, "-m", "tests.byhand.prove", str(file)]
        if not (TOOL / "tests").is_dir():
            raise Mistake("runbooks.prove: commands are typed by the tests, which are only in a checkout of the tool")
        code = run_here(words, TOOL, LONGEST, for_child(*TESTS))
        if not file.is_file():
            raise Mistake(f"runbooks.prove: no command could be typed (exit {code}); see above")
        raw: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    proofs = {text: Proof(**one) for text, one in raw.items()}
    out(f"  {sum(one.ran for one in proofs.values())} of {len(proofs)} by-hand commands were run")
    return proofs


def _runs(config: Config, root: Path) -> dict[str, Proof]:
    """The last good run of each pipeline on a target that is no sandbox, as the journal has it."""
    store = open_store(place_to_open(config.file.state, root, config.file.unencrypted).address, root)
    real = {name for name, one in config.file.targets.items() if one.kind != "sandbox"}
    found: dict[str, Proof] = {}
    for run in latest_runs(store, 200):
        report = report_of(run, events_of(store, run))
        if report.target in real and report.outcome in ("deployed", "rolled back") and report.pipeline not in found:
            found[report.pipeline] = Proof("ran", report.ended[:10], report.run)
    store.close()
    return found

"""Plants faults one at a time and asks the tests: ``python -m bench.mutants [AREA …]``.

Each fault is a change that a hurried hand could make. It is planted in a copy of the checkout, the tests that guard the
place are run there, and it is *caught* when one of them fails. What survives is named; the exit code is 1 when fewer
than 95 % are caught. A fault whose text is not found exactly once is a mistake here, exit 2: the code has moved on.
"""

import argparse
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("checks", "pipeline", "tests", "runbooks", ".github", "bench", "deploy.yml", "pyproject.toml", "tasks.py", "inv",
          "CONTRIBUTING.md", "CHANGELOG.md", "README.md", "requirements.lock", "requirements-rollback.lock", ".ci", ".gitignore")  # fmt: skip
LONGEST = 600.0
ENOUGH = 0.95


@dataclass(frozen=True)
class Fault:
    """``old`` in ``file`` becomes ``new``; ``tests`` guard the place, as arguments of pytest."""

    area: str
    file: str
    old: str
    new: str
    tests: str


def faults(area: str, file: str, tests: str, *changes: tuple[str, str]) -> tuple[Fault, ...]:
    """Faults of one file that the same tests guard."""
    return tuple(Fault(area, file, old, new, tests) for old, new in changes)


FAULTS = (
    *faults(
        "runner", "pipeline/engine/runner.py", "tests/engine",
        ("if stop and not stage.may_fail:\n                return stop", "if stop and stage.may_fail:\n                return stop"),
        ("        if stop and stop.holds and self.past.moved_production:", "        if stop and stop.holds:"),
        ("for step, inputs in reversed(self.past.begun):", "for step, inputs in self.past.begun:"),
        ("failed |= not undone", "failed &= not undone"),
        ("moved &= not (step.moves_production and nothing)", "moved &= not nothing"),
        ("again = refused is not None and left > 0", "again = False and left > 0"),
        ("if moved and not stop.cut:", "if moved:"),
        ("if step.name in self.past.done:\n                continue", "if step.name in self.past.done:\n                pass"),
        ("stop = Stop(self._explain(bug), cut=True)", "stop = Stop(self._explain(bug), holds=True)"),
        ("wait if refused else PROOF_PATIENCE", "REFUSED_PATIENCE"),
        ("            self.past.begin(step, inputs)\n            self.journal", "            self.journal"),
    ),
    *faults(
        "runner", "pipeline/engine/watch.py", "tests/engine",
        ("if verdict is Verdict.BLOCK or left <= 0 or spent or hopeless:", "if left <= 0 or spent or hopeless:"),
        ("hopeless = lasting and not self._past.moved_production", "hopeless = lasting"),
        ("if passed >= stage.during and good >= stage.in_a_row:", "if passed >= stage.during:"),
        ("bad > stage.budget", "bad > stage.budget + 1"),
        ("if gate in stage.advises:\n                findings = tuple(map(noted, findings))", "if gate in stage.advises:\n                pass"),
    ),
    *faults(
        "runner", "pipeline/engine/waivers.py", "tests/engine tests/whole/test_promotion.py tests/whole/test_deploy.py -k waive",
        ("today <= waiver.until", "today < waiver.until"),
        ("(Verdict.BLOCK, Verdict.NOT_YET)", "(Verdict.BLOCK, Verdict.NOT_YET, Verdict.UNKNOWN)"),
        ('waiver.subject in ("", finding.subject)', "waiver.subject"),
    ),
    *faults(
        "runner", "pipeline/engine/past.py", "tests/engine tests/record",
        ('elif event.kind == "undo done":', 'elif event.kind == "undo begins":'),
        ("if act[0] is not step] + [(step, inputs)]", "] + [(step, inputs)]"),
    ),
    *faults(
        "emergency", "checks/wayback.py", "tests/checks/test_wayback.py",
        ("one.created < live.created", "one.created != live.created"),
        ("    if live is None:\n        return Return(None)\n", "    if live is None:\n        return Return(next(iter(candidates), None))\n"),
        ("one.id not in known_bad", "one.id"),
        ("reverse=True", "reverse=False"),
    ),
    *faults(
        "emergency", "pipeline/emergency/steps.py", "tests/emergency",
        ("return answer.status > 0 and not answer.barrier and answer.deployment in", "return answer.deployment in"),
        ("    if assigned and _is(answer, target):", "    if assigned or _is(answer, target):"),
        ("(live is None and named)) and ended", "live is None) and ended"),
        ("while seen.project.moving and unpaced", "while not seen.project.moving and unpaced"),
        ('accepted = await roll_back(vercel, target) != "already there"', "accepted = bool(await roll_back(vercel, target))"),
        ("if final or until - unpaced(clock) <= 0:", "if True:"),
    ),
    *faults(
        "emergency", "pipeline/emergency/access.py", "tests/emergency",
        ("project = wanted.project or named", "project = wanted.project or others[0][0] or named"),
        ("if said and said != known and", "if said and not said and"),
    ),
    *faults(
        "emergency", "pipeline/emergency/memory.py", "tests/emergency",
        ("found |= result", "found = frozenset()"),
        ('            _Background(into("")).result(PATIENCE)\n            return f"{SHARED}', '            return f"{SHARED}'),
    ),
    *faults(
        "emergency", "pipeline/emergency/choice.py", "tests/emergency",
        ("if seen.live is None or answer.deployment != seen.live.id:", "if seen.live is None:"),
        ('return project.move.kind == "rollback" and project.move.to == live.id', "return False"),
        ("return bool(newer and newer & bad())", "return False"),
        ("if wanted in _names(one) and one.id in bad and not even_bad:", "if False:"),
        ("bad, seen.project.replaced_by(live.id))", "bad)"),
    ),
    *faults(
        "lock", "pipeline/record/lock.py", "tests/record",
        ("deploy_locks.expires <= excluded.since", "deploy_locks.expires >= excluded.since"),
        (' or deploy_locks.by_hand = 0"', ' or deploy_locks.by_hand >= 0"'),
        ('ours = "target = ? and holder = ? and since = ? and fence = ?"', 'ours = "target = ? and holder = ? and since >= ? and fence <> ?"'),
        ('ours = "target = ? and holder = ? and (?', 'ours = "target = ? and holder >= ? and (?'),
        ("return self._store.now() or self._clock.now()", "return self._clock.now()"),
        ("or held.host != machine():", "or held.host.partition(SEPARATOR)[0] != socket.gethostname():"),
        ("if held.by_hand or held.pid in", "if held.pid in"),
        ("held.expires <= self._now().isoformat()", "held.expires > self._now().isoformat()"),
    ),
    *faults(
        "journal", "pipeline/record/journal.py", "tests/record tests/engine",
        ("kept = {**self._redactor.deep(plain(body)), **plain(exact or {})}", "kept = {**plain(body), **plain(exact or {})}"),
        ("where run = ? order by seq", "where run = ? order by kind"),
        ("where kind = 'run begins' {NEWEST", "where kind <> 'run begins' {NEWEST"),
        ("where kind = 'run ended' and run = begun.run", "where kind = 'run begins' and run = begun.run"),
        ("            with contextlib.suppress(Exception):  # a terminal", "            with contextlib.suppress(ValueError):  # a terminal"),
    ),
    *faults(
        "journal", "pipeline/record/schema.py", "tests/record",
        ("create trigger if not exists deploy_events_kept before update on", "create trigger if not exists deploy_events_kept before update of run on"),
        ("drop trigger deploy_events_stay;\ncreate trigger deploy_events_stay before delete on deploy_events", "drop trigger deploy_events_stay;\ncreate trigger deploy_events_stay before delete on deploy_samples"),
        ("    new.seq := nextval(pg_get_serial_sequence('deploy_events', 'seq'));\n", ""),
        ("    perform pg_advisory_xact_lock({CHAINING});\n    select hash into before from (", "    select hash into before from ("),
        ("    lock table deploy_events in row exclusive mode;\n    perform pg_advisory_xact_lock({CHAINING});\n", "    lock table deploy_events in row exclusive mode;\n"),
        ("where run = a_run and at = an_at\n                          and kind || '' = a_kind", "where run = a_run and at = an_at\n                          and kind = a_kind"),
    ),
    *faults(
        "journal", "pipeline/record/ledger.py", "tests/record",
        ("if entry.hash and entry.hash != head:", "if False:"),
        ("            if head != anchor.hash:", "            if False:"),
    ),
    *faults(
        "journal", "pipeline/record/copies.py", "tests/record",
        ('if not first["run"] and before != head:', "if False:"),
        ("if len(row) != 5 or link(before, row) != head:", "if len(row) != 5:"),
    ),
    *faults(
        "journal", "pipeline/redact.py", "tests/record tests/test_redact.py",
        ("for value in (secret, *_of_an_address(secret)):", "for value in (secret,):"),
        ("return {said(key): _with_texts(item, said)", "return {key: _with_texts(item, said)"),
        ("key=len, reverse=True)", "key=len)"),
    ),
    *faults(
        "migrator", "pipeline/clients/migrator.py", "tests/clients/test_migrating.py",
        (" or not row.finished]", " or True]"),
        ("if row.failed and mark and mark.undone:", "if row.failed and mark:"),
        ("            if not seen.empty:\n", "            if seen.empty:\n"),
        ("                if row and row.finished:\n                    return", "                if row is None or row.finished:\n                    return"),
    ),
    *faults(
        "migrator", "pipeline/clients/sending.py", "tests/clients/test_migrating.py",
        ("if self._harmless(number, error.code) and clock.monotonic() < until:", "if False:"),
        ("if number == 1 and undone:", "if number == 1:"),
        ("self._session.opened if self.afresh else b\"\"", "b\"\""),
        ("            await self._let_others_go()\n", ""),
    ),
    *faults(
        "migrator", "pipeline/clients/finer.py", "tests/clients/test_migrating.py",
        ("if code == FRESH_VALUE:", "if False:"),
        ("(code == NO_COMMIT and runs) or ", ""),
    ),
    *faults(
        "migrator", "pipeline/clients/indexes.py", "tests/clients/test_migrating.py",
        ("if found is None or found.valid:", "if True:"),
        ("    if found.builder:\n", "    if False:\n"),
    ),
    *faults(
        "migrator", "pipeline/sql/statements.py", "tests/clients/test_reading_alike.py",
        ("else len(sql)\n", "else len(sql) - 1\n"),
    ),
    *faults(
        "gates", "checks/source.py", "tests/checks",
        ("elif commit.head != commit.sha and not release.older:", "elif False:"),
        ("if len(reviewers) < policy.required:", "if len(reviewers) + 1 < policy.required:"),
        ('elif check.state not in ("success", "neutral", "skipped"):', 'elif check.state not in ("success", "neutral", "skipped", "failure"):'),
        ("if commit.sha not in (seen.head, seen.merge_commit):", "if False:"),
    ),
    *faults(
        "gates", "checks/environment.py", "tests/checks",
        ("        if wanted.name in seen.names:\n            continue\n", "        continue\n"),
    ),
    *faults(
        "gates", "checks/values.py", "tests/checks",
        ("if variable.length == 0:", "if variable.length < 0:"),
        ('if "placeholder" in variable.shapes:', 'if "placeholders" in variable.shapes:'),
    ),
    *faults(
        "gates", "checks/health.py", "tests/checks",
        ("elif seen.status != 200:", "elif seen.status > 599:"),
        ("if seen.deployment and seen.deployment != staged.id:", "if False:"),
    ),
    *faults(
        "gates", "checks/statistics.py", "tests/checks",
        ("if high and probability(now, usual) < chance:", "if high:"),
        ("return Judged.TOO_LITTLE if now.exposure < least else Judged.USUAL", "return Judged.USUAL"),
        ("share = now.exposure / (now.exposure + usual.exposure)", "share = now.exposure / (usual.exposure or 1)"),
    ),
    *faults(
        "gates", "checks/release.py", "tests/checks",
        ("if seen.auto_assign is None:", "if False:"),
        ("elif release.over_rollback:", "elif not release.over_rollback:"),
    ),
    *faults(
        "gates", "checks/books.py", "tests/checks",
        ("if late > 0:", "if late < 0:"),
    ),
    *faults(
        "clients", "pipeline/clients/base.py", "tests/clients tests/sandbox/test_faults.py tests/sandbox/test_services.py",
        ("            if not _transient(error):\n                raise\n", ""),
        ("if found is not None or left <= 0:", "if found is not None:"),
        ('if not url.startswith(self.base + "/"):', "if False:"),
        ("        if response.is_success:\n            return response\n        raise self.refusal", "        if response.status_code < 500:\n            return response\n        raise self.refusal"),
        ("except ODD as error:\n            says =", "except (ValueError,) as error:\n            says ="),
    ),
    *faults(
        "clients", "pipeline/clients/exchange.py", "tests/clients/test_exchange.py",
        ("        if max(came, given) > most:", "        if came > most:"),
        ("wbits=47) if packed in UNPACKS", "wbits=47) if packed"),
        ("    if not _is_charset(whole.charset_encoding):", "    if False:"),
        ("parse_float=_finite", "parse_float=float"),
    ),
    *faults(
        "clients", "pipeline/clients/channels.py", "tests/clients tests/incidents",
        ("            if isinstance(result, ServiceError):", "            if False:"),
    ),
)  # fmt: skip


def misplaced(planted: Iterable[Fault] = FAULTS) -> tuple[str, ...]:
    """Faults whose text does not stand exactly once where it should."""
    return tuple(
        f"{fault.file}: {fault.old!r} stands there {count} times"
        for fault in planted
        if (count := (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old)) != 1
    )


def caught(fault: Fault, checkout: Path) -> bool:
    """Whether a test fails with ``fault`` in ``checkout``, which is as before afterwards."""
    path = checkout / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-x", "-n", "0", "-p", "no:cacheprovider", *fault.tests.split()]
    try:
        quiet = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(words, cwd=checkout, capture_output=True, timeout=LONGEST, check=False, env=quiet)
        return done.returncode == 1
    except subprocess.TimeoutExpired:
        return True  # nobody would wait that long
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> int:
    """Try every fault of the named areas, or of all; print what survives."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("area", nargs="*", help="runner, emergency, lock, journal, migrator, gates, clients")
    wanted = parser.parse_args().area
    wrong = misplaced()
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    tried = [fault for fault in FAULTS if not wanted or fault.area in wanted]
    survivors: list[Fault] = []
    counted: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            shutil.copytree(source, target, ignore=IGNORED) if source.is_dir() else shutil.copy2(source, target)
        for number, fault in enumerate(tried, 1):
            began = time.monotonic()
            found = caught(fault, Path(folder))
            counted[fault.area] += found
            survivors += [] if found else [fault]
            word = "caught" if found else "SURVIVED"
            planted = fault.new.strip().splitlines()[0] if fault.new.strip() else "removed"
            took = f"{time.monotonic() - began:5.1f} s"
            print(f"{number:>3}/{len(tried)} {word:<8} {took}  {fault.area:<9} {fault.file}: {planted}", flush=True)
    of = collections.Counter(fault.area for fault in tried)
    print("\n" + ", ".join(f"{area} {counted[area]} of {of[area]}" for area in of))
    share = 1 - len(survivors) / len(tried)
    print(f"{len(tried) - len(survivors)} of {len(tried)} faults were caught ({share:.0%})")
    return 0 if share >= ENOUGH else 1


IGNORED = shutil.ignore_patterns("node_modules", "__pycache__", ".runs", ".sandbox")

if __name__ == "__main__":
    raise SystemExit(main())

"""Gates of a home's own: read by file and line, asked beside ours, and unable to hang or break a run."""

import asyncio
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from checks.gate import Gate, Verdict, worst
from checks.outcome import Outcome
from checks.own import MOST, CommandGate, answer_of
from pipeline.commands.plan import plan_of
from pipeline.commands.selftest import try_gates
from pipeline.config import Config, load
from pipeline.config.own import own_gates
from pipeline.definitions.deploy import DEPLOY, ROLLING
from pipeline.definitions.own import must_fit, pipeline_of, pipeline_to_look, placed
from pipeline.documents.completeness import audit
from pipeline.documents.pages.every import documents
from pipeline.documents.writing import Sources, known, pages, workflows
from pipeline.engine import own as asking
from pipeline.engine.plan import probes_by_type
from pipeline.engine.planned import changed, rules_of
from pipeline.engine.readings import Round
from pipeline.environment import LINES, for_child, variable, variable_or_file
from pipeline.errors import Mistake
from pipeline.probes.every import PROBES
from pipeline.record.place import place_of
from pipeline.session.needs import to_settle, to_ship
from pipeline.session.session import Order, hidden_of, shadows
from tests.stage import ROOT, InProcess

HOME = "source: {repository: shop/web}\ntargets: {sandbox: {kind: sandbox}}\n"
LEGAL = '''\
"""What the lawyers want."""

from dataclasses import replace

from checks.evidence import Commit
from checks.gate import Findings, block, gate


@gate(owner="legal", stage="preflight")
def is_read(seen: Commit) -> Findings:
    """Legal has read what is shipped.

    Why: They read what GitHub has.

    By hand: Run `gh api repos/$REPOSITORY/commits/$COMMIT`.

    If it fails: Push it.
    """
    if not seen.known:
        yield block(seen.sha, "was read by nobody")


is_read.stops_when("it was not pushed", lambda seen: (replace(seen, known=False),))
'''
LICENCES = """\
title: Every package has a licence that we may use.
why: One that we may not use has to be taken out again, under time pressure.
by_hand: Run `npx license-checker --production`.
if_it_fails: Take the package out, or ask legal.
owner: legal
stage: smoke
command: [%s, scripts/licences.py]
timeout: 20s
environment: [LICENCES_TOKEN, DEPLOY_URL, DEPLOY_COMMIT]
stops_when:
  - situation: a package is under the AGPL
    prints: '{"verdict": "block", "subject": "left-pad", "says": "is under the AGPL", "fix": "npm uninstall left-pad"}'
"""
AGPL = {"verdict": "block", "subject": "left-pad", "says": "is under the AGPL", "fix": "npm uninstall left-pad"}
FINE = "print('all 3 are known')"


def homed(folder: Path, script: str = FINE, **files: str) -> Path:
    """A home with one gate of each kind; ``files`` in ``gates/`` are put beside them, or in their place."""
    (folder / "gates").mkdir(parents=True, exist_ok=True)
    (folder / "scripts").mkdir(exist_ok=True)
    (folder / "deploy.yml").write_text(HOME, encoding="utf-8")
    (folder / "scripts/licences.py").write_text(script, encoding="utf-8")
    usual = {"legal.py": LEGAL, "licences.are-known.yml": LICENCES % json.dumps(sys.executable)}
    for name, text in {**usual, **files}.items():
        (folder / "gates" / name).write_text(text, encoding="utf-8")
    return folder


def of(home: Path, name: str) -> Gate:
    return next(gate for gate in own_gates(home) if gate.name == name)


def test_both_kinds_are_found_with_their_words(tmp_path: Path) -> None:
    legal, licences = load(homed(tmp_path) / "deploy.yml").own
    assert (legal.name, legal.stage, legal.procedure.owner, legal.place) == (
        "legal.is-read",
        "preflight",
        "legal",
        "gates/legal.py:9",
    )
    assert isinstance(licences, CommandGate)
    assert (licences.name, licences.stage, licences.seconds) == ("licences.are-known", "smoke", 20)
    assert licences.procedure.if_it_fails == "Take the package out, or ask legal."


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("legal.py", "x = 1\ny = x / 0\n", "gates/legal.py:2: ZeroDivisionError"),
        ("legal.py", "def f(:\n", "gates/legal.py:1: is not Python"),
        ("legal.py", "import sys\n\nsys.exit(0)\n", "gates/legal.py:3: SystemExit"),
        ("legal.py", "x = 1\n", "gates/legal.py:1: has no gate"),
        ("legal.py", LEGAL.replace("    Why: They", "    They"), "gates/legal.py:9: TypeError: legal.is-read: its"),
        ("legal.py", LEGAL.replace(', stage="preflight"', ""), "gates/legal.py:9: legal.is-read: says no stage"),
        ("legal.py", LEGAL.partition("\n\nis_read.stops")[0], "gates/legal.py:9: legal.is-read: has no example"),
        ("legal.py", LEGAL.replace("known=False", "known=True"), "legal.is-read: does not stop when it was not pushed"),
        ("legal.py", LEGAL.replace("not seen.known", "seen.known"), "legal.is-read: stops when all is well"),
        ("legal.py", LEGAL.replace("seen.known", "seen.knwon"), "has no attribute 'knwon'"),
        ("legal.py", LEGAL.replace("seen: Commit", "seen: str"), "legal.is-read: asks for str"),
        ("licences.are-known.yml", "title: [", "gates/licences.are-known.yml:2:1: is not YAML"),
        ("licences.are-known.yml", "- a\n", "gates/licences.are-known.yml:1: the file: expected a mapping"),
        ("licences.are-known.yml", LICENCES.replace("owner: ", "owned: "), ":5: owned: is no key"),
        ("licences.are-known.yml", LICENCES.replace("owner: legal\n", ""), ":1: owner: is missing"),
        ("licences.are-known.yml", LICENCES.replace("stage: smoke", "stage: ''"), ":6: stage: is empty"),
        ("licences.are-known.yml", LICENCES.replace("20s", "1h"), ":8: timeout: is 3600 s; at most 180"),
        ("licences.are-known.yml", LICENCES.replace("LICENCES_TOKEN", "a=b"), ":9: environment[0]: is 'a=b'"),
        ("licences.are-known.yml", LICENCES.replace('"block"', '"stop"'), ":11: stops_when[0]: is no answer"),
        ("licences.are-known.yml", LICENCES + "    exit: 3\n", ":11: stops_when[0]: is no answer: it ended with 3"),
        ("licences.are-known.yml", LICENCES.replace('"block"', '"warn"') + "    exit: 0\n", "does not stop when"),
        ("licences.are-known.yml", f"{LICENCES}title: Twice.\n", ":13: title: is given twice"),
        ("known.yml", LICENCES, "gates/known.yml:1: the file is called as its gate"),
        ("legal.is-read.yml", LICENCES, "gates/legal.is-read.yml:1: there are two gates legal.is-read"),
    ],
)
def test_a_mistake_in_such_a_file_is_told_by_file_and_line(name: str, text: str, line: str, tmp_path: Path) -> None:
    home = homed(tmp_path, **{name: text.replace("%s", "python3")})
    with pytest.raises(Mistake) as told:
        assert load(home / "deploy.yml").own
    assert line in str(told.value)
    assert name in str(told.value)


def test_what_is_no_gate_is_left_alone(tmp_path: Path) -> None:
    home = homed(tmp_path, **{"_shared.py": "1 / 0", ".legal.py.swp": "", "README.md": "Ours."})
    assert [gate.name for gate in own_gates(home)] == ["legal.is-read", "licences.are-known"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("health.py", LEGAL, "gates/health.py:9: health.is-read: health is a family of ours"),
        ("source.is-pushed.yml", LICENCES % "python3", "source is a family of ours"),
        (
            "more.py",
            LEGAL.replace("preflight", "ship"),
            "more.is-read: stage ship: is none; there are preflight, build",
        ),
        (
            "more.py",
            LEGAL.replace("Commit", "StagedDeployment").replace("known", "id"),
            "needs StagedDeployment, which",
        ),
    ],
)
def test_one_that_takes_our_name_or_has_no_place_is_told(name: str, text: str, says: str, tmp_path: Path) -> None:
    text = text.replace("seen.sha", "seen.id").replace("id=False", 'id=""') if "Staged" in text else text
    config = load(homed(tmp_path, **{name: text}) / "deploy.yml")
    with pytest.raises(Mistake) as told:
        pipeline_of(config, "sandbox")
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("licences.are-known.yml", "title: 1"), ("health.py", LEGAL)],
    ids=["not read", "without a place"],
)
def test_whoever_looks_or_goes_back_does_not_wait_for_it_to_be_mended(name: str, text: str, tmp_path: Path) -> None:
    config = load(homed(tmp_path, **{name: text}) / "deploy.yml")
    config = dataclasses.replace(config, file=dataclasses.replace(config.file, shadow=("licences.are-known",)))
    with pytest.raises(Mistake, match=name):
        to_ship(config, Order("sandbox"))
    assert to_settle(config, "sandbox")
    assert [stage.name for stage in pipeline_to_look(config, "sandbox").stages] == [one.name for one in DEPLOY.stages]
    assert shadows(config) == ("licences.are-known",)


def test_it_is_asked_in_the_stage_that_it_says(tmp_path: Path) -> None:
    config = load(homed(tmp_path) / "deploy.yml")
    made = pipeline_of(config, "sandbox")
    asked = {gate.name: stage.name for stage in made.stages for gate in stage.asks if gate.stage}
    assert asked == {"legal.is-read": "preflight", "licences.are-known": "smoke"}
    assert len(made.gates) == len(DEPLOY.gates) + 2
    assert "asks licences.are-known" in plan_of(config, "sandbox")
    assert placed(ROLLING, ()) is ROLLING


def test_it_may_be_a_shadow(tmp_path: Path) -> None:
    home = homed(tmp_path)
    (home / "deploy.yml").write_text(f"{HOME}shadow: [legal.is-read]\n", encoding="utf-8")
    config = load(home / "deploy.yml")
    made = pipeline_of(config, "sandbox").with_shadows(shadows(config))
    assert [gate.name for gate in made.stages[0].advises] == ["legal.is-read"]


def test_its_variables_reach_its_stage_in_the_workflow_and_no_other(tmp_path: Path) -> None:
    config = load(homed(tmp_path) / "deploy.yml")
    text = workflows(config)[".github/workflows/deploy.yml"]
    assert text.count("LICENCES_TOKEN: ${{ secrets.LICENCES_TOKEN }}") == 1
    assert "DEPLOY_URL" not in text
    assert text.index("--stage=wake") < text.index("LICENCES_TOKEN") < text.index("--stage=smoke")


def test_of_a_program_that_fails_the_line_with_the_error_is_told_and_not_what_stands_behind_it() -> None:
    node = (
        "node:internal/modules:1\n  throw err;\nError: Cannot find module 'licences.mjs'\n    at x\n\nNode.js v22.1.0\n"
    )
    assert answer_of(1, "", node).last == "Error: Cannot find module 'licences.mjs'"
    assert answer_of(1, "", "Traceback\n  File x\njson.decoder.JSONDecodeError: no\n").last.startswith("json.decoder")
    assert answer_of(1, "", "two packages\nhave no licence\n").last == "have no licence"


def test_a_line_of_the_one_secret_of_a_called_workflow_is_as_good_as_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = homed(tmp_path)
    (home / ".env").write_text("LICENCES_TOKEN=of-the-file\n", encoding="utf-8")
    gate = next(one for one in load(home / "deploy.yml").own if isinstance(one, CommandGate))
    monkeypatch.setenv(LINES, "# ours\nLICENCES_TOKEN='a b=c$d'\nOUR_JOURNAL=postgresql://u:p@h/d\nEMPTY=\n")
    monkeypatch.setenv("OUR_JOURNAL", "")  # as GitHub sets a secret that is not there
    assert variable_or_file("LICENCES_TOKEN", home) == "a b=c$d"
    assert place_of("OUR_JOURNAL", home).address == "postgresql://u:p@h/d"
    assert (variable("EMPTY", "x"), variable("NEVER", "x")) == ("x", "x")
    assert "a b=c$d" in hidden_of((gate,), home), "nobody says it"
    assert LINES not in for_child(), "no process that we start is given all of them"
    monkeypatch.setenv("LICENCES_TOKEN", "of-its-own-name")
    assert variable_or_file("LICENCES_TOKEN", home) == "of-its-own-name"


def test_it_has_its_sections_in_the_runbook_and_the_reference(tmp_path: Path) -> None:
    config = load(homed(tmp_path) / "deploy.yml")
    found = documents(config.file, config.policies["sandbox"], {}, (), config.own)
    runbook = found["runbooks/deployment-runbook.md"]
    assert "#### legal.is-read\n" in runbook
    assert "block: left-pad is under the AGPL\n" in runbook
    assert "scripts/licences.py" in runbook
    assert known(Sources(config, tmp_path, ())).gates[-2:] == ("legal.is-read", "licences.are-known")
    ours = Sources(dataclasses.replace(config, found_own=()), tmp_path, ())
    gaps = audit(pages(found), known(Sources(config, tmp_path, ())))
    assert not [line for line in gaps if "legal" in line or "licences" in line]
    assert [line for line in audit(pages(found), known(ours)) if "section legal.is-read: there is no such gate" in line]


def test_a_run_that_began_by_other_words_of_its_files_does_not_go_on(tmp_path: Path) -> None:
    def rules() -> Any:
        config = load(tmp_path / "deploy.yml")
        policies = config.policies["sandbox"].by_type()
        return rules_of(pipeline_of(config, "sandbox"), policies, probes_by_type(PROBES), ())

    homed(tmp_path)
    before = rules()
    assert changed(before, rules()) == ()
    homed(tmp_path, **{"legal.py": f"{LEGAL}\n# another word\n"})
    assert changed(before, rules()) == ("gates",)


def test_it_is_seen_to_stop_without_a_sandbox(tmp_path: Path) -> None:
    config, said = load(homed(tmp_path) / "deploy.yml"), list[str]()
    assert try_gates(config, "l*", "table", said.append, lambda line: None) == 0
    assert "block: left-pad is under the AGPL" in said[0]
    assert "2 were seen to stop (2 by example)" in said[0]


@pytest.mark.parametrize(
    ("code", "printed", "complained", "verdict", "says"),
    [
        (0, "", "", Verdict.PASS, ""),
        (0, "all is well\n", "a warning\n", Verdict.PASS, ""),
        (0, '{"verdict": "pass", "subject": "a", "says": "b"}', "", Verdict.PASS, ""),
        (0, '{"verdict": "warn", "subject": "a", "says": "is old"}', "", Verdict.WARN, "a is old"),
        (0, json.dumps(AGPL), "", Verdict.BLOCK, "left-pad is under the AGPL"),
        (0, json.dumps({**AGPL, "verdict": "not yet"}), "", Verdict.NOT_YET, "left-pad is under the AGPL"),
        (1, "", "", Verdict.BLOCK, "the command says no"),
        (1, "first\nlast\n", "why\n", Verdict.BLOCK, "the command says no: last"),
        (1, "", "why\n", Verdict.BLOCK, "the command says no: why"),
        (1, '{"verdict": "warn", "subject": "a", "says": "is old"}', "", Verdict.BLOCK, "the command says no"),
    ],
)
def test_exit_code_and_lines_become_findings(
    code: int, printed: str, complained: str, verdict: Verdict, says: str, tmp_path: Path
) -> None:
    gate = of(homed(tmp_path), "licences.are-known")
    findings = tuple(gate.judge(answer_of(code, printed, complained)))
    assert worst(findings) is verdict
    assert says in [str(finding) for finding in findings] or not says


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        (2, ""),
        (-9, ""),
        (0, "{"),
        (0, '{"verdict": "fine", "subject": "a", "says": "b"}'),
        (0, '{"verdict": "block", "subject": "a"}'),
        (0, '{"verdict": "block", "subject": "a", "says": 7}'),
        (0, '{"verdict": "pass", "subject": "a", "says": "b", "severity": "P0"}'),
        (0, "{" * 100_000),
    ],
)
def test_anything_else_is_no_answer(code: int, printed: str) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        answer_of(code, printed)


def test_of_very_many_findings_the_gravest_are_kept_and_of_their_texts_the_beginning() -> None:
    mild = json.dumps({"verdict": "warn", "subject": "s" * 9000, "says": "w" * 9000})
    answer = answer_of(0, "\n".join([*[mild] * 400, json.dumps(AGPL)]))
    assert len(answer.said) == MOST
    assert answer.said[0].verdict is Verdict.BLOCK
    assert max(len(str(one)) for one in answer.said) < 1100


def asked(inside: InProcess, gate: Gate, home: Path) -> tuple[Verdict, str]:
    """What a round hears of ``gate`` in the sandbox, and how grave that is."""
    inside.settings = dataclasses.replace(inside.settings, root=home)

    async def go() -> tuple[Verdict, str]:
        async with (
            inside.world(inside.release()) as world,
            Round(world, inside.settings.policies, probes_by_type(PROBES)) as look,
        ):
            findings, _ = await look.ask(gate)
            return worst(findings), "; ".join(map(str, findings))

    return asyncio.run(go())


BROKEN = {
    "raises": "raise RuntimeError('no such file')",
    "leaves": "raise SystemExit(0)",
    "says what is none": "yield 7",
    "never ends": "while True: pass",
    "never stops saying": "while True: yield block('a', 'b')",
    "never ends inside a library": "__import__('re').match('(a+)+$', 'a' * 64 + 'b')",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_gate_that_breaks_or_hangs_could_not_look(
    how: str, inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "JUDGING", 0.2)
    monkeypatch.setattr(asking, "_endless", set[str]())
    real = f'    if not seen.sha.startswith("c0ffee"):  # it is well while the home is read\n        {BROKEN[how]}\n'
    bad = LEGAL.replace("    if not seen.known:", f"{real}    if not seen.known:")
    gate = of(homed(tmp_path, **{"legal.py": bad}), "legal.is-read")
    began = time.monotonic()
    verdict, said = asked(inside, gate, tmp_path)
    if how == "never stops saying":
        assert (verdict, said.count("a b")) == (Verdict.BLOCK, MOST)
        return
    assert verdict is Verdict.UNKNOWN
    assert "gates/legal.py:9: it " in said
    assert time.monotonic() - began < 5
    if how.startswith("never"):
        assert "is not asked again" in asked(inside, gate, tmp_path)[1]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("import sys; print('no network', file=sys.stderr); sys.exit(3)", "it ended with 3: no network"),
        ("import os; os.kill(os.getpid(), 9)", "it ended with -9"),
        ("print('x' * (3 << 20))", "printed more than 1024 KiB"),
        ("import time; time.sleep(60)", "has not ended in 0.5 s"),
        ("print('{')", "it printed a line that is no JSON"),
    ],
)
def test_a_command_that_breaks_or_hangs_could_not_look(
    script: str, says: str, inside: InProcess, tmp_path: Path
) -> None:
    home = homed(
        tmp_path, script, **{"licences.are-known.yml": (LICENCES % json.dumps(sys.executable)).replace("20s", "5s")}
    )
    gate = of(home, "licences.are-known")
    assert isinstance(gate, CommandGate)
    gate.seconds = 0.5 if "sleep" in script else 20.0
    verdict, said = asked(inside, gate, home)
    assert verdict is Verdict.UNKNOWN
    assert says in said


def test_a_command_that_is_not_there_could_not_look(inside: InProcess, tmp_path: Path) -> None:
    home = homed(tmp_path, **{"licences.are-known.yml": LICENCES % "no-such-program"})
    verdict, said = asked(inside, of(home, "licences.are-known"), home)
    assert verdict is Verdict.UNKNOWN
    assert "cannot be started" in said


def test_a_command_knows_the_variables_that_it_names_and_no_other(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import json, os; open('seen.json', 'w').write(json.dumps(dict(os.environ)))"
    monkeypatch.setenv("LICENCES_TOKEN", "canary-of-theirs")
    monkeypatch.setenv("VERCEL_TOKEN", "canary-of-ours")
    home = homed(tmp_path, script)
    verdict, said = asked(inside, of(home, "licences.are-known"), home)
    assert verdict is Verdict.PASS, said
    seen = json.loads((home / "seen.json").read_text(encoding="utf-8"))
    assert seen["LICENCES_TOKEN"] == "canary-of-theirs"
    assert seen["DEPLOY_COMMIT"] == inside.release().commit
    assert seen["DEPLOY_URL"] == f"http://{inside.settings.domain}"
    assert "canary-of-ours" not in seen.values()
    assert hidden_of(own_gates(home), home) == ("canary-of-theirs",)
    monkeypatch.delenv("LICENCES_TOKEN")
    (home / ".env").write_text("LICENCES_TOKEN=of-the-file\n", encoding="utf-8")
    assert hidden_of(own_gates(home), home) == ("of-the-file",)


def shipped(inside: InProcess, config: Config, home: Path) -> Any:
    inside.settings = dataclasses.replace(inside.settings, root=home)
    inside.pipeline = pipeline_of(config, "sandbox").at_pace(config.pace("sandbox"))
    return inside.deploy("good")


def test_a_run_asks_them_beside_ours_and_ships(inside: InProcess, tmp_path: Path) -> None:
    script = "import os; open('url', 'w').write(os.environ['DEPLOY_URL'])"
    home = homed(tmp_path / "home", script)
    outcome, report = shipped(inside, load(home / "deploy.yml"), home)
    assert outcome is Outcome.DEPLOYED
    said = {line.name: line.state for stage in report.stages for line in stage.lines}
    assert (said["legal.is-read"], said["licences.are-known"]) == ("pass", "pass")
    assert "127.0.0.1" in (home / "url").read_text(encoding="utf-8"), "the staged deployment, not the domain"
    assert inside.settings.domain not in (home / "url").read_text(encoding="utf-8")


def test_a_run_is_stopped_by_what_a_command_prints_and_its_words_are_only_words(
    inside: InProcess, tmp_path: Path
) -> None:
    bad = {**AGPL, "says": "is under \u001b[31mAGPL\n::error::and more"}
    home = homed(tmp_path / "home", f"print({json.dumps(json.dumps(bad))})")
    before = inside.serves()
    outcome, report = shipped(inside, load(home / "deploy.yml"), home)
    assert outcome is Outcome.BLOCKED
    assert inside.serves() == before
    line = next(line for stage in report.stages for line in stage.lines if line.name == "licences.are-known")
    assert line.state == "block"
    assert line.findings[0]["fix"] == "npm uninstall left-pad"
    from pipeline.redact import leaving
    from pipeline.render.report import summary_text

    assert "\u001b" not in leaving(summary_text(report))
    assert "\n::error" not in leaving(summary_text(report))


def test_a_home_without_such_a_folder_reads_none(tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text(HOME, encoding="utf-8")
    assert load(tmp_path / "deploy.yml").own == ()
    assert os.listdir(tmp_path) == ["deploy.yml"]
    must_fit((), {})


def test_the_examples_of_the_documents_are_gates(tmp_path: Path) -> None:
    text = (ROOT / "docs/adopting.md").read_text(encoding="utf-8").partition("## Gates of your own")[2]
    python, yaml = (text.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("python", "yaml"))
    config = load(homed(tmp_path, **{"legal.py": python, "licences.are-known.yml": yaml}) / "deploy.yml")
    assert [gate.name for gate in config.own] == ["legal.is-signed", "licences.are-known"]
    must_fit(config.own, config.policies["sandbox"].by_type())

"""An upgrade knows what is called otherwise: it says where, and writes the new names without touching the rest."""

import re
import subprocess
from pathlib import Path

import pytest

import tasks
from checks.gate import Gate
from pipeline.adoption.upgrade import renamed_in, write_new_names
from pipeline.config import DeployFile, load, schema
from pipeline.config.renames import GATES, KEYS, Renamed, old_names, with_new_names
from pipeline.definitions.every import GATES as ASKED
from pipeline.errors import Mistake
from tests.processes import LONGEST
from tests.stage import ROOT

OLD = """\
# ours
source: {repository: shop/web}   # here
shadow: [access.student-can-sign-in, "watch.errors-stay-usual"]
waivers:
  - gate: 'access.student-can-sign-in'   # until Dana is back
    until: 2030-01-01
    by: Dana
    reason: access.student-can-sign-in is too slow
targets:
  sandbox:
    kind: sandbox
    override:
      smoke: {slowest: 3s}   # patient
"""
MADE_UP = (Renamed("smoke.slowest", "slowest_ms", "9.1"), Renamed("source", "code", "9.2"))


def test_gates_that_are_called_otherwise_are_named_by_line_and_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    text = OLD.replace("      smoke: {slowest: 3s}   # patient", "      vitals: {lab: false}   # patient")
    file.write_bytes(text.replace("\n", "\r\n").encode())
    names, new = renamed_in(file)
    assert [str(one) for one in names] == [
        f"{line}: {path}: access.student-can-sign-in: is access.smoke-user-can-sign-in since 0.1.0"
        for line, path in ((3, "shadow"), (5, "waivers.gate"))
    ]
    load(file, new)
    assert file.read_bytes() != new.encode(), "nothing is written by looking"
    write_new_names(file, names, new)
    wanted = text.replace("[access.student", "[access.smoke-user").replace("'access.student", "'access.smoke-user")
    assert file.read_bytes().decode() == wanted.replace("\n", "\r\n"), "comments, quotes and reasons stay"
    assert renamed_in(file)[0] == ()
    assert [one.gate for one in load(file).file.waivers] == ["access.smoke-user-can-sign-in"]


@pytest.mark.process
def test_the_command_shows_it_first_and_then_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    file.write_text(OLD.replace("smoke: {slowest: 3s}", "vitals: {lab: false}"), encoding="utf-8")

    def upgraded(*words: str, code: int) -> str:
        command = [str(ROOT / "inv"), "upgrade", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    before = file.read_bytes()
    said = upgraded("--plan", code=1)
    assert "deploy.yml:3: shadow: access.student-can-sign-in: is access.smoke-user-can-sign-in since 0.1.0" in said
    assert "runbooks/reference.md: +" in said, "what comes after it, too"
    assert file.read_bytes() == before
    upgraded(code=0)
    assert "access.smoke-user-can-sign-in" in file.read_text(encoding="utf-8")
    assert "workflows and runbooks are those of this version" in upgraded("--plan", code=0)


def test_keys_are_found_at_the_top_and_where_a_target_overrides_them() -> None:
    names = old_names(OLD, MADE_UP, ())
    assert [str(one) for one in names] == ["2: source: is code since 9.2", "13: smoke.slowest: is slowest_ms since 9.1"]
    new = with_new_names(OLD, names)
    assert new == OLD.replace("source:", "code:").replace("{slowest:", "{slowest_ms:")


@pytest.mark.process
def test_the_journeys_of_before_are_shown_as_what_they_are_now(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    old = "{login: true, course: /courses/algebra-1, course_contains: Lessons, upload: /api/upload, advisory: [upload]}"
    target = "targets: {sandbox: {kind: sandbox, example: false}}"
    text = f"source: {{repository: shop/web}}\nsmoke:\n  journeys: {old}\n{target}\n"
    file.write_text(text, encoding="utf-8")
    command = [str(ROOT / "inv"), "upgrade", "--plan"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    said = re.findall(
        r"^deploy.yml:3: smoke.journeys.(\w+): is gone since 0.1.0: .*?  (.*?)(?:  |$)", done.stdout, re.M
    )
    assert [name for name, _ in said] == ["login", "course", "course_contains", "upload"]
    now = {name: words.removeprefix("- ") for name, words in said}
    course = now["course"].replace("}]}", f", {now['course_contains']}}}]}}")
    new = [now["login"], course, now["upload"].replace("{name", "{advisory: true, name")]
    file.write_text(text.replace(old, f"[{', '.join(new)}]"), encoding="utf-8")
    assert renamed_in(file)[0] == ()
    login, lessons, upload = load(file).policies["sandbox"].smoke.journeys
    assert (login.sign_in, lessons.steps[0].expect.contains, upload.advisory) == ("nextauth", "Lessons", True)
    assert (lessons.steps[0].path, upload.steps[0].path) == ("/courses/algebra-1", "/api/upload")


def test_a_key_that_is_gone_is_left_and_what_is_in_its_place_is_said(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    text = "source: {repository: shop/web}\nerrors:\n  fewest_events: 3 # few\ntargets: {sandbox: {kind: sandbox}}\n"
    file.write_text(text, encoding="utf-8")
    names, new = renamed_in(file)
    assert new == text
    assert str(names[0]).startswith("3: errors.fewest_events: is gone since 0.1.0: errors.chance and")
    with pytest.raises(Mistake, match=r"deploy.yml:3: errors.fewest_events: .*; it is gone since 0.1.0: errors.chance"):
        load(file)
    before = file.stat().st_mtime_ns
    write_new_names(file, names, new)
    assert file.stat().st_mtime_ns == before


def test_what_is_no_yaml_or_not_there_has_none(tmp_path: Path) -> None:
    assert old_names("a: [") == ()
    assert old_names("") == ()
    assert renamed_in(tmp_path / "deploy.yml") == ((), "")


def test_every_new_name_is_one_and_no_old_one_is() -> None:
    known = {gate.name for gate in ASKED if isinstance(gate, Gate)}
    assert {one.new for one in GATES} <= known
    assert not {one.old for one in GATES} & known
    parts = schema()["$defs"]
    for one in KEYS:
        (section, *within), key = one.old.split(".")[:-1], one.old.split(".")[-1]
        kind = DeployFile.__dataclass_fields__[section].type
        properties = parts[re.split(r"\W", str(getattr(kind, "__name__", kind)))[-1]]["properties"]
        for part in within:
            properties = parts[properties[part]["items"]["$ref"].rpartition("/")[2]]["properties"]
        assert key not in properties
        assert not one.new or one.new in properties
    assert "upgrade" in tasks.namespace.task_names

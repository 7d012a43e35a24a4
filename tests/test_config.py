"""deploy.yml: what is wrong is said all at once, with file, line and key path."""

from pathlib import Path

import pytest

from checks.auth import auth_answers, auth_is_set_up
from checks.policy import AuthPolicy, DatabasePolicy, ErrorsPolicy, HealthPolicy, UptimePolicy
from pipeline.config import load, schema
from pipeline.config.document import seconds
from pipeline.definitions.unused import kept, unused
from pipeline.errors import Mistake

ROOT = Path(__file__).resolve().parent.parent
LEAST = """\
source: {repository: acme/lms}
errors: {organization: acme, project: lms}
uptime: {monitor: "1"}
targets:
  sandbox: {kind: sandbox}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "deploy.yml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(Mistake) as caught:
        load(written(folder, text))
    return str(caught.value).splitlines()


def test_the_example_is_valid_and_every_section_is_in_it() -> None:
    config = load(ROOT / "deploy.yml")
    import yaml

    raw = yaml.safe_load((ROOT / "deploy.yml").read_text(encoding="utf-8"))
    assert set(raw) == set(vars(config.file))


def test_the_least_that_is_enough(tmp_path: Path) -> None:
    assert load(written(tmp_path, LEAST)).file.target == "sandbox"


def test_every_mistake_is_reported_at_once_with_its_line_and_path(tmp_path: Path) -> None:
    said = mistakes(
        tmp_path,
        LEAST.replace("project: lms", "project: 7")
        + "health: {paht: /x}\nsmoke:\n  routes:\n    - {path: /, status: many}\nsecurity: {blocks: [urgent]}\n",
    )
    assert [line.split(": ")[0:2] for line in said] == [
        ["deploy.yml:2", "errors.project"],
        ["deploy.yml:6", "health.paht"],
        ["deploy.yml:9", "smoke.routes[0].status"],
        ["deploy.yml:10", "security.blocks[0]"],
    ]
    assert "got 'many'" in said[2]


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    assert any(
        "source: is missing" in line
        for line in mistakes(tmp_path, LEAST.replace("source: {repository: acme/lms}\n", ""))
    )


def test_a_team_without_sentry_and_better_stack_leaves_their_sections_out(tmp_path: Path) -> None:
    config = load(written(tmp_path, "source: {repository: acme/lms}\ntargets:\n  sandbox: {kind: sandbox}\n"))
    found = config.policies["sandbox"]
    assert (found.errors.organization, found.uptime.monitor) == ("", "")
    assert {ErrorsPolicy, UptimePolicy} <= unused(found.by_type())


def test_a_team_without_nextauth_is_asked_nothing_of_it(tmp_path: Path) -> None:
    found = (
        load(written(tmp_path, "auth: {path: ''}\n" + LEAST + "  real: {kind: production}\n"))
        .policies["real"]
        .by_type()
    )
    assert AuthPolicy in unused(found)
    assert not kept((auth_answers, auth_is_set_up), unused(found))


def test_the_sandbox_is_quick_by_itself_and_a_stage_that_is_named_is_as_it_says(tmp_path: Path) -> None:
    text = LEAST.replace("{kind: sandbox}", "{kind: sandbox, pace: {watch: {during: 9s}}}")
    pace = load(written(tmp_path, text + "  real: {kind: production}\n")).pace("sandbox")
    assert pace["preflight"]["patience"] < 60
    assert pace["watch"]["during"] == 9
    assert load(written(tmp_path, text + "  real: {kind: production}\n")).pace("real") == {}


def test_a_key_given_twice_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, LEAST + "target: sandbox\ntarget: sandbox\n") == ["deploy.yml:7: target: is given twice"]


def test_a_target_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path, LEAST + "target: prod\n") == ["deploy.yml:6: target: there is no 'prod' under `targets`"]
    instead = LEAST.replace("sandbox:", "prod:")
    assert mistakes(tmp_path, instead) == [
        "deploy.yml:1: target: is not set, and there is no 'sandbox' under `targets`; say   target: prod"
    ]
    assert mistakes(tmp_path, "source: {repository: acme/lms}\ntargets: {}\n")[0].endswith(
        "say   targets: {sandbox: {kind: sandbox}}"
    )


@pytest.mark.parametrize(
    "text", ["", "- a\n", "just words\n", "a: [1, 2\n", "a: {b: \x00}\n", "\tx: 1\n", "a: *nobody\n"]
)
def test_what_is_no_mapping_or_no_yaml_is_one_clear_mistake(tmp_path: Path, text: str) -> None:
    said = mistakes(tmp_path, text)
    assert len(said) == 1
    assert said[0].startswith("deploy.yml:")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"deploy.yml: is missing"):
        load(tmp_path / "deploy.yml")


def test_a_target_overrides_only_what_it_names(tmp_path: Path) -> None:
    text = (
        LEAST.replace("{kind: sandbox}", "{kind: sandbox, example: false, override: {health: {slowest_ms: 9}}}")
        + "health: {path: /up}\n"
    )
    config = load(written(tmp_path, text))
    assert config.policies["sandbox"].health == HealthPolicy("/up", 9)
    assert config.file.health == HealthPolicy("/up", 5000)


def test_a_mistake_in_an_override_is_found_there(tmp_path: Path) -> None:
    text = LEAST.replace("{kind: sandbox}", "\n    kind: sandbox\n    override:\n      health: {slowest_ms: fast}")
    assert mistakes(tmp_path, text)[0].startswith("deploy.yml:8: health.slowest_ms")


def test_durations_are_seconds(tmp_path: Path) -> None:
    config = load(written(tmp_path, LEAST + "database: {lock_timeout: 500ms, statement_timeout: 2h}\n"))
    assert config.file.database == DatabasePolicy(lock_timeout=0.5, statement_timeout=7200)
    with pytest.raises(ValueError, match="no duration"):
        seconds("soon")


def test_the_editor_schema_accepts_durations_and_refuses_unknown_keys() -> None:
    made = schema()
    assert made["additionalProperties"] is False
    assert made["$defs"]["DatabasePolicy"]["properties"]["lock_timeout"]["type"] == ["number", "string"]
    assert made["$defs"]["UptimePolicy"]["properties"]["availability_percent"]["type"] == "number"
    assert made["$defs"]["HealthPolicy"]["properties"]["path"]["description"]

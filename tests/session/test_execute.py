"""Orders that make no sense are refused before anything is touched."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.policy import BuildPolicy, PromotionPolicy
from pipeline.clients.prebuilt import output_files
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.deploy import DEPLOY, PREVIEW, ROLLING, rolling_out
from pipeline.documents.pages.workflow import Setting, called_workflows, workflow
from pipeline.engine.plan import Pipeline, Stage, check
from pipeline.engine.uses import Needs
from pipeline.environment import LINES
from pipeline.errors import BadReleaseError, BrokenPlan, Mistake
from pipeline.probes.every import PROBES
from pipeline.record.journal import new_run_id
from pipeline.session.asking import READERS
from pipeline.session.deploy import RUN_ID
from pipeline.session.fitting import stages_of
from pipeline.session.session import Order
from pipeline.world.secrets import SECRETS, STATE
from tests.scripted import MovingClock


def policies() -> list[type]:
    from checks import healthy

    return [type(policy) for policy in healthy.POLICIES]


@pytest.mark.parametrize("pipeline", [DEPLOY, PREVIEW], ids=lambda pipeline: pipeline.name)
def test_the_pipelines_can_run(pipeline: Pipeline) -> None:
    check(pipeline, PROBES, policies())


def test_a_plan_that_needs_what_comes_later_is_refused() -> None:
    stages = {stage.name: stage for stage in DEPLOY.stages}
    late = Pipeline("late", "x", (stages["promote"], stages["build"]))
    with pytest.raises(BrokenPlan, match="record-promotion needs StagedDeployment, which nothing before it gives"):
        check(late, PROBES, policies())


def test_a_gate_that_appears_twice_is_refused() -> None:
    twice = Pipeline("twice", "x", (DEPLOY.stages[0], Stage("again", "x", asks=DEPLOY.stages[0].asks[:1])))
    with pytest.raises(BrokenPlan, match="appears twice"):
        check(twice, PROBES, policies())


def test_a_pace_for_a_stage_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BrokenPlan, match="no stage smoek"):
        DEPLOY.at_pace({"smoek": {"patience": 1}})


def test_run_ids_sort_by_time_and_can_be_typed() -> None:
    clock = MovingClock()
    first = new_run_id(clock.now())
    clock.seconds = 1
    assert first < new_run_id(clock.now())
    assert RUN_ID.match(first)


def test_a_folder_without_a_build_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadReleaseError, match="run `vercel build --prod` there first"):
        output_files(tmp_path)


def test_every_file_is_listed_once_with_its_hash_and_mode(tmp_path: Path) -> None:
    output = tmp_path / ".vercel/output"
    (output / "static/a b").mkdir(parents=True)
    (output / "config.json").write_text('{"version": 3}')
    (output / "static/empty").write_bytes(b"")
    (output / "static/a b/ünï.txt").write_text("x")
    (output / "static/link").symlink_to("empty")
    found = {file.name: file for file in output_files(tmp_path)}
    assert set(found) == {
        ".vercel/output/config.json",
        ".vercel/output/static/empty",
        ".vercel/output/static/a b/ünï.txt",
        ".vercel/output/static/link",
    }
    assert found[".vercel/output/static/empty"].sha == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert found[".vercel/output/static/link"].mode == 0o120777
    assert found[".vercel/output/static/link"].content() == b"empty"


def test_a_file_that_changes_during_the_upload_is_an_error(tmp_path: Path) -> None:
    output = tmp_path / ".vercel/output"
    output.mkdir(parents=True)
    (output / "config.json").write_text('{"version": 3}')
    (file,) = output_files(tmp_path)
    (output / "config.json").write_text('{"version": 4}')
    with pytest.raises(BadReleaseError, match="changed while it was being uploaded"):
        file.content()


def made(pipeline: Pipeline = DEPLOY, **said: Any) -> dict[str, Any]:
    """The workflow ``deploy.yml`` as data; ``said``: the fields of its setting."""
    found: dict[str, Any] = yaml.safe_load(workflow(pipeline, Needs(READERS), Setting(**said)))
    return found


def test_the_workflow_has_one_step_a_stage_and_ends_by_settling() -> None:
    job = made()["jobs"]["deploy"]
    steps = job["steps"]
    at = next(index for index, step in enumerate(steps) if step["name"] == "pull")
    assert [step["name"] for step in steps[at:]] == ["pull", "output", *(one.name for one in DEPLOY.stages), "settle"]
    assert steps[-1]["if"] == "always() && steps.begins.outcome != 'skipped'"
    assert steps[at + 2]["id"] == "begins"
    for step in steps[at:]:
        assert step["run"].startswith("exec ./inv "), "GitHub signals the step's entry process"
    assert job["concurrency"]["cancel-in-progress"] is False
    assert (made()["permissions"], job["permissions"]["contents"]) == ({}, "read")
    assert all(
        "@" in step["uses"] and len(step["uses"].split("@")[1].split()[0]) == 40 for step in steps if "uses" in step
    )


def test_the_workflow_follows_the_way_of_building_and_the_shares() -> None:
    def names(by: str, *shares: int) -> list[str]:
        pipeline = rolling_out(DEPLOY, PromotionPolicy(shares))
        steps = made(pipeline, build=BuildPolicy(by))["jobs"]["deploy"]["steps"]  # type: ignore[arg-type]
        return [str(step["name"]) for step in steps[steps.index(next(s for s in steps if "keep" in s["name"])) + 1 :]]

    assert names("git")[0] == "preflight"
    assert names("cli")[:2] == ["vercel on the path", "preflight"]
    rolled = names("prebuilt", 10, 50)
    at = rolled.index("promote")
    assert rolled[at : at + 4] == ["promote", "share-50", "complete", "validate"]


def called(name: str = "ship") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(called_workflows(CHECKLISTS.values(), Needs(READERS), Setting())[name])
    return found


def test_the_workflow_that_others_call_fits_whatever_shares_they_release_in() -> None:
    """Its steps cannot follow a ``deploy.yml`` that it has never seen."""
    job = called()["jobs"]["deploy"]
    steps = {step["name"]: step for step in job["steps"]}
    stages = [stage.name for stage in DEPLOY.stages]
    assert [name for name in steps if name in stages] == stages
    assert "--stage=promote --before=validate" in steps["promote"]["run"]
    assert [name for name, step in steps.items() if "--before" in step.get("run", "")] == ["promote"]
    needs = Needs(READERS)
    for stage in ROLLING.stages:
        step = steps[stage.name if stage.name in steps else "promote"]
        assert set(needs.of_stage(ROLLING, stage)) <= set(step["env"]), stage.name
    assert set(needs.of_undoing(ROLLING)) <= set(steps["settle"]["env"])
    assert job["timeout-minutes"] == "${{ inputs.minutes }}"


def test_it_builds_as_its_caller_says_in_the_folder_that_its_caller_says() -> None:
    whole = called()
    job, inputs = whole["jobs"]["deploy"], whole[True]["workflow_call"]["inputs"]  # YAML reads `on` as true
    steps = {step["name"]: step for step in job["steps"]}
    conditions = {name: step["if"] for name, step in steps.items() if "inputs.build" in step.get("if", "")}
    assert conditions == {
        "install": "inputs.build != 'git'",
        "pull": "inputs.build == 'prebuilt'",
        "output": "inputs.build == 'prebuilt'",
        "vercel on the path": "inputs.build == 'cli'",
    }
    assert (inputs["build"]["default"], inputs["home"]["default"]) == ("prebuilt", ".")
    assert job["defaults"]["run"]["working-directory"] == "${{ inputs.home }}"
    assert not [name for name, step in steps.items() if "--from" in step.get("run", "")], "`app` of its deploy.yml"
    assert ".runs/vercel-cli" in steps["vercel on the path"]["run"], "where build.tools put it for a home"
    assert "inputs.home" in job["concurrency"]["group"]


@pytest.mark.parametrize(("name", "step"), [("call-rollback", "rollback"), ("call-monitor", "ask")])
def test_rollback_and_monitor_are_called_as_ship_is(name: str, step: str) -> None:
    ship, whole = called()[True]["workflow_call"]["inputs"], called(name)
    inputs, (job,) = whole[True]["workflow_call"]["inputs"], whole["jobs"].values()
    shared = ("tool", "commit", "target", "home")
    assert [inputs[key] for key in shared] == [ship[key] for key in shared]
    assert (whole["permissions"], job["environment"]) == ({}, "${{ inputs.target }}")
    assert job["defaults"]["run"]["working-directory"] == "${{ inputs.home }}"
    assert "inputs.home" in job["concurrency"]["group"]
    assert "if" not in job, "when it runs is its caller's to say"
    steps = {one["name"]: one for one in job["steps"]}
    assert steps["tool"]["with"]["ref"] == "${{ inputs.commit }}"
    assert {LINES, "JOURNAL_URL", "VERCEL_TOKEN"} <= set(steps[step]["env"])
    assert not [one for one in steps.values() if "secrets." in one.get("run", "")]


def test_a_rollback_of_others_installs_nothing_but_what_it_needs_and_waits_for_no_cache() -> None:
    (job,) = called("call-rollback")["jobs"].values()
    assert [step["name"] for step in job["steps"]] == ["checkout", "tool", "command", "rollback"]
    assert "with" not in job["steps"][2]


def test_what_only_a_caller_can_name_reaches_every_stage_in_one_secret() -> None:
    steps = {step["name"]: step for step in called()["jobs"]["deploy"]["steps"]}
    given = [name for name, step in steps.items() if LINES in step.get("env", {})]
    assert given == [*(stage.name for stage in DEPLOY.stages), "settle"]
    assert LINES not in str(made()), "there each has a name of its own"


def test_a_step_may_be_several_stages() -> None:
    def asked(pipeline: Pipeline, stage: str, before: str = "") -> tuple[str, ...] | None:
        return stages_of(pipeline, Order(stage=stage, before=before))

    assert asked(DEPLOY, "") is None
    assert asked(DEPLOY, "promote") == ("promote",)
    assert asked(DEPLOY, "promote", "validate") == ("promote",)
    assert asked(ROLLING, "promote", "validate") == ("promote", "share-50", "complete")
    for stage, before, says in (
        ("promote", "wake", "does not come after"),
        ("promote", "promote", "does not come after"),
        ("promote", "end", "--before end: deploy has no such stage"),
        ("", "wake", "say with --stage where to begin"),
    ):
        with pytest.raises(Mistake, match=says):
            asked(DEPLOY, stage, before)


def test_a_run_waits_of_its_own_job_so_that_one_that_is_skipped_takes_nobodys_place() -> None:
    """In a group of the whole workflow a run whose only job is skipped is the newest, and cancels the one before it."""
    whole = made()
    assert "concurrency" not in whole
    assert whole["jobs"]["deploy"]["concurrency"]["group"] == "deploy-${{ inputs.target || 'production' }}"


def test_each_stage_is_given_the_secrets_of_its_own_clients_and_the_build_none() -> None:
    steps = {step["name"]: step for step in made()["jobs"]["deploy"]["steps"]}
    assert not [name for name in made()["jobs"]["deploy"]["env"] if name not in ("TARGET", "RUN")]
    for name in ("checkout", "python", "installed before", "install", "keep what was installed", "output"):
        assert "secrets." not in str(steps[name]), name
    assert list(steps["pull"]["env"]) == ["VERCEL_TOKEN"]
    assert set(SECRETS) <= set(steps["preflight"]["env"]), "what is missing is found before anything is touched"
    assert set(steps["build"]["env"]) == {"VERCEL_TOKEN", "NOTIFY_WEBHOOK_URL", STATE}
    assert "DIRECT_URL" in steps["migrate"]["env"]
    assert "GITHUB_TOKEN" not in steps["migrate"]["env"]
    assert {"R2_SECRET_ACCESS_KEY", "SENTRY_AUTH_TOKEN"} <= set(steps["watch"]["env"])
    assert "VERCEL_TOKEN" in steps["announce"]["env"], "what fails there may still have to go back"
    assert "VERCEL_TOKEN" in steps["settle"]["env"]
    assert "DIRECT_URL" not in steps["settle"]["env"]


def test_the_variables_whose_names_deploy_yml_chooses_reach_their_steps() -> None:
    needs = Needs(READERS, "SCRATCH_DATABASE")
    whole = yaml.safe_load(workflow(DEPLOY, needs, Setting(state="OUR_JOURNAL")))
    steps = {step["name"]: step.get("env", {}) for step in whole["jobs"]["deploy"]["steps"]}
    assert steps["preflight"]["SCRATCH_DATABASE"] == "${{ secrets.SCRATCH_DATABASE }}"
    assert "SCRATCH_DATABASE" not in steps["promote"]
    assert steps["promote"]["OUR_JOURNAL"] == "${{ secrets.OUR_JOURNAL }}"

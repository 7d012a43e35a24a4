"""The main job against the sandbox, on good days and bad ones. Each ends by asking the domain what it serves."""

import asyncio
import dataclasses
import json
import shlex
from pathlib import Path

import pytest

from checks import healthy
from checks.evidence import CommitChecks, Evidence, FiredAlert, LabReading, PulledVariables, Release, RollingShare
from checks.gate import worst
from checks.outcome import Outcome
from pipeline.definitions.deploy import PREVIEW
from pipeline.engine.plan import gives_of, probes_by_type
from pipeline.engine.readings import Round
from pipeline.probes.every import PROBES
from tests.stage import InProcess

STAGES = (
    "preflight", "build", "rehearse", "safeguard", "migrate", "wake", "smoke", "confirm", "promote", "validate",
    "watch", "announce",
)  # fmt: skip


def test_a_good_release_reaches_production(inside: InProcess) -> None:
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    assert inside.serves() == report.staged["id"] != before
    assert report.before["id"] == before
    assert [stage.state for stage in report.stages] == ["passed"] * len(STAGES)
    assert report.migrations, "the example release brings a migration"
    assert not [one for one in map(str, report.warnings) if "environment." in one], "the example is as it should be"


def test_the_second_deploy_finds_its_migration_applied_and_its_commit_known(inside: InProcess) -> None:
    inside.deploy()
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.DEPLOYED
    assert report.migrations == []
    assert inside.serves() == report.staged["id"]


@pytest.mark.parametrize(
    ("name", "ends", "at"),
    [
        ("broken-login", Outcome.BLOCKED, "smoke"),
        ("error-page", Outcome.BLOCKED, "smoke"),
        ("off-origin", Outcome.BLOCKED, "smoke"),
        ("slow", Outcome.BLOCKED, "smoke"),
        ("broken-health", Outcome.ROLLED_BACK, "validate"),
    ],
)
def test_a_bad_release_never_stays(inside: InProcess, name: str, ends: Outcome, at: str) -> None:
    before = inside.serves()
    outcome, report = inside.deploy(name)
    assert outcome is ends
    assert inside.serves() == before
    assert report.reason.startswith(at)
    assert report.stages[-1].name == at


# fmt: off
FAULTS = {
    "preflight": [
        "github answer status=500", "github cut", "github garbage", "vercel answer status=403",
        "vercel cut GET /v9/projects/*", "vercel-status garbage", "neon-status answer status=503",
    ],
    "build": [
        "vercel answer status=500 POST /v13/deployments", "vercel half-done POST /v13/deployments",
        "vercel never-finishes", "vercel garbage GET /v13/deployments/*",
        "vercel answer status=402 POST /v13/deployments",
    ],
    "migrate": ["app failing-route /api/health/db where=production"],
    "smoke": [
        "app failing-route / where=staged", "app slow-app seconds=9",
        "app failing-route /api/upload where=staged",
    ],
    "promote": [
        "vercel answer status=500 POST */promote/*", "vercel half-done POST */promote/*", "vercel never-finishes",
        "vercel cut POST */promote/*", "vercel garbage GET /v4/aliases/*",
        "vercel answer status=429 retry_after=1 times=2",
    ],
    "validate": [
        "app failing-route /api/health/db where=production",
        "app failing-route /login where=production", "sentry answer status=401",
        "betterstack answer status=403", "app slow-app seconds=9", "sentry garbage",
    ],
    "watch": [
        "app failing-route /api/health/db where=production", "sentry answer status=502", "vercel cut GET /v4/aliases/*",
        "app failing-route /api/health/db where=production times=1",
    ],
    "announce": ["sentry cut", "github half-done", "notify answer status=500"],
}
# fmt: on
BORNE = {
    "vercel half-done POST /v13/deployments",
    "vercel half-done POST */promote/*",
    "vercel answer status=429 retry_after=1 times=2",
    "app failing-route /api/health/db where=production times=1",
}
BLIND = {
    "sentry answer status=401", "betterstack answer status=403", "sentry garbage", "sentry answer status=502",
    "vercel cut GET /v4/aliases/*",
}  # fmt: skip
"""After the promotion is proved, not being able to look takes nothing back."""
UNPROVED = {"vercel cut GET /v4/aliases/*"}  # went back, and nobody can say so
STAYS_ILL = {
    "app failing-route /api/health/db where=production",
    "app slow-app seconds=9",
}  # went back, and is not well
BEFORE_MOVING = {
    "vercel garbage GET /v4/aliases/*",  # what production serves cannot be noted, so it is not moved
    "vercel answer status=500 POST */promote/*",
    "vercel cut POST */promote/*",
}
CASES = [(stage, fault) for stage, faults in FAULTS.items() for fault in faults]


@pytest.mark.parametrize(("stage", "fault"), CASES, ids=lambda value: value)
def test_whatever_fails_wherever_production_serves_what_the_outcome_says(
    inside: InProcess, stage: str, fault: str
) -> None:
    before = inside.serves()
    inside.at_stage(stage, lambda: inside.sandbox.inject(fault))
    outcome, report = inside.deploy()
    if stage == "announce" or fault in BORNE:
        assert outcome is Outcome.DEPLOYED
    elif stage in ("validate", "watch") and fault in BLIND:
        assert outcome is Outcome.HELD, report.reason
    elif fault in UNPROVED or (fault in STAYS_ILL and STAGES.index(stage) > STAGES.index("promote")):
        assert outcome is Outcome.STRANDED
    elif STAGES.index(stage) < STAGES.index("promote") or fault in BEFORE_MOVING:
        assert outcome is Outcome.BLOCKED
    else:
        assert outcome is Outcome.ROLLED_BACK, report.reason
    stays = outcome in (Outcome.DEPLOYED, Outcome.HELD)
    assert inside.serves() == (report.staged["id"] if stays else before)
    if outcome is not Outcome.DEPLOYED:
        assert report.reason
        assert report.stages[-1].name == stage


KINDS = (
    "vercel answer status=500",
    "vercel delay seconds=2",
    "vercel cut",
    "vercel garbage",
    "vercel half-done POST *",
    "vercel never-finishes",
    "app slow-app seconds=9",
    "app failing-route /api/health/db",
)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", KINDS)
def test_every_kind_of_fault_at_every_stage_ends_in_a_true_word(inside: InProcess, stage: str, fault: str) -> None:
    """Whatever the outcome is called, production serves just that; the last word is never a crash."""
    before = inside.serves()
    inside.at_stage(stage, lambda: inside.sandbox.inject(fault))
    outcome, report = inside.deploy()
    serves = inside.serves()
    if outcome in (Outcome.DEPLOYED, Outcome.HELD):
        assert serves == report.staged["id"]
    elif outcome is Outcome.STRANDED:
        assert before in report.by_hand[0], "a person is told where to go back to"
    else:
        assert serves == before
        assert report.reason


def with_a_new_file(inside: InProcess) -> Release:
    release = inside.release()
    (Path(release.folder) / ".vercel/output/static/new page.txt").write_text("only in this release: ü")
    return release


def test_what_is_served_is_what_was_uploaded(inside: InProcess) -> None:
    outcome, report = inside.deploy(release=with_a_new_file(inside))
    assert outcome is Outcome.DEPLOYED
    for site in (report.staged["url"], f"http://{inside.settings.domain}"):
        assert inside.get(f"{site}/new%20page.txt").text == "only in this release: ü"


@pytest.mark.parametrize("fault", ["vercel cut POST /v2/files", "vercel answer status=403 POST /v2/files"])
def test_an_upload_that_fails_stops_the_build_and_moves_nothing(inside: InProcess, fault: str) -> None:
    before = inside.serves()
    inside.sandbox.inject(fault)
    outcome, report = inside.deploy(release=with_a_new_file(inside))
    assert outcome is Outcome.BLOCKED
    assert "POST /v2/files" in report.reason
    assert inside.serves() == before


def test_an_upload_that_is_cut_once_is_sent_again(inside: InProcess) -> None:
    inside.sandbox.inject("vercel cut POST /v2/files times=1")
    outcome, _ = inside.deploy(release=with_a_new_file(inside))
    assert outcome is Outcome.DEPLOYED


def test_a_create_that_happened_but_answered_500_does_not_make_a_second_deployment(inside: InProcess) -> None:
    inside.at_stage("build", lambda: inside.sandbox.inject("vercel half-done POST /v13/deployments"))
    _, report = inside.deploy()

    async def ours() -> list[str]:
        async with inside.world(inside.release()) as world:
            found = await world.vercel.deployments(**{"meta-deployRun": "r1"})
            return [one.id for one in found]

    assert asyncio.run(ours()) == [report.staged["id"]]


def test_a_rollback_that_vercel_refuses_is_stranded_with_words_for_a_person(inside: InProcess) -> None:
    def break_it() -> None:
        inside.sandbox.inject("app failing-route /api/health/db where=production")
        inside.sandbox.inject("vercel answer status=500 POST */rollback/*")

    inside.at_stage("watch", break_it)
    outcome, report = inside.deploy()
    assert outcome is Outcome.STRANDED
    assert report.exit_code == 4
    assert f"vercel rollback {report.before['id']}" in report.by_hand[0], "the very command, with the id"
    assert inside.serves() == report.staged["id"]


def test_a_rollback_that_happened_but_answered_500_is_a_rollback(inside: InProcess) -> None:
    before = inside.serves()

    def break_it() -> None:
        inside.sandbox.inject("app answer status=500 /api/auth/session where=production")
        inside.sandbox.inject("vercel half-done POST */rollback/*")

    inside.at_stage("watch", break_it)
    outcome, _ = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert inside.serves() == before


def test_a_colleagues_promotion_is_noticed_and_not_undone(inside: InProcess) -> None:
    """Somebody promotes a third deployment while we watch: theirs stays, and we say so."""
    outcome, first = inside.deploy()
    assert outcome is Outcome.DEPLOYED

    def colleague() -> None:
        inside.colleague_promotes(first.before["id"])

    inside.listeners.clear()
    inside.at_stage("watch", colleague)
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.STRANDED
    assert "somebody else promoted it" in report.by_hand[0]
    assert inside.serves() == first.before["id"]


def test_after_a_rollback_the_next_deploy_says_so_and_has_to_be_told(inside: InProcess) -> None:
    inside.deploy("broken-health")
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.BLOCKED
    assert "pinned by an earlier rollback" in report.reason
    outcome, report = inside.deploy(run="r3", over_rollback=True)
    assert outcome is Outcome.DEPLOYED
    assert any("promoted over" in finding["says"] for _, finding in report.warnings)


def test_a_run_killed_in_the_middle_is_settled_from_the_journal_alone(inside: InProcess) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    before = inside.serves()
    inside.at_stage("validate", kill)
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()
    assert inside.settle() is Outcome.ROLLED_BACK
    assert inside.serves() == before


def test_a_resumed_run_finds_the_deployment_it_began(inside: InProcess) -> None:
    class Killed(BaseException):
        pass

    made: list[str] = []

    def kill() -> None:
        raise Killed

    inside.at_stage("migrate", kill)
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()
    made.append(inside.report().staged["id"])
    outcome, report = inside.deploy(resume=True)
    assert outcome is Outcome.DEPLOYED
    assert report.staged["id"] == made[0]
    assert inside.serves() == made[0]


def test_the_sandbox_at_rest_is_healthy(inside: InProcess) -> None:
    """Clients, probes, emulators and samples are pinned to each other: every probe reads what healthy.py says."""
    _, report = inside.deploy()
    readers = probes_by_type(PROBES)
    samples = {type(value): value for value in (*healthy.EVIDENCE, *healthy.AFTER_PROMOTION)}

    async def read() -> dict[type, Evidence]:
        release = inside.release()
        async with inside.world(release) as world:
            known = {**inside.settings.policies, **_given(inside)}
            async with Round(world, known, readers) as look:
                return {
                    kind: await look.get(kind) for kind in map(gives_of, PROBES) if kind not in (None, RollingShare)
                }

    seen = asyncio.run(read())
    given = {type(value) for value in _given(inside).values()}
    assert set(seen) | given == set(samples) - {RollingShare, FiredAlert}, "those are given by other pipelines"
    differ = {kind.__name__: (_shape(value), _shape(samples[kind])) for kind, value in seen.items()}
    wrong = {name: [k for k in a if a[k] != b.get(k)] for name, (a, b) in differ.items() if a != b}
    assert not wrong, str(wrong) + str({name: differ[name] for name in wrong})
    assert report.outcome == "deployed"


def _given(inside: InProcess) -> dict[type, Evidence]:
    from pipeline.engine.past import recall

    return recall(inside.journal("r1").events(), inside.pipeline, inside.settings.policies).given


def _shape(value: Evidence) -> dict[str, str]:
    """What must agree between a reading and its sample: every field's type, and whether it holds something."""
    loose = {"ms", "aliases", "error", "substate", "pending", "applied", "names", "response_ms", "variables", "events"}
    loose |= {"changes", "endpoints", "source_maps", "hits", "misses", "limited", "paths", "week_before", "p95_ms"}
    loose |= {"file"} if isinstance(value, PulledVariables) else set()  # an example has pulled none
    loose |= {"run", "workflow"} if isinstance(value, CommitChecks) else set()  # we may be a job of GitHub Actions
    loose |= {"runs", "metrics", *(("pages", "off") if isinstance(value, LabReading) else ())}  # no history, no browser
    return {
        name: type(field).__name__ if name in loose else f"{type(field).__name__} {bool(field)}"
        for name, field in vars(value).items()
    }


def test_a_preview_is_built_and_used_and_production_is_left_alone(inside: InProcess) -> None:
    before = inside.serves()
    inside.settings = dataclasses.replace(inside.settings, kind="preview")
    inside.pipeline = PREVIEW.at_pace({"build": {"patience": 30, "every": 0.2}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    assert inside.serves() == before
    assert inside.get(report.staged["url"] + "/api/health/db").json()["deployment"] == report.staged["id"]
    inside.pipeline = PREVIEW.at_pace({"smoke": {"patience": 2, "every": 0.5}})
    outcome, _ = inside.deploy("broken-login", run="r2")
    assert outcome is Outcome.BLOCKED


def test_every_preflight_gate_says_yes_at_rest(inside: InProcess) -> None:
    async def ask() -> dict[str, list[str]]:
        async with (
            inside.world(inside.release()) as world,
            Round(world, inside.settings.policies, probes_by_type(PROBES)) as look,
        ):
            answers = {gate.name: (await look.ask(gate))[0] for gate in inside.pipeline.stages[0].asks}
            return {name: [str(f) for f in findings] for name, findings in answers.items() if worst(findings).stops}

    assert asyncio.run(ask()) == {}


def test_secrets_never_leave_the_process(inside: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    """Plant errors that quote every secret, then look in the journal, the report and the output."""
    secrets = [value for value in inside.settings.secrets.values() if len(value) >= 8 and "://127" not in value]
    answer = json.dumps({"error": {"code": "bad_request", "message": " ".join(secrets)}})
    fault = f"vercel answer status=400 POST /v13/deployments json={shlex.quote(answer)}"
    inside.at_stage("build", lambda: inside.sandbox.inject(fault))
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "***" in report.reason, "the error did quote the secrets"
    kept = (inside.folder / "journal.db").read_bytes()
    for wal in inside.folder.glob("journal.db*"):
        kept += wal.read_bytes()
    shown = capsys.readouterr()
    for secret in secrets:
        assert secret.encode() not in kept
        assert secret not in shown.out + shown.err + str(report)


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(
            ["app challenge where=production"], id="the domain is not seen, and Vercel says that it serves it"
        ),
        pytest.param(["vercel cut GET /v4/aliases/*"], id="Vercel does not say, and the domain answers as the release"),
    ],
)
def test_one_proof_of_the_promotion_is_enough_to_take_nothing_back(inside: InProcess, faults: list[str]) -> None:
    inside.before_step("promote", lambda: [inside.sandbox.inject(fault) for fault in faults])
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD, report.reason
    assert report.held == "unseen"
    assert report.stages[-1].name == "promote"
    assert inside.serves() == report.staged["id"]


def test_a_promotion_of_which_nobody_can_say_anything_is_taken_back(inside: InProcess) -> None:
    before = inside.serves()
    faults = ["app challenge where=production", "vercel cut GET /v4/aliases/*"]
    inside.before_step("promote", lambda: [inside.sandbox.inject(fault) for fault in faults])
    outcome, report = inside.deploy()
    assert outcome is Outcome.STRANDED
    assert before in report.by_hand[0]

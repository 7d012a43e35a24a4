"""Better Stack's monitors and heartbeats that are switched off, and stay so."""

from checks.outcome import Outcome
from pipeline.sandbox.witnessstate import Heartbeat
from tests.session.test_monitoring import daily
from tests.stage import InProcess


def found(inside: InProcess) -> set[tuple[str, str, str]]:
    """(gate, subject, what it says) of all that the day's checklist finds."""
    lines = daily(inside).lines
    return {(a.gate.name, f.subject, f.says) for line in lines for a in line.answers for f in a.findings}


def job(inside: InProcess, name: str, *, quiet_for: float = 60, paused: bool = False) -> None:
    """A job that is expected every hour, with ten minutes of grace."""
    now = inside.clock.now().timestamp()
    one = Heartbeat(name, f"token-{name}", name, 3600, 600, now - 1e6, beats=[now - quiet_for], paused=paused)
    inside.sandbox.state.betterstack.heartbeats.append(one)


def test_a_heartbeat_that_was_never_switched_on_again_is_named_every_day(inside: InProcess) -> None:
    """It was made paused, to be switched on once the job runs; nobody did, and a dead job looked well.

    https://github.com/jikig-ai/soleur/issues/4132
    """
    job(inside, "nightly report", paused=True)
    assert ("uptime.jobs-report", "heartbeat nightly report", "is paused") in found(inside)


def test_a_job_that_stopped_without_a_word_is_named(inside: InProcess) -> None:
    """The scheduler just stopped calling: no error, no log, and the pages went on answering.

    https://github.com/bentleypark/aiwatch/issues/1501
    """
    job(inside, "weekly mail", quiet_for=3600 * 3)
    job(inside, "hourly sync")
    seen = found(inside)
    assert ("uptime.jobs-report", "heartbeat weekly mail", "did not come in time") in seen
    assert not any(subject == "heartbeat hourly sync" for _, subject, _ in seen)


def test_a_paused_monitor_confirms_nothing_and_is_named(inside: InProcess) -> None:
    """Its pause did not show where it was looked for, so a monitor that was off was believed to be on.

    https://github.com/BetterStackHQ/terraform-provider-better-uptime/issues/25
    """
    inside.sandbox.patch({"betterstack": {"paused": True}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    says = {(gate, finding["says"]) for gate, finding in report.warnings}
    assert ("services.uptime-is-confirmed", "is in paused, so it confirms nothing") in says
    assert ("uptime.nothing-is-muted", "monitor 100", "is paused, so nobody would be woken") in found(inside)

"""What an order to a fleet would do, take and ask, as text and for programs; each number with where it comes from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from checks.amounts import amount
from pipeline.fleet.estimating import CallsEstimate, GateEstimate, OrderEstimate, WaveEstimate
from pipeline.fleet.judging import FleetFinding
from pipeline.fleet.order import OrderPlan
from pipeline.fleet.pending import FleetMigrations
from pipeline.fleet.sharing import SaidKey
from pipeline.record.journal import plain
from pipeline.redact import one_line
from pipeline.render.fleetmarks import BAD, some
from pipeline.render.history import long


def gates_text(stopped: Sequence[FleetFinding] | None) -> str:
    """What preflight would stop, as far as it can be said before a build."""
    if stopped is None:
        return "Gates: not asked; --gates asks the preflight of each project, which costs requests"
    lines = [f"Gates: what preflight says before a build; {'nobody would be stopped' if not stopped else 'it stops'}"]
    return "\n".join([*lines, *(_found(one) for one in stopped)])


def migrations_text(found: FleetMigrations | None) -> str:
    """Which migrations would be applied where, and what would stop that."""
    if found is None:
        return "Migrations: not asked; --migrations asks the database of each project"
    lines = [f"Migrations: {amount(found.asked, 'database')} asked; {amount(len(found.pending), 'migration')} pending"]
    lines += [f"  + {one_line(one.name)}: {len(one.projects)}: {some(one.projects)}" for one in found.pending]
    lines += [_found(one) for one in found.findings]
    lines += [f"  {BAD} {name}: could not be asked: {one_line(says)}" for name, says in found.unseen.items()]
    return "\n".join(lines)


def estimate_text(found: OrderEstimate) -> str:
    """How long the order would take, and how many requests that are, each with where it is known from."""
    lines = [f"Time: {_whole(found)}"]
    lines += [_wave(wave) for wave in found.waves] if any(one.seconds for one in found.projects) else []
    lines += [_gate(one) for one in found.gates]
    lines.append(f"  known from: {_sources(found)}")
    lines += ["", "Requests to services, without those to databases and storage", *_requests(found.calls)]
    return "\n".join(lines)


def plan_values(
    plan: OrderPlan,
    problems: Mapping[str, tuple[str, ...]],
    estimate: OrderEstimate,
    stopped: Sequence[FleetFinding] | None,
    pending: FleetMigrations | None,
    frozen: Sequence[str],
    settings: Mapping[str, Iterable[SaidKey]],
) -> dict[str, object]:
    """The same for programs; what was not asked is null."""
    projects = [
        {"project": one.project, "seconds": one.seconds, "measured_in": one.of[1], "measured_on": one.of[0]}
        for one in estimate.projects
    ]
    return {
        "waves": [plain(wave) for wave in plan.waves],
        "at_once": plan.at_once,
        "budget": plan.budget,
        "problems": plain(problems),
        "commits": dict(plan.commits),
        "frozen": list(frozen),
        "settings": {name: plain(tuple(found)) for name, found in settings.items()},
        "gates": None if stopped is None else plain(tuple(stopped)),
        "migrations": None if pending is None else plain(pending),
        "estimate": {
            "seconds": estimate.seconds,
            "at_least": bool(estimate.unknown),
            "least": estimate.least,
            "gates": plain(estimate.gates),
            "binds": estimate.binds,
            "waves": plain(estimate.waves),
            "calls": plain(estimate.calls),
            "projects": projects,
        },
    }


def _whole(found: OrderEstimate) -> str:
    if found.least == 0 and found.unknown:
        return "not known"
    least = "at least " if found.unknown else "about "
    binds = f", which is {found.binds}" if found.binds else ""
    never = found.seconds - found.least
    binds += f", and up to {long(never)} more for gates that were never asked" if never else ""
    approval = [wave.name for wave in found.waves if wave.approval]
    agree = f"; and until somebody agrees to {', '.join(approval)}" if approval else ""
    return f"{least}{long(found.least)}{binds}{agree}"


def _wave(wave: WaveEstimate) -> str:
    return f"  {wave.name:<24} from {long(wave.begins):>9} to {long(wave.ends):>9}"


def _gate(gate: GateEstimate) -> str:
    of = f"as in order {gate.of}" if gate.of else "its deadline: it never said yes here"
    twice = ", and again when somebody has agreed" if gate.times > 1 else ""
    takes = f"{'' if gate.of else 'up to '}{long(gate.seconds)}, {of}{twice}"
    return f"  gate of {gate.wave:<16} {takes}: {one_line(gate.gate)}"


def _sources(found: OrderEstimate) -> str:
    own = [one for one in found.projects if one.is_own]
    like = [one for one in found.projects if one.seconds is not None and not one.is_own]
    orders = sorted({one.of[1] for one in own}, reverse=True)
    parts = [
        f"{len(own)} by their last deployment (order{'s' if len(orders) > 1 else ''} {some(orders)})" if own else "",
        f"{len(like)} as others of theirs ({some(sorted({one.of[0] for one in like}))})" if like else "",
        f"{len(found.unknown)} by the length of their watch alone: they were never deployed" if found.unknown else "",
    ]
    return "; ".join(filter(None, parts))


def _requests(calls: Sequence[CallsEstimate]) -> Iterable[str]:
    """A line a service, with the token that is asked most, or that waits longest."""
    services: dict[str, list[CallsEstimate]] = defaultdict(list)
    for one in calls:
        services[one.service].append(one)
    return [_service(service, each) for service, each in services.items()] or ["  none was counted"]


def _service(service: str, each: Sequence[CallsEstimate]) -> str:
    whole = f"  {service:<16} {sum(one.calls for one in each):>8,}"
    most = max(each, key=lambda one: (one.wait, one.calls))
    if not most.token:
        return f"{whole}  as runs in the sandbox ask: none of these was counted"
    tokens = f" with {len(each)} tokens, {most.calls:,} with {most.token}" if len(each) > 1 else f" with {most.token}"
    limit = f"the vendor allows {most.most:,} in {long(most.window)}" if most.most else "its answers say no limit"
    wait = f", so {long(most.wait)} at least" if most.wait else ""
    return f"{whole} {tokens}; {limit}{wait}"


def _found(finding: FleetFinding) -> str:
    whose = f"{len(finding.projects)}: {some(finding.projects)}"
    return f"  {BAD} {finding.gate or 'no answer'}: {one_line(finding.says)}\n      {whose}"

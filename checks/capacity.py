"""Asks whether there is enough of everything, and whether the database could be put back."""

from dataclasses import replace

from checks.evidence import Compute, Connections, WayBack
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import DatabasePolicy

BUSY, FULL = 80, 95


@gate(owner="database")
def connections_are_left(seen: Connections) -> Findings:
    """The database has connections left.

    Why: The next function that starts needs one; without it every page answers 500 while the database is well.

    By hand: `psql "$DIRECT_URL" -c "select count(*), current_setting('max_connections') from pg_stat_activity"`.

    If it fails: `./inv diagnose.database` shows who holds them; end what nobody needs with
        `select pg_terminate_backend(PID)`. The app must use the `-pooler` address; a larger compute has more.
    """
    if seen.percent >= BUSY:
        says = f"holds {seen.open} of {seen.most} connections ({seen.percent:.0f} %)"
        yield not_yet("the database", says, severity="P1" if seen.percent >= FULL else "P2")


connections_are_left.stops_when("they run out", lambda s: (replace(s, open=s.most - 2),))


@gate(owner="database")
def compute_is_ready(seen: Compute) -> Findings:
    """Neon's compute of production is active, or asleep and able to wake up.

    Why: A compute that is disabled, or hangs between two states, answers nobody.

    By hand: `curl -sS -H "Authorization: Bearer $NEON_API_KEY" https://console.neon.tech/api/v2/projects/$NEON_PROJECT/endpoints | jq '.endpoints[] | {id, current_state, disabled}'`.

    If it fails: Restart it in the Neon console (Branches → Computes → Restart); enable it when it is disabled.
    """
    if seen.off:
        yield warn("Neon's compute", f"was not looked at: {seen.off}")
    elif seen.disabled:
        yield not_yet("Neon's compute", "is disabled", severity="P0")
    elif seen.pending and seen.pending != seen.state:
        yield not_yet("Neon's compute", f"is {seen.state} and on its way to {seen.pending}", severity="P2")
    elif seen.state not in ("active", "idle"):
        yield not_yet("Neon's compute", f"is {seen.state or 'in no state'}", severity="P1")


compute_is_ready.stops_when("somebody disabled it", lambda s: (replace(s, disabled=True),))


@gate(owner="database")
def was_backed_up(policy: DatabasePolicy, seen: WayBack) -> Findings:
    """There is a backup, young enough, or a history that reaches back far enough.

    Why: The day it is needed is no day to find out that it stopped last month.

    By hand: Neon console → Backup & Restore: the newest snapshot and the history window.

    If it fails: Make a snapshot now, then see why the schedule did not. `./inv database.rehearse-restore` proves one.
    """
    if seen.unset:
        yield not_yet("the database", f"has no way back that could be seen: {seen.says}", severity="P3")
    elif not seen.by:
        yield not_yet("the database", f"has no way back: {seen.says}", severity="P1")
    elif seen.by == "dump":
        yield warn("the database", "is a plain Postgres: nobody but your own schedule makes its backups")
    else:
        if seen.history_seconds < policy.history:
            says = f"reaches back {seen.history_seconds / 3600:.1f} h, less than {policy.history / 3600:g} h"
            yield not_yet("Neon's history", says, severity="P1")
        if seen.newest_seconds is None:
            yield not_yet("Neon", "has no snapshot", severity="P2")
        elif seen.newest_seconds > policy.newest_backup:
            says = f"is {seen.newest_seconds / 3600:.0f} h old, older than {policy.newest_backup / 3600:g} h"
            yield not_yet(f"snapshot {seen.newest}", says, severity="P2")


was_backed_up.stops_when("last night's is missing", lambda p, s: (p, replace(s, newest_seconds=50 * 3600.0)))
was_backed_up.stops_when("nobody could look", lambda p, s: (p, WayBack("", "NEON_API_KEY is not set", unset=True)))
was_backed_up.stops_when("there is none", lambda p, s: (p, WayBack("", "pg_dump is not installed")))

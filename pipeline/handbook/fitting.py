"""Whether the condition of a remedy holds, as far as the machine can tell: what a playbook's ``fits`` may name."""

from collections.abc import Callable

from pipeline.handbook.situation import Situation

Fits = Callable[[Situation], bool]


def release_may_be_to_blame(seen: Situation) -> bool:
    """A release is fresh, production is not pinned, no vendor is ill, and nothing is gone that no code brings back."""
    return seen.fresh_release and not seen.pinned and not seen.vendor_ill and not seen.schema_gone


def vendor_is_ill(seen: Situation) -> bool:
    """A vendor's status page reports an incident."""
    return seen.vendor_ill


def somebody_is_kept_waiting(seen: Situation) -> bool:
    """A session of the database keeps others waiting."""
    return seen.blockers > 0


def idle_transactions_crowd_it(seen: Situation) -> bool:
    """The database's connections are taken, and some of them sit idle in a transaction."""
    return seen.crowded and seen.idle > 0


def compute_hangs(seen: Situation) -> bool:
    """The database does not answer, although its vendor is well and its connections are not taken."""
    return not seen.vendor_ill and not seen.crowded and seen.database_silent


def deployments_should_stop(seen: Situation) -> bool:
    """A vendor is ill, and nobody has locked the target yet."""
    return seen.vendor_ill and not seen.locked


def deployments_may_go_on(seen: Situation) -> bool:
    """The target is locked, and no vendor is ill any more."""
    return seen.locked and not seen.vendor_ill


def run_is_stranded(seen: Situation) -> bool:
    """A run ended as stranded; one that was cut off has a remedy of its own."""
    return seen.stranded and not seen.cut_off


def run_was_cut_off(seen: Situation) -> bool:
    """A run was cut off after it had promoted."""
    return bool(seen.cut_off)


def migration_has_failed(seen: Situation) -> bool:
    """A migration has failed half-way and blocks the later ones."""
    return bool(seen.failed_migration)


def restore_brings_it_back(seen: Situation) -> bool:
    """What the migrations made is gone from the database, and a run kept a restore point."""
    return seen.schema_gone and bool(seen.restorable)


FITS: dict[str, Fits] = {
    condition.__name__: condition
    for condition in (
        release_may_be_to_blame,
        vendor_is_ill,
        somebody_is_kept_waiting,
        idle_transactions_crowd_it,
        compute_hangs,
        deployments_should_stop,
        deployments_may_go_on,
        run_is_stranded,
        run_was_cut_off,
        migration_has_failed,
        restore_brings_it_back,
    )
}

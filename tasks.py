"""The command line's namespace: which tasks there are, and under which names. They stand in ``pipeline/cli``."""

import sys
from typing import TYPE_CHECKING

from invoke import Collection
from invoke.main import program

from pipeline.cli import (
    adopt,
    build,
    database,
    diagnose,
    drill,
    environment,
    fleet,
    incident,
    journal,
    monitor,
    playbook,
    production,
    record,
    release,
    runbooks,
    sandbox,
    selftest,
    test,
    upgrade,
)
from pipeline.home import without_home

if TYPE_CHECKING:
    from pipeline.documents.catalogue import CommandWords


def command_words() -> "tuple[CommandWords, ...]":
    """Every command with its words, as the documents want them."""
    from pipeline.documents.catalogue import commands

    return commands(namespace)


namespace = Collection(
    *(adopt.init, adopt.doctor),
    *(release.deploy, release.rollback, release.settle, release.accept, release.approve),
    *(production.status, production.logs, production.bisect),
    *(record.history, record.report, record.follow, record.dashboard, record.waivers, record.lock, record.unlock),
    *(sandbox.sandbox, sandbox.load, sandbox.fault, sandbox.faults, selftest.selftest, test.test, upgrade.upgrade),
)
namespace.add_collection(build.collection(), "build")
namespace.add_collection(Collection(environment.check), "env")
namespace.add_collection(
    Collection(database.plan, database.seed, database.resolve, database.rehearse_restore, database.restore), "database"
)
namespace.add_collection(diagnose.collection(), "diagnose")
namespace.add_collection(fleet.collection(), "fleet")
namespace.add_collection(incident.collection(), "incident")
namespace.add_collection(journal.collection(), "journal")
namespace.add_collection(playbook.collection(), "playbook")
namespace.add_collection(drill.collection(), "drill")
namespace.add_collection(runbooks.collection(), "runbooks")
namespace.add_collection(Collection(monitor.daily, monitor.weekly, monitor.baseline, monitor.sync), "monitor")
if any(word.startswith("check") for word in sys.argv[1:]):  # a hundred more tasks, and what they import
    from pipeline.cli import check

    namespace.add_collection(check.collection(), "check")
if getattr(program, "core", None):  # invoke itself knows no --home, which was read when the terminal was loaded
    program.core.unparsed = without_home(program.core.unparsed)[1]
namespace.configure({"command_words": command_words})

"""One target, opened, for as long as a command runs: what a command is given."""

import asyncio
import contextlib
import difflib
import getpass
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from checks.evidence import Release
from checks.evidence.approval import Part
from checks.gate import Gate
from checks.own import CommandGate
from pipeline import log
from pipeline.clock import Clock, SystemClock
from pipeline.config import Config
from pipeline.definitions.deploy import PIPELINES
from pipeline.definitions.own import pipeline_to_look
from pipeline.definitions.unused import without_unused
from pipeline.engine.past import Past, recall
from pipeline.engine.plan import Pipeline, check, probes_by_type
from pipeline.engine.planned import rules_of
from pipeline.environment import variable, variable_or_file
from pipeline.errors import Locked, Mistake
from pipeline.probes.every import PROBES
from pipeline.record.bounded import Store
from pipeline.record.journal import events_of, latest_runs
from pipeline.record.place import Place, place_to_open
from pipeline.record.private import RUNS
from pipeline.record.report import Report, report_of
from pipeline.record.spill import left_over
from pipeline.record.store import open_store
from pipeline.record.target import Written
from pipeline.redact import Redactor
from pipeline.world.absent import absent_of, said_once
from pipeline.world.opening import of_unused_vendors, open_settings, open_world
from pipeline.world.secrets import OPENS, SECRETS
from pipeline.world.settings import Settings
from pipeline.world.world import World

T = TypeVar("T")
LEAST = ("VERCEL_TOKEN",)
"""The secrets without which most commands have nothing to say of a target."""
NO_SECRET = ()
"""For a command that says of each service that it was not seen, or writes down, and tells as far as there is a way."""
LOCAL = Place("", ".runs/journal.db")
SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|URL|DSN|CREDENTIAL|AUTH")
NOTHING = Release("", ".")
"""No release: for who only looks, or acts beside a run."""


def silent(line: str) -> None:
    """The ``progress`` of a step that nobody follows."""


@dataclass(frozen=True)
class Order:
    """What the person or the CI job asked for. Empty strings mean "not said"."""

    target: str = ""
    source: str = ""
    """``--from``: a folder with ``.vercel/output``, or the name of one of the sandbox's example releases."""
    commit: str = ""
    run: str = ""
    stage: str = ""
    """Only this stage, as one step of a CI job."""
    before: str = ""
    """With ``stage``: and those after it, up to this one."""
    approved_by: str = ""
    over_rollback: bool = False
    older: bool = False
    resume: bool = False
    """``run`` must be there already."""
    break_glass: str = ""
    """Why what people decide is not to stop this run."""
    lock_wait: float = 0
    """Seconds for which somebody else's lock is waited for."""
    lease: float = 0
    """Seconds without a sign of the run after which its lock counts no more; 0: as usual."""

    @property
    def by(self) -> str:
        """Who asks: whoever started the job, or runs this."""
        return variable("GITHUB_ACTOR") or whoami()


@dataclass
class Session:
    """One target, opened: everything a command needs, for as long as it runs."""

    settings: Settings
    pipeline: Pipeline
    store: Store
    redactor: Redactor
    clock: Clock
    config: Config
    root: Path = Path()
    place: Place = LOCAL
    """Where the store is."""

    @property
    def records(self) -> Written:
        return Written(self.store, self.settings.name, self.clock, self.config.file.waivers)

    @property
    def rules(self) -> tuple[Part, ...]:
        """The gates, policies and waivers that a run goes by now, as digests."""
        return rules_of(self.pipeline, self.settings.policies, probes_by_type(PROBES), self.config.file.waivers)

    @property
    def unseen(self) -> tuple[str, ...]:
        """A line for each secret that is not set, of a vendor that deploy.yml uses: what was not seen without it."""
        known, unused = self.settings.secrets, of_unused_vendors(self.settings.policies)
        return tuple(
            f"not seen: {OPENS[name]}: {name} is not set; get it from {where}"
            for name, where in SECRETS.items()
            if name in OPENS and name not in unused and not known.get(name)
        )

    @property
    def absent(self) -> str:
        """One line that names what deploy.yml does without, and of which nothing is asked; empty when nothing is."""
        return said_once(absent_of(self.settings.policies, self.settings.secrets))

    def world(
        self, name: str, release: Release = NOTHING, progress: Callable[[str], None] = silent
    ) -> contextlib.AbstractAsyncContextManager[World]:
        """Open the world of this target for as long as the context lasts; ``name`` is the run it is opened for."""
        return open_world(self.settings, release, name, self.clock, progress, records=self.records, rules=self.rules)

    def in_world(
        self,
        name: str,
        act: Callable[[World], Awaitable[T]],
        progress: Callable[[str], None] = silent,
        release: Release = NOTHING,
    ) -> T:
        """What ``act`` gives in the opened world: for commands, which are not asynchronous themselves."""

        async def go() -> T:
            async with self.world(name, release, progress) as world:
                return await act(world)

        return asyncio.run(go())

    def must_be_whole(self) -> None:
        """Raises Locked when an earlier run's events are beside the journal still: what it did is not known then."""
        for path in left_over(self.root / RUNS):
            raise Locked(
                f"the journal does not take what an earlier run could not write, {path}; that run may have moved "
                f"production. Try again when the journal can be written; "
                f"./inv rollback --target {self.settings.name}   goes back all the same"
            )

    def report(self, run: str) -> Report:
        """The report of ``run``; ``latest`` is the newest one that is written down."""
        chosen = next(iter(latest_runs(self.store, 1)), "") if run == "latest" else run
        return report_of(chosen, events_of(self.store, chosen))

    def past(self, run: str) -> Past:
        return recall(events_of(self.store, run), self.pipeline, self.settings.policies)


@contextlib.contextmanager
def open_session(config: Config, target: str, root: Path, needs: Iterable[str] = LEAST) -> Iterator[Session]:
    """Open ``target`` (its sandbox, its store) and prove that its pipeline can run at all.

    ``needs``: the secrets that have to be set; what is asked with another one is *unknown* without it.
    """
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(open_settings(config, target, root, needs))
        place = place_to_open(config.file.state, root, config.file.unencrypted)
        store = open_store(place.address, root)
        stack.callback(store.close)
        pipeline = pipeline_to_look(config, settings.name).at_pace(config.pace(settings.name))
        pipeline = without_unused(pipeline, settings.policies, settings.secrets).with_shadows(shadows(config))
        check(pipeline, PROBES, settings.policies)
        redactor = Redactor(
            (*settings.hidden, *((place.address,) if place.shared else ()), *hidden_of(config.found_own, root))
        )
        log.configure(variable("DEPLOY_LOG"), redactor)
        yield Session(settings, pipeline, store, redactor, SystemClock(), config, root, place)


def hidden_of(own: Iterable[Gate], root: Path) -> tuple[str, ...]:
    """The values of what the home's own commands are given, when the name says that it is secret."""
    named = {name for gate in own if isinstance(gate, CommandGate) for name in gate.environment if SECRET.search(name)}
    return tuple(filter(None, (variable_or_file(name, root) for name in sorted(named))))


def shadows(config: Config) -> tuple[str, ...]:
    """The gates that only report. Raises Mistake for a name that no gate has."""
    known = {gate.name for pipeline in PIPELINES.values() for gate in pipeline.gates}
    known |= {gate.name for gate in config.found_own}
    for name in config.file.shadow:
        if name not in known and not config.wrong_own:
            near = difflib.get_close_matches(name, known, 1)
            raise Mistake(
                f"deploy.yml: shadow: there is no gate {name}" + (f"; did you mean {near[0]}?" if near else "")
            )
    return config.file.shadow


def whoami() -> str:
    """The login of whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a uid that has no name
        return f"uid {os.getuid()}"

"""Breaks the sandbox as a scenario of a drill says."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.drills.scenario import Break
from pipeline.emergency.access import RollbackOrder
from pipeline.emergency.rollback import rollback_now
from pipeline.environment import for_child
from pipeline.errors import Mistake
from pipeline.home import TOOL
from pipeline.incidents.opening import opened_by
from pipeline.record.bounded import Store
from pipeline.record.journal import events_of
from pipeline.session.deploy import ship
from pipeline.session.session import Order
from pipeline.signals import restored
from pipeline.world.sandbox import ask_control, open_directly

TARGET = "sandbox"
PAUSE = 0.01  # seconds between two holds: long enough for a page that waited, too short for many that did not
LONGEST = 60.0
Say = Callable[[str], None]


@dataclass
class Stagehand:
    """Breaks the sandbox of ``root`` while a drill is played."""

    config: Config
    root: Path
    deploy_file: Path
    running: Mapping[str, Any]
    store: Store
    say: Say
    live: str = ""
    """What served production before it broke."""
    _held: list[Any] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def do(self, event: Break) -> None:
        """Let one break of the scenario happen. Raises Mistake when the scenario is not what it says it is."""
        time.sleep(event.after)
        if event.ship:
            self._ship(event)
        if event.ship_and_kill:
            self._ship_and_kill(event.ship_and_kill)
        if event.roll_back:
            with restored():
                rollback_now(RollbackOrder(target=TARGET), self.root, self.deploy_file, self.say)
        if event.fault == "clear":
            ask_control(self.running, "DELETE", "/faults", None)
        elif event.fault:
            ask_control(self.running, "POST", "/faults", {"fault": event.fault.replace("$LIVE", self.live)})
        if event.state:
            ask_control(self.running, "POST", "/state", event.state)
        if event.hold:
            self._hold(event.hold, event.seconds)
        for _ in range(event.times if event.visit else 0):
            self.visit(event.visit)
        for _ in range(event.crowd):
            threading.Thread(target=self._keep_visiting, daemon=True).start()

    def look(self) -> None:
        """Remember which deployment production serves now."""
        with self._open("/api/health/db") as answer:
            self.live = str(answer.headers["x-deployment-id"])

    def visit(self, path: str) -> None:
        """Visit a page of production once, whatever the answer is."""
        with contextlib.suppress(OSError), self._open(path):
            pass

    def _keep_visiting(self) -> None:
        while not self._over.is_set():
            self.visit("/")
            self._over.wait(0.2)

    def _open(self, path: str) -> Any:
        return open_directly(self.running["urls"]["production"] + path, 5)

    def _ship(self, scripted: Break) -> None:
        order, after = Order(TARGET, scripted.ship), opened_by(self.say)
        with restored():
            report = ship(self.config, order, self.root, lambda redactor, run: lambda event: None, after)
        wanted = scripted.ends or "deployed"
        if report.outcome != wanted:
            raise Mistake(
                f"drill: {scripted.ship} ended as {report.outcome or 'nothing'}, not {wanted}: {report.reason}"
            )
        self.say(f"  {scripted.ship}: {report.outcome}")

    def _ship_and_kill(self, example: str) -> None:
        run = "victim"
        words = [sys.executable, "-P", "-m", "invoke", "--search-root", str(TOOL), "deploy", "--target", TARGET]
        words += ["--from", example, "--run", run]
        environment = for_child("SANDBOX_CLUSTER", DEPLOY_FILE=str(self.deploy_file), DEPLOY_HOME=str(self.root))
        child = subprocess.Popen(
            words,
            cwd=self.root,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + LONGEST
        while not self._watches(run):
            if child.poll() is not None or time.monotonic() > until:
                raise Mistake("drill: the run that was to be killed ended before")
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.say(f"  {example}: killed with -9 while it watched")

    def _watches(self, run: str) -> bool:
        return any((e.kind, e.subject) == ("stage begins", "watch") for e in events_of(self.store, run))

    def _hold(self, sql: str, seconds: float) -> None:
        import psycopg

        connection = psycopg.connect(self.running["database_url"], application_name="a script of somebody's")
        connection.execute(sql.encode())
        self._held.append(connection)
        if seconds:
            threading.Thread(target=self._again, args=(connection, sql, seconds), daemon=True).start()

    def _again(self, connection: Any, sql: str, seconds: float) -> None:
        """Repeat a statement in a session, as a script in a loop does, until its session is ended."""
        with contextlib.suppress(Exception):
            while True:
                connection.execute(b"select pg_sleep(%s)", (seconds,))
                connection.commit()
                time.sleep(PAUSE)
                connection.execute(sql.encode())

    def tidy(self) -> None:
        """Stop the visitors, and close every database session that the drill still holds."""
        self._over.set()
        for connection in self._held:
            with contextlib.suppress(Exception):
                connection.close()


@contextlib.contextmanager
def stage(hand: Stagehand) -> Iterator[Stagehand]:
    """Give ``hand`` to a drill, and let it tidy up at the end."""
    try:
        yield hand
    finally:
        hand.tidy()

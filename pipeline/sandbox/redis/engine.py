"""Runs commands: the one place where words become a reply, and where limits are kept and everything is counted."""

import time

from pipeline.sandbox.core import Core
from pipeline.sandbox.redis import collections, keys, scripts, strings
from pipeline.sandbox.redis.store import Command, RedisError, Reply, Store
from pipeline.sandbox.redis.tally import Tally

COMMANDS: dict[str, Command] = {**keys.COMMANDS, **strings.COMMANDS, **collections.COMMANDS}
HELP = "https://upstash.com/docs/redis/troubleshooting/max_requests_limit"
SCRIPTS = ("EVAL", "EVALSHA", "SCRIPT")


def writes(name: str) -> bool:
    """Whether a command is counted as a write."""
    return name in SCRIPTS or (name in COMMANDS and COMMANDS[name].writes)


class Engine:
    def __init__(self, core: Core) -> None:
        self._core, self.tally = core, Tally(core)
        self._store = Store(core, self.tally)
        self._commands = {**COMMANDS, **scripts.commands(self.call)}

    async def run(self, words: list[str]) -> Reply:
        """Run one command of a client. Raises RedisError."""
        slow = self._core.state.upstash.slow_ms
        if slow:
            await self._core.sleep(slow / 1000)
        self.check(words)
        state, began = self._core.state.upstash, time.perf_counter()
        if state.monthly_requests >= state.db_request_limit:
            usage = f"Limit: {state.db_request_limit}, Usage: {state.monthly_requests}"
            raise RedisError(f"ERR max requests limit exceeded. {usage}. See {HELP} for details")
        if state.read_only and writes(words[0].upper()):
            says = f"NOPERM this user has no permissions to run the '{words[0].lower()}' command"
            raise RedisError(f"{says} or its subcommand")
        try:
            return self.call(words)
        finally:
            name = words[0].upper()
            self.tally.ran(name, writes(name), slow + (time.perf_counter() - began) * 1000)

    def check(self, words: list[str]) -> None:
        """Check that a command can be run, whatever the keys hold. Raises RedisError."""
        command = self._commands.get(words[0].upper())
        if command is None:
            raise RedisError(f"ERR unknown command '{words[0]}'")
        if not command.least <= len(words) - 1 <= (len(words) if command.most < 0 else command.most):
            raise RedisError(f"ERR wrong number of arguments for '{words[0].lower()}' command")

    def call(self, words: list[str]) -> Reply:
        """Call a command for a client or for a script. Raises RedisError."""
        self.check(words)
        return self._commands[words[0].upper()].run(self._store, words[1:])

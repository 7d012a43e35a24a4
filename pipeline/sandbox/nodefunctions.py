"""Calls uploaded Node functions: which process serves one, and what the platform tells it about a request."""

import os
import secrets
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from pipeline.sandbox import functions
from pipeline.sandbox.core import Core
from pipeline.sandbox.edgeruntime import EdgeRuntime
from pipeline.sandbox.found import Found
from pipeline.sandbox.nodehost import NodeHost, Program
from pipeline.sandbox.output import Output
from pipeline.sandbox.routing import Asked
from pipeline.sandbox.vercelstate import Deployment

MOST_ALIVE = 12
MOST_RESTING, RESTING_SECONDS = 2, 15.0
"""How many processes may stay that nobody has asked for so long; the platform, too, ends what is not asked."""
DURATION = 300.0
"""Seconds a function has when it does not say: vercel.com/docs/functions/limitations, with Fluid compute."""
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
UNTRUSTED = {
    b"connection",
    b"keep-alive",
    b"x-now-route-matches",
    b"x-sandbox-request",
    b"x-sandbox-function",
    b"x-middleware-subrequest",
}
EDGE = ".edge"
"""What all edge functions of a deployment are hosted as; no function has that name."""


@dataclass(frozen=True)
class Invoked:
    """A function that a request was routed to. ``settings`` are its ``.vc-config.json``, ``id`` names the request."""

    deployment: Deployment
    output: Output
    found: Found
    settings: Mapping[str, Any]
    environ: Mapping[str, str]
    id: str
    data: Path
    """The folder of the deployment's data cache."""


class NodeFunctions:
    """Calls the Node and the edge functions of all deployments of a sandbox."""

    def __init__(self, core: Core, edge: EdgeRuntime) -> None:
        self._core, self._edge, self._hosts = core, edge, Hosts()

    async def call(self, scope: Scope, receive: Receive, send: Send, invoked: Invoked) -> str:
        """Answer a request with the function; gives what it wrote to its console. Raises Died."""
        name = invoked.output.home(invoked.found.function)  # what is one function under many names has one process
        headers, asked = self._headers(scope, invoked), Asked.of(scope).path
        if invoked.settings.get("runtime") == "edge":
            host = self._hosts.get(invoked.deployment.id, EDGE, lambda: self._edge_host(invoked))
            headers.append((b"x-sandbox-function", quote(name).encode()))
        else:
            host = self._hosts.get(invoked.deployment.id, name, lambda: self._host(invoked, name))
        target = asked + (f"?{invoked.found.query}" if invoked.found.query else "")
        seconds = float(invoked.settings.get("maxDuration") or DURATION)
        return await host.call(scope["method"], target, headers, receive, send, seconds)

    def forget(self, deployment: str) -> None:
        """Stop the processes of a deployment."""
        self._hosts.forget(deployment)

    def stop(self) -> None:
        """Stop all processes."""
        self._hosts.stop()

    def _host(self, invoked: Invoked, name: str) -> NodeHost:
        """Make the host of one Node function."""
        settings = invoked.settings

        def write(where: Path) -> None:
            functions.write(invoked.output.content(name), self._core.blobs, where)

        options = {
            "handler": settings.get("handler"),
            "helpers": settings.get("shouldAddHelpers") is True,
            "webApi": settings.get("useWebApi") is True,
        }
        flags = ("--enable-source-maps",) if settings.get("shouldAddSourcemapSupport") else ()
        return self._hosting(invoked, name, write, options, flags, _environment(settings))

    def _edge_host(self, invoked: Invoked) -> NodeHost:
        """Make the host of all edge functions of a deployment; each has a folder with a number."""
        output = invoked.output
        names = [name for name in output.homes() if output.settings(name).get("runtime") == "edge"]

        def write(where: Path) -> None:
            for number, name in enumerate(names):
                functions.write(output.content(name), self._core.blobs, where / str(number))

        served = {
            quote(name): {
                "folder": str(number),
                "entrypoint": output.settings(name).get("entrypoint"),
                "environment": _environment(output.settings(name)),
                "assets": {str(one["name"]): str(one["path"]) for one in output.settings(name).get("assets") or ()},
            }
            for number, name in enumerate(names)
        }
        options = {"edge": str(self._edge.package), "functions": served}
        return self._hosting(invoked, EDGE, write, options, ("--experimental-vm-modules", "--no-warnings"), {})

    def _hosting(
        self,
        invoked: Invoked,
        name: str,
        write: Callable[[Path], None],
        options: Mapping[str, object],
        flags: tuple[str, ...],
        own: Mapping[str, str],
    ) -> NodeHost:
        deployments, id = self._core.state.vercel.deployments, invoked.deployment.id
        base = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environ = {**base, "TZ": "UTC", "NODE_ENV": "production", **own, **invoked.environ}
        hosts = [self._core.host_of(invoked.deployment), self._core.ports.host("production")]
        options = {**options, "data": str(invoked.data), "hosts": hosts}
        where = functions.folder(self._core.home, id, name)
        return NodeHost(Program(where, write, options, flags, environ), lambda: id in deployments, self._hosts.spare)

    def _headers(self, scope: Scope, invoked: Invoked) -> list[tuple[bytes, bytes]]:
        """Take the request's headers, with those that the platform sets."""
        client = (scope.get("client") or ("127.0.0.1", 0))[0].encode()
        host = dict(scope["headers"]).get(b"host", b"")
        added = {
            b"x-forwarded-for": client,
            b"x-real-ip": client,
            b"x-forwarded-host": host,
            b"x-forwarded-proto": str(scope.get("scheme", "http")).encode(),
            b"x-vercel-id": invoked.id.encode(),
            b"x-vercel-deployment-url": self._core.host_of(invoked.deployment).encode(),
            b"x-matched-path": invoked.found.matched.encode(),
            b"x-invocation-id": secrets.token_hex(8).encode(),
        }
        kept = [pair for pair in scope["headers"] if pair[0] not in added and pair[0] not in UNTRUSTED]
        return kept + list(added.items())


def _environment(settings: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in (settings.get("environment") or {}).items()}


class Hosts:
    """Keeps the hosts of a sandbox by what they serve; at most ``most`` live, the one unused for longest goes first."""

    def __init__(self, most: int = MOST_ALIVE) -> None:
        self._most, self._hosts = most, dict[tuple[str, str], NodeHost]()
        weakref.finalize(self, _stop, self._hosts)

    def get(self, deployment: str, function: str, make: Callable[[], NodeHost]) -> NodeHost:
        """Find the host of a function, made when it is not known."""
        found = self._hosts.get((deployment, function)) or make()
        self._hosts[deployment, function] = found
        others = [host for host in self._hosts.values() if host is not found and host.alive and not host.busy]
        living = sum(host.alive or host.busy for host in self._hosts.values() if host is not found)
        for host in sorted(others, key=lambda one: one.used)[: max(0, living + 1 - self._most)]:
            host.stop()
        return found

    def spare(self, host: NodeHost) -> bool:
        """Whether a host has rested for a while, and so have enough others that were used since."""
        if host.resting < RESTING_SECONDS:
            return False
        return sum(other.alive and other.used > host.used for other in self._hosts.values()) >= MOST_RESTING

    def forget(self, deployment: str) -> None:
        """Stop and drop the hosts of a deployment."""
        mine = {key: self._hosts.pop(key) for key in list(self._hosts) if key[0] == deployment}
        _stop(mine)

    def stop(self) -> None:
        """Stop every host."""
        _stop(self._hosts)


def _stop(hosts: dict[tuple[str, str], NodeHost]) -> None:
    for host in hosts.values():
        host.stop()

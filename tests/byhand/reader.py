"""A reader's own machine: a checkout of the app, the vendors' real command lines signed in, and the names filled in.

The text of a command is never changed. The tools reach the sandbox by what a machine has anyway: configuration
files below HOME, the environment, the proxy of the office.
"""

import contextlib
import copy
import fcntl
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from pipeline.sandbox import launch, postmaster
from pipeline.sandbox.releases import SOURCE
from tests.byhand.nameserver import NameServer
from tests.byhand.proxy import Vendors
from tests.vendors.world import CLI, HERE, LONGEST, NPM, PRELOADED, QUIET, Ran, World
from tests.whole.test_process import Checkout

PATIENT = 25
APP = Path(__file__).parent / "app"
TYPED = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
IGNORED = (
    ".*", "!.gitignore", "inv", "tasks.py", "deploy.yml", "requirements.lock", "checks", "pipeline", "runbooks", "home",
    "node_modules", "*.json.log",
)  # fmt: skip


def routes(world: World) -> dict[str, tuple[int, str]]:
    """The vendors' hosts, and the ports of the sandbox that stand for them."""

    def at(service: str, prefix: str = "") -> tuple[int, str]:
        return int(world.urls[service].rpartition(":")[2]), prefix

    account = world.said["r2"]["account"]
    return {
        "api.vercel.com": at("vercel"),
        "api.github.com": at("github"),
        "sentry.io": at("sentry"),
        "us.sentry.io": at("sentry"),
        "uptime.betterstack.com": at("betterstack"),
        "console.neon.tech": at("neon"),
        "www.vercel-status.com": at("vercel-status"),
        "neonstatus.com": at("neon-status"),
        "www.cloudflarestatus.com": at("statuspages", "/cloudflare"),
        f"{account}.r2.cloudflarestorage.com".lower(): at("r2"),
    }


class Described(World):
    """A world that keeps all that the sandbox said of itself."""

    def __init__(self, said: dict[str, Any], home: Path) -> None:
        super().__init__(said, home)
        self.said = said

    def at_rest(self) -> dict[str, Any]:
        """Vercel's project, as its API shows it."""
        found: dict[str, Any] = self.vercel("GET", f"/v9/projects/{self.project}").json()
        return found

    def ask(self, service: str, path: str) -> Any:
        """What a service's API says to somebody who may ask."""
        answer = self.web.get(self.urls[service] + path, headers={"authorization": f"Bearer {self.tokens[service]}"})
        assert answer.is_success, answer.text
        return answer.json()


@dataclass
class Reader:
    """``names`` is what the reader filled in; ``history`` the commits from the oldest to the newest."""

    world: Described
    folder: Path
    home: Path
    environment: dict[str, str]
    hosts: dict[str, tuple[int, str]]
    names: dict[str, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    proved: list[str] = field(default_factory=list)

    def types(self, text: str, *, says: str = "", expect: int = 0, timeout: float = LONGEST) -> Ran:
        """Paste ``text`` into a shell and press Enter; ``says`` is what is typed when it asks."""
        self._filled(text)
        done = subprocess.run(
            ["bash", "-c", text], cwd=self.folder, env={**self.environment, **self.names},
            input=says, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        ran = Ran(done.returncode, done.stdout.strip(), done.stderr.strip())
        assert expect in (ran.code, -1), f"{text}\nended with {ran.code}, not {expect}\n{ran.out}\n{ran.err}"
        self.proved.append(text)
        return ran

    def answers(self, text: str, *questions: tuple[str, str]) -> Ran:
        """Paste ``text`` at a terminal, and type an answer after each question: (what it shows, what is typed)."""
        self._filled(text)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", text], cwd=self.folder, env={**self.environment, **self.names, "TERM": "xterm"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # Ctrl-C reaches only whom the terminal belongs to
        )  # fmt: skip
        os.close(theirs)
        shown, asked, end = "", list(questions), time.monotonic() + PATIENT
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # the terminal is closed
                    break
                shown += piece.decode(errors="replace")
            elif process.poll() is not None:
                break
            if asked and re.search(asked[0][0], shown):
                time.sleep(0.2)  # a person is not faster either, and prompts forget what comes too early
                os.write(ours, asked.pop(0)[1].encode())
                shown, _ = "", shown
        os.close(ours)
        if process.poll() is None:
            process.kill()
        code = process.wait(10)
        assert (code, asked) == (0, []), f"{text}: ended with {code}, never asked {asked}:\n{shown}"
        self.proved.append(text)
        return Ran(code, shown, "")

    def _filled(self, text: str) -> None:
        lacking = [name for name in TYPED.findall(text) if name not in self.names]
        assert not lacking, f"{text}: nobody filled in {lacking}"

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and push it: checked, reviewed, and merged."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        sha = self.git("rev-parse", "HEAD")
        self.world.control("/commits", {"sha": sha, "message": message})
        self.history.append(sha)
        return sha

    def released(self, sha: str, name: str = "good") -> str:
        """A deployment of a commit that is live; its id."""
        made = self.world.control("/releases", {"name": name})
        self.world.control("/commits", {"sha": made["commit"], "message": "as it was"})
        body = {"sha": sha, "message": "", "folder": made["folder"], "deploy": True}
        id = str(self.world.control("/commits", body)["deployment"])
        self.world.until(lambda: self.world.alias() == id)
        assert self.world.alias() == id
        return id

    def staged(self, sha: str = "") -> str:
        """A deployment that is ready and that no domain points to; its id. Fills in $DEPLOYMENT and $STAGED."""
        meta = {"githubCommitSha": sha or self.history[-1], "githubCommitRef": "main"}
        body = {"name": "lms", "deploymentId": self.world.alias(), "target": "production", "meta": meta}
        made = self.world.vercel("POST", "/v13/deployments", json={**body, "autoAssignCustomDomains": False}).json()
        self.world.until(lambda: self.world.deployment(made["id"])["readyState"] == "READY")
        self.names |= {"DEPLOYMENT": made["id"], "STAGED": self.address(made["id"]), "COMMIT": meta["githubCommitSha"]}
        return str(made["id"])

    def address(self, id: str) -> str:
        """An address of a deployment as Vercel gives it: a name, where the sandbox has a port."""
        host, port = f"lms-{id[4:].lower()}.vercel.app", int(self.world.deployment(id)["url"].rpartition(":")[2])
        answer = self.world.vercel("POST", f"/v2/deployments/{id}/aliases", json={"alias": host})
        assert answer.is_success, answer.text
        self.hosts[host] = (port, "")
        return f"https://{host}"

    def two_releases(self) -> tuple[str, str]:
        """One release live, one before it: (previous, live). Fills in $PREVIOUS and $LIVE_COMMIT."""
        self.world.calm()
        one, other = self.released(self.history[0]), self.released(self.history[1])
        self.names |= {"PREVIOUS": one, "PREVIOUS_URL": self.address(one), "LIVE_COMMIT": self.history[1]}
        self.names |= {"GOOD_COMMIT": self.history[0], "COMMIT": self.history[-1], "DEPLOYMENT": other}
        return one, other


def _names(world: Described) -> dict[str, str]:
    """What does not change while the reader reads."""
    said, host = world.said, world.urls["production"][7:]
    return {
        "BETTERSTACK_API_TOKEN": world.tokens["betterstack"],
        "BRANCH": "main",
        "DATABASE_URL": said["database_url"],
        "DIRECT_URL": said["database_url"],
        "DOMAIN": host,
        "MONITOR": said["betterstack"]["monitor"],
        "NEON_API_KEY": world.tokens["neon"],
        "NEON_PROJECT": said["neon"]["project"],
        "PRODUCTION": f"https://{host}",
        "NEXTAUTH_URL": world.urls["production"],
        "PROJECT": said["vercel"]["name"],
        "R2_ACCESS_KEY_ID": said["r2"]["access_key_id"],
        "R2_ACCOUNT_ID": said["r2"]["account"],
        "R2_BUCKET": said["r2"]["bucket"],
        "R2_SECRET_ACCESS_KEY": said["r2"]["secret_access_key"],
        "REPOSITORY": said["github"]["repository"],
        "SENTRY": "https://us.sentry.io",
        "SENTRY_AUTH_TOKEN": world.tokens["sentry"],
        "SENTRY_ORG": said["sentry"]["organization"],
        "TARGET": "production",
        "UPSTASH_REDIS_REST_TOKEN": said["upstash"]["token"],
        "UPSTASH_REDIS_REST_URL": said["upstash"]["url"],
        "WEBHOOK": world.urls["notify"] + "/team",
    }


def _tools(world: Described, home: Path, vendors: Vendors) -> dict[str, str]:
    """HOME with the tools' own files, and the environment of a shell."""
    vercel = home / ".local/share/com.vercel.cli"
    vercel.mkdir(parents=True)
    (vercel / "auth.json").write_text(json.dumps({"token": world.tokens["vercel"]}))
    (vercel / "config.json").write_text(json.dumps({"api": world.urls["vercel"], "currentTeam": world.team}))
    (home / ".sentryclirc").write_text("[defaults]\norg=acme\nproject=lms\n")
    (home / ".gitconfig").write_text("[user]\nname = Kim\nemail = kim@example.com\n[init]\ndefaultBranch = main\n")
    programs = home / "bin"
    programs.mkdir()
    (programs / "vercel").write_text(f'#!/bin/sh\nexec node --require "{PRELOADED}" "{CLI}" "$@"\n')
    (programs / "vercel").chmod(0o755)
    for name, at in {"sentry-cli": NPM / ".bin/sentry-cli", "prisma": NPM / ".bin/prisma"}.items():
        if at.exists():
            (programs / name).symlink_to(at)
    return {
        "PATH": os.pathsep.join([str(programs), *_postgres(), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "HTTPS_PROXY": vendors.url,
        "CURL_CA_BUNDLE": str(vendors.bundle),
        "SSL_CERT_FILE": str(vendors.bundle),
        "AWS_CA_BUNDLE": str(vendors.bundle),
        "NODE_EXTRA_CA_CERTS": str(vendors.bundle),
        "GH_TOKEN": world.tokens["github"],
        "GH_REPO": world.said["github"]["repository"],
        "GH_PROMPT_DISABLED": "1",
        **_local_postgres(world.said["database_url"]),
        "NO_COLOR": "1",
        "PAGER": "cat",
        "PYENV_VERSION": os.environ.get("PYENV_VERSION", ""),
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", ""),
        **{name: value for name, value in QUIET.items() if name != "CI"},
    }


def _postgres() -> list[str]:
    """Client tools as new as the server: pg_dump refuses a newer one."""
    return [str(postmaster.package() / "bin")]


def _local_postgres(url: str) -> dict[str, str]:
    """The server that ``createdb`` finds on the reader's own machine."""
    at = urlsplit(url)
    found = {"PGHOST": at.hostname, "PGPORT": at.port, "PGUSER": at.username, "PGPASSWORD": unquote(at.password or "")}
    return {name: str(value) for name, value in found.items()}


def _app(folder: Path) -> None:
    """The app's repository: what its build makes is what the sandbox's example release holds."""
    for name in ("lms", "static", "prisma"):
        shutil.copytree(SOURCE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in APP.iterdir():
        shutil.copytree(path, folder / path.name) if path.is_dir() else shutil.copy(path, folder / path.name)
    for name in ("config.json", "vc-config.json"):
        shutil.copy(SOURCE / name, folder / name)
    (folder / ".gitignore").write_text("\n".join(IGNORED) + "\n")


def _deploy_file(folder: Path, world: Described) -> None:
    """Every target of this reader's ``deploy.yml`` is the sandbox; the token is in ``.env``."""
    (folder / ".env").write_text(f"VERCEL_TOKEN={world.tokens['vercel']}\n")
    file = folder / "deploy.yml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    sandbox = {**raw["targets"]["sandbox"], "project": world.project, "team": world.team}
    sandbox |= {"domain": world.urls["production"][7:], "services": {"vercel": world.urls["vercel"]}}
    raw["targets"] = {name: copy.deepcopy(sandbox) for name in ("sandbox", "preview", "production")}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")


def _history(home: Path) -> None:
    """What visitors of production met in the last hour, before anybody looks: it is in the logs."""
    home.mkdir()
    pino = {"level": 50, "time": 1767225600000, "reqId": "req-7", "msg": "the course has no lessons"}
    met = (
        ("/courses/algebra-1", 500, "error", json.dumps(pino)),
        ("/api/upload", 500, "error", "Error: R2 PutObject: AccessDenied"),
        ("/login", 500, "error", "[next-auth][error][NO_SECRET]"),
        ("/", 500, "error", "PrismaClientInitializationError: P1001: Can't reach database server"),
        ("/api/upload", 429, "info", ""),
        ("/api/upload", 429, "info", ""),
    )
    hits = [
        {
            "at": time.time() - 600,
            "deployment": "dpl_before",
            "production": True,
            "host": "lms.example.com",
            "method": "GET",
            "path": path,
            "status": status,
            "seconds": 0.1,
            "level": level,
            "message": message,
        }
        for path, status, level, message in met
    ]
    (home / "traffic.jsonl").write_text("".join(json.dumps(hit) + "\n" for hit in hits))


@contextlib.contextmanager
def reading() -> Iterator[Reader]:
    """A reader in a checkout with a sandbox that is up: two commits released, a third one waiting."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, home = Path(temporary) / "lms", Path(temporary) / "home"
        folder.mkdir()
        home.mkdir()
        Checkout(folder)
        for name in ("runbooks", ".github"):  # the reader may write them, and nobody may write ours
            ours = (folder / name).resolve()
            (folder / name).unlink()
            shutil.copytree(ours, folder / name, ignore=shutil.ignore_patterns("reviews"))
        _app(folder)
        _history(folder / ".sandbox")
        try:
            with launch.attach(folder / ".sandbox", timeout=LONGEST) as said:
                world = Described(said, home)
                world.calm()
                _deploy_file(folder, world)
                hosts = routes(world)
                with Vendors(hosts, Path(temporary)) as vendors, NameServer() as names:
                    (home / ".digrc").write_text(f"@127.0.0.1 -p {names.port}\n")
                    reader = Reader(world, folder, home, _tools(world, home, vendors), hosts, _names(world))
                    (folder / ".vercel").mkdir()
                    world.vercel("PATCH", f"/v9/projects/{world.project}", json={"framework": None})
                    link = {"projectId": world.project, "orgId": world.team, "projectName": "lms"}
                    (folder / ".vercel/project.json").write_text(json.dumps(link))
                    reader.git("init", "-q")
                    for message in ("Show lessons", "Hand in files", "Levels of courses"):
                        (folder / "CHANGES").open("a").write(f"{message}\n")
                        reader.commit(message)
                    reader.two_releases()
                    yield reader
        finally:
            launch.reset(folder / ".sandbox")


__all__ = ["HERE", "Reader", "reading"]

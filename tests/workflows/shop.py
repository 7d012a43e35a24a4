"""A team's repository: this tool and an app in one folder, and a ``deploy.yml`` that leads to a running sandbox."""

import json
import os
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from pipeline.config import load
from pipeline.documents.writing import workflows
from pipeline.sandbox import launch
from tests.processes import LONGEST
from tests.workflows.runner import ROOT, SHIPPED, Act

AUTHOR = {
    "GIT_AUTHOR_NAME": "Dana",
    "GIT_AUTHOR_EMAIL": "dana@example.com",
    "GIT_COMMITTER_NAME": "Dana",
    "GIT_COMMITTER_EMAIL": "dana@example.com",
}
BUILD = "mkdir -p .vercel/output && cp -r built/. .vercel/output/"
SERVICES = {
    "vercel": "vercel",
    "github": "github",
    "sentry": "sentry",
    "betterstack": "betterstack",
    "vercel_status": "vercel-status",
    "neon_status": "neon-status",
    "neon": "neon",
    "cloudflare": "cloudflare",
    "upstash": "upstash-api",
    "crux": "google",
}
"""Service in deploy.yml → service of the sandbox."""
PAGES = ("Cloudflare", "GitHub", "Sentry", "Upstash", "Better Stack")
PATIENT = {
    "preflight": {"patience": 10, "every": 0.5},
    "wake": {"patience": 20, "every": 0.3},
    "confirm": {"patience": 10, "every": 0.5},
    "promote": {"patience": 20, "every": 0.2},
    "validate": {"patience": 6, "every": 0.3},
}
"""A runner, an app and a database share two cores here: what is well may take its time."""
WATCH = {"during": 3, "patience": 1, "every": 0.3}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **AUTHOR},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def secrets_of(sandbox: dict[str, Any]) -> dict[str, str]:
    """What a team would have typed into GitHub's settings."""
    tokens, r2, upstash = sandbox["tokens"], sandbox["r2"], sandbox["upstash"]
    return {
        "VERCEL_TOKEN": tokens["vercel"],
        "DEPLOY_GITHUB_TOKEN": tokens["github"],
        "SENTRY_AUTH_TOKEN": tokens["sentry"],
        "BETTERSTACK_API_TOKEN": tokens["betterstack"],
        "DIRECT_URL": sandbox["database_url"],
        "SMOKE_EMAIL": sandbox["student"]["email"],
        "SMOKE_PASSWORD": sandbox["student"]["password"],
        "NOTIFY_WEBHOOK_URL": sandbox["urls"]["notify"],
        "NEON_API_KEY": tokens["neon"],
        "R2_ACCOUNT_ID": r2["account"],
        "R2_ACCESS_KEY_ID": r2["access_key_id"],
        "R2_SECRET_ACCESS_KEY": r2["secret_access_key"],
        "R2_BUCKET": r2["bucket"],
        "R2_ENDPOINT": r2["endpoint"],
        "CLOUDFLARE_API_TOKEN": tokens["cloudflare"],
        "UPSTASH_REDIS_REST_URL": upstash["url"],
        "UPSTASH_REDIS_REST_TOKEN": upstash["token"],
        "UPSTASH_EMAIL": upstash["email"],
        "UPSTASH_API_KEY": upstash["api_key"],
    }


def deploy_yml(sandbox: dict[str, Any], state: Path) -> dict[str, Any]:
    """The example of this project with a target ``production`` whose services are those of the sandbox."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "deploy.yml").read_text(encoding="utf-8"))
    urls = sandbox["urls"]
    raw["state"] = str(state)
    raw["source"]["repository"] = sandbox["github"]["repository"]
    raw["errors"] |= sandbox["sentry"]
    raw["uptime"]["monitor"] = sandbox["betterstack"]["monitor"]
    raw["vendors"]["pages"] = [
        {"vendor": name, "url": f"{urls['statuspages']}/{name.lower().replace(' ', '')}"} for name in PAGES
    ]
    raw["database"]["neon_project"] = sandbox["neon"]["project"]
    raw["targets"]["sandbox"]["override"]["vitals"]["lab"] = False
    pace = raw["targets"]["sandbox"]["pace"]
    raw["targets"] = {
        "sandbox": raw["targets"]["sandbox"],
        "production": {
            "kind": "production",
            "project": sandbox["vercel"]["project"],
            "team": sandbox["vercel"]["team"],
            "domain": urls["production"].partition("://")[2],
            "services": {ours: urls[theirs] for ours, theirs in SERVICES.items()},
            "pace": {**pace, **PATIENT, "watch": WATCH},
            "override": raw["targets"]["sandbox"]["override"],
        },
    }
    raw["target"] = "production"
    return raw


class Shop:
    """A repository, the sandbox behind it, and the runner of its workflows."""

    def __init__(self, home: Path, sandbox: dict[str, Any]) -> None:
        self.home, self.sandbox = home, sandbox
        self.folder = home / "learning-app"  # and not ``lms``, as the project is called at Vercel
        self.config = deploy_yml(sandbox, home / "journal.db")
        self.web = httpx.Client(timeout=LONGEST, trust_env=False)
        self._make()
        self.act = Act(self.folder, home / "runner", secrets_of(sandbox))

    def _make(self) -> None:
        self.folder.mkdir(parents=True)
        left_out = shutil.ignore_patterns("__pycache__", "node_modules")
        for name in SHIPPED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, ignore=left_out)
            else:
                shutil.copy2(ROOT / name, self.folder / name)
        self.configure()
        self.app(BUILD)
        with (self.folder / ".gitignore").open("a", encoding="utf-8") as file:
            file.write(".vercel/\n")
        git(self.folder, "init", "-q", "-b", "main")
        self.release("good")

    def configure(self) -> None:
        """Write ``deploy.yml`` as it is now, and the workflows that are generated from it."""
        (self.folder / "deploy.yml").write_text(yaml.safe_dump(self.config), encoding="utf-8")
        for path, text in workflows(load(self.folder / "deploy.yml")).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text, encoding="utf-8")

    def app(self, script: str) -> None:
        """Give the app another build script."""
        package = {"name": "learning-app", "private": True, "scripts": {"build": script}}
        (self.folder / "package.json").write_text(json.dumps(package), encoding="utf-8")
        (self.folder / "vercel.json").write_text('{"framework": null}', encoding="utf-8")

    def release(self, example: str) -> str:
        """Commit one of the sandbox's releases as what the build script makes, and push it; its commit."""
        made = Path(self.control("/releases", {"name": example})["folder"])
        for name, source in (("built", made / ".vercel/output"), ("prisma", made / "prisma")):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            shutil.copytree(source, self.folder / name, symlinks=True)
        return self.push(f"release {example}")

    def push(self, message: str) -> str:
        """Commit everything; GitHub has it, reviewed and green, and its commit is given."""
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", message)
        commit = git(self.folder, "rev-parse", "HEAD")
        self.control("/commits", {"sha": commit, "message": message})
        return commit

    def control(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {self.sandbox['tokens']['control']}"}
        answer = self.web.post(self.sandbox["urls"]["control"] + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    def commit_of(self, deployment: str) -> str:
        """The commit that a deployment was made of."""
        headers = {"authorization": f"Bearer {self.sandbox['tokens']['vercel']}"}
        found = self.web.get(f"{self.sandbox['urls']['vercel']}/v13/deployments/{deployment}", headers=headers).json()
        return str(found["meta"]["githubCommitSha"])

    def approvals(self) -> list[str]:
        """Who was named as agreeing when the runs began, in the journal."""
        with sqlite3.connect(self.home / "journal.db") as db:
            rows = db.execute("select body from deploy_events where kind = 'run begins' order by seq").fetchall()
        return [json.loads(body)["release"]["approved_by"] for (body,) in rows]

    def lease_is_over(self) -> None:
        """As if a quarter of an hour had passed since the last sign of life of whoever holds the lock."""
        with sqlite3.connect(self.home / "journal.db") as db:
            db.execute("update deploy_locks set expires = '2026-01-01T00:00:00+00:00'")

    def asked(self, service: str) -> list[tuple[str, str]]:
        """What was asked of a service lately, as (method, path)."""
        headers = {"authorization": f"Bearer {self.sandbox['tokens']['control']}"}
        path = f"/requests?service={service}&limit=500"
        found = self.web.get(self.sandbox["urls"]["control"] + path, headers=headers).json()
        return [(one["method"], one["path"]) for one in found[service]]

    def serves(self) -> str:
        """The deployment that a visitor of production gets."""
        with urllib.request.urlopen(self.sandbox["urls"]["production"] + "/api/health/db", timeout=LONGEST) as answer:
            return str(answer.headers["x-deployment-id"])

    def inv(self, *words: str, expect: int = 0) -> str:
        """A command that somebody types in a checkout of the repository on a machine of their own."""
        secrets = {**self.act.secrets, "GITHUB_TOKEN": self.act.secrets["DEPLOY_GITHUB_TOKEN"]}
        if not (self.folder / ".venv").exists():
            (self.folder / ".venv").symlink_to(ROOT / ".venv")
        done = subprocess.run(
            [str(self.folder / "inv"), *words],
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **secrets},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def opened_shop(home: Path) -> Iterator[Shop]:
    """A shop with a sandbox of its own, for as long as the context lasts."""
    try:
        with launch.attach(home / "sandbox", timeout=LONGEST) as description:
            yield Shop(home, description)
    finally:
        launch.reset(home / "sandbox")

"""A canary in every secret: commands that fail in every way say none of it, in no spelling, nowhere."""

import base64
import binascii
import html
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

import pytest
import yaml

from pipeline.cli.terminal import fail, honest, out
from pipeline.clients.command import Command
from pipeline.errors import Unreachable
from pipeline.record.debug import explained
from pipeline.redact import Redactor, chat, leaving
from pipeline.world.secrets import CHANNELS, OPEN, OPTIONAL, SECRETS, STATE
from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parents[2]
SIGNS = "%/#?@ "
BIRD = re.compile(r"Kanari\d\dvogel|Zeisig\d\dvogel", re.IGNORECASE)
NAMES = (*SECRETS, *OPTIONAL, STATE)
URLS = ("DIRECT_URL", STATE)


def bird(name: str) -> str:
    return f"Kanari{NAMES.index(name):02}vogel"


def canary(name: str, sign: str = "") -> str:
    """A secret with two birds in it, which are parted by a sign that parsers stumble over."""
    return f"{bird(name)}{sign}{bird(name).replace('Kanari', 'Zeisig')}"


def spellings(text: str) -> Iterator[str]:
    """``text``, and what anybody would read who undoes the usual ways to write it."""
    plain = unquote(text)
    yield from (text, plain, unquote(plain), unquote_plus(text), html.unescape(text), text.replace("\\", ""))
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        for begin in range(4):
            piece = run[begin:].replace("-", "+").replace("_", "/")
            try:
                yield base64.b64decode(piece[: len(piece) // 4 * 4]).decode("latin-1")
            except (binascii.Error, ValueError):
                continue


def caught(text: str) -> list[str]:
    return sorted({found for spelt in spellings(text) for found in BIRD.findall(spelt)})


def test_the_catcher_catches() -> None:
    whole = canary("VERCEL_TOKEN", "/")
    coded = base64.urlsafe_b64encode(b"dana:" + whole.encode()).decode()
    for said in (
        whole,
        quote(whole, safe=""),
        json.dumps(json.dumps(whole)),
        coded,
        quote(quote(whole, safe=""), safe=""),
    ):
        assert caught(f"x {said} y"), said


def spoken(whole: str) -> list[str]:
    """How a text may come to speak of a secret: as it is, as a part, in the spellings of formats and parsers."""
    parts = [part for part in re.split(r"[%/#?@ ]", whole) if len(part) > 5]
    lower = re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(whole, safe=""))
    basic = [base64.b64encode(f"{'u' * n}:{whole}".encode()).decode() for n in range(3)]
    return [
        whole, *parts, quote(whole), quote(whole, safe=""), lower, quote(quote(whole, safe=""), safe=""), repr(whole),
        json.dumps(whole), json.dumps(json.dumps({"x": whole})), html.escape(whole), f"invalid port '{parts[0]}'",
        *basic, base64.urlsafe_b64encode(whole.encode()).decode(), whole.replace("@", "%40"), whole.replace("/", "%2f"),
    ]  # fmt: skip


@pytest.mark.parametrize("sign", [*SIGNS, "ü", '"', "'", "&", "\\"])
@pytest.mark.parametrize("kind", ["token", "url", "encoded url", "keywords", "webhook"])
def test_no_spelling_of_a_secret_leaves(kind: str, sign: str) -> None:
    password = canary("SMOKE_PASSWORD", sign)
    learned = {
        "token": password,
        "url": f"postgresql://app:{password}@db.example:5432/lms",
        "encoded url": f"postgresql://app:{quote(password, safe='')}@db.example:5432/lms",
        "keywords": f"host=db user=app password='{password}' dbname=lms" if sign != "'" else f"password={password}",
        "webhook": f"https://hooks.example/services/T1/{quote(password, safe='')}",
    }[kind]
    redactor = Redactor([learned])
    for said in spoken(password) if kind != "token" else [one for one in spoken(password) if len(one) > 20]:
        for cleaned in (redactor(f"it said {said}, twice"), leaving(f"it said {said}"), chat(f"it said {said}")):
            assert not caught(cleaned), (said, cleaned)


@pytest.mark.parametrize("sign", SIGNS)
def test_neither_an_error_nor_a_traceback_nor_its_file_says_it(
    sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    whole = canary("GITHUB_TOKEN", sign)
    Redactor([whole])

    def refused() -> None:
        sys.stderr.write(f"a library says {whole}\n")
        out(f"asked with {whole}")
        raise Unreachable("github", f"GET /x?token={quote(whole)}", f"no host in {whole!r}")

    def broken() -> None:
        try:
            raise ValueError(f"cannot parse {whole}")
        except ValueError as error:
            raise RuntimeError("a bug") from error

    for act in (refused, broken):
        with pytest.raises(SystemExit), honest():
            act()
    with pytest.raises(SystemExit):
        fail(f"::error::{whole}", 1)
    explained(ValueError(whole), tmp_path)
    said = capsys.readouterr()
    left = [said.out, said.err, *(path.read_text() for path in tmp_path.rglob("*") if path.is_file())]
    assert "asked with ***" in said.out
    assert "a library says ***" in said.err
    assert [found for text in left for found in caught(text)] == []


def test_a_command_that_complains_with_its_secret_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    whole = canary("VERCEL_TOKEN", "/")
    Redactor([whole])
    command = Command("vercel command", "build.command", {"PATH": os.environ["PATH"], "TOKEN": whole})
    with pytest.raises(SystemExit), honest():
        asyncio.run(command.run(["sh", "-c", 'echo "bad token $TOKEN" >&2; exit 3'], None, {}, out))
    said = capsys.readouterr()
    assert "bad token ***" in said.out + said.err
    assert caught(said.out + said.err) == []


# -- whole commands, against vendors that fail and repeat all that they were sent


class Parrot(http.server.BaseHTTPRequestHandler):
    """Repeats every request, the secrets in it included, in an answer that is a no or cannot be read."""

    status = 401

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        heard = f"{self.path} {dict(self.headers)} {self.rfile.read(length).decode(errors='replace')}"
        body = (json.dumps({"error": {"code": "no", "message": heard}}) if self.status != 200 else heard).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def parrot() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def checkout(folder: Path, vendors: str, state: str) -> Path:
    """A checkout with a record of its own, whose production is at ``vendors``."""
    for name in ("inv", "tasks.py", "deploy.yml", "requirements.lock", "requirements-rollback.lock", "pyproject.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "inv").chmod(0o755)
    for name in ("checks", "pipeline", "runbooks"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    raw = yaml.safe_load((folder / "deploy.yml").read_text(encoding="utf-8"))
    names = (
        "vercel",
        "github",
        "sentry",
        "betterstack",
        "vercel_status",
        "neon_status",
        "neon",
        "cloudflare",
        "upstash",
        "crux",
    )
    raw["targets"]["production"]["services"] = dict.fromkeys(names, vendors)
    raw["targets"]["production"]["domain"] = vendors.removeprefix("http://")
    raw["state"] = state
    (folder / "deploy.yml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def secrets(vendors: str, sign: str, where: str = "127.0.0.1:9") -> dict[str, str]:
    """Every secret that there is, with a canary in it; the addresses lead to ``vendors`` and to nobody."""
    found = {name: canary(name, "") for name in NAMES}
    found |= {name: canary(name, sign) for name in ("SMOKE_PASSWORD", "UPSTASH_API_KEY", "R2_SECRET_ACCESS_KEY")}
    found |= {name: f"postgresql://app:{canary(name, sign)}@{where}/lms" for name in URLS}
    found |= {name: f"{vendors}/services/T1/{canary(name)}" for name in CHANNELS.values()}
    found |= {"R2_ENDPOINT": vendors, "UPSTASH_REDIS_REST_URL": vendors}
    return found


def left_behind(folder: Path, done: "subprocess.CompletedProcess[str]") -> dict[str, list[str]]:
    """Where canaries are: in what was printed, and in every file that the command left."""
    texts = {"stdout": done.stdout, "stderr": done.stderr}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != ".env" and ".venv" not in path.parts:
            texts[path.relative_to(folder).as_posix()] = path.read_bytes().decode("latin-1")
    allowed = {bird(name) for name in OPEN}  # names and addresses, which a reader has to see
    kept = {
        where: [one for one in caught(text) if one.replace("Zeisig", "Kanari") not in allowed]
        for where, text in texts.items()
    }
    return {where: found for where, found in kept.items() if found}


COMMANDS = (
    ("status", "--target", "production"),
    ("history",),
    ("monitor.daily", "--target", "production"),
    ("diagnose.database", "--target", "production"),
    ("rollback", "--target", "production"),
    ("logs", "--target", "production"),
    ("deploy", "--target", "production"),
    ("incident.open", "--target", "production", "--what", "nobody can sign in"),
    ("build.pull", "--target", "production"),
)


def run(
    folder: Path, words: tuple[str, ...], environment: dict[str, str], *, file: bool
) -> "subprocess.CompletedProcess[str]":
    """Type the command; the secrets are in the environment, or in `.env`."""
    if file:
        lines = (f"{name}='{value}'\n" for name, value in environment.items())
        (folder / ".env").write_text("".join(lines), encoding="utf-8")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "DEPLOY_LOG": "debug", "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), **({} if file else environment),
    }  # fmt: skip
    words = (str(folder / "inv"), *words)
    return subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)


@pytest.mark.process
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_no_command_says_a_secret_to_whom_vendors_repeat_it(
    words: tuple[str, ...], parrot: str, tmp_path: Path
) -> None:
    folder = checkout(tmp_path, parrot, "")
    Parrot.status = 200 if words[0] in ("status", "deploy") else 401
    done = run(folder, words, secrets(parrot, "#"), file=words[0] in ("history", "logs"))
    assert done.returncode != 0 or words[0] in ("history", "incident.open", "status"), done.stdout
    assert left_behind(folder, done) == {}
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.process
@pytest.mark.parametrize("sign", [*SIGNS, ""])
@pytest.mark.parametrize("command", ["history", "diagnose.database"])
def test_no_command_says_a_part_of_an_address_that_leads_nowhere(sign: str, command: str, tmp_path: Path) -> None:
    folder = checkout(tmp_path, "http://127.0.0.1:9", STATE)
    done = run(folder, (command,), secrets("http://127.0.0.1:9", sign), file=sign in "%@")
    if command == "history":
        assert done.returncode == 2, done.stdout + done.stderr
    assert left_behind(folder, done) == {}

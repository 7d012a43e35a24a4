"""One's own app in the sandbox: its variables are made up, and ``deploy`` ships its folder."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.policy import RequiredVariable
from pipeline.adoption.folder import OURS
from pipeline.config import load
from pipeline.sandbox import releases
from pipeline.world.madeup import made_up, named_in
from pipeline.world.sandbox import OWN, prepared
from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = """# what the app reads
DATABASE_URL="postgresql://user:password@localhost:5432/mydb"
export POSTGRES_PRISMA_URL=
NEXTAUTH_SECRET=your-secret-here # openssl rand
NEXTAUTH_URL=http://localhost:3000
NEXT_PUBLIC_SITE_URL=
WEBHOOK_URL=https://hooks.example/x
COLOUR='red'
PAGE_SIZE=20
MAIL_FROM=
UPSTASH_REDIS_REST_URL=
STRIPE_API_KEY=sk_test_xxxx
"""


@pytest.mark.parametrize("ours", ["# What the deployment runbooks read", OURS, OURS.replace("./inv", "deploy-runbook")])
def test_values_have_the_shape_of_what_is_wanted_and_open_nothing(tmp_path: Path, ours: str) -> None:
    (tmp_path / ".env.example").write_text(f"{EXAMPLE}\n{ours}\nVERCEL_TOKEN=\n")
    required = [RequiredVariable("NEXTAUTH_SECRET", "secret", 60), RequiredVariable("ELSEWHERE", "url")]
    found = made_up(named_in(tmp_path), required)
    assert len(found.pop("NEXTAUTH_SECRET")) >= 60
    assert "xxxx" not in found["STRIPE_API_KEY"]
    assert len(found.pop("STRIPE_API_KEY")) >= 32
    assert found == {
        "DATABASE_URL": "{{DATABASE_URL}}",
        "POSTGRES_PRISMA_URL": "{{DATABASE_URL}}",
        "NEXTAUTH_URL": "http://{{PRODUCTION}}",
        "NEXT_PUBLIC_SITE_URL": "http://{{PRODUCTION}}",
        "WEBHOOK_URL": "https://made-up.invalid",
        "COLOUR": "red",
        "PAGE_SIZE": "20",
        "MAIL_FROM": "someone@made-up.invalid",
        "UPSTASH_REDIS_REST_URL": "http://{{UPSTASH}}",
        "ELSEWHERE": "https://made-up.invalid",
    }


@pytest.mark.parametrize(
    ("names", "told"), [("AUTH_SECRET", True), ("AUTH_SECRET=\nNEXTAUTH_URL", False), ("COLOUR", False)]
)
def test_auth_js_is_told_its_address_because_there_is_no_tls(tmp_path: Path, names: str, told: bool) -> None:
    (tmp_path / ".env.example").write_text(f"{names}=\n")
    found = made_up(named_in(tmp_path), [])
    assert found.get("AUTH_URL") == ("http://{{PRODUCTION}}" if told else None)


def test_what_was_made_up_stays_and_what_is_new_comes_to_it(tmp_path: Path) -> None:
    file = tmp_path / OWN / "own.json"
    prepared(tmp_path, tmp_path, [RequiredVariable("A_SECRET", "secret")])
    before = file.read_text()
    prepared(tmp_path, tmp_path, [RequiredVariable("A_SECRET", "secret")])
    assert file.read_text() == before
    prepared(tmp_path, tmp_path, [RequiredVariable("A_SECRET", "secret"), RequiredVariable("B")])
    assert before[:-10] in file.read_text()
    assert '"B"' in file.read_text()
    assert prepared(tmp_path, tmp_path, [], "/api/health") == OWN
    told = json.loads(file.read_text())
    assert (told["health"], [*told["variables"]]) == ("/api/health", ["A_SECRET", "B"])


EMAIL, PASSWORD = "smoke@example.com", "a word that only the seed has"
KEY = hashlib.scrypt(PASSWORD.encode(), salt=b"salt", n=4096, r=8, p=1, dklen=64).hex()
HASHED = f"scrypt${b'salt'.hex()}${KEY}"

FILE = """\
source: {repository: acme/lms, branch: main}
app: web
review: {required: 0}
approval: {required: 0}
environment:
  required: [{name: DATABASE_URL, shape: postgres}, {name: NEXTAUTH_SECRET, shape: secret, min_length: 32}]
smoke: {routes: [{path: /login, contains: Sign in}], journeys: [{name: login, sign_in: nextauth}]}
database: {seed: {sql: prisma/seed.sql, command: sh seed.sh, rows: 40, tables: {Upload: 5}}}
target: mine
targets:
  mine:
    {kind: sandbox, own: true, pace: {watch: {during: 1, patience: 1, every: 0.2}}, override: {vitals: {lab: false}}}
  demo: {kind: sandbox}
"""


def test_sections_of_the_file_are_asked_of_ones_own_app(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    file.write_text(FILE)
    config = load(file)
    assert [route.path for route in config.policies["mine"].smoke.routes] == ["/login"]
    assert len(config.policies["demo"].smoke.routes) > 1


@pytest.mark.process
def test_deploy_ships_ones_own_app_with_migrations_that_the_demo_app_has_too(tmp_path: Path, cluster: Path) -> None:
    home, commit = tmp_path / "home", "0e37" * 10
    shutil.copytree(releases.build_release("good", tmp_path, "prj_0", "team_0"), home / "web")
    (home / "deploy.yml").write_text(FILE, encoding="utf-8")
    (home / "web/prisma/seed.sql").write_text(
        'create table if not exists "Smoke" (id int); insert into "Smoke" values (1);'
        'insert into "User" (id, email, name, "passwordHash") '
        f"values ('smoke', '{EMAIL}', 'S', '{HASHED}') on conflict do nothing"
    )
    (home / "web/seed.sh").write_text('echo "$DATABASE_URL" > seeded')
    (home / "web" / ".env.example").write_text("DATABASE_URL=\nNEXTAUTH_SECRET=\n")
    hidden = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_", "PYTHON")
    env = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    env |= {"SMOKE_EMAIL": EMAIL, "SMOKE_PASSWORD": PASSWORD}

    def run(*words: str) -> str:
        command = [str(ROOT / "inv"), "--home", str(home), *words]
        done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        said = run("deploy", "--commit", commit)
        assert "DEPLOYED" in said
        assert "applying 20260101000000_init" in said, "the database was empty"
        assert commit[:7] in run("status")
        assert "postgresql" in (home / "web/seeded").read_text()
        (home / "web/prisma/migrations/20991231000000_more").mkdir()
        more = home / "web/prisma/migrations/20991231000000_more/migration.sql"
        more.write_text('alter table "Course" add "more" text;\n\nupdate "Course" set "more" = \'x\';\n')
        planned = run("database.plan", "--commit", commit)
        assert re.search(r"line 3 .*40 rows +took \d+ ms", planned), planned
        assert run("database.seed").count("had rows already") > 2
        assert "dpl_" in run("rollback", "--target", "mine", "--plan")
        assert not (home / ".sandbox" / "state.json").exists(), "the demo app's sandbox was not touched"
    finally:
        run("sandbox", "--reset")
    assert not (home / ".sandbox").exists()

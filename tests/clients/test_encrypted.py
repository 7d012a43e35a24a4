"""Nothing secret leaves this machine in the clear: plain HTTP and Postgres without TLS are refused."""

from pathlib import Path

import pytest

from pipeline.cli.direct import roll_back
from pipeline.clients.encrypted import must_be_encrypted
from pipeline.config import load
from pipeline.emergency.access import RollbackOrder
from pipeline.emergency.schemaback import ask
from pipeline.errors import Mistake
from pipeline.record.place import place_to_open
from pipeline.session.runs import past_runs
from pipeline.world.opening import open_settings
from pipeline.world.secrets import ADDRESSES, SECRETS

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2secret"
POSTGRES = f"postgresql://dana:{SECRET}@db.internal/lms"


@pytest.mark.parametrize(
    "address",
    [
        POSTGRES,
        *(f"{POSTGRES}?sslmode={mode}" for mode in ("disable", "allow", "prefer", "")),
        f"{POSTGRES}?sslmode=require&sslmode=disable",
        f"{POSTGRES}?application_name=sslmode=require",
        f"{POSTGRES}?schema=lms&connection_limit=5",
        f"postgres://dana:{SECRET}@localhost,db.internal/lms",
        f"postgres://dana:{SECRET}@localhost/lms?hostaddr=192.0.2.1",
        f"postgres://dana:{SECRET}@localhost/lms?host=db.internal",
        f"postgres://dana:{SECRET}@/lms?service=far",
        f"http://dana:{SECRET}@hooks.internal/x",
        f"HTTP://hooks.internal/{SECRET}",
        f"http://localhost.{SECRET}.example/x",
        f"http://127.evil.{SECRET}.example",
        f"http://[{SECRET}",
        f"https://hooks.example/x http://hooks.internal/{SECRET}",
        f"json://hooks.internal/{SECRET}",
    ],
)
def test_what_others_could_read_is_refused_and_not_quoted(address: str) -> None:
    with pytest.raises(Mistake, match=r"^NAME: .*unencrypted") as said:
        must_be_encrypted("NAME", address)
    assert SECRET not in str(said.value)
    assert "internal" not in str(said.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        *(f"{POSTGRES}?sslmode={mode}" for mode in ("require", "verify-ca", "verify-full")),
        f"{POSTGRES}?sslmode=disable&sslmode=require&schema=lms",
        *(f"postgresql://u:{SECRET}@{host}/lms" for host in ("localhost", "127.0.0.1:5433", "[::1]:5432", "")),
        f"postgresql://u:{SECRET}@/lms?host=/var/run/postgresql",
        "http://127.0.0.1:8080/hook",
        "http://lms.localhost:3000",
        "http://[::1]:3000",
        "https://hooks.internal/x",
        "mailtos://u:p@example.com?to=a@example.com",
    ],
)
def test_tls_this_machine_and_nothing_are_fine(address: str) -> None:
    must_be_encrypted("NAME", address)


def test_deploy_yml_may_except_a_host_and_only_that_one() -> None:
    must_be_encrypted("NAME", POSTGRES, ("db.internal",))
    must_be_encrypted("NAME", "http://db.internal/x", ("db.internal",))
    with pytest.raises(Mistake):
        must_be_encrypted("NAME", POSTGRES.replace("db.internal", "db.internal,db2.internal"), ("db.internal",))


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in SECRETS:
        monkeypatch.setenv(name, "x" * 12)
    monkeypatch.setenv("DIRECT_URL", f"{POSTGRES}?sslmode=require")
    return monkeypatch


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_address_that_is_a_secret_is_looked_at(name: str, complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    complete.setenv(name, POSTGRES if name == "DIRECT_URL" else f"http://far.internal/{SECRET}")
    with (
        pytest.raises(Mistake, match=f"^{name}: ") as said,
        open_settings(load(ROOT / "deploy.yml"), "production", tmp_path),
    ):
        pass
    assert SECRET not in str(said.value)


def test_the_address_of_a_vendor_and_the_key_that_excepts_it(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / "deploy.yml").read_text(encoding="utf-8").replace("team_REPLACE_ME", "team_lms")
    plain = text.replace("sentry: https://us.sentry.io", "sentry: http://sentry.internal")
    (tmp_path / "deploy.yml").write_text(plain)
    with (
        pytest.raises(Mistake, match=r"^deploy.yml: targets.production.services.sentry: begins with http://"),
        open_settings(load(tmp_path / "deploy.yml"), "production", tmp_path),
    ):
        pass
    (tmp_path / "deploy.yml").write_text(plain.replace("unencrypted: []", "unencrypted: [sentry.internal]"))
    with open_settings(load(tmp_path / "deploy.yml"), "production", tmp_path) as settings:
        assert settings.services.sentry == "http://sentry.internal"


def test_the_shared_record_is_not_opened_in_the_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_URL", POSTGRES)
    text = (ROOT / "deploy.yml").read_text(encoding="utf-8")
    (tmp_path / "deploy.yml").write_text(text.replace('state: ""', "state: JOURNAL_URL"))
    with pytest.raises(Mistake, match=r"^JOURNAL_URL: leads to another machine without TLS"):
        past_runs(load(tmp_path / "deploy.yml"), tmp_path, 1)
    assert place_to_open("JOURNAL_URL", tmp_path, ("db.internal",)).shared


def test_an_emergency_sends_no_token_and_no_password_in_the_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VERCEL_TOKEN", "t0ken-t0ken")
    order = RollbackOrder(project="prj", team="team_x", domain="lms.example", api="http://vercel.internal")
    assert roll_back(order) == 2
    assert "error: --api: begins with http://" in capsys.readouterr().err
    asked = ask(POSTGRES)
    assert asked.done.wait(10)
    assert asked.failure.startswith("DIRECT_URL: leads to another machine without TLS")

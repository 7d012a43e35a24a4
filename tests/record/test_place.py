"""Where the record is: what `state` of deploy.yml may say, what it means, and that no value of it is ever quoted."""

from pathlib import Path

import pytest

from pipeline.cli import release
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.errors import Locked, Mistake
from pipeline.record.lock import Lock
from pipeline.record.place import place_of
from pipeline.record.store import open_store
from pipeline.session.runs import lock_by_hand, release_lock

URL = "postgresql://dana:hunter2@db.example/journal"
EXAMPLE = Path(__file__).resolve().parents[2] / "deploy.yml"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_URL", raising=False)


def test_without_a_word_it_is_a_file_that_nobody_else_sees(tmp_path: Path) -> None:
    place = place_of("", tmp_path)
    assert (place.address, place.shared) == ("", False)
    assert str(place) == ".runs/journal.db of this checkout; nobody else sees it"
    assert str(place_of("record/journal.db", tmp_path)) == "record/journal.db of this checkout; nobody else sees it"


def test_a_variable_is_read_from_the_environment_and_else_from_the_file_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"JOURNAL_URL={URL}\n")
    place = place_of("JOURNAL_URL", tmp_path)
    assert (place.address, place.shared) == (URL, True)
    monkeypatch.setenv("JOURNAL_URL", URL.replace("dana", "kim"))
    assert "kim" in place_of("JOURNAL_URL", tmp_path).address
    assert "hunter2" not in f"{place} {place!r}"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_not_set_is_a_mistake_and_no_local_file(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("JOURNAL_URL", value)
    with pytest.raises(Mistake, match="names JOURNAL_URL, which is not set"):
        place_of("JOURNAL_URL", tmp_path)


@pytest.mark.parametrize(
    "value",
    ["host=db user=dana password=hunter2 dbname=journal", "mysql://dana:hunter2@db/journal", "hunter2", "[hunter2"],
)
def test_what_is_no_postgres_url_is_not_quoted_and_makes_no_file(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_URL", value)
    with pytest.raises(Mistake, match="JOURNAL_URL: is no Postgres URL") as said:
        place_of("JOURNAL_URL", tmp_path)
    assert "hunter2" not in str(said.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [URL, "host=db password=hunter2", "user = dana  dbname=journal"])
def test_an_address_does_not_belong_into_the_file(value: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="put that into a variable") as said:
        place_of(value, tmp_path)
    assert "hunter2" not in str(said.value)


@pytest.mark.parametrize("state", ["$JOURNAL_URL", "${JOURNAL_URL}", "journal_url"])
def test_a_name_that_is_written_otherwise_is_a_mistake_and_no_local_file(state: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"journal_url={URL}\n", encoding="utf-8")
    with pytest.raises(Mistake, match="is no file; write the NAME of a variable in capitals") as said:
        place_of(state, tmp_path)
    assert "hunter2" not in str(said.value)
    (tmp_path / ".env").unlink()
    assert place_of("journal_url", tmp_path).name == "journal_url", "a file may be called so"


def test_a_lock_says_who_else_sees_it(tmp_path: Path) -> None:
    config = load(EXAMPLE)
    said = str(lock_by_hand(config, tmp_path, "production", "a freeze", 1, "dana"))
    assert "production is locked by dana" in said
    assert ".runs/journal.db of this checkout; nobody else sees it" in said
    assert "nobody else sees it" in str(release_lock(config, tmp_path, "production"))


@pytest.mark.parametrize(
    ("ci", "target", "warns"), [("true", "production", True), ("", "production", False), ("true", "sandbox", False)]
)
def test_a_job_without_a_shared_record_is_warned(
    ci: str, target: str, warns: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    release._warn_of_an_own_record(load(EXAMPLE), target)
    assert ("known to nobody after this job" in capsys.readouterr().err) is warns


def test_a_run_that_is_under_way_keeps_its_lock_unless_it_is_said(tmp_path: Path) -> None:
    config = load(EXAMPLE)
    store = open_store("", tmp_path)
    run = Lock(store, "production", "r1", SystemClock(), pid=0)
    run.take("deploys")
    with pytest.raises(Locked, match=r"(?s)r1 .*is under way.*--even-alive"):
        release_lock(config, tmp_path, "production")
    assert run.renew()
    assert "takes the lock again" in str(release_lock(config, tmp_path, "production", even_alive=True))
    gone = Lock(store, "production", "r2", SystemClock(), pid=0, lease=0)
    gone.take("deploys")
    assert "it is free now" in str(release_lock(config, tmp_path, "production")), "a lease that is over keeps nobody"

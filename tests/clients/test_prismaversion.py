"""Which Prisma a project pins, and what that means for a file that is sent in parts."""

import json
from pathlib import Path

import pytest

from pipeline.clients.prismaversion import pinned, sends_each
from pipeline.sql.changes import changes_of
from pipeline.sql.cutting import when_cut
from pipeline.sql.known import Known, Table


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("node_modules/prisma/package.json", '{"version": "7.10.1"}', (7, 10)),
        ("package-lock.json", '{"packages": {"node_modules/prisma": {"version": "6.19.3"}}}', (6, 19)),
        ("pnpm-lock.yaml", "packages:\n\n  '@prisma/client@7.1.0':\n    a: b\n\n  prisma@7.4.0:\n    x: y\n", (7, 4)),
        ("yarn.lock", '"prisma@npm:^7.0.0":\n  version: 7.3.2\n', (7, 3)),
        ("yarn.lock", 'prisma@^7.0.0:\n  version "7.4.1"\n', (7, 4)),
        ("bun.lock", '{"packages": {"prisma": ["prisma@7.8.0", "", {}]}}', (7, 8)),
        ("package.json", '{"devDependencies": {"prisma": "^7.4.0"}}', (7, 4)),
        ("package.json", '{"dependencies": {"prisma": "latest"}}', None),
        ("package.json", "no json", None),
    ],
)
def test_the_version_is_read_from_what_a_project_has(
    tmp_path: Path, name: str, text: str, version: tuple[int, int] | None
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    assert pinned(tmp_path) == version
    assert sends_each(tmp_path) is (version is not None and version >= (7, 4))


def test_what_is_installed_wins_over_what_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"prisma": "^7.4.0"}}))
    assert sends_each(tmp_path)
    (tmp_path / "package-lock.json").write_text('{"packages": {"node_modules/prisma": {"version": "6.1.0"}}}')
    assert not sends_each(tmp_path)


INDEX = 'create table n ();\ncreate index concurrently i on "Lesson" (title);'
VALUE = "alter type t add value 'x';\nupdate \"Lesson\" set a = 'x' where id = 1;"


@pytest.mark.parametrize(("sql", "rule"), [(INDEX, "not-alone"), (VALUE, "fresh-enum-value")])
def test_what_cannot_run_in_a_transaction_stands_in_the_way_only_inside_one(sql: str, rule: str) -> None:
    known = Known({"Lesson": Table(10, {})})
    for text, left in ((sql, False), (f"begin;\n{sql}\ncommit;", True)):
        files = [("m", text.encode())]
        found = changes_of(files, known)
        assert rule in {one.rule for one in found}
        assert (rule in {one.rule for one in when_cut(found, files)}) is left
        rest = [one for one in found if one.rule != rule]
        assert [one for one in when_cut(found, files) if one.rule != rule] == rest

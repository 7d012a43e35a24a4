"""What is said of a pull request: of its files and of git alone, at the right file and line."""

import dataclasses
import datetime
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.gate import Verdict
from pipeline.config import Config, load
from pipeline.errors import Mistake
from pipeline.render.annotation import annotated
from pipeline.render.merging import LONGEST_DIFF, merging_markdown, remarks_annotations, remarks_text
from pipeline.session.merging import Remark, before_the_merge

ROOT = Path(__file__).resolve().parent.parent.parent
TODAY = datetime.date(2026, 3, 1)
FIRST, SECOND, NEW = "20260101000000_init", "20260201000000_lessons", "20260301000000_new"
SCHEMA = "model Course {\n  id    Int    @id\n  title String\n}\n"
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")


@pytest.fixture(scope="module")
def config() -> Config:
    return load(ROOT / "deploy.yml")


class Repository:
    """A repository with two merged migrations; what is written after that is the pull request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("prisma/schema.prisma", SCHEMA)
        self.write("prisma/migrations/migration_lock.toml", 'provider = "postgresql"\n')
        self.migration(FIRST, 'CREATE TABLE "Course" (id int PRIMARY KEY, title text NOT NULL);\n')
        self.migration(SECOND, 'CREATE TABLE "Lesson" (id int PRIMARY KEY);\n')
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "base")

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=Dana", "-c", "user.email=dana@example.com"]
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, capture_output=True)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def migration(self, name: str, sql: str) -> None:
        self.write(f"prisma/migrations/{name}/migration.sql", sql)

    def remarks(self, config: Config) -> tuple[Remark, ...]:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "the pull request")
        return before_the_merge(config, "production", self.folder, "HEAD^1", TODAY)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def said(remarks: tuple[Remark, ...]) -> list[tuple[str, str, int, Verdict]]:
    return [(one.gate, Path(one.file).parent.name, one.line, one.finding.verdict) for one in remarks]


def test_a_pull_request_without_a_migration_has_no_remark(repository: Repository, config: Config) -> None:
    repository.write("app/page.tsx", "export default () => null\n")
    assert repository.remarks(config) == ()


def test_what_live_code_still_reads_is_named_at_its_line(repository: Repository, config: Config) -> None:
    repository.migration(NEW, '-- words\n\nALTER TABLE "Course" DROP COLUMN title;\n')
    remarks = repository.remarks(config)
    assert ("sql.live-code-survives", NEW, 3, Verdict.BLOCK) in said(remarks)
    command = next(line for line in remarks_annotations(remarks).splitlines() if "live-code-survives" in line)
    place = f"file=prisma/migrations/{NEW}/migration.sql,line=3"
    assert command.startswith(f"::error {place},title=sql.live-code-survives::")
    assert f"prisma/migrations/{NEW}/migration.sql:3: error: " in remarks_text(remarks)
    assert f"| `prisma/migrations/{NEW}/migration.sql:3` | error |" in merging_markdown(remarks, "")


def test_a_schema_of_several_files_is_read_as_one(repository: Repository, config: Config) -> None:
    """Since Prisma 6.7 a schema may be a folder: a table between two models is in neither file alone."""
    repository.git("mv", "prisma/schema.prisma", "prisma/course.prisma")
    repository.write("prisma/course.prisma", SCHEMA.replace("}", "  tags  Tag[]\n}"))
    repository.write("prisma/models/tag.prisma", "model Tag {\n  id Int @id\n  courses Course[]\n}\n")
    repository.migration(SECOND, 'CREATE TABLE "_CourseToTag" ("A" int, "B" int);\nCREATE TABLE other (id int);\n')
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "several files")
    repository.migration(NEW, 'DROP TABLE "_CourseToTag";\nDROP TABLE other;\n')
    policies = config.policies["production"]
    folder = dataclasses.replace(policies.database, schema="prisma")
    policies = dataclasses.replace(policies, database=folder)
    several = dataclasses.replace(config, policies={**config.policies, "production": policies})
    blocked = [one for one in said(repository.remarks(several)) if one[3] is Verdict.BLOCK]
    assert blocked == [("sql.live-code-survives", NEW, 1, Verdict.BLOCK)]


def test_the_column_of_a_table_that_nobody_reads_yet_may_go(repository: Repository, config: Config) -> None:
    repository.migration(NEW, 'CREATE TABLE "Draft" (id int, note text);\nALTER TABLE "Draft" DROP COLUMN note;\n')
    assert [one for one in said(repository.remarks(config)) if one[3] is Verdict.BLOCK] == []


def test_work_under_a_lock_is_a_warning_because_only_the_database_knows_the_size(
    repository: Repository, config: Config
) -> None:
    repository.migration(NEW, 'CREATE INDEX "Course_title" ON "Course" (title);\n')
    assert said(repository.remarks(config)) == [("sql.nobody-waits", NEW, 1, Verdict.WARN)]


def test_sql_that_cannot_be_read_is_named_at_its_line(repository: Repository, config: Config) -> None:
    repository.migration(NEW, "SELECT 1;\nALTER TABEL x;\n")
    assert ("sql.can-run", NEW, 2, Verdict.BLOCK) in said(repository.remarks(config))


def test_a_merged_migration_that_is_edited_or_deleted_is_found_out(repository: Repository, config: Config) -> None:
    repository.migration(FIRST, 'CREATE TABLE "Course" (id bigint PRIMARY KEY, title text NOT NULL);\n')
    shutil.rmtree(repository.folder / "prisma/migrations" / SECOND)
    assert said(repository.remarks(config)) == [
        ("database.history-is-clean", FIRST, 0, Verdict.BLOCK),
        ("database.history-is-clean", SECOND, 0, Verdict.WARN),
    ]


def test_a_migration_that_is_named_before_a_merged_one_is_a_warning(repository: Repository, config: Config) -> None:
    repository.migration("20260115000000_late", 'CREATE TABLE "Late" (id int);\n')
    assert ("database.history-is-clean", "20260115000000_late", 0, Verdict.WARN) in said(repository.remarks(config))


def test_a_checkout_without_the_base_says_how_to_get_it(repository: Repository, config: Config) -> None:
    with pytest.raises(Mistake, match=r"HEAD~9: git does not know that commit in .*; check out with fetch-depth: 2"):
        before_the_merge(config, "production", repository.folder, "HEAD~9", TODAY)


def test_a_remark_cannot_end_its_annotation_or_its_table(repository: Repository, config: Config) -> None:
    repository.migration(NEW, 'ALTER TABLE "Course" DROP COLUMN title; -- ::error::x | y\n')
    remarks = repository.remarks(config)
    assert all(line.startswith("::") for line in remarks_annotations(remarks).splitlines())
    assert len(remarks_annotations(remarks).splitlines()) == len(remarks)


def test_a_long_diff_is_cut_and_cannot_end_its_block() -> None:
    text = merging_markdown((), "```\n" + "+ a line\n" * LONGEST_DIFF)
    assert len(text) < LONGEST_DIFF + 1000
    assert text.count("\n````") == 2, "one more backtick than the longest run in it"
    assert "and so on" in text


def test_a_mistake_in_a_file_is_annotated_at_its_line() -> None:
    message = "deploy.yml:12: health.path: must be text\ndeploy.yml:40: smoke: is no section\nand one more thing"
    assert annotated(message).splitlines() == [
        "::error file=deploy.yml,line=12::health.path: must be text",
        "::error file=deploy.yml,line=40::smoke: is no section",
        "::error::and one more thing",
    ]

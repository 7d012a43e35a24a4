"""How the gates of ``checks.sql`` are made to stop."""

from checks import sql
from checks.policy import DatabasePolicy
from pipeline.selftest import hands
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import deployed, migration, require, ship, shipping, together, waived
from pipeline.selftest.lab import Lab

CONCURRENTLY = 'CREATE INDEX CONCURRENTLY "Lesson_title_idx" ON "Lesson"("title");\n'
COLUMN = 'ALTER TABLE "Lesson" ADD COLUMN "kind" TEXT;\n'
INDEX = 'CREATE INDEX "Lesson_title_idx" ON "Lesson"("title");\n'
EMPTIES = 'TRUNCATE "Upload";\n'
NAME, NEXT = "20260401000000_more", "20260402000000_index"


def _split(lab: Lab) -> None:
    folder = "prisma/migrations"
    ship(
        lab,
        edits={
            f"{folder}/{NAME}/migration.sql": lambda _: COLUMN,
            f"{folder}/{NEXT}/migration.sql": lambda _: CONCURRENTLY,
        },
    )


def _without_reading_it(text: str) -> str:
    """Edit the release's schema so that its code no longer uses the column."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("summary ")) + "\n"


def _two_releases(lab: Lab) -> None:
    """Ship first the code that no longer uses the column; when that is live, the migration that drops it."""
    code = lab.change(lambda sandbox: sandbox.release("drops-column")[0])
    courses = ".vercel/output/functions/lms.func/courses.py"
    text = (code / courses).read_text(encoding="utf-8")
    ship(lab, edits={"prisma/schema.prisma": _without_reading_it, courses: lambda _: text})
    deployed(lab)
    ship(lab, "drops-column")


BREAKAGES = (
    Breakage(
        sql.can_run, "release", "a migration builds an index concurrently in a transaction of its own",
        migration(NAME, f"BEGIN;\n{COLUMN}{CONCURRENTLY}COMMIT;\n"),
        "Take the statement out of the file's own `BEGIN`, or split the migration", _split,
    ),
    Breakage(
        sql.live_code_survives, "release", "a migration drops a column that the live code reads",
        shipping("drops-column"),
        "first the code that no longer uses it, then, when that is live, the migration", _two_releases,
    ),
    Breakage(
        sql.nobody_waits, "release", "a migration builds an index on a table that counts as large",
        together(require(DatabasePolicy, large_rows=1), hands.sql("analyze"), migration(NAME, INDEX)),
        "The safe way to write it is printed", migration(NAME, CONCURRENTLY),
    ),
    Breakage(
        sql.data_are_kept, "release", "a migration empties a table that has rows",
        together(
            hands.sql("""insert into "Upload" values ('k', 'usr_student', 'a.txt', 'text/plain', 'x')""", "analyze"),
            migration(NAME, EMPTIES),
        ),
        "Delete by hand after a restore point was made", together(hands.sql('delete from "Upload"'), shipping()),
    ),
    Breakage(
        sql.nobody_waits, "release", "an index must be built on a table that counts as large, in a quiet hour",
        together(require(DatabasePolicy, large_rows=1), hands.sql("analyze"), migration(NAME, INDEX)),
        "waive this gate for that migration in `deploy.yml`, with the file and line that are printed as its subject",
        waived("sql.nobody-waits", f"{NAME}:1"),
    ),
)  # fmt: skip

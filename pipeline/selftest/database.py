"""How the gates of ``checks.database`` are made to stop."""

from dataclasses import replace

from checks import database
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage, after
from pipeline.selftest.hands import patch, shipping, sql, together
from pipeline.selftest.lab import Lab

FAILED = (
    "insert into _prisma_migrations (id, checksum, migration_name, logs, started_at) values"
    " ('f', 'x', '20260301000000_course_level', 'ERROR: column \"level\" already exists', now())"
)
"""What Prisma leaves behind when it was stopped in the middle."""
RESOLVED = "update _prisma_migrations set rolled_back_at = now() where id = 'f'"
"""What ``prisma migrate resolve --rolled-back`` does."""
CHANGED = 'alter table "Lesson" alter column minutes drop not null'
RESTORED = 'alter table "Lesson" alter column minutes set not null'
RISKY = shipping("contract-after")
GONE, BACK = 'alter table "Course" rename to "Kurs"', 'alter table "Kurs" rename to "Course"'


def _no_branch(state: State) -> None:
    """Delete the branch of the restore point, as somebody does who tidies up in the Neon console."""
    state.neon.branches = [branch for branch in state.neon.branches if not branch.name.startswith("before-")]


def _tidied(lab: Lab) -> None:
    lab.state(_no_branch)


def _without_key(lab: Lab) -> None:
    lab.kept["key"] = lab.settings.secrets["NEON_API_KEY"]
    lab.settings = replace(lab.settings, secrets={**lab.settings.secrets, "NEON_API_KEY": ""})


def _with_key(lab: Lab) -> None:
    lab.settings = replace(lab.settings, secrets={**lab.settings.secrets, "NEON_API_KEY": lab.kept["key"]})


BREAKAGES = (
    Breakage(
        database.history_is_clean, "state", "Prisma was stopped in the middle of a migration", sql(FAILED),
        "`npx prisma migrate resolve --rolled-back $MIGRATION`", sql(RESOLVED),
    ),
    Breakage(
        database.has_not_drifted, "state", "somebody changes a column of production by hand", sql(CHANGED),
        "take the change back", sql(RESTORED),
    ),
    Breakage(
        database.can_be_put_back, "state", "a migration drops a column, and Neon keeps five minutes of history",
        together(RISKY, patch(neon={"retention_seconds": 300})),
        "lengthen the history window", patch(neon={"retention_seconds": 604800}),
    ),
    Breakage(
        database.rehearsal_went_well, "release", "a migration divides by zero on the rows of production",
        shipping("broken-migration"), "Correct the migration", shipping(), run="deploy",
    ),
    Breakage(
        database.restore_point_is_kept, "state", "somebody deletes the restore point's branch in the Neon console",
        _tidied, "start a new run", shipping("contract-after"), rests=RISKY, run="deploy",
        moment=after("keep-restore-point"),
    ),
    Breakage(
        database.is_migrated, "state", "somebody marks the migration as rolled back right after it was applied",
        sql("update _prisma_migrations set rolled_back_at = now() where migration_name = '20260301000000_course_level'",
            'alter table "Course" drop column if exists "level"'),
        "Run `npx prisma migrate deploy`", shipping(), run="deploy", moment=after("migrate"),
    ),
    Breakage(
        database.old_code_works, "state", "a table that the live code reads is renamed with the migration",
        sql(GONE), "Put back what is missing", sql(BACK), run="deploy", moment=after("migrate"),
    ),
    Breakage(
        database.history_is_clean, "release", "a migration that is applied was edited afterwards",
        shipping("edited-migration"), "For an edited file restore it from git", shipping(),
    ),
    Breakage(
        database.history_is_clean, "state", "production's database was made without Prisma",
        sql("alter table _prisma_migrations rename to elsewhere"),
        "baselined with `npx prisma migrate resolve --applied $MIGRATION`",
        sql("alter table elsewhere rename to _prisma_migrations"),
    ),
    Breakage(
        database.can_be_put_back, "policy", "a migration drops a column, and NEON_API_KEY is not set",
        together(RISKY, _without_key), "Set `NEON_API_KEY`", _with_key,
    ),
)  # fmt: skip

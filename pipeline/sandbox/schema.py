"""Fills the demo app's database: its first two migrations applied as Prisma applies them, and a little content."""

import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

import psycopg

MIGRATIONS = Path(__file__).parent / "app" / "source" / "prisma" / "migrations"
APPLIED = ("20260101000000_init", "20260201000000_enrolment")
HISTORY = """
CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)
"""
COURSES: tuple[tuple[str, str, str, tuple[tuple[str, int], ...]], ...] = (
    (
        "algebra-1",
        "Algebra 1",
        "Equations, functions and the habit of writing down why.",
        (("What a variable is for", 12), ("Linear equations", 25), ("Systems of two equations", 30)),
    ),
    (
        "world-history",
        "World History",
        "From the first cities to the first satellites.",
        (("Cities and writing", 20), ("Trade routes", 22), ("Revolutions", 35)),
    ),
    (
        "intro-to-python",
        "Introduction to Python",
        "Programs that do something useful by the end of the first lesson.",
        (("Values and names", 15), ("Decisions", 18), ("Reading other people's code", 24)),
    ),
)
STUDENT = "student@lms.example.com"
PEOPLE = (
    ("usr_teacher", "teacher@lms.example.com", "Ada Okafor", "TEACHER"),
    ("usr_student", STUDENT, "Sam Lee", "STUDENT"),
)

Connection = psycopg.Connection[Any]


def seed(db: Connection) -> None:
    """Migrate an empty database to the schema of production and fill it. The student cannot sign in yet."""
    db.execute(HISTORY)
    for name in APPLIED:
        _apply(db, name)
    for id, email, name, role in PEOPLE:
        db.execute(
            'insert into "User" (id, email, name, role, "passwordHash") values (%s, %s, %s, %s::"Role", %s)',
            (id, email, name, role, "none"),
        )
    for slug, title, summary, lessons in COURSES:
        db.execute('insert into "Course" values (%s, %s, %s, %s)', (slug, title, summary, "usr_teacher"))
        for position, (lesson, minutes) in enumerate(lessons, 1):
            db.execute(
                'insert into "Lesson" ("courseSlug", position, title, minutes) values (%s, %s, %s, %s)',
                (slug, position, lesson, minutes),
            )
    db.execute('insert into "Enrolment" ("userId", "courseSlug") values (%s, %s)', ("usr_student", COURSES[0][0]))
    db.execute("create extension if not exists pg_stat_statements")


def set_password(url: str, password: str) -> None:
    """Let the student sign in with ``password``."""
    with psycopg.connect(url) as db:
        db.execute('update "User" set "passwordHash" = %s where email = %s', (hashed(password), STUDENT))


def hashed(password: str) -> str:
    """Hash a password as ``scrypt$SALT$HASH``, hex; the demo app verifies the same form."""
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1).hex()}"


def _apply(db: Connection, name: str) -> None:
    script = (MIGRATIONS / name / "migration.sql").read_bytes()
    db.execute(script)
    db.execute(
        "insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)"
        " values (%s, %s, %s, clock_timestamp(), clock_timestamp(), 1)",
        (str(uuid.uuid4()), hashlib.sha256(script).hexdigest(), name),
    )

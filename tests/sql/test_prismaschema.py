"""What a Prisma schema says of the database that its client uses; what is not understood is unknown."""

import gc
import time

import pytest

from pipeline.sql.liveschema import live_schema
from pipeline.sql.prismaschema import models_in

HEAD = 'generator client {\n  provider = "prisma-client"\n}\ndatasource db {\n  provider = "postgresql"\n}\n'


def tables(text: str, first: str = "public") -> dict[str, set[str]]:
    seen = live_schema("a" * 40, {"schema.prisma": HEAD + text}, first)
    assert seen.found, seen.says
    return {one.name: set(one.columns) for one in seen.tables}


def test_names_are_those_of_the_database() -> None:
    text = """
    model User { // one line
      id    String @id @default(uuid()) @db.Uuid
      mail  String @unique(map: "users_mail") @map("e//mail") /// a comment
      shout String @map(name: "loud") @default("}")
      posts Post[]
      old   String @ignore
      blob  Unsupported("circle")?
      @@map("users")
      @@schema("app")
    }
    model Post {
      id     Int   @id
      user   User  @relation(
        fields: [userId],
        references: [id], onDelete: Cascade)
      userId String
      @@index([userId(ops: raw("x"), sort: Desc)], type: Gin)
    }
    model Gone {
      id Int @id
      @@ignore
    }
    """
    assert tables(text) == {"app.users": {"id", "e//mail", "loud"}, "Post": {"id", "userId"}}
    assert set(tables(text, "app")) == {"users", "Post"}


def test_lists_on_both_sides_have_a_table_between_them() -> None:
    text = """
    model Post {
      id Int @id
      tags Tag[]
      writers User[] @relation("Writes")
      readers User[] @relation(name: "Read by")
      author User @relation("Author", fields: [authorId], references: [id])
      authorId Int
    }
    model Tag {
      id Int @id
      posts Post[]
      @@map("labels")
    }
    model User {
      id Int @id
      wrote Post[] @relation("Writes")
      read Post[] @relation("Read by")
      own Post[] @relation("Author")
      followers User[] @relation("Follows")
      following User[] @relation("Follows")
      parent User? @relation("Tree", fields: [parentId], references: [id])
      children User[] @relation("Tree")
      parentId Int?
    }
    """
    between = {name: columns for name, columns in tables(text).items() if name.startswith("_")}
    assert between == {name: {"A", "B"} for name in ("_PostToTag", "_Writes", "_Read by", "_Follows")}


def test_keys_defaults_and_enums_are_known() -> None:
    text = """
    enum Mood {
      calm
      busy @map("b")
      @@map("mood")
    }
    model A {
      x Int @map("ex")
      y Int @default(autoincrement())
      z String @default(dbgenerated("now()"))
      w DateTime @default(now())
      m Mood @default(calm)
      u String @unique
      @@id([x, y(sort: Desc)], name: "both")
      @@unique(fields: [x, u])
    }
    """
    seen = live_schema("a" * 40, {"schema.prisma": text})
    (one,) = seen.tables
    assert set(one.uniques) == {("u",), ("ex", "y"), ("ex", "u")}
    assert one.filled == ("y", "z")
    assert seen.enums == (("mood", ("calm", "b")),)
    assert seen.upserts("A", ["u", "ex"])
    assert not seen.upserts("A", ["ex"])
    assert seen.leaves_out("A", "y")
    assert not seen.leaves_out("A", "w")
    assert seen.names("mood", "b")
    assert not seen.names("mood", "busy")


def test_a_schema_may_be_several_files() -> None:
    files = {
        "prisma/a.prisma": HEAD + "model A {\n id Int @id\n bs B[]\n}",
        "prisma/x/b.prisma": "model B {\n id Int @id\n as A[]\n}",
    }
    seen = live_schema("a" * 40, files)
    assert {one.name for one in seen.tables} == {"A", "B", "_AToB"}
    alone = live_schema("a" * 40, {"prisma/a.prisma": files["prisma/a.prisma"]})
    assert not alone.found
    assert alone.says == "its schema is not understood, line 9: A.bs: nobody says what B is"
    assert alone.reads("Anything"), "what nobody knows is read"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model A {\n id Int @id\n", "line 3"),
        ("model A {\n id Int @id\n x = 3\n}", "line 3"),
        ("mixin A {\n}", "nobody knows what a mixin is"),
        ("model A {\n id Int @id(map: )\n}", "line 2"),
        ("model A {\n id Int @id ; \n}", "line 2"),
        ('model A {\n id Int @map("x\n}', "line 2"),
        ("model A {\n id Int[\n}", "line 2"),
        ("<<<<<<< HEAD\n", "line 1"),
    ],
)
def test_what_is_not_understood_is_unknown(text: str, says: str) -> None:
    seen = live_schema("a" * 40, {"schema.prisma": text})
    assert not seen.found
    assert says in seen.says
    assert seen.reads("A", "id")


def test_a_long_schema_is_read_in_linear_time() -> None:
    def seconds(models: int) -> float:
        text = "".join(f"model M{n} {{\n  id Int @id\n  name String? @db.VarChar(20)\n}}\n" for n in range(models))
        began = time.process_time()
        assert len(models_in(text)) == models
        return time.process_time() - began

    # What a collection of all the suite's garbage takes has nothing to do with the schema.
    gc.disable()
    try:
        # Once is enough: neighbours on the machine make some readings slow, what is not linear is slow each time.
        assert any(seconds(4000) < 8 * max(seconds(1000), 0.01) for _ in range(5))
    finally:
        gc.enable()

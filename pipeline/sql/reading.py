"""Remembers what is known while the statements of migrations are read one after the other, and words what they do."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from checks.evidence import Change, Kind
from pipeline.sql.known import UNKNOWN_ROWS, Constraint, Index, Known, Table
from pipeline.sql.statements import Node

ACCESS_EXCLUSIVE, EXCLUSIVE, SHARE_ROW_EXCLUSIVE = "ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE"
SHARE, SHARE_UPDATE_EXCLUSIVE, ROW_EXCLUSIVE = "SHARE", "SHARE UPDATE EXCLUSIVE", "ROW EXCLUSIVE"
LOCKS = ("", "ACCESS SHARE", "ROW SHARE", ROW_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, SHARE, SHARE_ROW_EXCLUSIVE,
         EXCLUSIVE, ACCESS_EXCLUSIVE)  # fmt: skip
LOCK_MODES = dict(enumerate(LOCKS))


class Reading:
    """What the database holds at this point of the migrations. Each statement that is read is followed here.

    ``new``: tables that these migrations made; ``columns``: (table, column) likewise; ``made``: types, views and so on.
    Nobody uses them yet. ``fresh``: value → the enum that these migrations gave it to.
    """

    def __init__(self, known: Known) -> None:
        self.known, self.schema, self.complete = known, known.schema, known.complete
        self.tables: dict[str, Table] = dict(known.tables)
        self.index_tables: dict[str, str] = dict(known.indexes)
        self.keys: dict[str, dict[str, Index]] = defaultdict(dict)
        for name, index in known.keys.items():
            self.keys[index.table][name] = index
        self.constraints: dict[str, dict[str, Constraint]] = defaultdict(dict)
        self.referrers: dict[str, set[str]] = defaultdict(set)
        for (table, name), constraint in known.constraints.items():
            self.constrain(table, name, constraint)
        self.children: dict[str, list[str]] = defaultdict(list)
        for name, about in known.tables.items():
            if about.parent:
                self.children[about.parent].append(name)
        self.triggers: dict[str, dict[str, str]] = defaultdict(dict)
        for (table, name), function in known.triggers.items():
            self.triggers[table][name] = function
        self.views, self.enums, self.domains = dict(known.views), dict(known.enums), dict(known.domains)
        self.extensions, self.schemas, self.others = dict(known.extensions), set(known.schemas), set(known.others)
        self.stable = set(known.stable)
        self.new: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.made: set[str] = set()
        self.fresh: dict[str, str] = {}
        self.uncommitted: set[str] = set()
        """Those of ``fresh`` whose transaction has not ended."""
        self.made_now: set[str] = set()
        """Those of ``made`` that this transaction made."""
        self.lost: dict[str, Any] = {}
        """What this transaction took away, by its name; a view by its columns, an enum by its values."""

    def committed(self) -> None:
        """Follow the end of a transaction."""
        self.uncommitted.clear()
        self.made_now.clear()
        self.lost.clear()

    def is_new(self, table: str) -> bool:
        return table in self.new

    @property
    def depends(self) -> bool:
        """Whether it is known what depends on what: a catalogue was asked, and nothing unread was run since."""
        return self.complete and self.known.whole is True

    def lacks(self, name: str, *places: Any) -> bool:
        """Whether it is certain that ``name`` is not there: in none of ``places``, and everything there is is known."""
        return self.complete and not any(name in place for place in places)

    def about(self, table: str) -> Table:
        return self.tables.get(table) or Table()

    def column_type(self, table: str, column: str) -> str:
        return self.about(table).columns.get(column, "")

    def rows(self, table: str) -> int:
        if self.is_new(table):
            return 0
        found = self.tables.get(table)
        if found is None:
            return 0 if not table or self.complete else UNKNOWN_ROWS
        return found.rows

    def name(self, schema: str, name: str) -> str:
        """Name a table as ``Known`` does; a bare name is looked for where the session looks."""
        if not schema and self.schema != self.known.schema:
            elsewhere = name in self.tables and f"{self.schema}.{name}" not in self.tables
            schema = "" if elsewhere else self.schema
        return self.known.name(schema, name)

    def table(self, relation: Node) -> str:
        """Name a parsed table as ``Known`` does."""
        return self.name(relation.get("schemaname", ""), relation["relname"])

    def beside(self, table: str, name: str) -> str:
        """Name what is in the schema of ``table``: its indexes are."""
        space = table.rpartition(".")[0]
        return f"{space}.{name}" if space else name

    def constrain(self, table: str, name: str, constraint: Constraint) -> None:
        """Remember a constraint of ``table``."""
        self.constraints[table][name] = constraint
        if constraint.to:
            self.referrers[constraint.to].add(table)

    def index(self, name: str, index: Index) -> None:
        """Remember an index."""
        self.keys[index.table][name] = index
        self.index_tables[name] = index.table

    def forget_index(self, name: str) -> Index | None:
        """Forget an index, and say what it was."""
        table = self.index_tables.pop(name, "")
        return self.keys[table].pop(name, None) if table in self.keys else None

    def foreign(self, table: str) -> list[tuple[str, Constraint]]:
        """List the foreign keys of ``table``: name and constraint."""
        return [(name, one) for name, one in self.constraints.get(table, {}).items() if one.to]

    def referring(self, table: str) -> list[tuple[str, str, Constraint]]:
        """List the foreign keys that point to ``table``: whose they are, name and constraint."""
        return [
            (other, name, one)
            for other in sorted(self.referrers.get(table, ()))
            for name, one in self.foreign(other)
            if one.to == table
        ]

    def family(self, table: str) -> list[str]:
        """List the partitions and heirs of ``table``, and theirs."""
        found: list[str] = []
        for child in self.children.get(table, ()):
            found += [child, *self.family(child)]
        return found

    def default_part(self, parent: str) -> str:
        """Name the partition of ``parent`` that takes what no other takes; empty when there is none."""
        return next((one for one in self.children.get(parent, ()) if self.about(one).default_part), "")

    def update(self, table: str, **more: Any) -> None:
        """Change what is known of ``table``."""
        changed = object.__new__(Table)  # ``dataclasses.replace`` would take a tenth of all the time
        vars(changed).update(vars(self.about(table)), **more)
        self.tables[table] = changed

    def forget(self, table: str) -> None:
        """Forget a table with all that belongs to it."""
        about = self.tables.pop(table, None)
        if about and table in self.children.get(about.parent, ()):
            self.children[about.parent].remove(table)
        self.new.discard(table)
        for name in self.keys.pop(table, {}):
            self.index_tables.pop(name, None)
        for kept in (self.constraints, self.triggers, self.children):
            kept.pop(table, None)
        for other, name, _ in self.referring(table):
            del self.constraints[other][name]
        self.referrers.pop(table, None)

    def rename(self, old: str, new: str) -> None:
        """Follow a table, and all that belongs to it, to another name."""
        if old in self.tables:
            self.tables[new] = self.tables.pop(old)
        if old in self.new:
            self.new.discard(old)
            self.new.add(new)
        for column in self.about(new).columns:
            if (old, column) in self.columns:
                self.columns.discard((old, column))
                self.columns.add((new, column))
        for name, index in self.keys.pop(old, {}).items():
            self.index(name, replace(index, table=new))
        for other, name, one in self.referring(old):
            self.constraints[other][name] = replace(one, to=new)
        for kept in (self.constraints, self.triggers, self.children, self.referrers):
            if old in kept:
                kept[new] = kept.pop(old)  # type: ignore[assignment]
        for _, one in self.foreign(new):
            self.referrers[one.to].add(new)
        for child in self.children.get(new, ()):
            self.update(child, parent=new)
        parent = self.about(new).parent
        if old in self.children.get(parent, ()):
            self.children[parent][self.children[parent].index(old)] = new
        for view, about in self.views.items():
            if old in about.uses:
                used = frozenset((new if table == old else table, column) for table, column in about.used)
                self.views[view] = replace(about, uses=about.uses - {old} | {new}, used=used)

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Follow a column, and all that names it, to another name."""
        about = self.about(table)

        def swapped(names: Any) -> Any:
            return type(names)(new if name == old else name for name in names)

        def moved(those: Any) -> dict[str, Any]:
            return {new if name == old else name: value for name, value in those.items()}

        self.update(
            table,
            columns=moved(about.columns),
            never_null=swapped(about.never_null),
            required=swapped(about.required),
            defaulted=swapped(about.defaulted),
            generated=moved(about.generated),
            collations=moved(about.collations),
        )
        if (table, old) in self.columns:
            self.columns.discard((table, old))
            self.columns.add((table, new))
        for name, index in list(self.keys.get(table, {}).items()):
            self.keys[table][name] = replace(index, columns=swapped(index.columns), uses=swapped(index.uses))
        for name, one in list(self.constraints.get(table, {}).items()):
            self.constraints[table][name] = replace(one, columns=swapped(one.columns))

    def held(self) -> Known:
        """What is known by now."""
        return Known(
            tables=self.tables,
            indexes=self.index_tables,
            others=frozenset(self.others | self.made),
            schema=self.known.schema,
            keys={name: index for those in self.keys.values() for name, index in those.items()},
            constraints={
                (table, name): one for table, those in self.constraints.items() for name, one in those.items()
            },
            views=self.views,
            enums=self.enums,
            domains=self.domains,
            triggers={(table, name): one for table, those in self.triggers.items() for name, one in those.items()},
            extensions=self.extensions,
            dependents=self.known.dependents,
            stable=frozenset(self.stable),
            schemas=frozenset(self.schemas),
            version=self.known.version,
            utc=self.known.utc,
            whole=self.complete,
        )


Found = Iterator[Change]
Reader = Callable[[Reading, Node], Found]


def change(rule: str, kind: Kind, table: str = "", column: str = "", lock: str = "", **more: bool) -> Change:
    """Make a change whose place is filled in by whoever reads the statement."""
    return Change("", 0, rule, kind, table, column, lock, **more)


def briefly(table: str, about: str, lock: str = ACCESS_EXCLUSIVE) -> Change:
    """Make the change that is none but a lock: ``table`` is locked for the sake of ``about``."""
    return change("brief-lock", "expand", table, about, lock)


def type_key(names: list[Node]) -> str:
    """The last part of a parsed name, by which a type is known."""
    return str(names[-1]["String"]["sval"])

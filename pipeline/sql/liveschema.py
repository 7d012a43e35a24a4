"""Says what the client of a release reads, from the text of its Prisma schema."""

from collections.abc import Mapping

from checks.evidence import LiveSchema, LiveTable
from pipeline.sql.prismaschema import Model, schema_of
from pipeline.sql.prismatext import SchemaUnread


def live_schema(commit: str, texts: Mapping[str, str], first: str = "public") -> LiveSchema:
    """Say what the client of ``commit`` reads. ``texts``: path → text of each file of its schema.

    ``first``: the schema of the database whose tables go by their bare names.
    """
    try:
        models, enums = schema_of(texts, first)
    except SchemaUnread as error:
        return LiveSchema(commit, False, says=f"its schema is not understood, {error}")
    return LiveSchema(commit, True, tuple(map(_table, models)), enums=enums)


def _table(model: Model) -> LiveTable:
    return LiveTable(model.name, tuple(sorted(model.columns)), model.uniques, tuple(sorted(model.filled)))

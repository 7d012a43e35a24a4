"""Counts R2's analytics: how much is stored now, and what was asked in the last days, as groups with dimensions."""

from collections.abc import Callable, Iterable
from typing import Any

from pipeline.sandbox.cloudflare.graphql import Field, QueryError
from pipeline.sandbox.core import Core, from_iso, iso_seconds
from pipeline.sandbox.web import Payload

Row = dict[str, Any]
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda a, b: a == b, "neq": lambda a, b: a != b, "geq": lambda a, b: a >= b, "leq": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "lt": lambda a, b: a < b, "in": lambda a, b: a in b,
}  # fmt: skip
TIMES = ("datetime", "datetimeHour", "date")


class Usage:
    def __init__(self, core: Core) -> None:
        self._core = core

    def storage(self) -> dict[str, int]:
        """Count the bytes and objects that are really there."""
        r2 = self._core.state.r2
        named = [(key, one.headers) for key, one in r2.objects.items()]
        metadata = sum(len(key.encode()) + sum(len(a) + len(b) for a, b in headers.items()) for key, headers in named)
        sizes = [one.size for one in r2.objects.values()]
        sizes += [part.size for upload in r2.uploads.values() for part in upload.parts.values()]
        return {
            "objectCount": len(r2.objects),
            "uploadCount": len(r2.uploads),
            "payloadSize": sum(sizes),
            "metadataSize": metadata,
        }

    def groups(self, field: Field) -> list[Payload]:
        """Answer a query of one of the two data sets. Raises QueryError."""
        if field.name == "r2StorageAdaptiveGroups":
            return self._grouped(field, [self._moment(self._core.now()) | self.storage()], "max", max)
        if field.name == "r2OperationsAdaptiveGroups":
            return self._grouped(field, self._operations(), "sum", sum)
        raise QueryError(f'unknown field "{field.name}"')

    def _moment(self, seconds: float) -> Row:
        text = iso_seconds(seconds)
        hour = text[:13] + ":00:00Z"
        return {"datetime": text, "datetimeHour": hour, "date": text[:10], "bucketName": self._core.state.r2.bucket}

    def _operations(self) -> list[Row]:
        return [
            self._moment(one.hour)
            | {
                "actionType": one.action,
                "actionStatus": _status(one.status),
                "responseStatusCode": one.status,
                "requests": one.requests,
            }
            for one in self._core.state.r2.asked
        ]

    def _grouped(
        self, field: Field, rows: list[Row], measure: str, reduce: Callable[[Iterable[int]], int]
    ) -> list[Payload]:
        """Group the rows that pass the filter, one group for each difference in the dimensions that were asked for."""
        if not field.fields:
            raise QueryError(f'field "{field.name}" must have a selection of subfields')
        rows = [row for row in rows if _passes(row, field.arguments.get("filter") or {})]
        dimensions = [one for part in field.fields if part.name == "dimensions" for one in part.fields]
        grouped: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            grouped.setdefault(tuple(_known(row, dimension.name) for dimension in dimensions), []).append(row)
        ordered = _ordered(list(grouped.values()), field.arguments.get("orderBy") or [])
        return [_group(field, same, measure, reduce) for same in ordered[: _limit(field)]]


def _group(field: Field, rows: list[Row], measure: str, reduce: Callable[[Iterable[int]], int]) -> Payload:
    found: Payload = {}
    for part in field.fields:
        if part.name == "dimensions":
            found[part.key] = {one.key: rows[0][one.name] for one in part.fields}
        elif part.name == measure:
            found[part.key] = {one.key: reduce(_known(row, one.name) for row in rows) for one in part.fields}
        else:
            raise QueryError(f'unknown field "{part.name}"')
    return found


def _known(row: Row, name: str) -> Any:
    if name not in row:
        raise QueryError(f'unknown field "{name}"')
    return row[name]


def _passes(row: Row, wanted: dict[str, Any]) -> bool:
    """Whether a row passes a filter such as ``{datetime_geq: …, bucketName: …, actionType_in: […]}``.

    A condition that is null is none.
    """
    return all(_holds(row, key, value) for key, value in wanted.items() if value is not None)


def _holds(row: Row, key: str, value: Any) -> bool:
    if key in ("AND", "OR"):
        return (all if key == "AND" else any)(_passes(row, one) for one in value)
    name, _, test = key.partition("_")
    if test not in TESTS or name not in row:
        raise QueryError(f'unknown argument "{key}" in the filter')
    has = row[name]
    try:
        if name in TIMES:
            has, value = from_iso(has), [from_iso(one) for one in value] if test == "in" else from_iso(value)
        return TESTS[test](has, value)
    except (TypeError, ValueError, AttributeError):
        raise QueryError(f'error parsing args: "{key}" cannot be {value!r}') from None


def _limit(field: Field) -> int:
    limit = field.arguments.get("limit")
    if not isinstance(limit, int) or not 0 < limit <= 10000:
        raise QueryError("limit must be a positive number of at most 10000")
    return limit


def _ordered(groups: list[list[Row]], by: Any) -> list[list[Row]]:
    for order in reversed(by if isinstance(by, list) else [by]):
        name, _, way = str(order).rpartition("_")
        bare = name.removeprefix("sum_").removeprefix("max_")
        groups = sorted(groups, key=lambda rows: _known(rows[0], bare), reverse=way == "DESC")
    return groups


def _status(status: int) -> str:
    return "success" if status < 400 else "userError" if status < 500 else "internalError"

"""Calls Postgres' own parser, release 18: libpg_query. Of the package ``postgast`` only that library is used."""

import ctypes
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

RELEASE = 18
LIBRARIES = ("libpg_query.so", "libpg_query.dylib", "pg_query.dll")


class _Error(ctypes.Structure):
    _fields_ = (
        ("message", ctypes.c_char_p), ("funcname", ctypes.c_char_p), ("filename", ctypes.c_char_p),
        ("lineno", ctypes.c_int), ("cursorpos", ctypes.c_int), ("context", ctypes.c_char_p),
    )  # fmt: skip


class _Result(ctypes.Structure):
    _fields_ = (
        ("parse_tree", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


class SyntaxRefused(Exception):
    """Raised when the parser refuses a text. ``position``: the character it stumbled over, from 1; 0: unknown."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message, self.position = message, position


def syntax_tree(sql: bytes) -> list[Any]:
    """Parse UTF-8 without a NUL into statements: ``stmt``, and ``stmt_location`` and ``stmt_len`` in bytes.

    Raises SyntaxRefused. https://github.com/pganalyze/libpg_query
    """
    library = _library()
    result = library.pg_query_parse(sql)
    try:
        if result.error:
            error = result.error.contents
            raise SyntaxRefused((error.message or b"").decode(errors="replace"), error.cursorpos)
        tree: list[Any] = json.loads(result.parse_tree.decode()).get("stmts", [])
        return tree
    finally:
        library.pg_query_free_parse_result(result)


@cache
def _library() -> ctypes.CDLL:
    package = find_spec("postgast")  # it is not imported: that would load the whole of protobuf
    folders = package.submodule_search_locations if package else None
    found = (Path(folder) / name for folder in folders or () for name in LIBRARIES)
    library = ctypes.CDLL(str(next(path for path in found if path.is_file())))
    library.pg_query_parse.argtypes, library.pg_query_parse.restype = (ctypes.c_char_p,), _Result
    library.pg_query_free_parse_result.argtypes, library.pg_query_free_parse_result.restype = (_Result,), None
    return library

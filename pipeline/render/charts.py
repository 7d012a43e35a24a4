"""Charts as SVG, drawn by pygal: pictures without script and without a style of their own; the page has the style.

Which line is which is said by its dashes and not by its colour: ``serie-0`` is the reading, ``serie-1`` what is usual,
``serie-2`` the limit.
"""

import re
import sys
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from markupsafe import Markup

from pipeline.errors import Mistake
from pipeline.render.readings import Point, ReadingSeries, number
from pipeline.world.extras import said_missing

WIDTH, HEIGHT = 420, 150
LABELLED = 3
"""Of the bars, the last one and every third before it have their label: there is no room for more."""
DIGITS = re.compile(r"(\d+\.\d)\d+")
"""A tenth of a pixel is enough."""
GONE = ("style", "script", "title", "desc")
KEPT = ("class", "d", "points", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "width", "height",
        "transform", "viewBox")  # fmt: skip


@lru_cache(512)  # of a run that goes on only what was read since is drawn anew
def reading_chart(reading: ReadingSeries) -> Markup:
    """The line of one reading over the minutes of its run, with what is usual and, when it is near, the limit."""
    chart = _chart(
        "XY", x_value_formatter=_minutes, value_formatter=number, x_labels_major_count=4, show_minor_x_labels=False
    )
    span = (reading.points[0][0], reading.points[-1][0])
    if span[0] == span[1]:
        span = (span[0] - 1, span[1] + 1)
    chart.add("reading", list(reading.points), show_dots=len(reading.points) < 3)
    chart.add("usual", _level(reading.usual, span))
    chart.add("limit", _level(reading.limit.value if reading.limit and reading.draws_limit else None, span))
    return _svg(chart)


def bar_chart(labels: Sequence[str], values: Sequence[float], form: Callable[[float], str] = number) -> Markup:
    """A bar for each label, with its value above it."""
    chart = _chart(
        "Bar",
        value_formatter=form,
        print_values=True,
        print_zeroes=False,
        print_values_position="top",
        show_y_labels=False,
        show_minor_x_labels=False,
    )
    chart.x_labels = list(labels)
    chart.x_labels_major = list(labels)[::-LABELLED][::-1]
    chart.add("", list(values))
    return _svg(chart)


def warm() -> None:
    """Draw a chart that nobody sees: the first one loads the library, which takes as long as fifty others."""
    bar_chart(("",), (1,))
    reading_chart(ReadingSeries("", ((0.0, 1.0), (1.0, 2.0)), 2, 1, 1.5, 2, (1.5,)))


def _level(value: float | None, span: tuple[float, float]) -> list[Point]:
    return [] if value is None else [(span[0], value), (span[1], value)]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"


@cache
def _pygal() -> Any:
    """The library, loaded: a fifth of a second that only a page pays.

    The import hook that it leaves behind, for maps that nobody here has, makes every later import warn in Python 3.11.
    Raises Mistake when it is not installed.
    """
    try:
        import pygal  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise Mistake(said_missing("report", str(error.name))) from error
    sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != "pygal"]
    _remember_names(pygal.graph.base)
    _leave_out_styles(pygal.graph.base)
    return pygal


def _remember_names(base: Any) -> None:
    """Let what configures a line know its names: pygal lists them a hundred times a line, a third of its time."""
    names = dir(base.SerieConfig())
    base.SerieConfig = type("SerieConfig", (base.SerieConfig,), {"__dir__": lambda self: names})


def _leave_out_styles(base: Any) -> None:
    """Let no picture be given the style and the script that are taken out of it again: an eighth of its time."""
    nothing = {name: lambda self: None for name in ("add_styles", "add_scripts")}
    base.Svg = type("Svg", (base.Svg,), nothing)


@cache
def _quick(kind: str) -> Any:
    """pygal's class of charts of that ``kind``, which finds an attribute of its state in one step instead of seven.

    That is half of the time that a picture takes.
    """

    def found(self: Any, name: str) -> Any:
        if name != "state" and not name.startswith("__"):
            state = object.__getattribute__(self, "__dict__").get("state")
            if state is not None and name in state.__dict__:
                return state.__dict__[name]
        return object.__getattribute__(self, name)

    return type(kind, (getattr(_pygal(), kind),), {"__getattribute__": found})


def _chart(kind: str, **more: Any) -> Any:
    pygal = _pygal()
    style = pygal.style.Style(label_font_size=11, major_label_font_size=11, value_font_size=11, font_family="system-ui")
    return _quick(kind)(
        width=WIDTH,
        height=HEIGHT,
        style=style,
        js=[],
        css=[],
        no_prefix=True,
        strict=True,
        show_legend=False,
        show_dots=False,
        margin=4,
        spacing=6,
        max_scale=4,
        min_scale=2,
        truncate_label=-1,
        **more,
    )


def _svg(chart: Any) -> Markup:
    """What pygal drew, with shapes and words only: nothing that a strict policy of the page would refuse."""
    from xml.etree import ElementTree

    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or _name(child.tag) in GONE:
                parent.remove(child)
        kept = {name: DIGITS.sub(r"\1", value) for name, value in parent.attrib.items() if name in KEPT}
        parent.attrib.clear()
        parent.attrib.update(kept)
    root.attrib["aria-hidden"] = "true"  # the words around the picture say the same
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]

"""Our flowcharts as SVG, drawn when the site is built: Mermaid itself is larger than everything else together.

Knows what our charts use: ``flowchart TD``, nodes as [box], ([end]) and {question}, edges with a label or without.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from zlib import crc32

NODE = re.compile(r'(\w+)(\(\["?.*?"?\]\)|\["?.*?"?\]|\{"?.*?"?\}|\(\[.*?\]\))')
EDGE = re.compile(r"^(.+?)\s+(?:--\s*(.+?)\s*-->|-->)\s+(.+)$")
CHARACTER, LINE, PAD, GAP_X, GAP_Y, WIDEST = 7.1, 17, 14, 34, 46, 30
HUB = 3
"""So many edges into one node, and it stands beside the others, where they are short."""


@dataclass
class Node:
    """One node of a chart; ``x`` and ``y`` are its middle, in pixels."""

    name: str
    lines: list[str]
    shape: str
    layer: int = 0
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        return max(len(line) for line in self.lines) * CHARACTER + 2 * PAD + (24 if self.shape == "question" else 0)

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PAD + (10 if self.shape == "question" else 0)


@dataclass
class Chart:
    """A chart has nodes by name, and edges (from, to, label)."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)


def svg(source: str, title: str) -> str:
    """The drawing of a Mermaid chart. Raises ValueError for a chart that has nothing of ours in it."""
    chart = _parse(source)
    if not chart.nodes:
        raise ValueError("no node was found")
    _lay_out(chart)
    shift = max(0.0, 44 - min(node.x - node.width / 2 for node in chart.nodes.values())) if _goes_back(chart) else 0
    for node in chart.nodes.values():
        node.x += shift
    labels = (chart.nodes[begin].x + len(label) * 6.3 for begin, _, label in chart.edges)
    width = max(*(node.x + node.width / 2 for node in chart.nodes.values()), *labels) + 44
    height = max(node.y + node.height / 2 for node in chart.nodes.values()) + 12
    parts = [_edge(chart, *edge) for edge in chart.edges] + [_node(node) for node in chart.nodes.values()]
    tip = f"tip-{crc32(source.encode()):x}"  # an id is there once on a page
    return (
        f'<figure class="chart" tabindex="0"><svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' role="img" aria-label="{escape(title)}"><defs><marker id="{tip}" viewBox="0 0 8 8" refX="7" refY="4"'
        ' markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
        f"{''.join(parts).replace('url(#tip)', f'url(#{tip})')}</svg></figure>"
    )


def _parse(source: str) -> Chart:
    chart = Chart()
    for raw in source.strip().splitlines()[1:]:
        line = raw.strip()
        found = EDGE.match(line)
        if found:
            begin, end = _named(chart, found[1]), _named(chart, found[3])
            chart.edges.append((begin, end, (found[2] or "").strip('"')))
        elif line:
            _named(chart, line)
    return chart


def _named(chart: Chart, text: str) -> str:
    """The name of the node that ``text`` names; with a shape and words, the node is added to the chart."""
    found = NODE.match(text.strip())
    name = found[1] if found else text.strip()
    if found:
        shape = "end" if found[2].startswith("([") else "question" if found[2].startswith("{") else "box"
        words = found[2].strip("([{}])").strip('"')
        lines = [line for part in words.split("<br/>") for line in _wrapped(part)]
        chart.nodes[name] = Node(name, lines, shape)
    elif name not in chart.nodes:
        chart.nodes[name] = Node(name, [name], "box")
    return name


def _wrapped(text: str) -> Iterable[str]:
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= WIDEST:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def _lay_out(chart: Chart) -> None:
    incoming = defaultdict(set)
    for begin, end, _ in chart.edges:
        incoming[end].add(begin)
    hubs = {name for name, before in incoming.items() if len(before) >= HUB}
    flow = [edge for edge in _forward(chart) if not {edge[0], edge[1]} & hubs]
    after_hubs = {end for begin, end, _ in chart.edges if begin in hubs and len(incoming[end]) == 1}
    main = [node for node in chart.nodes.values() if node.name not in hubs | after_hubs]
    for _ in main:
        for begin, end, _ in flow:
            if end not in after_hubs:
                chart.nodes[end].layer = max(chart.nodes[end].layer, chart.nodes[begin].layer + 1)
    layers = defaultdict(list)
    for node in main:
        layers[node.layer].append(node)
    widest = max(_width(layer) for layer in layers.values())
    y = 12.0
    for level in sorted(layers):
        layer = layers[level]
        layer.sort(key=lambda node: _middle(chart, incoming[node.name], node))
        tall = max(node.height for node in layer)
        x = 12 + (widest - _width(layer)) / 2
        for node in layer:
            node.x, node.y = x + node.width / 2, y + tall / 2
            x += node.width + GAP_X
        y += tall + GAP_Y
    _beside(chart, hubs, after_hubs, incoming, 12 + widest)


def _goes_back(chart: Chart) -> bool:
    return any(chart.nodes[end].y < chart.nodes[begin].y for begin, end, _ in chart.edges)


def _beside(chart: Chart, hubs: set[str], after_hubs: set[str], incoming: dict[str, set[str]], right: float) -> None:
    x, taken = right + 2 * GAP_X, 12.0
    for name in sorted(hubs, key=lambda hub: _mean_y(chart, incoming[hub])):
        hub_node = chart.nodes[name]
        followers = [chart.nodes[end] for begin, end, _ in chart.edges if begin == name and end in after_hubs]
        hub_node.x = x + hub_node.width / 2
        hub_node.y = max(_mean_y(chart, incoming[name]), taken + hub_node.height / 2)
        y = hub_node.y + hub_node.height / 2 + GAP_Y
        for follower in followers:
            follower.x, follower.y = x + follower.width / 2, y + follower.height / 2
            y += follower.height + 22
        taken = y


def _mean_y(chart: Chart, names: set[str]) -> float:
    return sum(chart.nodes[name].y for name in names) / len(names)


def _width(layer: list[Node]) -> float:
    return sum(node.width for node in layer) + GAP_X * (len(layer) - 1)


def _middle(chart: Chart, before: set[str], node: Node) -> float:
    known = [chart.nodes[name].x for name in before if chart.nodes[name].layer < node.layer]
    return sum(known) / len(known) if known else 0


def _forward(chart: Chart) -> list[tuple[str, str, str]]:
    """The edges of a chart without those that lead back to where one came from."""
    after = defaultdict(list)
    for edge in chart.edges:
        after[edge[0]].append(edge)
    kept, state = list[tuple[str, str, str]](), dict[str, int]()

    def visit(name: str) -> None:
        state[name] = 1
        for edge in after[name]:
            if state.get(edge[1]) != 1:
                kept.append(edge)
                if edge[1] not in state:
                    visit(edge[1])
        state[name] = 2

    for name in chart.nodes:
        if name not in state:
            visit(name)
    return kept


def _edge(chart: Chart, begin: str, end: str, label: str) -> str:
    """The path of one edge: straight down to the next layer, or round the side, forward on the right and back on the left."""
    a, b = chart.nodes[begin], chart.nodes[end]
    if b.x - b.width / 2 > a.x + a.width / 2 + GAP_X * 1.5:
        x1, y1, x2, y2 = a.x + a.width / 2, a.y, b.x - b.width / 2, b.y
        bend = max(30.0, (x2 - x1) / 2)
        path, at = (
            f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}",
            (x1 + 8, y1 - 5),
        )
    elif b.layer == a.layer + 1 or (b.x == a.x and b.y > a.y and not _between(chart, a, b)):
        x1, y1, x2, y2 = a.x, a.y + a.height / 2, b.x, b.y - b.height / 2
        path = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + 22:.0f} {x2:.0f} {y2 - 22:.0f} {x2:.0f} {y2:.0f}"
        at = ((x1 + x2) / 2 + 6, (y1 + y2) / 2 - 4)
    else:
        side = 1 if b.y > a.y else -1
        passed = [*_between(chart, a, b), a, b]
        lane = max(side * one.x + one.width / 2 for one in passed) * side + side * 26
        x1, x2 = a.x + side * a.width / 2, b.x + side * b.width / 2
        path = f"M{x1:.0f} {a.y:.0f}C{lane:.0f} {a.y:.0f} {lane:.0f} {a.y + (b.y - a.y) * 0.2:.0f} {lane:.0f} {(a.y + b.y) / 2:.0f}"
        path += f"S{lane:.0f} {b.y:.0f} {x2:.0f} {b.y:.0f}"
        at = (x1 + (8 if side > 0 else -24), a.y - 5)
    drawn = f'<path class="edge" d="{path}" marker-end="url(#tip)"/>'
    return drawn + (f'<text class="label" x="{at[0]:.0f}" y="{at[1]:.0f}">{escape(label)}</text>' if label else "")


def _between(chart: Chart, a: Node, b: Node) -> list[Node]:
    """The nodes that stand in the layers between two others."""
    low, high = sorted((a.y, b.y))
    return [node for node in chart.nodes.values() if low < node.y < high and abs(node.x - a.x) < node.width / 2 + 200]


def _node(node: Node) -> str:
    left, top, w, h = node.x - node.width / 2, node.y - node.height / 2, node.width, node.height
    if node.shape == "question":
        cut = 14
        points = f"{left:.0f},{node.y:.0f} {left + cut:.0f},{top:.0f} {left + w - cut:.0f},{top:.0f} {left + w:.0f},{node.y:.0f}"
        points += f" {left + w - cut:.0f},{top + h:.0f} {left + cut:.0f},{top + h:.0f}"
        shape = f'<polygon class="question" points="{points}"/>'
    else:
        round_ = h / 2 if node.shape == "end" else 6
        shape = f'<rect class="{node.shape}" x="{left:.0f}" y="{top:.0f}" width="{w:.0f}" height="{h:.0f}" rx="{round_:.0f}"/>'
    first = node.y - (len(node.lines) - 1) * LINE / 2 + 4.5
    words = "".join(
        f'<text x="{node.x:.0f}" y="{first + LINE * number:.1f}">{escape(line)}</text>'
        for number, line in enumerate(node.lines)
    )
    return shape + words

"""When each wave of an order would begin and end: the rules by which it is decided, at times that are known."""

import datetime
import heapq
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.fleet.order import OrderPlan
from pipeline.fleet.waves import PlannedWave
from pipeline.fleet.windows import FleetWindow, is_open, next_open


@dataclass(frozen=True)
class WaveSpan:
    """When a wave begins, and when the last of it ends, in seconds from now."""

    begins: float
    ends: float


def spans(
    plan: OrderPlan, lasts: Mapping[str, float], gates: Mapping[str, float], now: datetime.datetime
) -> Iterator[WaveSpan]:
    """Each wave of ``plan``, in order. ``lasts``: project → seconds; ``gates``: wave → those of asking before it."""
    groups = {name: bound.group for bound in plan.bounds for name in bound.projects}
    room = {bound.group: bound.at_once for bound in plan.bounds}
    at = 0.0
    for wave in plan.waves:
        begins = at + wave.pause + gates.get(wave.name, 0.0)
        at = _Wave(plan, wave, groups, room, now).ends(begins, lasts)
        yield WaveSpan(begins, at)


@dataclass
class _Alike:
    """Projects that may be begun at the same times: of one group with a bound, in one window. By their place."""

    window: FleetWindow | None
    group: str
    waiting: deque[int] = field(default_factory=deque)
    opens: float = 0.0
    """Before that the window is known to be closed; seconds from now."""


class _Wave:
    """The projects of a wave: begun in their order as soon as they may, each as long as it lasts."""

    def __init__(
        self,
        plan: OrderPlan,
        wave: PlannedWave,
        groups: Mapping[str, str],
        room: Mapping[str, int],
        now: datetime.datetime,
    ) -> None:
        self._names, self._groups, self._room, self._now = wave.projects, groups, room, now
        self._at_once = plan.at_once
        alike = dict[tuple[FleetWindow | None, str], _Alike]()
        for place, name in enumerate(wave.projects):
            key = (plan.windows.get(name), groups.get(name, ""))
            alike.setdefault(key, _Alike(*key)).waiting.append(place)
        self._left = list(alike.values())
        self._under_way: list[tuple[float, str]] = []
        self._by_group = Counter[str]()

    def ends(self, begins: float, lasts: Mapping[str, float]) -> float:
        """When the last of them ends; ``begins`` of a wave without any."""
        at = last = begins
        while self._left:
            while (place := self._next(at)) is not None:
                name = self._names[place]
                group = self._groups.get(name, "")
                heapq.heappush(self._under_way, (at + lasts[name], group))
                self._by_group[group] += 1
                last = max(last, at + lasts[name])
            if self._left:
                at = self._later(at)
        return last

    def _next(self, seconds: float) -> int | None:
        """Take the first that may be begun ``seconds`` from now, out of those that wait; None when none may."""
        while self._under_way and self._under_way[0][0] <= seconds:
            self._by_group[heapq.heappop(self._under_way)[1]] -= 1
        if len(self._under_way) >= self._at_once:
            return None
        may = [one for one in self._left if self._has_room(one) and self._is_open(one, seconds)]
        if not may:
            return None
        first = min(may, key=lambda one: one.waiting[0])
        place = first.waiting.popleft()
        if not first.waiting:
            self._left.remove(first)
        return place

    def _later(self, seconds: float) -> float:
        """When the next one may be begun at the earliest: one under way has ended, or a window is open."""
        moments = [self._under_way[0][0]] if self._under_way else []
        if len(self._under_way) < self._at_once:
            moments += [one.opens for one in self._left if one.opens > seconds and self._has_room(one)]
        return min(moments)

    def _has_room(self, alike: _Alike) -> bool:
        return not alike.group or self._by_group[alike.group] < self._room[alike.group]

    def _is_open(self, alike: _Alike, seconds: float) -> bool:
        if alike.window is None or seconds < alike.opens:
            return alike.window is None
        moment = self._now + datetime.timedelta(seconds=seconds)
        if is_open(alike.window, moment):
            return True
        alike.opens = seconds + (next_open(alike.window, moment) - moment).total_seconds()
        return False

"""The limit of each reading that has one, from the policies: what a chart draws beside the reading."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.config import Policies


@dataclass(frozen=True)
class ReadingLimit:
    """How far a reading may go. ``least``: less is bad, otherwise more is. ``key``: where deploy.yml says so."""

    value: float
    key: str
    least: bool = False

    def passed_by(self, value: float) -> bool:
        """Whether ``value`` is on the bad side."""
        return value < self.value if self.least else value > self.value


def reading_limits(policies: Policies) -> Mapping[str, ReadingLimit]:
    """Metric → its limit. A metric without one is judged by what is usual, or by nothing."""
    found = {
        "health.ms": ReadingLimit(policies.health.slowest_ms, "health.slowest_ms"),
        "load.p95_ms": ReadingLimit(policies.performance.p95_ms, "performance.p95_ms"),
        "errors.crash_free_percent": ReadingLimit(
            policies.errors.crash_free_percent, "errors.crash_free_percent", least=True
        ),
        "uptime.availability_percent": ReadingLimit(
            policies.uptime.availability_percent, "uptime.availability_percent", least=True
        ),
        "uptime.p95_ms": ReadingLimit(policies.uptime.slowest_ms, "uptime.slowest_ms"),
        "storage.ms": ReadingLimit(policies.storage.slowest_ms, "storage.slowest_ms"),
        "storage.gb": ReadingLimit(policies.storage.most_gb, "storage.most_gb"),
        "redis.ms": ReadingLimit(policies.redis.slowest_ms, "redis.slowest_ms"),
        "redis.hit_rate_percent": ReadingLimit(policies.redis.hit_rate_percent, "redis.hit_rate_percent", least=True),
        "requests.limited_percent": ReadingLimit(policies.redis.most_limited_percent, "redis.most_limited_percent"),
        "vitals.lcp": ReadingLimit(policies.vitals.lcp_ms, "vitals.lcp_ms"),
        "vitals.inp": ReadingLimit(policies.vitals.inp_ms, "vitals.inp_ms"),
        "vitals.cls": ReadingLimit(policies.vitals.cls, "vitals.cls"),
    }
    return {metric: limit for metric, limit in found.items() if limit.value}

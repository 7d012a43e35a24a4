"""Says which service answers on which port of 127.0.0.1; the port is how one app tells them apart."""

from dataclasses import dataclass

SERVICES = (
    "control",
    "vercel",
    "github",
    "sentry",
    "betterstack",
    "vercel-status",
    "neon-status",
    "neon",
    "production",
    "notify",
    "google",
    "statuspages",
    "r2",
    "cloudflare",
    "upstash",
    "upstash-api",
    "www",
    "learn",
)
SLOTS = 40
FIRST = 4300  # in-process nothing listens, so fixed numbers can be used


@dataclass(frozen=True)
class Ports:
    """The ports of a sandbox.

    ``numbers`` has one per service in the order of SERVICES, then one per deployment slot.
    """

    numbers: tuple[int, ...] = tuple(range(FIRST, FIRST + len(SERVICES) + SLOTS))

    def of(self, service: str) -> int:
        return self.numbers[SERVICES.index(service)]

    def host(self, service: str) -> str:
        return f"127.0.0.1:{self.of(service)}"

    def url(self, service: str) -> str:
        return f"http://{self.host(service)}"

    def slot_host(self, slot: int) -> str:
        return f"127.0.0.1:{self.numbers[len(SERVICES) + slot]}"

    def find(self, port: int | None) -> tuple[str, int]:
        """Find the service of a port: (service, -1), or ("deployment", slot number).

        Raises LookupError for a port that is not ours.
        """
        index = self.numbers.index(port) if port in self.numbers else -1
        if index < 0:
            raise LookupError(f"nothing listens on port {port}")
        return (SERVICES[index], -1) if index < len(SERVICES) else ("deployment", index - len(SERVICES))

    def slot_of(self, host: str) -> int:
        """Find the slot whose address is ``host``; -1 when it is none."""
        hosts = [self.slot_host(slot) for slot in range(SLOTS)]
        return hosts.index(host) if host in hosts else -1

"""How many ICMP errors may go out (RFC 1812 4.3.2.8), as Linux's icmp_ratelimit and icmp_msgs_per_sec."""

from __future__ import annotations

from ..core.const import SECOND
from ..core.context import Context
from .settings import IpSettings

# Hosts whose credit is remembered; a forgotten one starts with a full burst.
MAX_HOSTS = 1024
# Linux's XRLIM_BURST_FACTOR: messages to one host that may go out at once.
HOST_BURST = 6


class IcmpRateLimit:
    """One token bucket for all hosts together, and one for each."""

    def __init__(self, context: Context, settings: IpSettings) -> None:
        self._settings = settings
        self._icmp = context.counters.icmp
        self._entropy = context.entropy.fork("icmp rate limit")
        self._credit = 0.0
        self._filled_at = -SECOND
        # host -> (credit in ns, when)
        self._hosts: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._hosts)

    def allow(self, kind: int, host: int, now: int) -> bool:
        """True when one more message of this type may go to this host."""
        if not (kind < 32 and self._settings.icmp_ratemask >> kind & 1):
            return True
        return self._allow_globally(now) and self._allow_host(host, now)

    def _allow_globally(self, now: int) -> bool:
        settings = self._settings
        elapsed = min(now - self._filled_at, SECOND)
        self._credit = min(self._credit + settings.icmp_msgs_per_sec * elapsed / SECOND, settings.icmp_msgs_burst)
        self._filled_at = now
        if self._credit < 1:
            self._icmp.OutRateLimitGlobal += 1
            return False
        # Taking a random part more hides from an attacker how many messages others caused (CVE-2020-25705).
        self._credit = max(self._credit - 1 - self._entropy.below(3), 0)
        return True

    def _allow_host(self, host: int, now: int) -> bool:
        period = self._settings.icmp_ratelimit_ns
        if period == 0:
            return True
        credit, at = self._hosts.pop(host, (HOST_BURST * period, now))
        credit = min(credit + now - at, HOST_BURST * period)
        allowed = credit >= period
        if len(self._hosts) >= MAX_HOSTS:
            del self._hosts[next(iter(self._hosts))]
        self._hosts[host] = (credit - period if allowed else credit, now)
        if not allowed:
            self._icmp.OutRateLimitHost += 1
        return allowed

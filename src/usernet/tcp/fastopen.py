"""TCP Fast Open, what is kept of it (RFC 7413): keys, one connection's part, one listener's queue.

Beside it: fastopen_server.py, text in a SYN that came; fastopen_client.py, text in a SYN that goes; peers.py has the
cookies that servers gave us.
"""

from __future__ import annotations

from collections import deque
from errno import EINVAL
from hmac import compare_digest
from typing import TYPE_CHECKING

from ..core.const import SECOND
from ..core.entropy import Entropy, KeyedHash

if TYPE_CHECKING:
    import cython

    from ..core.sysctl import SysctlRegistry, Value

KEY_LEN = 16
COOKIE_LEN = 8
# RFC 7413 5.1: how long a spoofed SYN, known by the RST it brought, goes on to fill its listener's queue (Linux's).
RESET_COUNTS_FOR = 60 * SECOND
# The pause after a blackhole doubles with each one met, up to this many times the sysctl.
LONGEST_PAUSE = 64


class FastOpenKeys:
    """One secret or two: cookies are made with the first, those of the second are still honoured (RFC 7413 4.1.2)."""

    __slots__ = ("_hashes", "octets")

    def __init__(self, octets: bytes) -> None:
        if len(octets) not in (KEY_LEN, 2 * KEY_LEN):
            raise OSError(EINVAL, "a Fast Open key has 16 octets, two have 32")
        self.octets = octets
        self._hashes = [KeyedHash(octets[at : at + KEY_LEN]) for at in range(0, len(octets), KEY_LEN)]

    def cookie(self, addresses: bytes) -> bytes:
        """The cookie of a client: Linux's, so that machines of both kinds may share a key behind one address.

        ``addresses`` are the client's and ours, as they lie in its packets.
        """
        return self._with(0, addresses)

    def check(self, addresses: bytes, cookie: bytes) -> cython.int:
        """Which key made this cookie: 1 or 2; 0 for none."""
        i: cython.int = 0
        while i < len(self._hashes):
            if compare_digest(self._with(i, addresses), cookie):
                return i + 1
            i += 1
        return 0

    def _with(self, i: cython.int, addresses: bytes) -> bytes:
        keyed: KeyedHash = self._hashes[i]
        mark: int = keyed.of(addresses)
        return mark.to_bytes(COOKIE_LEN, "little")


def parse_keys(text: str) -> bytes:
    """The keys in net.ipv4.tcp_fastopen_key: four 32-bit hexadecimal words joined by -, two such joined by a comma.

    Raises OSError(EINVAL).
    """
    octets = b""
    for key in text.strip().split(","):
        words = key.strip().split("-")
        try:
            numbers = [int(word, 16) for word in words]
            octets += b"".join(number.to_bytes(4, "little") for number in numbers)
        except (ValueError, OverflowError):
            raise OSError(EINVAL, f"not a Fast Open key: {text!r}") from None
        if len(words) != 4:
            raise OSError(EINVAL, f"not a Fast Open key: {text!r}")
    return octets


def print_keys(octets: bytes) -> str:
    """The inverse of :func:`parse_keys`."""
    words = [f"{int.from_bytes(octets[at : at + 4], 'little'):08x}" for at in range(0, len(octets), 4)]
    return ",".join("-".join(words[at : at + 4]) for at in range(0, len(words), 4))


class FastOpens:
    """Fast Open of one stack: its keys, and whether the network eats such connections."""

    __slots__ = ("_blackholed_at", "_blackholes", "keys")

    def __init__(self, registry: SysctlRegistry, entropy: Entropy) -> None:
        self._blackholes = 0
        self._blackholed_at = 0
        self.keys: FastOpenKeys

        def changed(value: Value) -> None:
            self.keys = FastOpenKeys(parse_keys(str(value)))

        key = print_keys(entropy.octets(KEY_LEN))
        registry.declare(
            "net.ipv4.tcp_fastopen_key", key, "Secret of Fast Open cookies; an old one may follow.", on_change=changed
        )

    def blackholed(self, now: int) -> None:
        """Connections opened fast get stuck: open none so for a while (RFC 7413 4.1.3.1; Linux's doubling pause)."""
        self._blackholes += 1
        self._blackholed_at = now

    def is_paused(self, pause_ns: int, now: int) -> bool:
        """True while none is to be opened fast."""
        if self._blackholes == 0 or pause_ns == 0:
            return False
        factor = min(1 << min(self._blackholes - 1, 30), LONGEST_PAUSE)
        return now < self._blackholed_at + factor * pause_ns

    def has_met_blackhole(self) -> bool:
        """True until a connection opened fast carries data again."""
        return self._blackholes > 0

    def forgive(self) -> None:
        """One opened fast carried data after a pause: the blackhole is gone."""
        self._blackholes = 0


class FastOpenQueue:
    """How many connections of a listener were opened by a SYN whose sender has not proved its address."""

    __slots__ = ("_resets", "pending")

    def __init__(self) -> None:
        self.pending = 0
        self._resets: deque[int] = deque()

    def has_room(self, limit: cython.int, now: cython.longlong) -> cython.bint:
        """May one more be opened? One that ended by a RST counts for a while longer (RFC 7413 5.1)."""
        if self.pending < limit:
            return True
        if not self._resets or self._resets[0] > now:
            return False
        self._resets.popleft()
        self.pending -= 1
        return True

    def leave(self, was_reset: cython.bint, now: cython.longlong) -> None:
        """One is proved or gone."""
        if was_reset:
            self._resets.append(now + RESET_COUNTS_FOR)
        else:
            self.pending -= 1


class FastOpen:
    """One connection's part in Fast Open.

    Of a server: ``queue`` while the SYN,ACK is not acknowledged; ``is_accepted`` once a user has the connection. Of a
    client: ``is_deferred`` while the SYN waits for the first text; ``asked`` when the SYN had the option, ``text``
    octets in it (still to go: ``carries``), ``watches`` when this connection shows whether a blackhole is gone.
    ``option`` goes with the next SYN or SYN,ACK, once. ``syn_data_acked``: all text of the SYN was taken
    (TCPI_OPT_SYN_DATA); ``is_child``: a SYN opened it at once (TCPI_OPT_TFO_CHILD); ``client_fail``: why a client's
    text did not open it (tcpi_fastopen_client_fail).
    """

    __slots__ = (
        "asked",
        "carries",
        "client_fail",
        "is_accepted",
        "is_child",
        "is_deferred",
        "is_experimental",
        "option",
        "queue",
        "syn_data_acked",
        "text",
        "watches",
    )

    def __init__(self) -> None:
        self.queue: FastOpenQueue | None = None
        self.is_accepted = self.is_child = self.is_deferred = False
        self.asked = self.carries = self.is_experimental = self.watches = False
        self.option: bytes = b""
        self.text = 0
        self.client_fail = 0
        self.syn_data_acked = False

    def leave(self, was_reset: cython.bint, now: cython.longlong) -> None:
        """A server's connection is proved, or gone; a RST shows that its SYN was spoofed, and counts on."""
        if self.queue is not None:
            self.queue.leave(was_reset and self.is_accepted, now)
            self.queue = None

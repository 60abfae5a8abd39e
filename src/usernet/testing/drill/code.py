"""``%{ }%`` blocks: Python that looks at ``tcp_info`` as it was when the script came to the block."""

from __future__ import annotations

import ast
import builtins
import contextlib
import ctypes
import struct
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, Final

from .errors import CodeError
from .symbols import SYMBOLS, TCP_STATES

# struct tcp_info (include/uapi/linux/tcp.h), the bit fields apart.
_FIELDS: Final = (
    ("state", "B"), ("ca_state", "B"), ("retransmits", "B"), ("probes", "B"), ("backoff", "B"), ("options", "B"),
    ("_wscale", "B"), ("_flags", "B"),
    ("rto", "I"), ("ato", "I"), ("snd_mss", "I"), ("rcv_mss", "I"), ("unacked", "I"), ("sacked", "I"), ("lost", "I"),
    ("retrans", "I"), ("fackets", "I"), ("last_data_sent", "I"), ("last_ack_sent", "I"), ("last_data_recv", "I"),
    ("last_ack_recv", "I"), ("pmtu", "I"), ("rcv_ssthresh", "I"), ("rtt", "I"), ("rttvar", "I"), ("snd_ssthresh", "I"),
    ("snd_cwnd", "I"), ("advmss", "I"), ("reordering", "I"), ("rcv_rtt", "I"), ("rcv_space", "I"),
    ("total_retrans", "I"),
    ("pacing_rate", "Q"), ("max_pacing_rate", "Q"), ("bytes_acked", "Q"), ("bytes_received", "Q"),
    ("segs_out", "I"), ("segs_in", "I"), ("notsent_bytes", "I"), ("min_rtt", "I"), ("data_segs_in", "I"),
    ("data_segs_out", "I"),
    ("delivery_rate", "Q"), ("busy_time", "Q"), ("rwnd_limited", "Q"), ("sndbuf_limited", "Q"),
    ("delivered", "I"), ("delivered_ce", "I"), ("bytes_sent", "Q"), ("bytes_retrans", "Q"), ("dsack_dups", "I"),
    ("reord_seen", "I"), ("rcv_ooopack", "I"), ("snd_wnd", "I"), ("rcv_wnd", "I"), ("rehash", "I"),
    ("total_rto", "H"), ("total_rto_recoveries", "H"), ("total_rto_time", "I"),
    ("received_ce", "I"), ("delivered_e1_bytes", "I"), ("delivered_e0_bytes", "I"), ("delivered_ce_bytes", "I"),
    ("received_e1_bytes", "I"), ("received_e0_bytes", "I"), ("received_ce_bytes", "I"), ("_accecn", "I"),
)  # fmt: skip
_SIZES: Final = {"B": 1, "H": 2, "I": 4, "Q": 8}
INFO_SIZE: Final = sum(_SIZES[code] for _, code in _FIELDS)

CONSTANTS: Final = {
    **TCP_STATES,
    "TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
    "TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8, "TCPI_OPT_ECN_SEEN": 16,
    "TCPI_OPT_SYN_DATA": 32, "TCPI_OPT_USEC_TS": 64, "TCPI_OPT_TFO_CHILD": 128,
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
}  # fmt: skip

_MEMORY: Final = ("RMEM_ALLOC", "RCVBUF", "WMEM_ALLOC", "SNDBUF", "FWD_ALLOC", "WMEM_QUEUED", "OPTMEM", "BACKLOG",
                  "DROPS")  # fmt: skip
_BBR: Final = ("bbr_bw_lo", "bbr_bw_hi", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain")
_VEGAS: Final = ("tcpv_enabled", "tcpv_rttcnt", "tcp_rtt", "tcp_minrtt")
SMALLEST_MEMINFO: Final = 36
# How long the blocks of a script may take: some milliseconds are enough for any that has an end.
CODE_S: Final = 30.0


def unpack_info(octets: bytes) -> dict[str, int]:
    """Names a block sees for the octets of getsockopt(TCP_INFO); a shorter structure has fewer."""
    found: dict[str, int] = {}
    at = 0
    for name, code in _FIELDS:
        if at + _SIZES[code] > len(octets):
            break
        (value,) = struct.unpack_from(f"={code}", octets, at)
        at += _SIZES[code]
        found[f"tcpi_{name}"] = value
    scale = found.pop("tcpi__wscale", 0)
    flags = found.pop("tcpi__flags", 0)
    accecn = found.pop("tcpi__accecn", 0)
    found["tcpi_snd_wscale"], found["tcpi_rcv_wscale"] = scale & 15, scale >> 4
    found["tcpi_delivery_rate_app_limited"] = flags & 1
    found["tcpi_fastopen_client_fail"] = flags >> 1 & 3
    found["tcpi_ecn_mode"], found["tcpi_accecn_opt_seen"] = accecn & 3, accecn >> 2 & 3
    found["tcpi_accecn_fail_mode"] = accecn >> 4 & 15
    return found


def snapshot(sock: Any) -> dict[str, int]:
    """What a block sees of a socket now. Raises OSError for one without TCP_INFO."""
    tcp, base = SYMBOLS["SOL_TCP"], SYMBOLS["SOL_SOCKET"]
    found = unpack_info(sock.getsockopt(tcp, SYMBOLS["TCP_INFO"], INFO_SIZE))
    memory = _option(sock, base, SYMBOLS["SO_MEMINFO"], SMALLEST_MEMINFO)
    if len(memory) >= SMALLEST_MEMINFO:
        for name, value in zip(_MEMORY, struct.unpack_from("=9I", memory), strict=True):
            found[f"SK_MEMINFO_{name}"] = value
    control = _option(sock, tcp, SYMBOLS["TCP_CC_INFO"], 20)
    if len(control) >= 20:
        found.update(zip(_BBR, struct.unpack_from("=5I", control), strict=True))
        found["bbr_bw"] = found["bbr_bw_hi"] << 32 | found["bbr_bw_lo"]
    if len(control) >= 16:
        enabled, ce_state, alpha, ab_ecn, ab_tot = struct.unpack_from("=HHIII", control)
        found.update(dctcp_enabled=enabled, dctcp_ce_state=ce_state, dctcp_alpha=alpha, dctcp_ab_ecn=ab_ecn)
        found["dctcp_ab_tot"] = ab_tot
        found.update(zip(_VEGAS, struct.unpack_from("=4I", control), strict=True))
    return found


def _option(sock: Any, level: int, name: int, size: int) -> bytes:
    try:
        return bytes(sock.getsockopt(level, name, size))
    except OSError:
        return b""


class Blocks:
    """The blocks of a script, run when it has come to its end, as packetdrill runs them; they share their names."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {"__builtins__": builtins, **CONSTANTS}
        self._blocks: list[tuple[int, str, dict[str, int]]] = []

    def add(self, line: int, text: str, seen: dict[str, int]) -> None:
        """Keep a block and what it sees."""
        self._blocks.append((line, text, seen))

    def run(self, name: str) -> None:
        """Run them, to the last or to one that calls exit(). Raises CodeError with the line of the first that fails."""
        for line, text, seen in self._blocks:
            self._names.update(seen)
            try:
                # The lines of a block are those of the script, so that a traceback tells them.
                # What a block prints is for the reader, not for who reads the results.
                source = "\n" * (line - 1) + text + "\n\n"
                with contextlib.redirect_stdout(sys.stderr), _ending():
                    # Assertions are what a block is for, whatever -O says of those of this program.
                    exec(compile(source, name, "exec", optimize=0), self._names)
            except SystemExit as error:
                # packetdrill runs the blocks as one program: its end is the end of this script, and of no other.
                if error.code:
                    raise _failed(error, name, line, text, seen) from None
                return
            except (Exception, _EndlessError) as error:
                raise _failed(error, name, line, text, seen) from None


class _EndlessError(BaseException):
    """The blocks go on and on; none catches it by an ``except Exception``."""


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """Raises _EndlessError in what takes more than CODE_S of the machine's own time."""
    timer = threading.Timer(CODE_S, _interrupt, (threading.get_ident(),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _interrupt(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_EndlessError))


def _failed(error: BaseException, name: str, line: int, text: str, seen: dict[str, int]) -> CodeError:
    at = _line_of(error, name, line)
    what = type(error).__name__ if not isinstance(error, _EndlessError) else "the code does not end; has this loop one?"
    if isinstance(error, AssertionError):
        text = _assertion_at("\n" * (line - 1) + text, at) or text
        what = f"the assertion does not hold: {text}" if "\n" not in text else "the assertion does not hold"
    used = sorted(found for found in seen if found in text)
    values = ", ".join(f"{found} = {seen[found]}" for found in used)
    said = f": {error}" if str(error) else ""
    return CodeError(f"{what}{said}" + (f" ({values})" if values else ""), at)


def _assertion_at(text: str, line: int) -> str:
    """What is asserted there, on one line; "" where it cannot be told."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or line):
            return ast.unparse(node.test)
    return ""


def _line_of(error: BaseException, name: str, line: int) -> int:
    if isinstance(error, SyntaxError):
        return error.lineno or line
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return frames[-1] or line if frames else line

"""Socket tables as iproute2's ``ss`` prints them (misc/ss.c)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

# ss.c's columns: heading, alignment, and what stands before a column that is not the first.
NETID, STATE, RECV_Q, SEND_Q, LOCAL, LOCAL_PORT, PEER, PEER_PORT, PROCESS = range(9)
HEADINGS = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process")
DELIMITERS = ("", " ", " ", " ", " ", "", " ", "", "")
RIGHT_ALIGNED = frozenset({LOCAL, PEER})

# What ss shows without -a and -l: connections that are under way.
CONNECTED = frozenset({"ESTAB", "SYN-SENT", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "LAST-ACK", "CLOSING"})
LISTENING = frozenset({"LISTEN", "UNCONN"})

# ss-filter(8)'s state names; the tables print the short forms on the right.
STATE_NAMES: Mapping[str, frozenset[str]] = {
    "established": frozenset({"ESTAB"}),
    "syn-sent": frozenset({"SYN-SENT"}),
    "syn-recv": frozenset({"SYN-RECV"}),
    "fin-wait-1": frozenset({"FIN-WAIT-1"}),
    "fin-wait-2": frozenset({"FIN-WAIT-2"}),
    "time-wait": frozenset({"TIME-WAIT"}),
    "closed": frozenset({"UNCONN"}),
    "unconnected": frozenset({"UNCONN"}),
    "close-wait": frozenset({"CLOSE-WAIT"}),
    "last-ack": frozenset({"LAST-ACK"}),
    "listen": frozenset({"LISTEN"}),
    "listening": frozenset({"LISTEN"}),
    "closing": frozenset({"CLOSING"}),
    "all": CONNECTED | LISTENING | {"SYN-RECV", "TIME-WAIT"},
    "connected": CONNECTED | {"SYN-RECV", "TIME-WAIT"},
    "synchronized": (CONNECTED | {"SYN-RECV", "TIME-WAIT"}) - {"SYN-SENT"},
    "bucket": frozenset({"SYN-RECV", "TIME-WAIT"}),
    "big": (CONNECTED | LISTENING),
}


@dataclass(frozen=True)
class Options:
    """ss's flags, as far as they change what is printed."""

    numeric: bool = False
    netid: bool = False
    header: bool = True
    info: bool = False
    memory: bool = False
    timer: bool = False
    extended: bool = False
    processes: bool = False
    oneline: bool = False
    width: int | None = None  # of the terminal; None prints compactly, as ss does into a pipe


def render(rows: Iterable[Row], options: Options) -> str:
    """The whole table, a line feed behind each line."""
    cells = [_cells(row, options) for row in rows]
    if options.header:
        heading = list(HEADINGS)
        if not options.netid:
            heading[NETID] = ""
        cells.insert(0, heading)
    widths = _widths(cells, options.width)
    return "".join(_line(row, widths) + "\n" for row in cells)


def _cells(row: Row, options: Options) -> list[str]:
    netid = row["netid"]
    local, local_port = _endpoint(row["local"], row["local_port"], netid, options.numeric)
    peer, peer_port = _endpoint(row["peer"], row["peer_port"], netid, options.numeric)
    if row.get("device"):
        local = f"{local[:-1]}%{row['device']}:"
    return [
        netid if options.netid else "",
        row["state"],
        str(row["recv_q"]),
        str(row["send_q"]),
        local,
        local_port,
        peer,
        peer_port,
        _extension(row, options),
    ]


def _endpoint(address: str, port: int, netid: str, numeric: bool) -> tuple[str, str]:
    shown = f"[{address}]:" if ":" in address else f"{address}:"
    if netid.startswith("icmp"):
        return shown, str(port) if port else "*"
    if port == 0:
        return shown, "*"
    return shown, str(port) if numeric else _service(port, netid)


def _service(port: int, netid: str) -> str:
    try:
        return socket.getservbyport(port, netid)
    except OSError:
        return str(port)


def _extension(row: Row, options: Options) -> str:
    text = ""
    timer = row.get("timer")
    if (options.timer or options.extended) and timer:
        text += f" timer:({timer['name']},{timer_span(timer['expires_ms'])},{timer['retrans']})"
    if options.processes and row.get("users"):
        users = ",".join(f'("{user["name"]}",pid={user["pid"]},fd={user["fd"]})' for user in row["users"])
        text += f" users:({users})"
    if options.extended:
        text += f" ino:{row.get('ino', 0)} sk:{row.get('sk', 0):x}"
    if options.info or options.memory:
        text += "" if options.oneline else "\n\t"
        if options.memory and row.get("skmem"):
            text += f" {_skmem(row['skmem'])}"
        if options.info and row.get("info"):
            text += tcp_info(row["info"], numeric=options.numeric)
    return text


def _skmem(skmem: Mapping[str, int]) -> str:
    return f"skmem:({','.join(f'{name}{value}' for name, value in skmem.items())})"


def timer_span(milliseconds: int) -> str:
    """A span as ss's print_ms_timer writes it: ``1min30sec``, ``59sec``, ``1.200ms``, ``204ms``."""
    msecs = milliseconds % 1000
    minutes, secs = divmod(milliseconds // 1000, 60)
    text = ""
    if minutes:
        msecs = 0
        text = f"{minutes}min"
        if minutes > 9:
            secs = 0
    if secs:
        if secs > 9:
            msecs = 0
        text += f"{secs}{'.' if msecs else 'sec'}"
    if msecs:
        text += f"{msecs:03}ms"
    return text


def bandwidth(bits_per_second: float, *, numeric: bool) -> str:
    """A rate without its unit: ``87.4G``, or all digits."""
    if numeric:
        return f"{bits_per_second:.0f}"
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if bits_per_second >= limit:
            return f"{bits_per_second / limit:.3g}{letter}"
    return f"{bits_per_second:g}"


def _milliseconds(usec: int) -> str:
    return f"{usec / 1000:g}"


def _count(label: str, name: str) -> Callable[[Row], str]:
    return lambda info: f"{label}:{info[name]}" if info.get(name) else ""


def _millis(label: str, name: str) -> Callable[[Row], str]:
    return lambda info: f"{label}:{_milliseconds(info[name])}" if info.get(name) else ""


def _word(word: str, name: str) -> Callable[[Row], str]:
    return lambda info: word if info.get(name) else ""


def _wscale(info: Row) -> str:
    return f"wscale:{info['snd_wscale']},{info['rcv_wscale']}" if info.get("wscale") else ""


def _rtt(info: Row) -> str:
    return f"rtt:{_milliseconds(info['rtt'])}/{_milliseconds(info.get('rttvar', 0))}" if info.get("rtt") else ""


def _ssthresh(info: Row) -> str:
    # "infinite" is any value from 0xFFFF up, as in ss.c
    value = info.get("snd_ssthresh", 0)
    return f"ssthresh:{value}" if 0 < value < 0xFFFF else ""


def _retrans(info: Row) -> str:
    now, total = info.get("retrans", 0), info.get("total_retrans", 0)
    return f"retrans:{now}/{total}" if now or total else ""


def _reordering(info: Row) -> str:
    value = info.get("reordering", 3)
    return f"reordering:{value}" if value != 3 else ""


def _minrtt(info: Row) -> str:
    value = info.get("min_rtt", 0)
    return f"minrtt:{_milliseconds(value)}" if 0 < value < 0xFFFFFFFF else ""


def _busy(info: Row) -> str:
    busy = info.get("busy_time", 0)
    if not busy:
        return ""
    text = f"busy:{busy // 1000}ms"
    for label, name in (("rwnd_limited", "rwnd_limited"), ("sndbuf_limited", "sndbuf_limited")):
        part = info.get(name, 0)
        if part:
            text += f" {label}:{part // 1000}ms({100 * part / busy:.1f}%)"
    return text


BEFORE_RATES: Sequence[Callable[[Row], str]] = (
    _word("ts", "ts"),
    _word("sack", "sack"),
    _word("ecn", "ecn"),
    _word("ecnseen", "ecnseen"),
    _word("fastopen", "fastopen"),
    lambda info: str(info.get("ca_name", "")),
    _wscale,
    _millis("rto", "rto"),
    _count("backoff", "backoff"),
    _rtt,
    _millis("ato", "ato"),
    _count("mss", "snd_mss"),
    _count("pmtu", "pmtu"),
    _count("rcvmss", "rcv_mss"),
    _count("advmss", "advmss"),
    _count("cwnd", "snd_cwnd"),
    _ssthresh,
    _count("bytes_sent", "bytes_sent"),
    _count("bytes_retrans", "bytes_retrans"),
    _count("bytes_acked", "bytes_acked"),
    _count("bytes_received", "bytes_received"),
    _count("segs_out", "segs_out"),
    _count("segs_in", "segs_in"),
    _count("data_segs_out", "data_segs_out"),
    _count("data_segs_in", "data_segs_in"),
)

AFTER_RATES: Sequence[Callable[[Row], str]] = (
    _count("delivered", "delivered"),
    _count("delivered_ce", "delivered_ce"),
    _word("app_limited", "delivery_rate_app_limited"),
    _busy,
    _count("unacked", "unacked"),
    _retrans,
    _count("lost", "lost"),
    _count("sacked", "sacked"),
    _count("dsack_dups", "dsack_dups"),
    _reordering,
    _count("reord_seen", "reord_seen"),
    _millis("rcv_rtt", "rcv_rtt"),
    _count("rcv_space", "rcv_space"),
    _count("rcv_ssthresh", "rcv_ssthresh"),
    _count("notsent", "notsent_bytes"),
    _minrtt,
    _count("rcv_ooopack", "rcv_ooopack"),
    _count("snd_wnd", "snd_wnd"),
)


def tcp_info(info: Row, *, numeric: bool) -> str:
    """The tcp_info line, a blank before each word. ``info`` has struct tcp_info's names without ``tcpi_``."""
    words = [write(info) for write in BEFORE_RATES]
    if info.get("rtt") and info.get("snd_mss") and info.get("snd_cwnd"):
        send = info["snd_cwnd"] * info["snd_mss"] * 8e6 / info["rtt"]
        words.append(f"send {bandwidth(send, numeric=numeric)}bps")
    words += [_count(label, f"last_{name}")(info) for label, name in _LAST]
    for name in ("pacing_rate", "delivery_rate"):
        rate = info.get(name, 0)
        if 0 < rate < 0xFFFFFFFFFFFFFFFF:
            words.append(f"{name} {bandwidth(rate * 8, numeric=numeric)}bps")
    words += [write(info) for write in AFTER_RATES]
    return "".join(f" {word}" for word in words if word)


_LAST = (("lastsnd", "data_sent"), ("lastrcv", "data_recv"), ("lastack", "ack_recv"))


def _widths(cells: Sequence[Sequence[str]], screen: int | None) -> list[int]:
    # ss.c's render_calc_width: content plus delimiter, then what the screen leaves over is spread from the right.
    widths: list[int] = []
    first = True
    for column, delimiter in enumerate(DELIMITERS):
        width = max((len(row[column]) for row in cells), default=0)
        if width and not first:
            width += len(delimiter)
        if screen is not None:
            width = min(width, screen)
        first = first and not width
        widths.append(width)
    if screen is not None:
        _spread(widths, screen)
    return widths


def _spread(widths: list[int], screen: int) -> None:
    line: list[int] = []
    for column in [column for column, width in enumerate(widths) if width]:
        if sum(widths[c] for c in line) + widths[column] > screen:
            _pad(widths, line, screen)
            line = []
        line.append(column)
    _pad(widths, line, screen)


def _pad(widths: list[int], line: Sequence[int], screen: int) -> None:
    if not line:
        return
    spacing, rest = divmod(max(screen - sum(widths[column] for column in line), 0), len(line))
    for column in reversed(line):
        widths[column] += spacing + (1 if rest > 0 else 0)
        rest -= 1


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    text = ""
    first = True
    for column, width in enumerate(widths):
        if not width:
            continue
        delimiter = "" if first else DELIMITERS[column]
        room = width - len(delimiter)
        cell = row[column]
        if column == PROCESS:
            text += cell
        else:
            text += delimiter + (cell.rjust(room) if column in RIGHT_ALIGNED else cell.ljust(room))
        first = False
    # ss pads the last column too; nobody misses those blanks.
    return "\n".join(part.rstrip() for part in text.split("\n"))


def summary(counts: Mapping[str, int]) -> str:
    """``ss -s``: totals by protocol."""
    tcp, udp, raw = counts["tcp"], counts["udp"], counts["raw"]
    closed = counts["closed"] + counts["timewait"]
    lines = [
        f"Total: {tcp + udp + raw}",
        f"TCP:   {tcp + closed} (estab {counts['estab']}, closed {closed}, orphaned {counts['orphaned']}, "
        f"timewait {counts['timewait']})",
        "",
        "Transport Total     IP        IPv6",
    ]
    for name, family in (("RAW", "raw"), ("UDP", "udp"), ("TCP", "tcp"), ("INET", "")):
        total = counts[family] if family else tcp + udp + raw
        ipv6 = counts.get(f"{family}6", 0) if family else sum(counts.get(f"{f}6", 0) for f in ("raw", "udp", "tcp"))
        lines.append(f"{name}\t  {total:<9} {total - ipv6:<9} {ipv6:<9}".rstrip())
    lines.append("FRAG\t  0         0         0")
    return "\n".join(lines) + "\n\n"

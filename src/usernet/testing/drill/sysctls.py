"""Settings of a run: what the public corpora set for all of their scripts, and Linux's defaults of what we have not."""

from __future__ import annotations

import contextlib
from errno import EINVAL, ENOENT
from typing import Final

from ...stack import NetStack
from .errors import Unsupported

# What defaults.sh of the corpora sets.
CORPUS: Final = {
    "net.ipv4.tcp_rmem": "4096 540000 15728640",
    "net.ipv4.tcp_wmem": "4096 262144 4194304",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_syn_retries": "5",
    "net.ipv4.tcp_synack_retries": "5",
    "net.ipv4.tcp_frto": "2",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_dsack": "1",
    "net.ipv4.tcp_fack": "0",
    "net.ipv4.tcp_reordering": "3",
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_cubic_hystart": "1",
    "net.ipv4.tcp_slow_start_after_idle": "0",
    "net.ipv4.tcp_early_retrans": "4",
    "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_tso_win_divisor": "3",
    "net.ipv4.tcp_ecn": "0",
    "net.ipv4.tcp_pacing_ss_ratio": "200",
    "net.ipv4.tcp_pacing_ca_ratio": "120",
    "net.ipv4.tcp_notsent_lowat": "4294967295",
    "net.ipv4.tcp_fastopen": "0x3",
    "net.ipv4.tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
    "net.ipv4.tcp_syncookies": "1",
}
# Linux's defaults of settings this stack may not have: asking for just these changes nothing.
LINUX: Final = {
    "net.ipv4.tcp_abc": "0", "net.ipv4.tcp_fack": "0", "net.ipv4.tcp_frto": "2", "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_early_retrans": "4", "net.ipv4.tcp_tso_win_divisor": "3",
    "net.ipv4.tcp_ecn": "0", "net.ipv4.tcp_pacing_ss_ratio": "200", "net.ipv4.tcp_pacing_ca_ratio": "120",
    "net.ipv4.tcp_notsent_lowat": "4294967295", "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_workaround_signed_windows": "0",
    "net.ipv4.tcp_autocorking": "1", "net.ipv4.tcp_mtu_probing": "0",
    "net.ipv4.tcp_base_mss": "1024", "net.ipv4.tcp_min_tso_segs": "2", "net.ipv4.tcp_adv_win_scale": "1",
    "net.ipv4.tcp_app_win": "31", "net.ipv4.tcp_limit_output_bytes": "4194304", "net.ipv4.tcp_max_reordering": "300",
    "net.ipv4.tcp_retrans_collapse": "1", "net.ipv4.tcp_thin_linear_timeouts": "0", "net.ipv4.tcp_stdurg": "0",
    "net.ipv4.tcp_ecn_fallback": "1", "net.ipv4.tcp_comp_sack_nr": "44", "net.ipv4.tcp_shrink_window": "0",
    "net.ipv4.tcp_backlog_ack_defer": "1", "net.ipv4.tcp_reflect_tos": "0", "net.ipv4.tcp_ecn_option": "2",
    "net.ipv4.tcp_ecn_option_beacon": "3", "net.ipv4.tcp_tso_rtt_log": "9", "net.ipv4.ip_no_pmtu_disc": "0",
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec": "0", "net.ipv4.tcp_plb_enabled": "0",
    "net.mptcp.enabled": "1", "net.ipv4.tcp_l3mdev_accept": "0",
    "net.ipv4.tcp_migrate_req": "0",
}  # fmt: skip


# What packetdrill's own corpus has otherwise: every listener takes data in a SYN, SYNs go again as before Linux 6.5.
GOOGLE: Final = {"net.ipv4.tcp_fastopen": "0x70403", "net.ipv4.tcp_syn_linear_timeouts": "0"}
# Its scripts of AccECN are newer than the others, as are the kernels that have it.
ACCURATE: Final = ("3", "4", "5")
EVENLY: Final = ("net.ipv4.tcp_syn_linear_timeouts", "4")
# What a page of tcp_mem is.
PAGE: Final = 4096
MOST_PAGES: Final = (1 << 63) // PAGE
TCP_MEM: Final = "net.ipv4.tcp_mem"


def preset(stack: NetStack, google: bool = False) -> None:
    """Settings every script finds, whether it names defaults.sh or not; ``google`` as packetdrill's own has them."""
    for name, value in (CORPUS | GOOGLE if google else CORPUS).items():
        with contextlib.suppress(OSError):
            stack.context.sysctl.set(name, value)


def change(stack: NetStack, name: str, value: str) -> bool:
    """Set one; True when it was taken. Raises Unsupported for one we have not, unless it is Linux's default."""
    name = name.replace("/", ".")
    value = " ".join(value.split())
    if name == TCP_MEM:
        _set_memory(stack, value)
        return True
    try:
        stack.context.sysctl.set(name, value)
    except OSError as error:
        if error.errno == EINVAL:
            raise Unsupported(f"sysctl {name}={value}: {error.strerror}") from None
        if error.errno != ENOENT:
            raise
        if value not in (LINUX.get(name), CORPUS.get(name)):
            raise Unsupported(f"sysctl {name}={value}: this stack has no such setting") from None
        return False
    return True


def _set_memory(stack: NetStack, value: str) -> None:
    """The pool of the run, in pages: where pressure ends, where it begins, and all there is."""
    numbers = value.split()
    if len(numbers) != 3 or not all(number.isdecimal() and int(number) < MOST_PAGES for number in numbers):
        raise Unsupported(f"sysctl {TCP_MEM}={value}: three numbers of pages")
    pool = stack.context.pool
    pool.relief_mark, pool.pressure_mark, pool.limit = (int(number) * PAGE for number in numbers)


def show(stack: NetStack, name: str) -> str:
    """The value as ``sysctl -n`` prints it. Raises Unsupported for one we have not."""
    name = name.replace("/", ".")
    if name == TCP_MEM:
        pool = stack.context.pool
        return "\t".join(str(mark // PAGE) for mark in (pool.relief_mark, pool.pressure_mark, pool.limit))
    try:
        value = stack.context.sysctl.get(name)
    except OSError:
        if name in LINUX:
            return LINUX[name]
        raise Unsupported(f"sysctl {name}: this stack has no such setting") from None
    return "\t".join(map(str, value)) if isinstance(value, tuple) else str(value)

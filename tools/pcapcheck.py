"""Reads captures as tshark does and lists every frame that breaks a rule.

usage: pcapcheck.py FILE...        one line a finding: file, frame, rule; exit status 1 when there is one

Malformed packets, bad checksums and the severe findings of Wireshark's expert count, and some rules of the RFCs that
it reads past. What only tells of the network (loss, reordering, a full window, a reset) does not.
"""

from __future__ import annotations

import subprocess
import sys

PREFERENCES = (
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "ip.defragment:TRUE",
    # Without it Wireshark calls a retransmission cut otherwise than the original a reassembly error.
    "tcp.reassemble_out_of_order:TRUE",
)
# A client's port, of Linux's range, may be what Wireshark takes for another protocol's: 34980 for EtherCAT's.
EPHEMERAL = ("tcp.port==32768-60999,data", "udp.port==32768-60999,data")
# Expert findings that are news of the path and not of a mistake.
NEWS = (
    '_ws.expert.message contains "D-SACK"',
    "tcp.analysis.flags",
    "tcp.connection.rst",
    "tcp.connection.fin",
)
SEVERE = "_ws.expert.severity >= 6291456"
RULES = {
    "malformed": "_ws.malformed || _ws.short",
    "ip-checksum": "ip.checksum.status == 0",
    "tcp-checksum": "tcp.checksum.status == 0",
    "udp-checksum": "udp.checksum.status == 0",
    "icmp-checksum": "icmp.checksum.status == 0",
    "ip-reserved-flag (RFC 791)": "ip.flags.rb == 1",
    "ip-ttl-zero (RFC 1122 3.2.1.7)": "ip.ttl == 0",
    "ip-martian-source (RFC 1122)": "ip.src == 255.255.255.255 || ip.src == 224.0.0.0/4 || ip.src == 127.0.0.0/8",
    "ip-fragments (RFC 5722)": "ip.fragment.overlap || ip.fragment.toolongfragment || ip.fragment.multipletails",
    "tcp-no-flags (RFC 9293 3.1)": "tcp && tcp.flags == 0",
    "tcp-syn-fin (RFC 9293 3.5)": "tcp.flags.syn == 1 && tcp.flags.fin == 1",
    "tcp-syn-rst (RFC 9293 3.5)": "tcp.flags.syn == 1 && tcp.flags.reset == 1",
    "tcp-reserved-bits (RFC 9293 3.1)": "tcp.flags.res != 0",
    "tcp-ack-number-without-ack (RFC 9293 3.1)": "tcp.flags.ack == 0 && tcp.ack_raw != 0",
    "tcp-mss-off-syn (RFC 9293 3.7.1)": "tcp.options.mss_val && tcp.flags.syn == 0",
    "tcp-mss-zero (RFC 9293 3.7.1)": "tcp.options.mss_val == 0",
    "tcp-wscale-off-syn (RFC 7323 2.2)": "tcp.options.wscale.shift && tcp.flags.syn == 0",
    "tcp-wscale-over-14 (RFC 7323 2.3)": "tcp.options.wscale.shift > 14",
    "tcp-sack-permitted-off-syn (RFC 2018 2)": "tcp.option_kind == 4 && tcp.flags.syn == 0",
    "tcp-data-on-syn (RFC 7413)": "tcp.flags.syn == 1 && tcp.len > 0 && !tcp.options.tfo",
    "tcp-overlap-conflict (RFC 9293 3.10.7.4)": "tcp.segment.overlap.conflict",
    "expert": f"({SEVERE}) && !({' || '.join(NEWS)})",
}


def frames(file: str, rule: str) -> list[str]:
    """Numbers of the frames a display filter selects. Raises RuntimeError when tshark cannot read the file."""
    options = [word for preference in PREFERENCES for word in ("-o", preference)]
    options += [word for ports in EPHEMERAL for word in ("-d", ports)]
    command = ["tshark", "-n", "-r", file, *options, "-Y", rule, "-T", "fields", "-e", "frame.number"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"tshark cannot read {file}: {result.stderr.strip()}")
    return result.stdout.split()


def findings(file: str) -> list[str]:
    """What is wrong in a capture, one line each; no line for a clean one."""
    if not frames(file, " || ".join(f"({rule})" for rule in RULES.values())):
        return []
    return [f"{file}: frame {number}: {name}" for name, rule in RULES.items() for number in frames(file, rule)]


def main(files: list[str]) -> int:
    """Check the files; the exit status."""
    found = [line for file in files for line in findings(file)]
    print("\n".join(found) if found else "clean")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

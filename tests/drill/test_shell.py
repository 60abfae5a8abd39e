"""Shell lines, which are read and never run; and the Python of a script."""

from __future__ import annotations

import pytest

from usernet.testing.drill import run_script
from usernet.testing.drill.arithmetic import arithmetic
from usernet.testing.drill.errors import Unsupported

from .judge import fails, passes

SCRIPT = "`{}`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"


def outcome(command: str) -> str:
    return run_script(SCRIPT.format(command)).outcome


@pytest.mark.parametrize(
    "command",
    [
        "./defaults.sh",
        "../../common/defaults.sh\nsysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0",
        'sysctl -q net.ipv4.tcp_rmem="4096 $((64*1024)) 4194304" && sysctl -n net.ipv4.tcp_rmem | grep -q 65536',
        "sysctl -w net.ipv4.tcp_sack=0 > /dev/null 2>&1; cat /proc/sys/net/ipv4/tcp_sack | grep -q ^0",
        "../common/set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 /proc/sys/net/ipv4/tcp_timestamps=0",
        "echo 0 > /proc/sys/net/ipv4/tcp_sack; test 1 -eq 1",
        "ip tcp_metrics flush all > /dev/null 2>&1",
        "tc qdisc add dev tun0 root pfifo",
        "ethtool -K tun0 tso off gso off",
        "nstat -n; ! nstat | grep -q TcpInSegs",
        "false || true",
        "sysctl -q net.ipv4.tcp_no_such=1 &> /dev/null ||\\\n ip tcp_metrics flush all &> /dev/null",
        "/tmp/sysctl_restore_${PPID}.sh",
        "sysctl -q net.ipv4.tcp_stdurg=0",
        'sysctl -q net.ipv4.tcp_mem="4 8 12"; sysctl -n net.ipv4.tcp_mem | grep -q 8',
    ],
)
def test_commands_that_are_understood(command: str) -> None:
    assert run_script(SCRIPT.format(command)).ok, str(run_script(SCRIPT.format(command)))


@pytest.mark.parametrize("command", ["false", "true && false", "sysctl -n net.ipv4.tcp_sack | grep -q 7", "test 1 = 2"])
def test_a_command_that_fails_fails_the_script(command: str) -> None:
    assert outcome(command) == "FAIL"


@pytest.mark.parametrize(
    "command",
    [
        "reboot",
        "sysctl -q net.ipv4.tcp_no_such_thing=1",
        "sysctl -q net.ipv4.tcp_sack=77",
        'sysctl -q net.ipv4.tcp_mem="1 2"',
        'sysctl -q net.ipv4.tcp_mem="1 2 2251799813685248"',
        "ip netns add x",
        "ip -6 route change default dev tun0 mtu 1300",
        "echo $(date)",
        "iptables -A INPUT -j DROP",
        "sed s/a/b/ /etc/passwd",
        "grep root /etc/passwd",
        "echo 'unclosed",
    ],
)
def test_a_command_that_is_not_understood_is_no_pass(command: str) -> None:
    assert outcome(command) == "unsupported"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32*1024*1024", 33554432),
        ("7/2*2", 6),
        ("-7/2", -3),
        ("-7%3", -1),
        ("(1<<4|1)&~1", 16),
        ("1<<64", 1),
        ("2**10", 1024),
        ("2**63", -(2**63)),
        ("3>2", 1),
    ],
)
def test_arithmetic_is_of_64_bits(text: str, value: int) -> None:
    assert arithmetic(text) == value


def test_a_tower_of_powers_has_an_end() -> None:
    assert arithmetic("9**9**9") % 2**64 == pow(9, 9**9, 2**64)
    assert outcome("test $((9**9**9**9)) -ne 0") == "unsupported"  # its exponent is below 0 in 64 bits
    assert outcome("test $((1<<9999999999)) -ne 1") == "ok"


@pytest.mark.parametrize("text", ["", "1/0", "1%0", "2**-1", "x", "(" * 9999 + "1", "1 2", "-" * 20000 + "1", "1.5"])
def test_what_is_no_arithmetic_is_unsupported(text: str) -> None:
    with pytest.raises(Unsupported):
        arithmetic(text)


@pytest.mark.parametrize(("folder", "ecn", "evenly"), [("../common", 2, 0), ("../common", 3, 4), (".", 3, 4)])
def test_packetdrill_s_own_scripts_find_syns_as_their_kernels_sent_them(folder: str, ecn: int, evenly: int) -> None:
    read = f"sysctl -n net.ipv4.tcp_syn_linear_timeouts | grep -q ^{evenly}"
    command = f"{folder}/defaults.sh\nsysctl -q net.ipv4.tcp_ecn={ecn}\n{read}"
    assert outcome(command) == "ok", command


def test_nothing_is_run(tmp_path: object) -> None:
    assert outcome(f"touch {tmp_path}/x") == "unsupported"


def test_settings_reach_the_stack() -> None:
    script = "`sysctl -q net.ipv4.tcp_sack=0`\n"
    opened = """
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000,nop,nop,sackOK>
   +0 > S. 0:0(0) ack 1 <{}>
    """
    assert run_script(script + opened.format("mss 1460")).ok
    assert run_script(opened.format("mss 1460,nop,nop,sackOK")).ok
    route = "`ip route change 192.0.2.1 dev tun0 mtu 1300`\n"
    assert run_script(route + opened.format("mss 1260,nop,nop,sackOK")).ok
    assert run_script("--mtu=1300\n" + opened.format("mss 1260,nop,nop,sackOK")).ok


def test_counters_count_from_the_last_look() -> None:
    passes("""
    +0 `nstat | grep TcpInSegs | grep -q " 2 "`
    +0 < P. 1:11(10) ack 1 win 257
    +0 > . 1:1(0) ack 11
    +0 `nstat -s | grep TcpInSegs | grep -q " 1 "`
    +0 `nstat | grep TcpInSegs | grep -q " 1 "`
    +0 `nstat -az TcpInSegs | grep -q " 3 "`
    """)
    passes("+0 `grep -q ':1F90 .*:.* 01 ' /proc/net/tcp`")


def test_code_sees_the_connection_as_it_was() -> None:
    passes("""
    +0 %{ assert tcpi_state == TCP_ESTABLISHED and tcpi_unacked == 0
before = tcpi_snd_cwnd }%
    +0 write(4, ..., 1000) = 1000
    +0 > P. 1:1001(1000) ack 1
    +0 %{ assert tcpi_unacked == 1 }%
   +.1 < . 1:1(0) ack 1001 win 257
    +0 %{
assert tcpi_unacked == 0; \\
assert tcpi_snd_cwnd >= before; \\
}%
    """)


def test_an_assertion_that_does_not_hold_tells_its_line_and_values() -> None:
    fails("""+0 %{
assert tcpi_state == TCP_ESTABLISHED
assert tcpi_snd_cwnd == 3, 'cwnd is not 3'
}%""", "script:11: the assertion does not hold: tcpi_snd_cwnd == 3: cwnd is not 3", "tcpi_snd_cwnd = 10")  # fmt: skip
    fails("+0 %{ assert tcpi_no_such_field == 1 }%", "script:9: NameError")
    fails("+0 %{ this is no python }%", "script:9: SyntaxError")


def test_a_packet_that_differs_is_told_before_code_that_fails() -> None:
    fails("+0 %{ assert False }%\n+0 write(4, ..., 5) = 5\n+0 > P. 1:7(6) ack 1", "script:11:")


@pytest.mark.parametrize(
    "line",
    ["ip route change 192.0.2.1 mtu much", "ip addr add here dev tun0", "ip addr add", "ip link set dev tun0 mtu much",
     "sleep long", "sleep inf", "sleep nan", "sleep -5", "test a -eq 1", "echo x | grep -E '('",
     "echo x | head -n x", "echo x | tail -f", "echo x | wc -c"],
)  # fmt: skip
def test_words_no_command_takes_are_unsupported(line: str) -> None:
    result = run_script(f"0 `{line}`\n")
    assert result.outcome == "unsupported" and result.line == 1, str(result)
    assert "`" in result.message


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("head -n 1", False), ("head -2 | tail -1", True), ("tail -n1", False), ("tail -3", True), ("head", True),
        ("wc -l | grep -q 3", True), ("wc -l | grep -q 2", False),
    ],
)  # fmt: skip
def test_lines_are_cut_and_counted(line: str, is_found: bool) -> None:
    (first, *rest) = line.split(" | ", 1)
    command = f"sysctl net.ipv4.tcp_sack net.ipv4.tcp_dsack net.ipv4.tcp_ecn | {first}"
    command += f" | {rest[0]}" if rest and "grep" in rest[0] else (f" | {rest[0]}" if rest else "") + " | grep -q dsack"
    assert run_script(f"0 `{command}`\n").ok == is_found, command


def test_a_cleanup_command_that_fails_is_told_with_its_line() -> None:
    result = run_script("0 `true`\n\n`false`\n")
    assert (result.outcome, result.line) == ("FAIL", 3)

"""``usernet drill``: what it prints, and its status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from usernet.cli.app import cli

from .judge import OPENED, window

GOOD = OPENED + "+0 write(4, ..., 5) = 5\n+0 > P. 1:6(5) ack 1\n"
BAD = GOOD.replace("1:6(5)", "1:7(6)")


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "good.pkt").write_text(GOOD)
    (tmp_path / "six.pkt").write_text("--ip_version=ipv6\n" + GOOD)
    return tmp_path


def drill(*words: object) -> Result:
    # Outside of the standalone mode a command's return value is the status, as `usernet` itself makes it.
    return CliRunner().invoke(cli, ["drill", *map(str, words)], standalone_mode=False)


def test_a_line_a_script_and_totals(scripts: Path) -> None:
    result = drill(scripts)
    assert result.return_value == 0
    lines = result.output.splitlines()
    assert lines[0] == f"ok          {scripts}/good.pkt"
    assert lines[1].startswith(f"skipped     {scripts}/six.pkt: it is for ipv6")
    assert lines[2] == "2 scripts: 1 ok, 1 skipped"


def test_a_failure_shows_both_packets_and_is_status_1(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(BAD)
    result = drill(scripts / "bad.pkt")
    assert result.return_value == 1
    assert f"{scripts}/bad.pkt:10: " in result.output
    assert "    script: > P. 1:7(6) ack 1\n    stack:  > P. 1:6(5) ack 1" in result.output


def test_what_cannot_be_run_is_status_2(scripts: Path) -> None:
    (scripts / "odd.pkt").write_text("`reboot`\n" + GOOD)
    assert drill(scripts).return_value == 2
    (scripts / "none.pkt").write_text("this is no script")
    result = drill(scripts / "none.pkt")
    assert result.return_value == 2
    assert "none.pkt:1:1:" in result.output


def test_json(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(BAD)
    found = json.loads(drill("--json", scripts).output)
    assert found["totals"] == {"FAIL": 1, "ok": 1, "skipped": 1}
    assert [row["outcome"] for row in found["scripts"]] == ["FAIL", "ok", "skipped"]
    assert found["scripts"][0]["line"] == 10


def test_json_has_the_same_fields_for_each_outcome(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(BAD)
    (scripts / "none.pkt").write_text("this is no script")
    (scripts / "odd.pkt").write_text("`reboot`\n" + GOOD)
    fields = {"name": str, "outcome": str, "line": int, "message": str, "details": list, "seconds": float}
    for options, more in (((), {}), (("-v",), {"trace": list})):
        found = json.loads(drill("--json", *options, scripts).output)
        assert set(found) == {"scripts", "totals"}
        assert found["totals"] == {"FAIL": 1, "ok": 1, "error": 1, "unsupported": 1, "skipped": 1}
        for row in found["scripts"]:
            assert {name: type(value) for name, value in row.items()} == fields | more
            assert (row["message"] == "") == (row["outcome"] == "ok")


def test_the_status_is_of_the_worst_script(scripts: Path) -> None:
    assert drill(scripts).return_value == 0
    (scripts / "odd.pkt").write_text("`reboot`\n" + GOOD)
    assert drill(scripts).return_value == 2
    (scripts / "bad.pkt").write_text(BAD)
    assert drill(scripts).return_value == 1


def test_options_of_the_command_line_win(scripts: Path) -> None:
    assert drill(scripts / "good.pkt", "--local_ip=10.1.2.3", "--remote_ip=10.9.9.9").return_value == 0
    (scripts / "mtu.pkt").write_text("--mtu=1500\n" + GOOD.replace("<...>", "<mss 960,nop,nop,sackOK,nop,wscale 8>", 1))
    assert drill(scripts / "mtu.pkt", "--mtu=1000").return_value == 0
    (scripts / "define.pkt").write_text(GOOD.replace("write(4, ..., 5)", "write(4, ..., FIVE)"))
    assert drill(scripts / "define.pkt", "-D", "FIVE=5").return_value == 0


def test_a_trace_and_a_capture(scripts: Path) -> None:
    capture = scripts / "run.pcapng"
    result = drill(scripts / "good.pkt", "-v", "--pcap", capture)
    assert f"      0.100000 > P. 1:6(5) ack 1 win {window()}" in result.output
    assert capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_several_at_once_in_the_same_order(scripts: Path) -> None:
    for number in range(5):
        (scripts / f"more{number}.pkt").write_text(GOOD)
    assert drill(scripts, "--jobs", 2).output == drill(scripts).output


@pytest.mark.parametrize("jobs", [1, 2])
def test_exit_in_code_ends_its_own_script_only(scripts: Path, jobs: int) -> None:
    (scripts / "a.pkt").write_text(GOOD + "+0 %{ import sys; sys.exit(0) }%\n+0 %{ assert False }%\n")
    (scripts / "b.pkt").write_text(GOOD + "+0 %{ exit(3) }%\n")
    result = drill(scripts, "--jobs", jobs)
    assert result.return_value == 1
    assert [line.split()[0] for line in result.output.splitlines()] == ["ok", "FAIL", "ok", "skipped", "4"]
    assert f"{scripts}/b.pkt:11: SystemExit: 3" in result.output


@pytest.mark.parametrize(
    "code", ["while True: pass", "x = 0\nwhile True:\n    try: x += 1\n    except Exception: pass"]
)
def test_code_without_an_end_is_told_with_its_line(scripts: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # It never ends of itself, however fast the machine is.
    monkeypatch.setattr("usernet.testing.drill.code.CODE_S", 0.1)
    (scripts / "bad.pkt").write_text(GOOD + "+0 %{\n" + code + "\n}%\n")
    result = drill(scripts / "bad.pkt")
    assert result.return_value == 1
    (line,) = [line for line in result.output.splitlines() if "the code does not end" in line]
    assert int(line.split("bad.pkt:")[1].split(":")[0]) in (12, 13, 14, 15)


def test_assertions_hold_without_those_of_the_program(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(GOOD + "+0 %{ assert tcpi_unacked == 7 }%\n")
    done = subprocess.run(
        [sys.executable, "-O", "-m", "usernet", "drill", scripts / "bad.pkt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the assertion does not hold" in done.stdout


def test_a_process_that_a_script_ends_is_told(scripts: Path) -> None:
    (scripts / "a.pkt").write_text(GOOD + "+0 %{ import os; os._exit(0) }%\n")
    result = drill(scripts, "--jobs", 2)
    assert result.exception is not None
    assert "has ended the process" in str(result.exception)


def test_the_line_of_code_that_fails_is_in_json(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(GOOD + "+0 %{ assert False }%\n")
    (row,) = json.loads(drill("--json", scripts / "bad.pkt").output)["scripts"]
    assert row["line"] == 11


def test_a_capture_that_cannot_be_written_is_a_mistake_of_use(scripts: Path) -> None:
    result = drill(scripts / "good.pkt", "--pcap", scripts / "none" / "run.pcapng")
    assert "run.pcapng: ENOENT" in str(result.exception)


@pytest.mark.parametrize("option", ["--local_ip=here", "--remote_ip=x", "--netmask_ip=9", "--tolerance_percent=a"])
def test_an_address_that_is_none_is_told(scripts: Path, option: str) -> None:
    result = drill(scripts / "good.pkt", option)
    assert result.return_value == 2
    assert option in result.output


def test_help_tells_what_each_option_does() -> None:
    said = drill("--help").output
    assert "As in scripts" not in said
    assert "[4000]" in said


def test_no_script_is_a_mistake_of_use(tmp_path: Path) -> None:
    assert drill(tmp_path).exception.status == 2
    assert drill(tmp_path / "missing").exception.status == 2


def test_an_assertion_that_fails_is_shown_with_its_values(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(GOOD + "+0 %{\nx = 2\nassert tcpi_unacked == x, 'more'\n}%\n")
    said = drill(scripts / "bad.pkt").output
    assert "bad.pkt:13: the assertion does not hold: tcpi_unacked == x: more (tcpi_unacked = 1)\n" in said


def test_a_packet_that_is_too_short_is_told_once(scripts: Path) -> None:
    (scripts / "short.pkt").write_text(BAD)
    said = drill(scripts / "short.pkt").output
    assert "only 5 octets of the expected packet were sent\n" in said
    assert "    next, at 0." in said
    assert said.count("stack:") == 1


@pytest.mark.parametrize("option", ["--mtu=67", "--mtu=65536", "--mss=27", "--bind_port=0"])
def test_a_number_out_of_range_is_a_mistake_of_the_option(scripts: Path, option: str) -> None:
    (scripts / "head.pkt").write_text(option + "\n" + GOOD)
    assert f"{option}: " in drill(scripts / "head.pkt").output
    result = drill(scripts / "good.pkt", option)
    assert result.return_value == 2 if result.exception is None else option.partition("=")[2] in str(result.exception)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--tolerance_percent=nan", "a number of 0 to 1000 expected"),
        ("--tolerance_percent=-5", "a number of 0 to 1000 expected"),
        ("--netmask_ip=255.0.255.0", "a netmask expected"),
        ("--strict_segments=perhaps", "no value expected"),
        ("--ip_version=ipv5", "ipv4 or ipv6 or ipv4-mapped-ipv6 expected"),
        ("--define=X", "SYMBOL=VALUE expected"),
        ("--mtu", "--mtu needs a value"),
        ("--tolerance_usec=5", "there is no option --tolerance_usec; is tolerance_usecs meant?"),
    ],
)
def test_an_option_of_a_head_that_is_none_is_told_with_its_line(scripts: Path, option: str, words: str) -> None:
    (scripts / "head.pkt").write_text("// first\n--mtu=1500\n" + option + "\n" + GOOD)
    said = drill(scripts / "head.pkt").output
    assert f"head.pkt:3:1: {option.partition('=')[0] if 'needs' in words else ''}" in said
    assert words in said
    assert f"\n    {option}\n    ^\n" in said


def test_an_option_of_the_command_line_that_is_none_is_of_no_line(scripts: Path) -> None:
    said = drill(scripts / "good.pkt", "--tolerance_percent=nan").output
    assert "good.pkt: --tolerance_percent=nan: a number" in said


def test_rubbish_is_told_in_what_can_be_printed(scripts: Path) -> None:
    (scripts / "none.pkt").write_bytes(b"\x1b[31m" + bytes(range(256)) * 20)
    result = drill(scripts / "none.pkt")
    assert result.return_value == 2
    assert "\x1b" not in result.output
    assert max(map(len, result.output.splitlines())) < 200


def test_a_mark_at_the_head_of_the_text_is_no_mistake(scripts: Path) -> None:
    (scripts / "mark.pkt").write_text(GOOD, encoding="utf-8-sig", newline="\r\n")
    assert drill(scripts / "mark.pkt").return_value == 0


def test_a_dry_run_reads_and_runs_nothing(scripts: Path) -> None:
    (scripts / "bad.pkt").write_text(BAD)
    assert drill(scripts / "bad.pkt", "--dry_run").return_value == 0
    (scripts / "bad.pkt").write_text("--dry_run\n" + BAD)
    assert drill(scripts / "bad.pkt").return_value == 0
    (scripts / "bad.pkt").write_text("--dry_run\n" + BAD + "+0 > nothing")
    assert drill(scripts / "bad.pkt").return_value == 2


def test_options_that_change_nothing_are_read(scripts: Path) -> None:
    assert drill(scripts / "good.pkt", "--speed=1", "--non_fatal=packet", "--code_sockopt=TCP_INFO").return_value == 0
    assert "--is_anyip" in drill(scripts / "good.pkt", "--is_anyip").output
    assert drill(scripts / "good.pkt").output.endswith("\n1 script: 1 ok\n")

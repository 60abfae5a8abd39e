"""Wrong use gives one clear line and Linux's errno."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from .ground import OURS, Ground, Program, unprivileged

pytestmark = pytest.mark.kernel


def run(ground: Ground, *words: str, prefix: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    result = ground.run(*prefix, sys.executable, "-m", "usernet", "run", *words, check=False)
    return result.returncode, result.stderr.strip().splitlines()


HELLO = ("--", "python", "-c", "print('hello')")
TAP = ("--net", "tap:tap0", "--address", f"{OURS}/24")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--net", "nosuch:thing", "--address", "10.9.0.2/24"), "nosuch"),
        (("--net", "tap:tap0", "--address", "10.9.0.256/24"), "10.9.0.256"),
        (("--net", "tap:tap0"), "--address"),
        ((*TAP, "--gateway", "10.77.0.1"), "10.77.0.1"),
        ((*TAP, "--impair", "loss many"), "many"),
        ((*TAP, "--publish", "80:80"), "--publish"),
        (("--publish", "nonsense"), "nonsense"),
        (("--net", "tap:a-name-much-too-long-for-linux", "--address", "10.9.0.2/24"), "a-name-much-too-long"),
        ((*TAP, "--pcap", "/nonexistent/file.pcapng"), "/nonexistent/file.pcapng"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(ground: Ground, words: tuple[str, ...], wanted: str) -> None:
    status, lines = run(ground, *words, *HELLO)
    assert status not in (0, 1, -11)
    assert wanted in " ".join(lines)
    assert not any("Traceback" in line for line in lines)
    # click prints its usage lines before the one that says what is wrong.
    assert len([line for line in lines if line and not line.startswith(("Usage:", "Try "))]) == 1, lines


def test_a_tap_without_the_privilege_is_refused_and_says_what_works_instead(ground: Ground) -> None:
    status, lines = run(ground, *TAP, *HELLO, prefix=tuple(unprivileged()))
    assert status != 0 and len(lines) == 1, lines
    # EACCES where the device node itself is root's, EPERM where anybody may open it but not attach.
    assert "EPERM" in lines[0] or "EACCES" in lines[0], lines
    assert "user:" in lines[0]


def test_a_tap_in_use_is_ebusy(ground: Ground) -> None:
    holder = ground.usernet("python", "-c", "import time; print('up', flush=True); time.sleep(600)")
    holder.says("up")
    status, lines = run(ground, *TAP, *HELLO)
    assert status != 0 and len(lines) == 1, lines
    assert "EBUSY" in lines[0] or "busy" in lines[0].lower()


def test_a_published_port_that_is_taken_is_eaddrinuse(ground: Ground) -> None:
    taker = ground.start(sys.executable, "-m", "http.server", "8080")
    ground.answers(8080, "127.0.0.1", taker)
    status, lines = run(ground, "--publish", "8080:80", *HELLO)
    assert status != 0 and len(lines) == 1, lines
    assert "8080" in lines[0] and ("EADDRINUSE" in lines[0] or "in use" in lines[0])


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("socket.create_server(('10.1.2.3', 80))", "EADDRNOTAVAIL"),
        ("[socket.create_server(('', 8000)) for _ in range(2)]", "EADDRINUSE"),
        ("socket.create_connection(('10.9.0.1', 1), 100)", "ECONNREFUSED"),
        ("socket.create_connection(('10.9.0.77', 1), 100)", "EHOSTUNREACH"),
        ("socket.socket().listen() or socket.socket().send(b'x')", "EPIPE"),
        ("socket.socket().recv(1)", "ENOTCONN"),
    ],
)
def test_the_program_sees_linuxs_errno(ground: Ground, statement: str, name: str) -> None:
    program = trying(ground, statement)
    assert program.output.strip() == name


def test_without_a_gateway_what_is_not_on_the_wire_is_enetunreach(ground: Ground) -> None:
    program = trying(ground, "socket.create_connection(('10.200.0.1', 1), 100)", options=TAP, net=False)
    assert program.output.strip() == "ENETUNREACH"


def trying(ground: Ground, statement: str, **how: Any) -> Program:
    """A program that prints the name of the errno it met, run to its end."""
    script = ground.directory / "wrong.py"
    script.write_text(
        f"import errno, socket\ntry:\n    {statement}\n"
        "except OSError as error:\n    print(errno.errorcode[error.errno])\n"
    )
    program = ground.usernet("python", str(script), **how)
    assert program.ends() == 0, program.output
    return program


def test_exit_status_and_arguments_pass_through(ground: Ground) -> None:
    program = ground.usernet("python", "-c", "import sys; print(sys.argv[1:]); sys.exit(42)", "a", "--b", "-c")
    assert program.ends() == 42
    assert program.output.strip() == "['a', '--b', '-c']"


def test_a_traceback_is_the_programs_own(ground: Ground) -> None:
    script = ground.directory / "broken.py"
    script.write_text("def f():\n    raise KeyError('mine')\n\nf()\n")
    program = ground.usernet("python", str(script))
    assert program.ends() == 1
    assert "KeyError: 'mine'" in program.output
    assert "usernet" not in program.output.replace(os.fspath(ground.directory), "")

"""Scripts run: a text or a file in, a Result out."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...core.const import SECOND
from ...link.pcapng import PcapngTap
from .config import Config, configure
from .errors import CodeError, Mismatch, ScriptError, Skipped, Unsupported
from .machine import START
from .parser import parse
from .runner import Runner

OK: Final = "ok"
FAIL: Final = "FAIL"
SKIPPED: Final = "skipped"
UNSUPPORTED: Final = "unsupported"
ERROR: Final = "error"

# What the public runners define for their IPv4 runs; the cookies go with the addresses and the key they use.
DEFINES: Final = {
    "CMSG_LEVEL_IP": "SOL_IP",
    "CMSG_TYPE_RECVERR": "IP_RECVERR",
    "TFO_COOKIE": "3021b9d889017eeb",
    "TFO_COOKIE_ZERO": "b7c12350a90dc8f5",
    "CODE": "host_unreachable",
}
FRAMES: Final = 3
# How much of a line is shown about a mistake.
POINTED: Final = 100


@dataclass(slots=True)
class Result:
    """What became of a script: OK, FAIL, SKIPPED, UNSUPPORTED or ERROR (it is no script).

    ``message`` says why in one line, with file and line; ``details`` are the lines that belong to it. ``trace`` is
    every packet both ways. Times are virtual seconds.
    """

    name: str
    outcome: str
    message: str = ""
    line: int = 0
    details: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """True for a pass."""
        return self.outcome == OK

    def __str__(self) -> str:
        return "\n".join([f"{self.outcome}: {self.message or self.name}", *(f"    {line}" for line in self.details)])


def run_script(script: str | os.PathLike[str], *, pcap: str | None = None, **options: Any) -> Result:
    """Run one script against the stack in virtual time.

    ``script`` is a path, or the text itself when it has more than one line. ``pcap`` is a pcapng to write. Options are
    those of scripts without their dashes (``local_ip="192.168.0.1"``, ``tolerance_usecs=10000``,
    ``strict_segments=True``, ``define={"CC": "reno"}``); they win over the script's own. Nothing is raised for what
    the script or the stack do wrong: it is in the result. Raises OSError when the script cannot be read or the capture
    not be written.
    """
    if isinstance(script, str) and "\n" in script:
        name, text = "script", script
    else:
        path = Path(script)
        name, text = str(path), read_text(path)
    return run_text(text, name, pcap, _given(options))


def _given(options: dict[str, Any]) -> list[tuple[str, str | None]]:
    given: list[tuple[str, str | None]] = []
    for name, value in options.items():
        if name == "define":
            given += [("define", f"{symbol}={meaning}") for symbol, meaning in value.items()]
        elif isinstance(value, bool):
            given += [(name, None)] if value else [(name, "0")]
        else:
            given.append((name, str(value)))
    return given


def read_text(path: str | os.PathLike[str]) -> str:
    """A script's text, whatever its octets are. Raises OSError."""
    return Path(path).read_text(encoding="utf-8-sig", errors="replace")


def run_text(text: str, name: str, pcap: str | None, given: list[tuple[str, str | None]]) -> Result:
    """As run_script, with options as pairs of name and value."""
    defines = dict(DEFINES)
    defines.update(value.partition("=")[::2] for option, value in given if option == "define" and value)
    try:
        script = parse(text, name, defines)
        config = configure(Config(), script, given)
    except ScriptError as error:
        where = f"{name}:{error.line}:{error.column}" if error.line else name
        return Result(name, ERROR, f"{where}: {error.message}", error.line, _pointed(text, error))
    except Unsupported as error:
        return Result(
            name, UNSUPPORTED, f"{name}:{error.line}: {error}" if error.line else f"{name}: {error}", error.line
        )
    except Skipped as error:
        return Result(name, SKIPPED, f"{name}: {error}")
    if config.dry_run:
        return Result(name, OK)
    return _run(Runner(script, config), pcap)


def _run(runner: Runner, pcap: str | None) -> Result:
    name = runner.script.name
    result = Result(name, OK)
    machine = runner.machine
    tap = PcapngTap(pcap) if pcap is not None else None
    if tap is not None:
        tap.attach(machine.device)
    try:
        runner.run()
    except Mismatch as error:
        result.outcome, result.message, result.details = FAIL, error.message, list(error.details)
    except CodeError as error:
        result.outcome, result.message, result.line = FAIL, error.message, error.line
    except Unsupported as error:
        result.outcome, result.message = UNSUPPORTED, str(error)
    except Exception as error:
        # A fault of the stack at a call: what was raised is the finding.
        result.outcome, result.message = FAIL, f"{type(error).__name__} is raised: {error}"
        result.details = traceback.format_exception(error)[-1:]
        result.details += [line.rstrip() for line in traceback.format_tb(error.__traceback__)[-FRAMES:]]
    finally:
        result.seconds = (machine.now() - START) / SECOND
        result.trace = runner.trace()
        machine.close()
        if tap is not None:
            tap.close()
    if result.outcome != OK:
        result.line = result.line or runner.line
        result.message = f"{name}:{result.line}: {result.message}"
    return result


def _pointed(text: str, error: ScriptError) -> list[str]:
    """The line, and a mark below the place: of a long line what is about it, of rubbish what can be printed."""
    lines = text.split("\n")
    if not 0 < error.line <= len(lines):
        return []
    start = max(error.column - POINTED // 2, 0)
    shown = lines[error.line - 1].rstrip("\r")[start : start + POINTED].replace("\t", " ")
    shown = "".join(char if char.isprintable() else "?" for char in shown)
    return [shown, " " * (error.column - 1 - start) + "^"]

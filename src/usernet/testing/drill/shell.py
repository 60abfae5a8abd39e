"""Shell lines of scripts, read and never run: what they ask for is done to the stack.

Enough of a shell for the public corpora: lists with newline ``;`` ``&&`` ``||``, pipes into grep, ``!``, quotes,
``$((...))``, redirections (which lead nowhere). What is not understood is Unsupported, and so no pass.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Final

from . import sysctls
from .arithmetic import arithmetic
from .errors import Mismatch, Unsupported
from .machine import Machine
from .network import ethtool, ip_command, nstat_text, proc_net_tcp, tc_command
from .parser import LONGEST_S

_ARITHMETIC: Final = re.compile(r"\$\(\(([0-9+*/%^~!=() <>|&-]*)\)\)")
_OPERATORS: Final = (";", "&&", "||", "|", "&", "\n")
_SKIPPED: Final = ("defaults.sh", "sysctl_restore_", "set_sysctls.sh")


class Shell:
    """The commands of one script."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._counted: dict[str, int] = {}
        self._is_google = False
        self._commands: dict[str, Callable[[list[str], str], tuple[int, str]]] = {
            "sysctl": self._sysctl,
            "ip": self._ip,
            "tc": self._tc,
            "ethtool": self._ethtool,
            "nstat": self._nstat,
            "grep": self._grep,
            "cat": self._cat,
            "echo": self._echo,
            "true": self._nothing,
            ":": self._nothing,
            "false": lambda words, given: (1, ""),
            "modprobe": self._nothing,
            "sync": self._nothing,
            "sleep": self._sleep,
            "rm": self._nothing,
            "dd": self._dd,
            "test": self._test,
            "[": self._test,
            "wc": self._wc,
            "head": lambda words, given: (0, "".join(given.splitlines(True)[: _count(words)])),
            "tail": lambda words, given: (0, "".join(given.splitlines(True)[-_count(words) :])),
        }

    def run(self, text: str) -> None:
        """Run the lines of a command. Raises Mismatch when it would fail, Unsupported when it is not understood."""
        status = self._list(text)
        if status:
            raise Mismatch(f"the command fails: `{' '.join(text.split())}`")

    def _list(self, text: str) -> int:
        status = 0
        skip = ""
        for words, operator in _split(_expand(text)):
            if skip and ((skip == "&&" and status) or (skip == "||" and not status)):
                skip = operator if operator in ("&&", "||") else ""
                continue
            try:
                status = self._pipeline(words)
            except Unsupported:
                if operator != "||":
                    raise
                # The script has another command at hand, for machines that do not know the first.
                status = 1
            skip = operator if operator in ("&&", "||") else ""
        return status

    def _pipeline(self, words: list[str]) -> int:
        given = ""
        status = 0
        negated = words[:1] == ["!"]
        stages: list[list[str]] = [[]]
        for word in words[1:] if negated else words:
            if word == "|":
                stages.append([])
            else:
                stages[-1].append(word)
        for stage in stages:
            status, given = self._command(stage, given)
        return int(not status) if negated else status

    def _command(self, words: list[str], given: str) -> tuple[int, str]:
        words, target = _redirected(words)
        while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
            words = words[1:]
        if not words:
            return 0, ""
        name = words[0].rpartition("/")[2]
        if name in ("sudo", "bash", "sh", "source", ".", "python3", "python") and len(words) > 1:
            if words[1] == "-c" and len(words) > 2:
                return self._list(words[2]), ""
            return self._command(words[1:], given)
        if name == "set_sysctls.py":
            return self._set_sysctls(words[1:])
        if any(part in words[0] for part in _SKIPPED):
            if "defaults.sh" in words[0]:
                # Both corpora have one; packetdrill's own lies in a folder called common.
                self._is_google = "common/" in words[0]
                sysctls.preset(self._machine.stack, self._is_google)
            return 0, ""
        command = self._commands.get(name)
        if command is None:
            raise Unsupported(f"the command `{' '.join(words)}`")
        try:
            status, output = command(words[1:], given)
        except (ValueError, IndexError, OverflowError, re.error) as error:
            raise Unsupported(f"`{' '.join(words)}`: {error}") from None
        if target.startswith("/proc/sys/"):
            sysctls.change(self._machine.stack, target.removeprefix("/proc/sys/"), output)
            return 0, ""
        return status, "" if target else output

    # Commands: (words behind the name, standard input) -> (status, output).

    def _nothing(self, words: list[str], given: str) -> tuple[int, str]:
        return 0, ""

    def _sysctl(self, words: list[str], given: str) -> tuple[int, str]:
        output = ""
        options = [word for word in words if word.startswith("-")]
        names = [word for word in words if not word.startswith("-")]
        for word in names:
            name, equals, value = word.partition("=")
            if equals:
                self._change(name.strip(), value)
            else:
                shown = sysctls.show(self._machine.stack, name)
                output += f"{shown}\n" if any("n" in option for option in options) else f"{name} = {shown}\n"
        return 0, output

    def _set_sysctls(self, words: list[str]) -> tuple[int, str]:
        for word in words:
            name, _, value = word.partition("=")
            self._change(name.removeprefix("/proc/sys/"), value)
        return 0, ""

    def _change(self, name: str, value: str) -> None:
        sysctls.change(self._machine.stack, name, value)
        if self._is_google and name.replace("/", ".") == "net.ipv4.tcp_ecn" and value.strip() in sysctls.ACCURATE:
            sysctls.change(self._machine.stack, *sysctls.EVENLY)

    def _ip(self, words: list[str], given: str) -> tuple[int, str]:
        ip_command(self._machine, words)
        return 0, ""

    def _tc(self, words: list[str], given: str) -> tuple[int, str]:
        tc_command(self._machine, words)
        return 0, ""

    def _ethtool(self, words: list[str], given: str) -> tuple[int, str]:
        ethtool(self._machine, words)
        return 0, ""

    def _nstat(self, words: list[str], given: str) -> tuple[int, str]:
        output, self._counted = nstat_text(self._machine, words, self._counted)
        return 0, output

    def _cat(self, words: list[str], given: str) -> tuple[int, str]:
        return 0, "".join(self._file(word) for word in words) if words else given

    def _file(self, path: str) -> str:
        if path.startswith("/proc/sys/"):
            return sysctls.show(self._machine.stack, path.removeprefix("/proc/sys/")) + "\n"
        if path == "/proc/net/tcp":
            return proc_net_tcp(self._machine)
        if path == "/proc/net/tcp6":
            return "  sl  local_address rem_address   st tx_queue rx_queue\n"  # no sockets of IPv6's
        raise Unsupported(f"the file {path}")

    def _grep(self, words: list[str], given: str) -> tuple[int, str]:
        options = [word for word in words if word.startswith("-") and word != "-"]
        rest = [word for word in words if not word.startswith("-")]
        letters = "".join(option[1:] for option in options if not option.startswith("--"))
        if not rest or set(letters) - set("qivcEewFhs"):
            raise Unsupported(f"`grep {' '.join(words)}`")
        text = "".join(self._file(path) for path in rest[1:]) if len(rest) > 1 else given
        pattern = re.escape(rest[0]) if "F" in letters else _pattern(rest[0], "E" in letters)
        if "w" in letters:
            pattern = rf"\b(?:{pattern})\b"
        compiled = re.compile(pattern, re.I if "i" in letters else 0)
        lines = [line for line in text.splitlines() if bool(compiled.search(line)) != ("v" in letters)]
        output = f"{len(lines)}\n" if "c" in letters else "".join(f"{line}\n" for line in lines)
        return int(not lines), "" if "q" in letters else output

    def _wc(self, words: list[str], given: str) -> tuple[int, str]:
        if words != ["-l"]:
            raise Unsupported(f"`wc {' '.join(words)}`")
        return 0, f"{given.count(chr(10))}\n"

    def _echo(self, words: list[str], given: str) -> tuple[int, str]:
        return 0, " ".join(word for word in words if word not in ("-n", "-e")) + "\n"

    def _sleep(self, words: list[str], given: str) -> tuple[int, str]:
        seconds = float(words[0])
        if not 0 <= seconds <= LONGEST_S:
            raise ValueError(f"no time of 0 to {LONGEST_S} seconds")
        self._machine.run_until(self._machine.now() + int(seconds * 1e9))
        return 0, ""

    def _dd(self, words: list[str], given: str) -> tuple[int, str]:
        """A file of zeros."""
        said = dict(word.partition("=")[::2] for word in words)
        if said.get("if") != "/dev/zero" or "of" not in said:
            raise Unsupported(f"`dd {' '.join(words)}`")
        self._machine.files[said["of"]] = _size(said.get("bs", "512")) * _size(said.get("count", "0"))
        return 0, ""

    def _test(self, words: list[str], given: str) -> tuple[int, str]:
        words = words[:-1] if words[-1:] == ["]"] else words
        if len(words) == 3 and words[1] in ("=", "==", "!=", "-eq", "-ne", "-gt", "-ge", "-lt", "-le"):
            return int(not _compare(*words)), ""
        raise Unsupported(f"`test {' '.join(words)}`")


def _count(words: list[str]) -> int:
    """``-n 3``, ``-n3`` or ``-3`` of head and tail."""
    text = "".join(words).removeprefix("-").removeprefix("n") if words else "10"
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("a number of lines expected")
    return int(text)


def _size(text: str) -> int:
    units = {"k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    if not number.isdecimal():
        raise Unsupported(f"a size of {text}")
    return int(number) * unit


def _compare(left: str, operator: str, right: str) -> bool:
    if operator in ("=", "=="):
        return left == right
    if operator == "!=":
        return left != right
    a, b = int(left), int(right)
    return {"-eq": a == b, "-ne": a != b, "-gt": a > b, "-ge": a >= b, "-lt": a < b, "-le": a <= b}[operator]


def _pattern(text: str, extended: bool) -> str:
    """A grep pattern as Python has it."""
    if extended:
        return text
    # Basic expressions: \( \) \| \{ \} \+ \? are special with the backslash, and plain without.
    out = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            out += text[at + 1] if text[at + 1] in "()|{}+?" else text[at : at + 2]
            at += 2
            continue
        out += "\\" + char if char in "()|{}+?" else char
        at += 1
    return out


def _expand(text: str) -> str:
    """Arithmetic, and lines continued behind a backslash."""
    text = text.replace("\\\n", " ")

    text = _ARITHMETIC.sub(lambda found: str(arithmetic(found[1])), text).replace("${PPID}", "0").replace("$PPID", "0")
    if "$(" in text:
        raise Unsupported(f"a command in a command: `{' '.join(text.split())}`")
    return text


def _split(text: str) -> list[tuple[list[str], str]]:
    """Pipelines, each with the operator behind it."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found: list[tuple[list[str], str]] = []
    words: list[str] = []
    try:
        parts = list(lexer)
    except ValueError as error:
        raise Unsupported(f"the command line `{' '.join(text.split())}`: {error}") from None
    for word in parts:
        stripped = word.strip("\n")
        if set(word) <= set(";\n") or word in ("&&", "||", "&") or stripped in ("&&", "||"):
            if words:
                found.append((words, stripped or ";"))
            words = []
        elif stripped == "|":
            words.append("|")
        else:
            words.append(word)
    if words:
        found.append((words, ";"))
    return found


def _redirected(words: list[str]) -> tuple[list[str], str]:
    """The words without their redirections, and where the output goes."""
    kept: list[str] = []
    target = ""
    at = 0
    while at < len(words):
        word = words[at]
        if (word and set(word) <= set("<>&|") and word.strip("&|") in (">", ">>", "<")) or word in (">&", "&>"):
            number = kept.pop() if kept and kept[-1] in ("1", "2") else "1"
            if word.startswith(">") and number == "1" and at + 1 < len(words):
                target = words[at + 1]
            at += 2
            continue
        kept.append(word)
        at += 1
    return kept, target

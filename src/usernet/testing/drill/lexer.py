"""Words of a ``.pkt`` script, each with its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_letters
from typing import Final, NamedTuple

from .errors import ScriptError

INTEGER: Final = "number"
FLOAT: Final = "decimal number"
WORD: Final = "name"
STRING: Final = "string"
COMMAND: Final = "command"
CODE: Final = "code block"
ADDRESS: Final = "address"
OPTION: Final = "option"
MORE: Final = "..."
SIGN: Final = "sign"
END: Final = "end of the script"


class Token(NamedTuple):
    """One word: its kind, its text (without quotes), and where it begins."""

    kind: str
    text: str
    line: int
    column: int
    start: int
    end: int


_DIGITS: Final = "0123456789"
# What words of each kind begin with, and their pattern. At one place the longest wins, of equally long ones the first.
_KINDS: Final = (
    (MORE, ".", re.compile(r"\.\.\.")),
    (FLOAT, "-." + _DIGITS, re.compile(r"-?[0-9]*\.[0-9]+")),
    (INTEGER, "-" + _DIGITS, re.compile(r"-?[0-9]+")),
    (INTEGER, "0", re.compile(r"0x[0-9a-fA-F]+")),
    (WORD, ascii_letters + _DIGITS + "_", re.compile(r"[A-Za-z0-9_]+")),
    (STRING, '"', re.compile(r'"(?:\\.|[^"\\])*"', re.S)),
    (COMMAND, "`", re.compile(r"`(?:\\.|[^`\\])*`", re.S)),
    (CODE, "%", re.compile(r"%\{.*?\}%", re.S)),
    (ADDRESS, _DIGITS, re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")),
    (ADDRESS, ":abcdefABCDEF" + _DIGITS, re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{1,4}){0,6}::[0-9a-fA-F:.]*")),
)
_PATTERNS: Final = {
    char: tuple((kind, pattern) for kind, first, pattern in _KINDS if char in first)
    for char in {char for _, first, _ in _KINDS for char in first}
}
_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)+", re.S)
_OPTION: Final = re.compile(r"--([A-Za-z0-9_]+)")
# The value of an option: quoted, or up to the next blank; SYMBOL=... with either behind it.
_VALUE: Final = re.compile(r'=((?:[A-Za-z0-9_]+=)?(?:"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|[^\s"`]*))', re.S)
_UNCLOSED: Final = (("%{", "code block"), ('"', "string"), ("`", "command"), ("/*", "comment"))


def tokens(text: str, defines: dict[str, str]) -> Iterator[Token]:
    """Word after word of a script. ``--define`` of the script's head and ``defines`` replace names behind them.

    An option is two tokens: OPTION, and a STRING for its value if it has one. The last one is END. Raises ScriptError.
    """
    known = dict(defines)
    lines = _Lines(text)
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
        if at >= len(text):
            yield Token(END, "", *lines.place(at), at, at)
            return
        option = _OPTION.match(text, at) if text[at] == "-" else None
        if option is not None:
            found = _option(text, option, lines, known)
            at = found[-1].end
            yield from found
            continue
        token = _word(text, at, lines)
        at = token.end
        if token.kind == WORD and token.text in known:
            yield from _defined(token, known[token.text])
        else:
            yield token


def _option(text: str, match: re.Match[str], lines: _Lines, known: dict[str, str]) -> list[Token]:
    name = match.group(1)
    option = Token(OPTION, name, *lines.place(match.start()), match.start(), match.end())
    value = _VALUE.match(text, match.end())
    if value is None:
        return [option]
    given = value.group(1)
    if name == "define":
        symbol, _, meaning = given.partition("=")
        known[symbol] = meaning
    elif given[:1] in ('"', "`") and given[-1:] == given[:1]:
        given = given[1:-1]
    return [option, Token(STRING, given, *lines.place(value.start()), value.start(), value.end())]


def _word(text: str, at: int, lines: _Lines) -> Token:
    best: re.Match[str] | None = None
    kind = SIGN
    for name, pattern in _PATTERNS.get(text[at], ()):
        match = pattern.match(text, at)
        if match is not None and (best is None or match.end() > best.end()):
            best, kind = match, name
    line, column = lines.place(at)
    if best is None:
        for opening, what in _UNCLOSED:
            if text.startswith(opening, at):
                raise ScriptError(f"this {what} is never closed", line, column)
        if not text[at].isprintable():
            raise ScriptError(f"unexpected character {text[at]!r}", line, column)
        return Token(SIGN, text[at], line, column, at, at + 1)
    word = best.group()
    if kind in (STRING, COMMAND):
        word = word[1:-1]
    elif kind == CODE:
        word = word[2:-2]
    return Token(kind, word, line, column, at, best.end())


def _defined(token: Token, value: str) -> list[Token]:
    """What a symbol stands for: words of their own, all at the symbol's place."""
    inner = _Lines(value)
    found: list[Token] = []
    at = 0
    while at < len(value):
        if value[at].isspace():
            at += 1
            continue
        word = _word(value, at, inner)
        found.append(Token(word.kind, word.text, token.line, token.column, token.start, token.end))
        at = word.end
    return found


class _Lines:
    """Line and column of an offset, asked in rising order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = 1
        self._start = 0

    def place(self, at: int) -> tuple[int, int]:
        while True:
            end = self._text.find("\n", self._start, at)
            if end < 0:
                return self._line, at - self._start + 1
            self._line += 1
            self._start = end + 1

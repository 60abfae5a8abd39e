"""Expressions of system calls: read from words, and given a value when the call is made."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import ScriptError
from .lexer import END, FLOAT, INTEGER, MORE, STRING, WORD, Token
from .script import ELLIPSIS, Call, Either, Expression, Struct, Word

_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, '"': 34, "'": 39, "a": 7, "b": 8, "f": 12, "v": 11}
# Brackets in brackets: more is no script, and less than Python's own limit.
DEEPEST = 40


class Reader:
    """Words one after the other, read as they are asked for; what a parser of parts shares."""

    def __init__(self, words: Iterator[Token], text: str) -> None:
        self._source = words
        self._words: list[Token] = []
        self.text = text
        self.at = 0

    def ahead(self, distance: int) -> Token:
        """The word so many behind the next, or the end."""
        at = self.at + distance
        while at >= len(self._words):
            if self._words and self._words[-1].kind == END:
                return self._words[-1]
            self._words.append(next(self._source))
        return self._words[at]

    @property
    def word(self) -> Token:
        """The next word."""
        return self.ahead(0)

    def take(self) -> Token:
        """The next word, which is then behind us. The end stays where it is."""
        token = self.ahead(0)
        if token.kind != END:
            self.at += 1
        return token

    def taken_from(self, start: Token) -> str:
        """The text from a word to the last one taken, in one line."""
        return " ".join(self.text[start.start : self._words[self.at - 1].end].split())

    def follows(self, text: str) -> bool:
        """True when the next word is this sign or name."""
        return self.follows_at(0, text)

    def follows_at(self, distance: int, text: str) -> bool:
        """True when the word so many behind the next is this."""
        token = self.ahead(distance)
        return token.text == text and token.kind != STRING

    def skip(self, text: str) -> bool:
        """Take the word if it is this one."""
        if self.follows(text):
            self.take()
            return True
        return False

    def need(self, text: str, where: str) -> Token:
        """Take this word, or say that it is missing."""
        if not self.follows(text):
            raise self.error(f"{text!r} expected {where}, found {describe(self.word)}")
        return self.take()

    def need_kind(self, kind: str, where: str) -> Token:
        """Take a word of this kind, or say that it is missing."""
        if self.word.kind != kind:
            raise self.error(f"a {kind} expected {where}, found {describe(self.word)}")
        return self.take()

    def error(self, message: str, token: Token | None = None) -> ScriptError:
        """A mistake at a word, the next one unless given."""
        token = token or self.word
        return ScriptError(message, token.line, token.column)


def describe(token: Token) -> str:
    """A word, for a message."""
    return token.kind if token.kind == END else f"{token.text[:40]!r}"


def number(reader: Reader, where: str, low: int = -(1 << 63), high: int = (1 << 64) - 1) -> int:
    """An integer within limits."""
    token = reader.need_kind(INTEGER, where)
    value = int(token.text, 16) if token.text[:2] == "0x" else int(token.text)
    if not low <= value <= high:
        raise reader.error(f"{value} {where} is outside {low}..{high}", token)
    return value


def expression(reader: Reader, depth: int = 0) -> Expression:
    """One expression, ``|`` joining any number of them."""
    if depth > DEEPEST:
        raise reader.error("too many brackets in brackets")
    parts = [_primary(reader, depth)]
    while reader.skip("|"):
        parts.append(_primary(reader, depth))
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _primary(reader: Reader, depth: int) -> Expression:
    token = reader.word
    if token.kind == MORE:
        reader.take()
        return ELLIPSIS
    if token.kind == INTEGER:
        return number(reader, "here")
    if token.kind == STRING:
        octets = b""
        while reader.word.kind == STRING:
            octets += unescape(reader.take().text)
        if reader.word.kind == MORE:
            reader.take()
        return octets
    if token.kind == WORD:
        reader.take()
        if reader.follows("("):
            return Call(token.text, tuple(arguments(reader, depth + 1)))
        return Word(token.text)
    if reader.skip("["):
        return _items(reader, "]", depth + 1)
    if reader.skip("{"):
        return _struct(reader, depth + 1)
    if token.kind == FLOAT:
        raise reader.error(f"a whole number expected, found {describe(token)}")
    raise reader.error(f"a value expected, found {describe(token)}")


def arguments(reader: Reader, depth: int = 0) -> list[Expression]:
    """``(a, b, ...)``."""
    reader.need("(", "before the arguments")
    return _items(reader, ")", depth)


def _items(reader: Reader, closing: str, depth: int) -> list[Expression]:
    items: list[Expression] = []
    if reader.skip(closing):
        return items
    while True:
        items.append(expression(reader, depth))
        if reader.skip(closing):
            return items
        reader.need(",", f"or {closing!r} behind a value")


def _struct(reader: Reader, depth: int) -> Struct:
    fields: list[tuple[str, Expression]] = []
    while not reader.skip("}"):
        if fields:
            reader.need(",", "or '}' behind a field")
        name, count = "", -1
        first = reader.word
        if first.kind == WORD and (reader.follows_at(1, "=") or reader.follows_at(1, "(")):
            name, count = _field_name(reader)
        value = expression(reader, depth)
        if count >= 0 and isinstance(value, list) and len(value) != count:
            raise reader.error(f"{name}({count}) has {len(value)} values", first)
        fields.append((name, value))
    return Struct(tuple(fields))


def _field_name(reader: Reader) -> tuple[str, int]:
    """``name =`` or ``name(count) =``; a count of -1 is none. Nothing is taken when it is a value after all."""
    before = reader.at
    name = reader.take().text
    count = -1
    if reader.skip("("):
        if reader.word.kind == INTEGER:
            count = number(reader, "as a count", 0)
        else:
            reader.skip("...")
        if not reader.skip(")") or not reader.skip("="):
            reader.at = before
            return "", -1
        return name, count
    reader.need("=", "behind the field's name")
    return name, count


def unescape(text: str) -> bytes:
    """The octets of a string in C's notation."""
    out = bytearray()
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char != "\\" or at >= len(text):
            out += char.encode("utf-8")
            continue
        char = text[at]
        at += 1
        digits = text[at : at + 2]
        if char == "x" and digits and all(c in "0123456789abcdefABCDEF" for c in digits):
            out.append(int(digits, 16))
            at += len(digits)
        else:
            out += bytes((_ESCAPES[char],)) if char in _ESCAPES else char.encode("utf-8")
    return bytes(out)

"""What the arguments of a script's calls may be: a letter for each kind, looked at before a call is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .errors import Mismatch, Unsupported
from .script import Expression, Struct
from .symbols import is_open


def number(value: Expression) -> int:
    """A number. Raises Unsupported for anything else."""
    if not isinstance(value, int):
        raise Unsupported(f"a number expected where {shown(value)} stands")
    return value


def single(value: Expression) -> int:
    """``[5]``. Raises Unsupported for anything else."""
    if not _is_single(value):
        raise Unsupported("a value that is not one number in brackets")
    return int(value[0])  # type: ignore[index,arg-type]


def lengths(vectors: list[Any]) -> list[int]:
    """Lengths of an iovec array ``[{..., 1000}, {..., 2000}]``."""
    return [int(vector.fields[1][1]) for vector in vectors]


def shown(value: Expression) -> str:
    """A value in a message, as a script writes it."""
    if isinstance(value, bytes):
        return '"' + value.decode("latin-1").encode("unicode_escape").decode() + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, Struct):
        return "{" + ", ".join(f"{name}={shown(item)}" if name else shown(item) for name, item in value.fields) + "}"
    return str(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and -(1 << 31) <= value < 1 << 32


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 31


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], int)


def _is_vectors(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Struct) and len(item.fields) == 2 and _is_count(item.fields[1][1]) for item in value
    )


def _is_message(value: Any) -> bool:
    return (
        isinstance(value, Struct)
        and _is_vectors(value.get("msg_iov", []))
        and _is_int(value.get("msg_flags", 0))
        and isinstance(controls := value.get("msg_control", []), list)
        and all(isinstance(item, Struct) for item in controls)
    )


def _is_event(value: Any) -> bool:
    return isinstance(value, Struct) and all(isinstance(value.get(name), int) for name in ("events", *value.names()))


def _is_events(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_event, value))


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_int, value))


# What a letter stands for, and its name in a message.
KINDS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "d": (_is_int, "a descriptor"),
    "i": (_is_int, "a number"),
    "l": (lambda value: isinstance(value, int), "a number"),
    "n": (_is_count, "a count"),
    "[": (_is_single, "one number in brackets"),
    "b": (lambda value: is_open(value) or value == 0, "a buffer, '...' or NULL,"),
    "s": (lambda value: isinstance(value, bytes), "a string"),
    "v": (_is_vectors, "an array like [{..., 1000}, {..., 500}]"),
    "m": (_is_message, "a msghdr like {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}"),
    "p": (_is_events, "an array like [{fd=4, events=POLLIN, revents=0}]"),
    "e": (_is_event, "an event like {events=EPOLLIN, fd=4}"),
    "2": (_is_pair, "two descriptors like [5, 6]"),
    "?": (lambda value: True, "anything"),
}


def checked(name: str, forms: str, given: list[Any]) -> list[Any]:
    """The arguments, ints as C's, when they are of one of a call's forms. Raises Mismatch."""
    form = next((form for form in forms.split() if len(form) == len(given)), None)
    if form is None:
        counts = " or ".join(str(len(form)) for form in forms.split())
        raise Mismatch(f"{name}() takes {counts} argument{'s' * (counts != '1')}, not {len(given)}")
    for index, (kind, value) in enumerate(zip(form, given, strict=True), 1):
        fits, words = KINDS[kind]
        if not fits(value):
            raise Mismatch(f"{name}() takes {words} as its argument {index}, not {shown(value)}")
    return [_c_int(value) if kind == "i" else value for kind, value in zip(form, given, strict=True)]


def _c_int(value: int) -> int:
    """An int of C: 0xffffffff is -1."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)

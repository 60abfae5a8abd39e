"""Everything an object of the engine holds, as plain data that two builds can be compared by."""

from __future__ import annotations

from typing import Any

PLAIN = (bool, int, float, str, type(None))


def dump(value: Any, *opaque: str) -> Any:
    """Slots of slots, down to numbers and octets; an object met again is named, not walked again.

    Instances of the classes named in opaque are not looked into.
    """
    return _Walk(opaque).of(value)


class _Walk:
    def __init__(self, opaque: tuple[str, ...]) -> None:
        self.opaque = opaque
        self.seen: set[int] = set()
        self.kept: list[Any] = []  # so that no id is used twice

    def of(self, value: Any) -> Any:
        if isinstance(value, PLAIN):
            # A C bint reads as a bool where the interpreter may hold an int.
            return int(value) if isinstance(value, bool) else value
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).hex()
        if isinstance(value, dict):
            return {str(self.of(key)): self.of(item) for key, item in value.items()}
        if isinstance(value, set | frozenset):
            return sorted(str(self.of(item)) for item in value)
        if hasattr(value, "__iter__") and not hasattr(type(value), "__slots__"):
            return [self.of(item) for item in value]
        return self._object(value)

    def _object(self, value: Any) -> Any:
        kind = type(value).__name__
        if id(value) in self.seen:
            return f"<{kind}>"
        self.seen.add(id(value))
        self.kept.append(value)
        slots = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ()) if name[:2] != "__"]
        if not slots or kind in self.opaque:
            return f"<{kind}>"
        # Fields that the header hides from Python are missing here in the compiled build; private ones go last, so that
        # what both builds show is met first by a way that both show.
        slots.sort(key=lambda name: (name[0] == "_", name))
        return {"": kind} | {name: self.of(getattr(value, name)) for name in slots if hasattr(value, name)}


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two dumps differ; a slot that only one build shows is not a difference."""
    if isinstance(one, dict) and isinstance(other, dict):
        if "" in one and "" in other:
            keys = one.keys() & other.keys()
        else:
            keys = one.keys() | other.keys()
        return [
            found
            for key in sorted(keys)
            for found in differences(one.get(key, "<nothing>"), other.get(key, "<nothing>"), f"{path}.{key}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            found for i, pair in enumerate(zip(one, other, strict=True)) for found in differences(*pair, f"{path}[{i}]")
        ]
    if isinstance(one, str | dict) and isinstance(other, str | dict) and _kind(one) == _kind(other) != "":
        # Met before in a slot that the header hides, so that one build names what the other walks.
        return []
    return [] if one == other else [f"{path}: {str(one)[:200]} / {str(other)[:200]}"]


def _kind(value: str | dict[str, Any]) -> str:
    if isinstance(value, dict):
        return f"<{value['']}>" if "" in value else ""
    return value if value.startswith("<") else ""

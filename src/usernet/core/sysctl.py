"""Sysctl registry: Linux's names, each declared by the floor that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from errno import EINVAL, ENOENT

Value = int | str | tuple[int, ...]
Change = Callable[[Value], None]


class Sysctl:
    """One setting: its value, the shape of its value and who wants to know when it changes."""

    __slots__ = ("choices", "help", "high", "low", "name", "on_change", "value")

    def __init__(
        self,
        name: str,
        default: Value,
        help: str,
        low: int,
        high: int,
        choices: tuple[str, ...] | None,
    ) -> None:
        self.name = name
        self.value = default
        self.help = help
        self.low = low
        self.high = high
        self.choices = choices
        self.on_change: list[Change] = []


class SysctlRegistry:
    """The settings of one stack, by dotted Linux name (``net.ipv4.tcp_rmem``)."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table: dict[str, Sysctl] = {}

    def declare(
        self,
        name: str,
        default: Value,
        help: str,
        *,
        low: int = 0,
        high: int = 0x7FFFFFFF,
        choices: tuple[str, ...] | None = None,
        on_change: Change | None = None,
    ) -> None:
        """Add a setting. ``on_change`` is called with the value now and after each change.

        Floors that read a setting per packet cache it in a field this way.
        """
        if name not in self._table:
            self._table[name] = Sysctl(name, default, help, low, high, choices)
        if on_change is not None:
            self._table[name].on_change.append(on_change)
            on_change(self._table[name].value)

    def get(self, name: str) -> Value:
        """The value: an int, a str, or a tuple of ints. Raises OSError(ENOENT) for a name nobody declared."""
        return self._find(name).value

    def int_of(self, name: str) -> int:
        """The value of a setting that is one number."""
        value = self._find(name).value
        if not isinstance(value, int):
            raise TypeError(f"sysctl {name} is not one number: {value!r}")
        return value

    def set(self, name: str, value: Value) -> None:
        """Change a setting; text is read as ``sysctl -w`` reads it. Whoever is told may refuse by raising OSError.

        Raises OSError(ENOENT) for an unknown name, OSError(EINVAL) for a value of the wrong shape or out of range.
        """
        setting = self._find(name)
        new = _parse(setting, value)
        for tell in setting.on_change:
            tell(new)
        setting.value = new

    def revise(self, name: str, value: Value, choices: tuple[str, ...]) -> None:
        """For whoever declared a setting: other choices, and a value that need not be one of them."""
        setting = self._find(name)
        setting.choices = choices
        setting.value = value

    def items(self) -> Iterator[tuple[str, Value]]:
        """All settings, sorted by name."""
        for name in sorted(self._table):
            yield name, self._table[name].value

    def help_of(self, name: str) -> str:
        """One sentence on what a setting does."""
        return self._find(name).help

    def range_of(self, name: str) -> tuple[int, int]:
        """The least and the largest number that a setting takes."""
        setting = self._find(name)
        return setting.low, setting.high

    def _find(self, name: str) -> Sysctl:
        try:
            return self._table[name.replace("/", ".")]
        except KeyError:
            raise OSError(ENOENT, f"no sysctl named {name!r}; `usernet sysctl -a` lists them") from None


def _parse(setting: Sysctl, value: Value) -> Value:
    old = setting.value
    if isinstance(old, str):
        text = str(value).strip()
        if setting.choices is not None and text not in setting.choices:
            raise OSError(EINVAL, f"{setting.name}: {text!r} is not one of {', '.join(setting.choices)}")
        return text
    try:
        numbers = (
            tuple(int(word, 0) for word in value.split())
            if isinstance(value, str)
            else tuple(int(n) for n in (value if isinstance(value, tuple) else (value,)))
        )
    except ValueError:
        raise OSError(EINVAL, f"{setting.name}: {value!r} is not a number") from None
    if any(not setting.low <= n <= setting.high for n in numbers):
        raise OSError(EINVAL, f"{setting.name}: {value!r} is outside {setting.low}..{setting.high}")
    if isinstance(old, int):
        if len(numbers) != 1:
            raise OSError(EINVAL, f"{setting.name}: one number expected, got {value!r}")
        return numbers[0]
    if len(numbers) != len(old):
        raise OSError(EINVAL, f"{setting.name}: {len(old)} numbers expected, got {value!r}")
    return numbers

"""The words of netem (tc-netem(8)): an impairment's parameters from text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

WORDS = ("delay", "loss", "duplicate", "reorder", "corrupt", "rate", "limit", "seed", "ecn", "ce_threshold")
DISTRIBUTIONS = ("uniform", "normal", "pareto", "paretonormal")

_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3}))?([a-zA-Z%]*)")
# As tc: a bare time is in microseconds, a bare rate in bits per second; -ps rates count octets.
_TIMES = {
    "": 1e3, "ns": 1.0, "nsec": 1.0, "nsecs": 1.0, "us": 1e3, "usec": 1e3, "usecs": 1e3,
    "ms": 1e6, "msec": 1e6, "msecs": 1e6, "s": 1e9, "sec": 1e9, "secs": 1e9,
}  # fmt: skip
_PREFIXES = {
    "": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
    "ki": 1024.0, "mi": 1024.0**2, "gi": 1024.0**3, "ti": 1024.0**4,
}  # fmt: skip
_RATES = {
    "": 1.0,
    **{prefix + "bit": factor for prefix, factor in _PREFIXES.items()},
    **{prefix + "bps": 8 * factor for prefix, factor in _PREFIXES.items()},
}
_MAX_TIME_NS = 1 << 50  # 13 days


@dataclass(frozen=True)
class Netem:
    """What an impairment does: times in ns, chances and correlations in 0..1, the rate in bits per second (0: none).

    ``gemodel`` is (p, r, 1-h, 1-k) of the Gilbert-Elliott model, None for independent loss. ``ecn``: of what is lost
    the ECN-capable part is marked instead. ``ce_threshold_ns`` is fq_codel's word and not netem's (tc-fq_codel(8)): an
    ECN-capable packet that waits longer than this for its turn on the line is marked, -1 for never.
    """

    delay_ns: int = 0
    jitter_ns: int = 0
    delay_corr: float = 0.0
    distribution: str = "uniform"
    loss: float = 0.0
    loss_corr: float = 0.0
    gemodel: tuple[float, float, float, float] | None = None
    duplicate: float = 0.0
    duplicate_corr: float = 0.0
    reorder: float = 0.0
    reorder_corr: float = 0.0
    gap: int = 0
    corrupt: float = 0.0
    corrupt_corr: float = 0.0
    rate: float = 0.0
    limit: int = 1000
    seed: int | None = None
    ecn: bool = False
    ce_threshold_ns: int = -1


def parse_netem(spec: str) -> Netem:
    """Parameters from netem's words, such as ``delay 40ms 5ms 25% loss 1% rate 20mbit``.

    Raises ValueError that names the word in the way and what may stand there.
    """
    words = _Words(spec)
    given: dict[str, object] = {}
    while (word := words.take()) is not None:
        reader = _READERS.get(word)
        if reader is None:
            raise ValueError(f"impairment word {word!r} is not one of {', '.join(_READERS)}")
        if word in words.seen:
            raise ValueError(f"impairment word {word!r} is given twice")
        words.seen.add(word)
        given.update(reader(words, word))
    netem = Netem(**given)  # type: ignore[arg-type]
    if netem.reorder and not netem.delay_ns:
        raise ValueError("'reorder' needs a delay: reordered packets are those that do not wait, such as 'delay 10ms'")
    if netem.ecn and not netem.loss and netem.gemodel is None:
        raise ValueError("'ecn' needs a loss: what is lost is marked instead, such as 'loss 1% ecn'")
    if netem.ce_threshold_ns >= 0 and not netem.rate:
        raise ValueError(
            "'ce_threshold' needs a rate: without one nothing waits, such as 'rate 20mbit ce_threshold 1ms'"
        )
    return netem


class _Words:
    """The words of a spec, read one after the other."""

    def __init__(self, spec: str) -> None:
        self._left = spec.split()[::-1]
        self.seen: set[str] = set()

    def take(self) -> str | None:
        return self._left.pop() if self._left else None

    def next_is_number(self) -> bool:
        return bool(self._left) and (self._left[-1][0].isdigit() or self._left[-1][0] in ".-+")

    def next_is(self, word: str) -> bool:
        if self._left and self._left[-1] == word:
            self._left.pop()
            return True
        return False

    def number(self, after: str, units: dict[str, float], example: str) -> float:
        word = self.take()
        match = _NUMBER.fullmatch(word or "")
        factor = units.get(match[3].lower()) if match else None
        if word is None or match is None or factor is None:
            got = f"not {word!r}" if word is not None else "but the words end there"
            raise ValueError(f"after {after!r} stands {example}, {got}")
        value = float(f"{match[1]}e{match[2] or 0}") * factor
        if not isfinite(value):
            raise ValueError(f"after {after!r}: {word!r} is too large")
        return value

    def percent(self, after: str) -> float:
        value = self.number(after, {"": 1.0, "%": 1.0}, "a percentage such as 1% or 0.5%")
        if value > 100:
            raise ValueError(f"after {after!r}: a percentage is at most 100, not {value:g}")
        return value / 100

    def time_ns(self, after: str) -> int:
        value = self.number(after, _TIMES, "a time such as 20ms, 500us or 1s")
        if value > _MAX_TIME_NS:
            raise ValueError(f"after {after!r}: the time is more than {_MAX_TIME_NS // 10**9} seconds")
        return round(value)

    def count(self, after: str, most: int) -> int:
        value = self.number(after, {"": 1.0}, f"a whole number up to {most}")
        if value != int(value) or value > most:
            raise ValueError(f"after {after!r} stands a whole number up to {most}, not {value:g}")
        return int(value)


def _delay(words: _Words, word: str) -> dict[str, object]:
    given: dict[str, object] = {"delay_ns": words.time_ns(word)}
    if words.next_is_number():
        given["jitter_ns"] = words.time_ns("delay TIME")
        if words.next_is_number():
            given["delay_corr"] = words.percent("delay TIME JITTER")
    if words.next_is("distribution"):
        name = words.take()
        if name not in DISTRIBUTIONS:
            raise ValueError(f"delay distribution {name!r} is not one of {', '.join(DISTRIBUTIONS)}")
        if not given.get("jitter_ns"):
            raise ValueError("'distribution' needs a jitter: delay TIME JITTER distribution NAME")
        given["distribution"] = name
    return given


def _loss(words: _Words, word: str) -> dict[str, object]:
    if not words.next_is("gemodel"):
        words.next_is("random")
        return _chance(words, word)
    p = words.percent("loss gemodel")
    given = [p, 1 - p, 1.0, 0.0]
    for i in (1, 2, 3):
        if words.next_is_number():
            given[i] = words.percent("loss gemodel")
    return {"gemodel": tuple(given)}


def _chance(words: _Words, word: str) -> dict[str, object]:
    given: dict[str, object] = {word: words.percent(word)}
    if words.next_is_number():
        given[f"{word}_corr"] = words.percent(f"{word} PERCENT")
    return given


def _reorder(words: _Words, word: str) -> dict[str, object]:
    given = _chance(words, word)
    given["gap"] = words.count("gap", 1 << 20) if words.next_is("gap") else 1
    return given


def _rate(words: _Words, word: str) -> dict[str, object]:
    rate = words.number(word, _RATES, "a rate such as 20mbit, 512kbit, 1gbit or 100kbps (octets)")
    if rate < 8:
        raise ValueError("after 'rate': the rate is at least 8bit, an octet per second")
    return {"rate": rate}


def _limit(words: _Words, word: str) -> dict[str, object]:
    return {"limit": words.count(word, 1 << 30)}


def _seed(words: _Words, word: str) -> dict[str, object]:
    return {"seed": words.count(word, 1 << 53)}


def _ecn(words: _Words, word: str) -> dict[str, object]:
    return {"ecn": True}


def _ce_threshold(words: _Words, word: str) -> dict[str, object]:
    return {"ce_threshold_ns": words.time_ns(word)}


_READERS = dict(
    zip(WORDS, (_delay, _loss, _chance, _reorder, _chance, _rate, _limit, _seed, _ecn, _ce_threshold), strict=True)
)

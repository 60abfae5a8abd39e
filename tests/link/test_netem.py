"""netem's words: what each means, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.link.netem import DISTRIBUTIONS, WORDS, Netem, parse_netem


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", Netem()),
        ("delay 40ms", Netem(delay_ns=40_000_000)),
        ("delay 100", Netem(delay_ns=100_000)),
        ("delay 1.5s 20msec", Netem(delay_ns=1_500_000_000, jitter_ns=20_000_000)),
        ("delay 10ms 2ms 25%", Netem(delay_ns=10_000_000, jitter_ns=2_000_000, delay_corr=0.25)),
        (
            "delay 10ms 500us distribution normal",
            Netem(delay_ns=10_000_000, jitter_ns=500_000, distribution="normal"),
        ),
        ("loss 1%", Netem(loss=0.01)),
        ("loss random 0.5% 25%", Netem(loss=0.005, loss_corr=0.25)),
        ("loss gemodel 1%", Netem(gemodel=(0.01, 0.99, 1.0, 0.0))),
        ("loss gemodel 1% 10% 70% 0.1%", Netem(gemodel=(0.01, 0.1, 0.7, 0.001))),
        ("duplicate 2% 10%", Netem(duplicate=0.02, duplicate_corr=0.1)),
        ("delay 1ms reorder 25% 50%", Netem(delay_ns=1_000_000, reorder=0.25, reorder_corr=0.5, gap=1)),
        ("delay 1ms reorder 100% gap 5", Netem(delay_ns=1_000_000, reorder=1.0, gap=5)),
        ("corrupt .1%", Netem(corrupt=0.001)),
        ("rate 20mbit", Netem(rate=20e6)),
        ("rate 1Gbit", Netem(rate=1e9)),
        ("rate 100kbps", Netem(rate=800e3)),
        ("rate 1mibit", Netem(rate=1048576.0)),
        ("rate 9600", Netem(rate=9600.0)),
        ("limit 50 seed 7", Netem(limit=50, seed=7)),
        (
            "delay 20ms 5ms loss 2% rate 20mbit",
            Netem(delay_ns=20_000_000, jitter_ns=5_000_000, loss=0.02, rate=20e6),
        ),
        ("loss 2% delay 20ms 5ms", Netem(delay_ns=20_000_000, jitter_ns=5_000_000, loss=0.02)),
    ],
)
def test_words_mean_what_they_mean_in_netem(spec: str, expected: Netem) -> None:
    parsed = parse_netem(spec)
    for field in Netem.__dataclass_fields__:
        assert getattr(parsed, field) == pytest.approx(getattr(expected, field)), field


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("dealy 10ms", "'dealy' is not one of delay, loss, duplicate, reorder, corrupt, rate, limit, seed"),
        ("delay", "after 'delay' stands a time such as 20ms, 500us or 1s, but the words end there"),
        ("delay fast", "after 'delay' stands a time such as 20ms, 500us or 1s, not 'fast'"),
        ("delay 10parsec", "not '10parsec'"),
        ("delay -5ms", "not '-5ms'"),
        ("delay 1e9s", "more than"),
        ("delay 1e999s", "too large"),
        ("delay 10ms distribution normal", "needs a jitter"),
        ("delay 10ms 2ms distribution cauchy", "'cauchy' is not one of uniform, normal, pareto, paretonormal"),
        ("delay 10ms 2ms distribution", "None is not one of"),
        ("loss", "after 'loss' stands a percentage"),
        ("loss 101%", "at most 100"),
        ("loss 1% 200%", "at most 100"),
        ("loss gemodel", "after 'loss gemodel' stands a percentage"),
        ("loss state 1%", "not 'state'"),
        ("reorder 5%", "needs a delay"),
        ("delay 1ms reorder 5% gap x", "whole number"),
        ("rate 20mph", "a rate such as 20mbit"),
        ("rate 0", "at least 8bit"),
        ("limit 1.5", "whole number"),
        ("loss 1% loss 2%", "'loss' is given twice"),
        ("delay 1ms ecn", "'ecn' needs a loss"),
        ("delay 1ms ce_threshold 1ms", "'ce_threshold' needs a rate"),
        ("rate 1mbit ce_threshold", "a time such as 20ms"),
    ],
)
def test_a_wrong_word_is_named_with_what_may_stand_there(spec: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_netem(spec)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


TOKENS = st.one_of(
    st.sampled_from([*WORDS, *DISTRIBUTIONS, "distribution", "gap", "gemodel", "random", "nan", "inf", "1e308s", "%"]),
    st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,3})?(e[0-9]{1,3})?(%|ms|us|s|mbit|kbps|)", fullmatch=True),
    st.text(max_size=6),
)


@given(st.lists(TOKENS, max_size=12))
def test_any_words_parse_or_say_what_is_wrong(tokens: list[str]) -> None:
    try:
        netem = parse_netem(" ".join(tokens))
    except ValueError as error:
        assert str(error)
    else:
        assert netem.delay_ns >= 0 and netem.jitter_ns >= 0 and netem.limit >= 0
        for chance in (netem.loss, netem.duplicate, netem.reorder, netem.corrupt, *(netem.gemodel or ())):
            assert 0 <= chance <= 1

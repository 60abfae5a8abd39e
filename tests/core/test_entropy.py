"""Seeded entropy: the same seed gives the same run, and forks do not disturb each other."""

from __future__ import annotations

from usernet.core.entropy import Entropy, KeyedHash

# What seed b"usernet" has given since the first release: a recorded simulation depends on it.
FIRST = [2902023767, 2217760019, 2595660458, 2196194839]


def draws(entropy: Entropy, n: int = 50) -> list[int]:
    return [entropy.u32() for _ in range(n)]


def test_the_stream_of_a_seed_never_changes() -> None:
    assert draws(Entropy(b"usernet"), 4) == FIRST


def test_same_seed_same_stream_and_another_seed_another() -> None:
    assert draws(Entropy(b"a")) == draws(Entropy(b"a"))
    assert draws(Entropy(b"a")) != draws(Entropy(b"b"))


def test_a_fork_depends_on_its_label_and_not_on_what_was_drawn() -> None:
    left, right = Entropy(b"a"), Entropy(b"a")
    right.octets(1000)
    right.u32()
    assert draws(left.fork("link")) == draws(right.fork("link"))
    assert draws(left.fork("link")) != draws(left.fork("stack"))
    assert draws(left) != draws(left.fork("link"))


def test_below_and_unit_keep_their_ranges_and_reach_their_ends() -> None:
    entropy = Entropy(b"range")
    assert {entropy.below(5) for _ in range(500)} == {0, 1, 2, 3, 4}
    assert entropy.below(1) == 0
    units = [entropy.unit() for _ in range(2000)]
    assert all(0 <= unit < 1 for unit in units)
    assert 0.45 < sum(units) / len(units) < 0.55
    assert entropy.below(0xFFFFFFFF) < 0xFFFFFFFF


def test_octets_are_as_many_as_asked_for() -> None:
    entropy = Entropy(b"x")
    assert [len(entropy.octets(n)) for n in (0, 1, 63, 64, 65, 200)] == [0, 1, 63, 64, 65, 200]
    assert entropy.octets(64) != entropy.octets(64)


def test_a_keyed_hash_depends_on_every_bit_of_its_key() -> None:
    key = bytearray(range(16))
    whole = KeyedHash(bytes(key)).of(b"flow")
    for bit in range(128):
        other = bytearray(key)
        other[bit >> 3] ^= 1 << (bit & 7)
        assert KeyedHash(bytes(other)).of(b"flow") != whole

"""What a ``user:`` URL may say."""

from __future__ import annotations

import pytest

from usernet.gateway.config import parse_url


def test_bare_url_lays_addresses_out_as_slirp() -> None:
    config = parse_url("user:")
    assert [str(a) for a in (config.gateway, config.dns, config.guest)] == ["10.0.2.2", "10.0.2.3", "10.0.2.15"]
    assert (str(config.net), config.host_loopback, config.mtu) == ("10.0.2.0/24", True, 1500)


def test_addresses_follow_the_network() -> None:
    config = parse_url("user:?net=192.168.7.0/24&host_loopback=0&mtu=9000")
    assert [str(a) for a in (config.gateway, config.dns, config.guest)] == [
        "192.168.7.2",
        "192.168.7.3",
        "192.168.7.15",
    ]
    assert not config.host_loopback
    assert config.mtu == 9000


def test_a_name_server_outside_the_network_is_not_ours_to_answer_for() -> None:
    assert parse_url("user:").answers_dns
    assert not parse_url("user:?dns=9.9.9.9").answers_dns


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tap:tap0", "no user: device"),
        ("user:eth0", "no user: device"),
        ("user:?net", "name=value"),
        ("user:?net=10.0.2.0/33", "not a valid netmask"),
        ("user:?net=10.0.2.1/24", "host bits set"),
        ("user:?net=10.0.2.0/30", "no room"),
        ("user:?guest=10.0.3.1", "no host address"),
        ("user:?guest=10.0.2.255", "no host address"),
        ("user:?guest=10.0.2.2", "an address each"),
        ("user:?mtu=12", "from 576"),
        ("user:?mtu=-1", "from 576"),
        ("user:?host_loopback=yes", "from 0 to 1"),
        ("user:?colour=red", "unknown word 'colour'"),
    ],
)
def test_a_wrong_word_is_named(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_url(url)

"""The sysctl registry: declared shapes, Linux's text forms, errno of what is wrong."""

from __future__ import annotations

import errno

import pytest

from usernet.core.sysctl import SysctlRegistry, Value


@pytest.fixture
def registry() -> SysctlRegistry:
    registry = SysctlRegistry()
    registry.declare("net.ipv4.ip_default_ttl", 64, "TTL of what we send.", low=1, high=255)
    registry.declare("net.ipv4.tcp_rmem", (4096, 131072, 6291456), "Receive buffers.")
    registry.declare("net.ipv4.tcp_congestion_control", "cubic", "Congestion control.", choices=("reno", "cubic"))
    return registry


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("net.ipv4.ip_default_ttl", 1, 1),
        ("net.ipv4.ip_default_ttl", " 0x40 ", 64),
        ("net/ipv4/ip_default_ttl", "255\n", 255),
        ("net.ipv4.tcp_rmem", "1 2\t3", (1, 2, 3)),
        ("net.ipv4.tcp_rmem", (1, 2, 3), (1, 2, 3)),
        ("net.ipv4.tcp_congestion_control", "reno\n", "reno"),
    ],
)
def test_a_value_is_read_as_sysctl_w_reads_it(registry: SysctlRegistry, name: str, given: Value, kept: Value) -> None:
    registry.set(name, given)
    assert registry.get(name) == kept


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("net.ipv4.ip_default_ttl", 0),
        ("net.ipv4.ip_default_ttl", 256),
        ("net.ipv4.ip_default_ttl", "many"),
        ("net.ipv4.ip_default_ttl", "1 2"),
        ("net.ipv4.ip_default_ttl", ""),
        ("net.ipv4.tcp_rmem", "1 2"),
        ("net.ipv4.tcp_rmem", 1),
        ("net.ipv4.tcp_congestion_control", "vegas"),
    ],
)
def test_a_wrong_value_is_einval_and_changes_nothing(registry: SysctlRegistry, name: str, given: Value) -> None:
    before = registry.get(name)
    with pytest.raises(OSError) as caught:
        registry.set(name, given)
    assert caught.value.errno == errno.EINVAL
    assert name in str(caught.value)
    assert registry.get(name) == before


def test_an_unknown_name_is_enoent_and_the_message_says_where_to_look(registry: SysctlRegistry) -> None:
    for wrong in (lambda: registry.get("net.nothing"), lambda: registry.set("net.nothing", 1)):
        with pytest.raises(FileNotFoundError, match=r"net\.nothing.*sysctl -a"):
            wrong()


def test_who_asked_is_told_at_once_and_at_each_change(registry: SysctlRegistry) -> None:
    told: list[Value] = []
    registry.declare("net.ipv4.ip_default_ttl", 64, "TTL of what we send.", on_change=told.append)
    registry.set("net.ipv4.ip_default_ttl", 32)
    with pytest.raises(OSError):
        registry.set("net.ipv4.ip_default_ttl", 0)
    assert told == [64, 32]


def test_declaring_again_keeps_the_value(registry: SysctlRegistry) -> None:
    registry.set("net.ipv4.ip_default_ttl", 9)
    registry.declare("net.ipv4.ip_default_ttl", 64, "TTL of what we send.")
    assert registry.int_of("net.ipv4.ip_default_ttl") == 9


def test_int_of_refuses_what_is_not_one_number(registry: SysctlRegistry) -> None:
    with pytest.raises(TypeError):
        registry.int_of("net.ipv4.tcp_rmem")


def test_items_come_sorted_and_each_has_its_help(registry: SysctlRegistry) -> None:
    names = [name for name, _ in registry.items()]
    assert names == sorted(names) and len(names) == 3
    assert all(registry.help_of(name).endswith(".") for name in names)

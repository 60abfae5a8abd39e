"""Device URLs."""

from __future__ import annotations

import errno
import os

import pytest

from usernet.core.entropy import Entropy
from usernet.link.loopback import Loopback
from usernet.link.url import open_device
from usernet.link.veth import Veth


def test_lo_and_veth_need_nothing() -> None:
    assert isinstance(open_device("lo", Entropy(b"")), Loopback)
    a = open_device("veth:a:b", Entropy(b""))
    assert isinstance(a, Veth) and a.peer is not None
    assert (a.name, a.peer.name) == ("a", "b")


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("foo:bar", errno.ENODEV, "unknown device 'foo:bar'; there are lo, veth:NAME:PEER, tap:NAME, tun:NAME, fd:N"),
        ("", errno.ENODEV, "unknown device ''"),
        ("eth0", errno.ENODEV, "unknown device 'eth0'"),
        ("veth:a", errno.EINVAL, "veth:NAME:PEER"),
        ("veth:a:a", errno.EINVAL, "veth:NAME:PEER"),
        ("fd:x", errno.EINVAL, "fd:NUMBER"),
        ("fd:-1", errno.EINVAL, "fd:NUMBER"),
        ("fd:9999", errno.EBADF, "descriptor 9999 is not open"),
        ("tap:a/b", errno.EINVAL, "no interface name"),
        ("tun:", errno.EINVAL, "no interface name"),
    ],
)
def test_a_wrong_url_gives_linuxs_errno_and_one_clear_line(url: str, code: int, says: str) -> None:
    with pytest.raises(OSError, match=".") as caught:  # noqa: RUF043
        open_device(url, Entropy(b""))
    assert caught.value.errno == code
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_descriptor_that_is_no_device_is_left_alone() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(OSError, match="no TAP or TUN device") as caught:
            open_device(f"fd:{reader}", Entropy(b""))
        assert caught.value.errno == errno.EINVAL
        os.write(writer, b"x")
        assert os.read(reader, 1) == b"x"
    finally:
        os.close(reader)
        os.close(writer)

"""DNS: what the machine knows by itself, and what bad queries get."""

from __future__ import annotations

from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.gateway.config import parse_url
from usernet.gateway.resolver import BadQuery, Resolver

HOSTS = """
127.0.0.1  localhost box box.example.   # ourselves
::1        localhost ip6-localhost
192.0.2.7  Printer printer.lan
2001:db8::7 printer
nonsense   line
"""


def make(tmp_path: Path, resolv: str = "", hosts: str = HOSTS, url: str = "user:") -> Resolver:
    (tmp_path / "resolv.conf").write_text(resolv)
    (tmp_path / "hosts").write_text(hosts)
    return Resolver(parse_url(url), str(tmp_path / "resolv.conf"), str(tmp_path / "hosts"))


def ask(resolver: Resolver, name: str, kind: str = "A") -> list[str] | None:
    query = dns.message.make_query(name, kind, use_edns=True)
    octets = resolver.answer(query.to_wire())
    if octets is None:
        return None
    response = dns.message.from_wire(octets)
    assert query.is_response(response)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.RA
    return [item.to_text() for rrset in response.answer for item in rrset]


def test_the_machine_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert ask(make(tmp_path), "host.usernet.internal") == ["10.0.2.2"]
    assert ask(make(tmp_path), "HOST.usernet.internal", "AAAA") == []


def test_names_of_the_hosts_file_are_answered(tmp_path: Path) -> None:
    resolver = make(tmp_path)
    assert ask(resolver, "printer") == ["192.0.2.7"]
    assert ask(resolver, "printer", "AAAA") == ["2001:db8::7"]
    assert ask(resolver, "printer.lan", "MX") == []
    assert ask(resolver, "elsewhere.example") is None


def test_the_machines_loopback_names_lead_to_the_gateway(tmp_path: Path) -> None:
    assert ask(make(tmp_path), "box.example") == ["10.0.2.2"]
    assert ask(make(tmp_path, url="user:?host_loopback=0"), "box") is None


def test_rfc6761_localhost_stays_with_whoever_asks(tmp_path: Path) -> None:
    assert ask(make(tmp_path), "localhost") == ["127.0.0.1"]


def test_a_changed_hosts_file_is_read_again(tmp_path: Path) -> None:
    resolver = make(tmp_path)
    assert ask(resolver, "new") is None
    (tmp_path / "hosts").write_text("192.0.2.9 new\n")
    assert ask(resolver, "new") == ["192.0.2.9"]
    (tmp_path / "hosts").unlink()
    assert ask(resolver, "new") is None


def test_name_servers_come_from_resolv_conf_at_most_three(tmp_path: Path) -> None:
    text = "search lan\nnameserver 127.0.0.53\nnameserver ::1\nnameserver bogus\nnameserver 192.0.2.1\n"
    resolver = make(tmp_path, text)
    assert resolver.servers() == ["127.0.0.53", "::1", "192.0.2.1"]
    resolver.preferred = "192.0.2.1"
    assert resolver.servers() == ["192.0.2.1", "127.0.0.53", "::1"]
    resolver.preferred = "192.0.2.99"
    assert resolver.servers() == ["127.0.0.53", "::1", "192.0.2.1"]


def test_servfail_answers_the_question_asked(tmp_path: Path) -> None:
    query = dns.message.make_query("a.example", "A")
    response = dns.message.from_wire(make(tmp_path).servfail(query.to_wire()))
    assert query.is_response(response)
    assert response.rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0" * 16,
        b"\0" * 40,
        dns.message.make_response(dns.message.make_query("a.example", "A")).to_wire(),
        dns.message.make_query("a.example", "A").to_wire() + b"trailing",
        dns.message.Message(7).to_wire() + b"\0" * 8,
    ],
)
def test_what_is_no_query_is_a_bad_query(tmp_path: Path, octets: bytes) -> None:
    with pytest.raises(BadQuery):
        make(tmp_path).answer(octets)


@given(st.binary(max_size=80), st.integers(0, 40), st.binary(max_size=8))
def test_no_octets_raise_anything_but_bad_query(noise: bytes, at: int, patch: bytes) -> None:
    resolver = Resolver(parse_url("user:"), "/nonexistent", "/nonexistent")
    good = dns.message.make_query("a.example", "A", use_edns=True, want_dnssec=True).to_wire()
    for octets in (noise, good[:at] + patch + good[at + len(patch) :], good[:4] + noise):
        try:
            resolver.answer(octets)
            resolver.servfail(octets)
        except BadQuery:
            pass


def test_an_answer_longer_than_the_asker_takes_is_truncated(tmp_path: Path) -> None:
    hosts = "".join(f"192.0.2.{i} crowd\n" for i in range(1, 101))
    resolver = make(tmp_path, hosts=hosts)
    for edns in (False, True):
        query = dns.message.make_query("crowd", "A", use_edns=edns, payload=512)
        octets = resolver.answer(query.to_wire())
        assert octets is not None and len(octets) <= 512
        response = dns.message.from_wire(octets, ignore_trailing=True)
        assert query.is_response(response) and response.flags & dns.flags.TC
    whole = resolver.answer(dns.message.make_query("crowd", "A").to_wire(), 65535)
    assert whole is not None and len(dns.message.from_wire(whole).answer[0]) == 100

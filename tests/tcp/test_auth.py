"""Signed connections: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925), RFC 9235's worked examples among them."""

import hashlib
import sys
from errno import EEXIST, EKEYREJECTED, ENOENT

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.packet import Packet, View
from usernet.tcp.ao import AoAuth, AoCounts, MasterKey
from usernet.tcp.auth import pseudo_header
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, RST, SYN, SYN_SENT, TIME_WAIT
from usernet.tcp.keys import KeyRing
from usernet.tcp.md5 import Md5Auth
from usernet.tcp.settings import Settings
from usernet.tcp.table import make_key
from usernet.testing.peer import LOCAL, REMOTE, Owner, Scene
from usernet.testing.wire import A, B, Pair
from usernet.wire.tcp import Segment, emit
from usernet.wire.tcp_const import OPT_AO, OPT_MD5

# RFC 9235: (section, algorithm, options covered, client ISN, server ISN, from the client, IP packet, traffic key).
CLIENT, SERVER = bytes((10, 11, 12, 13)), bytes((172, 27, 28, 29))
CLIENT6, SERVER6 = bytes.fromhex("fd00") + bytes(13) + b"\1", bytes.fromhex("fd00") + bytes(13) + b"\2"
BGP = (
    "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 43 01 04 da bf 00 b4 0a 0b 0c 0d 26 02 06 01 04 00 01 00 01 02"
    "02 80 00 02 02 02 00 02 02 42 00 02 06 41 04 00 00 da bf 02 08 40 06 00 64 00 01 01 00"
)
BGP_BACK = BGP.replace("da bf 00 b4 0a 0b 0c 0d", "da c0 00 b4 ac 1b 1c 1d").replace("00 00 da bf", "00 00 da c0")
VECTORS = [
    ("4.1.1", "hmac(sha1)", True, 0xFBFBAB5A, 0x11C14261, True,
     "45 e0 00 4c dd 0f 40 00 ff 06 bf 6b 0a 0b 0c 0d ac 1b 1c 1d e9 d7 00 b3 fb fb ab 5a 00 00 00 00 e0 02 ff ff"
     "ca c4 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 00 15 5a b7 00 00 00 00 1d 10 3d 54"
     "2e e4 37 c6 f8 ed e6 d7 c4 d6 02 e7", "6d 63 ef 1b 02 fe 15 09 d4 b1 40 27 07 fd 7b 04 16 ab b7 4f"),
    ("4.1.2", "hmac(sha1)", True, 0xFBFBAB5A, 0x11C14261, False,
     "45 e0 00 4c 65 06 40 00 ff 06 37 75 ac 1b 1c 1d 0a 0b 0c 0d 00 b3 e9 d7 11 c1 42 61 fb fb ab 5b e0 12 ff ff"
     "37 76 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 84 a5 0b eb 00 15 5a b7 1d 10 54 3d"
     "ee ab 0f e2 4c 30 10 81 51 16 b3 be", "d9 e2 17 e4 83 4a 80 ca 2f 3f d8 de 2e 41 b8 e6 79 7f ea 96"),
    ("4.1.3", "hmac(sha1)", True, 0xFBFBAB5A, 0x11C14261, True,
     "45 e0 00 87 36 a1 40 00 ff 06 65 9f 0a 0b 0c 0d ac 1b 1c 1d e9 d7 00 b3 fb fb ab 5b 11 c1 42 62 c0 18 01 04"
     "a1 62 00 00 01 01 08 0a 00 15 5a c1 84 a5 0b eb 1d 10 3d 54 70 64 cf 99 8c c6 c3 15 c2 c2 e2 bf" + BGP,
     "d2 e5 9c 65 ff c7 b1 a3 93 47 65 64 63 b7 0e dc 24 a1 3d 71"),
    ("4.1.4", "hmac(sha1)", True, 0xFBFBAB5A, 0x11C14261, False,
     "45 e0 00 87 1f a9 40 00 ff 06 7c 97 ac 1b 1c 1d 0a 0b 0c 0d 00 b3 e9 d7 11 c1 42 62 fb fb ab 9e c0 18 01 00"
     "40 0c 00 00 01 01 08 0a 84 a5 0b f5 00 15 5a c1 1d 10 54 3d a6 3f 0e cb bb 2e 63 5c 95 4d ea c7" + BGP_BACK,
     "d9 e2 17 e4 83 4a 80 ca 2f 3f d8 de 2e 41 b8 e6 79 7f ea 96"),
    ("4.2.1", "hmac(sha1)", False, 0xCB0EFBEE, 0xACD5B5E1, True,
     "45 e0 00 4c 53 99 40 00 ff 06 48 e2 0a 0b 0c 0d ac 1b 1c 1d ff 12 00 b3 cb 0e fb ee 00 00 00 00 e0 02 ff ff"
     "54 1f 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 00 02 4c ce 00 00 00 00 1d 10 3d 54"
     "80 af 3c fe b8 53 68 93 7b 8f 9e c2", "30 ea a1 56 0c f0 be 57 da b5 c0 45 22 9f b1 0a 42 3c d7 ea"),
    ("4.2.2", "hmac(sha1)", False, 0xCB0EFBEE, 0xACD5B5E1, False,
     "45 e0 00 4c 32 84 40 00 ff 06 69 f7 ac 1b 1c 1d 0a 0b 0c 0d 00 b3 ff 12 ac d5 b5 e1 cb 0e fb ef e0 12 ff ff"
     "38 8e 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 57 67 72 f3 00 02 4c ce 1d 10 54 3d"
     "09 30 6f 9a ce a6 3a 8c 68 cb 9a 70", "b5 b2 89 6b b3 66 4e 81 76 b0 ed c6 e7 99 52 41 01 a8 30 7f"),
    ("4.2.3", "hmac(sha1)", False, 0xCB0EFBEE, 0xACD5B5E1, True,
     "45 e0 00 87 a8 f5 40 00 ff 06 f3 4a 0a 0b 0c 0d ac 1b 1c 1d ff 12 00 b3 cb 0e fb ef ac d5 b5 e2 c0 18 01 04"
     "6c 45 00 00 01 01 08 0a 00 02 4c ce 57 67 72 f3 1d 10 3d 54 71 06 08 cc 69 6c 03 a2 71 c9 3a a5" + BGP,
     "f3 db 17 93 d7 91 0e cd 80 6c 34 f1 55 ea 1f 00 34 59 53 e3"),
    ("4.2.4", "hmac(sha1)", False, 0xCB0EFBEE, 0xACD5B5E1, False,
     "45 e0 00 87 54 37 40 00 ff 06 48 09 ac 1b 1c 1d 0a 0b 0c 0d 00 b3 ff 12 ac d5 b5 e2 cb 0e fc 32 c0 18 01 00"
     "46 b6 00 00 01 01 08 0a 57 67 72 f3 00 02 4c ce 1d 10 54 3d 97 76 6e 48 ac 26 2d e9 ae 61 b4 f9" + BGP_BACK,
     "b5 b2 89 6b b3 66 4e 81 76 b0 ed c6 e7 99 52 41 01 a8 30 7f"),
    ("5.1.1", "cmac(aes128)", True, 0x787A1DDF, 0xFADD6DE9, True,
     "45 e0 00 4c 7b 9f 40 00 ff 06 20 dc 0a 0b 0c 0d ac 1b 1c 1d c4 fa 00 b3 78 7a 1d df 00 00 00 00 e0 02 ff ff"
     "5a 0f 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 00 01 7e d0 00 00 00 00 1d 10 3d 54"
     "e4 77 e9 9c 80 40 76 54 98 e5 50 91", "f5 b8 b3 d5 f3 4f db b6 eb 8d 4a b9 66 0e 60 e3"),
    ("5.1.2", "cmac(aes128)", True, 0x787A1DDF, 0xFADD6DE9, False,
     "45 e0 00 4c 4b ad 40 00 ff 06 50 ce ac 1b 1c 1d 0a 0b 0c 0d 00 b3 c4 fa fa dd 6d e9 78 7a 1d e0 e0 12 ff ff"
     "f3 f2 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 93 f4 e9 e8 00 01 7e d0 1d 10 54 3d"
     "d6 ad a7 bc 4c dd 53 6d 17 69 db 5f", "4b c7 57 1a 48 6f 32 64 bb d8 88 47 40 66 b4 b1"),
    ("5.1.3", "cmac(aes128)", True, 0x787A1DDF, 0xFADD6DE9, True,
     "45 e0 00 87 fb 4f 40 00 ff 06 a0 f0 0a 0b 0c 0d ac 1b 1c 1d c4 fa 00 b3 78 7a 1d e0 fa dd 6d ea c0 18 01 04"
     "95 05 00 00 01 01 08 0a 00 01 7e d0 93 f4 e9 e8 1d 10 3d 54 77 41 27 42 fa 4d c4 33 ef f0 97 3e" + BGP,
     "8c 8a e0 e8 37 1e c5 cb b9 7e a7 9d 90 41 83 91"),
    ("5.1.4", "cmac(aes128)", True, 0x787A1DDF, 0xFADD6DE9, False,
     "45 e0 00 87 b9 14 40 00 ff 06 e3 2b ac 1b 1c 1d 0a 0b 0c 0d 00 b3 c4 fa fa dd 6d ea 78 7a 1e 23 c0 18 01 00"
     "e7 db 00 00 01 01 08 0a 93 f4 e9 e8 00 01 7e d0 1d 10 54 3d f6 d9 65 a7 83 82 a7 48 45 f7 2d ac" + BGP_BACK,
     "4b c7 57 1a 48 6f 32 64 bb d8 88 47 40 66 b4 b1"),
    ("5.2.1", "cmac(aes128)", False, 0x389BED71, 0xD3844A6F, True,
     "45 e0 00 4c f2 2e 40 00 ff 06 aa 4c 0a 0b 0c 0d ac 1b 1c 1d da 1c 00 b3 38 9b ed 71 00 00 00 00 e0 02 ff ff"
     "70 bf 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a 00 01 85 e1 00 00 00 00 1d 10 3d 54"
     "c4 4e 60 cb 31 f7 c0 b1 de 3d 27 49", "2c db ae 13 92 c4 94 49 fa 92 c4 50 97 35 d5 0e"),
    ("5.2.2", "cmac(aes128)", False, 0x389BED71, 0xD3844A6F, False,
     "45 e0 00 4c 6c c0 40 00 ff 06 2f bb ac 1b 1c 1d 0a 0b 0c 0d 00 b3 da 1c d3 84 4a 6f 38 9b ed 72 e0 12 ff ff"
     "e4 45 00 00 02 04 05 b4 01 03 03 08 04 02 08 0a ce 45 98 38 00 01 85 e1 1d 10 54 3d"
     "3a 6a bb 20 7e 49 b1 be 71 36 db 90", "3c e6 7a 55 18 69 50 6b 63 47 b6 33 c5 0a 62 4a"),
    ("5.2.3", "cmac(aes128)", False, 0x389BED71, 0xD3844A6F, True,
     "45 e0 00 87 ee 91 40 00 ff 06 ad ae 0a 0b 0c 0d ac 1b 1c 1d da 1c 00 b3 38 9b ed 72 d3 84 4a 70 c0 18 01 04"
     "88 51 00 00 01 01 08 0a 00 01 85 e1 ce 45 98 38 1d 10 3d 54 75 85 e9 e9 d5 c3 ec 85 7b 96 f8 37" + BGP,
     "03 5b c4 00 a3 41 ff e5 95 f5 9f 58 00 50 06 ca"),
    ("5.2.4", "cmac(aes128)", False, 0x389BED71, 0xD3844A6F, False,
     "45 e0 00 87 6a 21 40 00 ff 06 32 1f ac 1b 1c 1d 0a 0b 0c 0d 00 b3 da 1c d3 84 4a 70 38 9b ed 72 c0 18 01 00"
     "04 49 00 00 01 01 08 0a ce 45 98 38 00 01 85 e1 1d 10 54 3d 5c 04 0f d9 23 33 04 76 5c 09 82 f4" + BGP_BACK,
     "3c e6 7a 55 18 69 50 6b 63 47 b6 33 c5 0a 62 4a"),
    ("6.1.1", "hmac(sha1)", True, 0x176A833F, 0x3F51994B, True,
     "6e 08 91 dc 00 38 06 40 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 fd 00 00 00 00 00 00 00 00 00 00 00"
     "00 00 00 02 f7 e4 00 b3 17 6a 83 3f 00 00 00 00 e0 02 ff ff 47 21 00 00 02 04 05 a0 01 03 03 08 04 02 08 0a"
     "00 41 d0 87 00 00 00 00 1d 10 3d 54 90 33 ec 3d 73 34 b6 4c 5e dd 03 9f",
     "62 5e c0 9d 57 58 36 ed c9 b6 42 84 18 bb f0 69 89 a3 61 bb"),
    ("6.1.2", "hmac(sha1)", True, 0x176A833F, 0x3F51994B, False,
     "6e 01 00 9e 00 38 06 40 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 fd 00 00 00 00 00 00 00 00 00 00 00"
     "00 00 00 01 00 b3 f7 e4 3f 51 99 4b 17 6a 83 40 e0 12 ff ff bf ec 00 00 02 04 05 a0 01 03 03 08 04 02 08 0a"
     "bd 33 12 9b 00 41 d0 87 1d 10 54 3d f1 cb a3 46 c3 52 61 63 f7 1f 1f 55",
     "e4 a3 7a da 2a 0a fc a8 71 14 34 91 3f e1 38 c7 71 eb cb 4a"),
]  # fmt: skip


def ao(ext, end, peer, port, peer_port, sndid, rcvid, **options):
    key = MasterKey(peer, 8 * len(peer), sndid, rcvid, b"testvector", **options)
    return AoAuth(ext, end, peer, port, peer_port, [key], None, None, AoCounts(), False), key


@pytest.mark.parametrize("vector", VECTORS, ids=[vector[0] for vector in VECTORS])
def test_rfc9235_worked_examples(vector):
    _, algorithm, covered, client_isn, server_isn, outward, octets, traffic_key = vector
    buf = bytearray(bytes.fromhex(octets))
    packet = Packet(buf, 0, len(buf))
    packet.l4 = 20 if buf[0] >> 4 == 4 else 40
    seg = Segment()
    assert seg.parse(packet) and seg.auth == OPT_AO
    client, server = (CLIENT, SERVER) if packet.l4 == 20 else (CLIENT6, SERVER6)
    options = {"algorithm": algorithm, "exclude_options": not covered}
    ext = Scene().counters.tcp_ext
    if outward:
        auth, key = ao(ext, server, client, seg.dport, seg.sport, 84, 61, **options)
        auth.iss, auth.irs = server_isn, client_isn
    else:
        auth, key = ao(ext, client, server, seg.dport, seg.sport, 61, 84, **options)
        auth.iss, auth.irs = client_isn, server_isn
    ends = client + server if outward else server + client
    ports = seg.sport.to_bytes(2, "big") + seg.dport.to_bytes(2, "big")
    isns = (client_isn, server_isn) if outward else (server_isn, client_isn)
    if seg.flags & SYN and not seg.flags & ACK:
        isns = (client_isn, 0)
    context = ends + ports + b"".join(isn.to_bytes(4, "big") for isn in isns)
    assert key.traffic_key(context) == bytes.fromhex(traffic_key)
    assert auth.accepts(packet, seg) and ext.TCPAOGood == 1
    buf[packet.l4 + 15] ^= 1
    assert not auth.accepts(packet, seg) and ext.TCPAOBad == 1


def test_rfc2385_2_what_the_digest_covers():
    ext = Scene().counters.tcp_ext
    auth = Md5Auth(ext, LOCAL, REMOTE, b"secret")
    buf = bytearray(emit(80, 40000, 1, 2, ACK, 500, bytes(20) + b"\1\1\1\0", b"head"))
    packet = Packet(buf, 0, len(buf))
    packet.l4 = 0
    packet.add_frag(View(b"__tail__", 2, 6))
    auth.sign(packet)
    header = bytes(buf[:20])
    covered = pseudo_header(LOCAL + REMOTE, 20 + 24 + 8) + header + b"headtail" + b"secret"
    assert bytes(buf[20:24]) == bytes((1, 1, OPT_MD5, 18))
    assert bytes(buf[24:40]) == hashlib.md5(covered).digest()


def rings(kind, **options):
    mine, theirs = KeyRing(), KeyRing()
    if kind == "md5":
        mine.set_md5(B, 32, b"key")
        theirs.set_md5(A[:3] + b"\0", 24, b"key")
    else:
        mine.add_ao(MasterKey(B, 32, 100, 101, b"key", algorithm=kind, **options))
        theirs.add_ao(MasterKey(A[:3] + b"\0", 24, 101, 100, b"key", algorithm=kind, **options))
    return mine, theirs


def connected(pair, mine, theirs):
    settings, listening = Settings(), Settings()
    settings.keys, listening.keys = mine, theirs
    listener = pair.b.listen(Owner(), pair.b.bind(b"", 179, 4, 1), 10, listening)
    tcb = pair.a.connect(Owner(), None, B, 179, settings, pair.now)
    pair.run(ms=100)
    return tcb, listener.accept(pair.now)


KINDS = ["md5", "hmac(sha1)", "hmac(sha256)", "cmac(aes128)"]


@pytest.mark.parametrize("kind", KINDS)
def test_signed_ends_talk_over_loss_and_wrap(kind):
    pair = Pair(loss=0.02, reorder=0.02, seed=b"auth")
    tcb, child = connected(pair, *rings(kind))
    for _ in range(50):
        pair.run(ms=100)
    assert tcb.state == ESTABLISHED and child is not None and child.state == ESTABLISHED
    sent = bytes(range(256)) * 1000
    got = bytearray()
    left = sent
    for _ in range(600):
        left = left[tcb.send(left, pair.now) :]
        pair.run(ms=50)
        got += child.recv(1 << 20, False, pair.now) or b""
        if len(got) == len(sent):
            break
    assert got == sent
    ext = pair.b.ext
    assert ext.TCPAOBad == ext.TCPMD5Failure == ext.TCPMD5NotFound == ext.TCPAORequired == 0
    tcb.close(pair.now)
    child.close(pair.now)
    pair.run(s=200)
    assert pair.leaves_nothing()


@pytest.mark.parametrize("kind", KINDS)
def test_another_key_gets_no_answer(kind):
    pair = Pair()
    mine, theirs = rings(kind)
    for key in mine.md5 + mine.ao:
        key.secret = b"other"
    tcb, child = connected(pair, mine, theirs)
    pair.run(s=200)
    assert child is None and tcb.state == CLOSED
    assert pair.b.ext.TCPMD5Failure + pair.b.ext.TCPAOBad == 11 and pair.b.mib.OutSegs == 0


@pytest.mark.parametrize("kind", ["md5", "hmac(sha1)"])
def test_unsigned_segments_of_a_signed_peer_are_dropped_in_silence(kind):
    pair = Pair()
    tcb, child = connected(pair, None, rings(kind)[1])
    pair.run(s=10)
    assert child is None and tcb.state == SYN_SENT and pair.b.mib.OutSegs == 0
    assert pair.b.ext.TCPMD5NotFound + pair.b.ext.TCPAORequired > 0


@pytest.mark.parametrize("kind", ["md5", "hmac(sha1)"])
def test_signed_segments_nobody_has_a_key_for_are_dropped_in_silence(kind):
    pair = Pair()
    tcb, child = connected(pair, rings(kind)[0], None)
    pair.run(s=10)
    assert child is None and tcb.state == SYN_SENT and pair.b.mib.OutSegs == 0
    assert pair.b.ext.TCPMD5Unexpected + pair.b.ext.TCPAOKeyNotFound > 0


@pytest.mark.parametrize("kind", ["md5", "hmac(sha1)"])
def test_a_reset_without_signature_ends_nothing_and_ours_are_signed(kind):
    pair = Pair()
    tcb, child = connected(pair, *rings(kind))
    rst = emit(tcb.local_port, 179, tcb.snd_nxt, 0, RST, 0)
    packet = Packet(bytearray(A + B + rst), 0, 8 + len(rst))
    packet.addr_off, packet.addr_len, packet.l4, packet.csum = 0, 4, 8, 1
    pair.b.receive(packet, pair.now)
    assert child.state == ESTABLISHED
    tcb.abort(pair.now)
    pair.run(ms=100)
    assert child.state == CLOSED


def test_a_listener_signs_the_reset_for_a_segment_it_does_not_know():
    pair = Pair()
    tcb, child = connected(pair, *rings("md5"))
    pair.b.forget(child)
    tcb.send(b"hello", pair.now)
    pair.run(ms=100)
    assert tcb.state == CLOSED and tcb.take_error() != 0


def test_time_wait_keeps_its_key():
    pair = Pair()
    tcb, child = connected(pair, *rings("md5"))
    tcb.close(pair.now)
    pair.run(ms=50)
    child.close(pair.now)
    pair.run(ms=100)
    waiting = next(x for x in pair.a.tcbs() if x.state == TIME_WAIT)
    assert isinstance(waiting.auth, Md5Auth)


@pytest.mark.parametrize("kind", ["md5", "hmac(sha1)"])
def test_every_wire_segment_has_a_signature_of_its_own(kind):
    pair = Pair(whole=True)
    tcb, child = connected(pair, *rings(kind))
    tcb.send(bytes(10_000), pair.now)
    flying = [packet for _, _, dst, packet in pair.flying if dst == B]
    assert len(flying) >= 7 and not any(packet.gso_size for packet in flying)
    room = 20 if kind == "md5" else 16
    assert tcb.mss == 1460 - room - (12 if tcb.ts_ok else 0)
    pair.run(ms=200)
    assert child.available() == 10_000


def test_md5_and_timestamps_do_not_fit_one_syn():
    pair = Pair()
    tcb, child = connected(pair, *rings("md5"))
    assert not tcb.ts_ok and tcb.sack_ok and not child.ts_ok
    tcb.send(b"x" * 3000, pair.now)
    child.send(b"y" * 3000, pair.now)
    pair.run(ms=200)
    assert child.available() == tcb.available() == 3000


def test_sack_blocks_take_the_room_a_signature_leaves():
    scene = Scene()
    peer = scene.peer()
    settings = Settings()
    settings.keys = KeyRing()
    settings.keys.set_md5(REMOTE, 32, b"key")
    listener = scene.listen(settings=settings)
    signer = Md5Auth(scene.counters.tcp_ext, REMOTE, LOCAL, b"key")
    isn = peer.isn

    def send(flags, seq, ack, payload=b"", options=b""):
        octets = emit(40000, 80, (isn + seq) & 0xFFFFFFFF, ack, flags, 5000, bytes(20) + options, payload)
        packet = Packet(bytearray(octets), 0, len(octets))
        packet.l4 = 0
        signer.sign(packet)
        peer.send_octets(bytes(packet.buf))

    send(SYN, 0, 0, options=b"\2\4\5\xb4\4\2\1\1")
    answer = peer.expect(SYN | ACK)
    send(ACK, 1, (answer.raw_seq + 1) & 0xFFFFFFFF)
    tcb = listener.accept(scene.now)
    for hole in range(5):
        send(ACK, 11 + 20 * hole, (answer.raw_seq + 1) & 0xFFFFFFFF, b"x" * 10)
    sent = peer.drain()[-1]
    assert len(sent.sack) == 2 and len(sent.options) == 40 and sent.options[2] == OPT_MD5
    assert tcb.ofo.memory > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_handshake_may_come_by_a_cookie(kind):
    pair = Pair()
    pair.b.context.sysctl.set("net.ipv4.tcp_syncookies", 2)
    tcb, child = connected(pair, *rings(kind))
    assert pair.b.ext.SyncookiesRecv == 1 and child.state == ESTABLISHED and child.auth is not None
    # MD5's client leaves timestamps out of its SYN for SACK; then a cookie brings back nothing but the MSS.
    stamped = kind != "md5"
    assert child.ts_ok == child.sack_ok == child.wscale_ok == stamped
    assert (tcb.ts_ok, tcb.sack_ok, tcb.wscale_ok) == (stamped, stamped, stamped)
    if stamped:
        assert child.auth.iss == tcb.auth.irs == child.iss and child.auth.irs == tcb.auth.iss == tcb.iss
    tcb.send(b"x" * 30000, pair.now)
    child.send(b"y" * 30000, pair.now)
    pair.run(ms=2000)
    assert child.available() == tcb.available() == 30000


def test_a_cookie_with_ao_answers_with_the_keys_its_ack_asks_for():
    pair = Pair()
    pair.b.context.sysctl.set("net.ipv4.tcp_syncookies", 2)
    mine, theirs = KeyRing(), KeyRing()
    for number in (1, 2):
        mine.add_ao(MasterKey(B, 32, number, 10 + number, b"key %d" % number))
        theirs.add_ao(MasterKey(A, 32, 10 + number, number, b"key %d" % number))
    mine.current, mine.rnext = mine.ao[0], mine.ao[1]
    _, child = connected(pair, mine, theirs)
    assert child.auth.rnext.rcvid == 1 and child.auth.current.sndid == 12


@pytest.mark.parametrize("kind", ["md5", "hmac(sha1)"])
def test_a_cookie_that_is_not_signed_with_the_key_opens_nothing_and_is_not_answered(kind):
    scene = Scene(tcp_syncookies=2)
    settings = Settings()
    settings.keys = KeyRing()
    if kind == "md5":
        settings.keys.set_md5(REMOTE, 32, b"key")
    else:
        settings.keys.add_ao(MasterKey(REMOTE, 32, 1, 2, b"key"))
    listener = scene.listen(settings=settings)
    peer, ext = scene.peer(), scene.counters.tcp_ext
    listener.cookies_until = scene.now + 1
    cookie = scene.tcp.cookies.sequence(make_key(REMOTE, LOCAL, 40000, 80), peer.isn, 1460, scene.now)
    peer.send_octets(emit(40000, 80, (peer.isn + 1) & 0xFFFFFFFF, (cookie + 1) & 0xFFFFFFFF, ACK, 5000, b"", b""))
    peer.expect_nothing()
    assert listener.accept(scene.now) is None and ext.SyncookiesRecv == 0
    assert ext.TCPMD5NotFound + ext.TCPAORequired == 1


@pytest.mark.parametrize(("first", "second"), [(12, 16), (16, 12)])
def test_a_key_with_longer_signatures_leaves_less_room_for_text(first, second):
    pair = Pair()
    mine, theirs = KeyRing(), KeyRing()
    for number, maclen in ((1, first), (2, second)):
        mine.add_ao(MasterKey(B, 32, number, 10 + number, b"key %d" % number, maclen=maclen))
        theirs.add_ao(MasterKey(A, 32, 10 + number, number, b"key %d" % number, maclen=maclen))
    tcb, child = connected(pair, mine, theirs)
    assert child.settings.keys is not None
    tcb.send(bytes(3000), pair.now)
    child.settings.keys.rnext = child.settings.keys.ao[1]
    child.settings_changed(pair.now)
    child.send(b"this way", pair.now)
    pair.run(ms=300)
    tcb.send(bytes(20000), pair.now)
    assert tcb.auth.current is mine.ao[1] and tcb.mss == 1500 - 40 - tcb.auth.room
    for _, _, _, packet in pair.flying:
        assert packet.tail - packet.l4 + packet.frags_len + 20 <= 1500 or packet.gso_size
    pair.run(ms=3000)
    assert child.available() == 23000


def test_ao_keys_rotate_when_the_peer_asks():
    pair = Pair()
    mine, theirs = KeyRing(), KeyRing()
    for number in (1, 2):
        mine.add_ao(MasterKey(B, 32, number, 10 + number, b"key %d" % number))
        theirs.add_ao(MasterKey(A, 32, 10 + number, number, b"key %d" % number))
    tcb, child = connected(pair, mine, theirs)
    assert tcb.auth.current.sndid == 1 and child.auth.current.sndid == 11
    child.settings.keys.rnext = child.settings.keys.ao[1]
    child.settings_changed(pair.now)
    child.send(b"ask", pair.now)
    pair.run(ms=300)
    assert tcb.auth.current.sndid == 2
    before = child.auth.keys[1].good
    tcb.send(b"with the new key", pair.now)
    pair.run(ms=300)
    assert child.available() == 16 and child.auth.keys[1].good > before


def test_the_sequence_number_extension_makes_an_old_segment_useless():
    ext = Scene().counters.tcp_ext
    one, key = ao(ext, LOCAL, REMOTE, 1, 2, 7, 7)
    other, _ = ao(ext, REMOTE, LOCAL, 2, 1, 7, 7)
    one.iss = one._said = other.irs = other._heard = 0xFFFFFF00
    other.iss = one.irs = 5
    other._met = one._met = True

    def made(seq):
        buf = bytearray(emit(1, 2, seq & 0xFFFFFFFF, 6, ACK, 0, bytes(16), b"text"))
        packet = Packet(buf, 0, len(buf))
        packet.l4 = 0
        one.sign(packet)
        return packet

    def takes(packet):
        seg = Segment()
        assert seg.parse(packet)
        return other.accepts(packet, seg)

    first = made(0xFFFFFF80)
    assert takes(first)
    after = made(0x1_0000_0080)
    assert takes(after)
    # Again, as a retransmission would be, on the other side of the wrap.
    assert takes(made(0xFFFFFF80))
    for step in range(1, 9):
        assert takes(made(step << 29))
    assert takes(made(0x1_FFFF_FF00))
    assert not takes(first)
    assert one.current is key


def test_rfc5925_7_8_icmp_cannot_end_an_ao_connection():
    ext = Scene().counters.tcp_ext
    auth, _ = ao(ext, LOCAL, REMOTE, 1, 2, 7, 7)
    assert [code for code in range(16) if auth.ignores_icmp(3, code)] == [2, 3, 4] and ext.TCPAODroppedIcmps == 3
    assert not auth.ignores_icmp(11, 0)
    auth6, _ = ao(ext, CLIENT6, SERVER6, 1, 2, 7, 7)
    assert [code for code in range(16) if auth6.ignores_icmp(1, code)] == [1, 4] and not auth6.ignores_icmp(3, 3)
    auth.accept_icmps = True
    assert not auth.ignores_icmp(3, 3)


def test_an_old_syn_played_again_does_not_move_the_isn():
    pair = Pair()
    tcb, child = connected(pair, *rings("hmac(sha1)"))
    old, _ = ao(pair.b.ext, A, B, tcb.local_port, 179, 100, 101)
    old.keys[0].secret = b"key"
    buf = bytearray(A + B + emit(tcb.local_port, 179, 77, 0, SYN, 100, bytes(16)))
    packet = Packet(buf, 0, len(buf))
    packet.addr_off, packet.addr_len, packet.l4, packet.csum = 0, 4, 8, 1
    old.sign(packet)
    pair.b.receive(packet, pair.now)
    assert child.state == ESTABLISHED and child.auth.irs == tcb.iss
    tcb.send(b"still", pair.now)
    pair.run(ms=100)
    assert child.available() == 5


def test_key_rings_refuse_as_linux_does():
    ring = KeyRing()
    ring.set_md5(A, 32, b"one")
    with pytest.raises(OSError) as caught:
        ring.add_ao(MasterKey(A, 32, 1, 1, b"x"))
    assert caught.value.errno == EKEYREJECTED
    ring.add_ao(MasterKey(B, 32, 1, 1, b"x"))
    with pytest.raises(OSError) as caught:
        ring.set_md5(B, 32, b"x")
    assert caught.value.errno == EKEYREJECTED
    with pytest.raises(OSError) as caught:
        ring.add_ao(MasterKey(B, 32, 1, 2, b"x"))
    assert caught.value.errno == EEXIST
    with pytest.raises(OSError) as caught:
        ring.drop_md5(B, 32)
    assert caught.value.errno == ENOENT
    with pytest.raises(OSError) as caught:
        MasterKey(A, 32, 1, 1, b"x", algorithm="md4")
    assert caught.value.errno == ENOENT
    with pytest.raises(OSError) as caught:
        ring.check_connect(REMOTE)
    assert caught.value.errno == EKEYREJECTED
    ring.check_connect(A)
    required = KeyRing()
    required.ao_required = True
    with pytest.raises(OSError) as caught:
        required.check_connect(A)
    assert caught.value.errno == EKEYREJECTED
    ring.set_md5(bytes(4), 0, b"any")
    ring.set_md5(A[:2] + bytes(2), 16, b"wide")
    assert ring.md5_for(A).secret == b"one" and ring.md5_for(A[:3] + b"\x09").secret == b"wide"


def test_cmac_without_cryptography_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(OSError, match=r"usernet\[ao\]") as caught:
        MasterKey(A, 32, 1, 1, b"x", algorithm="cmac(aes128)")
    assert caught.value.errno == ENOENT


def test_fins_are_signed_too():
    pair = Pair()
    tcb, child = connected(pair, *rings("hmac(sha1)"))
    child.shutdown_send(pair.now)
    pair.run(ms=100)
    assert tcb.rcv_fin


@pytest.mark.parametrize(
    "options",
    [
        bytes((OPT_AO, 4, 1, 1)),
        bytes((OPT_AO, 3, 1, 1)),
        bytes((OPT_AO, 2, 1, 1)),
        bytes((OPT_MD5, 17)) + bytes(15) + b"\1\1\1",
        (bytes((OPT_MD5, 18)) + bytes(16)) * 2,
        bytes((OPT_AO, 16, 1, 1)) + bytes(12) + bytes((OPT_MD5, 18)) + bytes(16),
        bytes((OPT_AO, 16, 1, 1)) + bytes(12) + bytes((OPT_AO, 16, 1, 1)) + bytes(12),
    ],
    ids=["short", "shorter", "empty", "md5 short", "md5 twice", "ao and md5", "ao twice"],
)
def test_rfc5925_2_2_a_signature_of_illegal_shape_drops_its_segment(options):
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, options=bytes((2, 4, 5, 180)) + options)
    peer.expect_nothing()
    tcb, _ = peer.open_passive(listener)
    peer.send(ACK, seq=1, ack=1, payload=b"x", options=options)
    assert tcb.available() == 0 and scene.counters.tcp_ext.TCPAOBad == 2


@pytest.mark.parametrize("kind", ["md5", "hmac(sha1)"])
def test_a_signed_connection_opens_the_slow_way(kind):
    # A signature leaves no room for a Fast Open cookie, and text of a SYN is signed by nobody here.
    pair = Pair()
    mine, theirs = rings(kind)
    for end in pair.contexts.values():
        end.sysctl.set("net.ipv4.tcp_fastopen", 0x7 | 0x200 | 0x400)
    settings, listening = Settings(), Settings()
    settings.keys, listening.keys = mine, theirs
    listener = pair.b.listen(Owner(), pair.b.bind(b"", 179, 4, 1), 10, listening)
    tcb = pair.a.connect(Owner(), None, B, 179, settings, pair.now, True)
    assert not tcb.may_open_fast(pair.now) and tcb.open_fast(b"early", pair.now) == 0
    pair.run(ms=100)
    child = listener.accept(pair.now)
    assert tcb.state == ESTABLISHED and child.available() == 0
    tcb.send(b"late", pair.now)
    pair.run(ms=100)
    assert child.available() == 4


SIGNATURES = st.one_of(
    st.binary(max_size=16).map(lambda octets: bytes((OPT_MD5, 18)) + octets.ljust(16, b"\0")),
    st.binary(min_size=2, max_size=34).map(lambda octets: bytes((OPT_AO, 2 + len(octets))) + octets),
    st.binary(max_size=38),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 3), SIGNATURES, st.binary(max_size=50)), max_size=12),
       st.sampled_from(["md5", "hmac(sha1)"]), st.booleans())  # fmt: skip
def test_no_forgery_raises_or_is_taken(segments, kind, connect):
    pair = Pair()
    mine, theirs = rings(kind)
    tcb, child = connected(pair, mine, theirs)
    for flags, offset, options, text in segments:
        port = tcb.local_port if connect else 7777
        octets = emit(port, 179, (child.rcv_nxt + offset) & 0xFFFFFFFF, child.snd_nxt, flags, 500, options[:40], text)
        packet = Packet(bytearray(A + B + octets), 0, 8 + len(octets))
        packet.addr_off, packet.addr_len, packet.l4, packet.csum = 0, 4, 8, 1
        pair.b.receive(packet, pair.now)
    assert child.state == ESTABLISHED and child.available() == 0 and child.ofo.memory == 0
    assert len([x for x in pair.b.tcbs() if x.state != 10]) == 1
    tcb.send(b"honest", pair.now)
    pair.run(ms=300)
    assert child.available() == 6

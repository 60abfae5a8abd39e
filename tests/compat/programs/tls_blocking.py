"""Blocking and non-blocking TLS through SSLContext.wrap_socket; clear text after unwrap; timeouts; ALPN and SNI."""

import select
import socket
import ssl
import threading

import trustme

ca = trustme.CA()
server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ca.issue_cert("localhost").configure_cert(server_context)
server_context.set_alpn_protocols(["h2", "http/1.1"])
names = []
server_context.sni_callback = lambda sock, name, context: names.append((type(sock).__name__, name))
client_context = ssl.create_default_context()
ca.configure_trust(client_context)
client_context.set_alpn_protocols(["http/1.1"])
BULK = bytes(range(256)) * 8192


def serve(listener, count):
    for _ in range(count):
        sock, _ = listener.accept()
        with server_context.wrap_socket(sock, server_side=True) as tls:
            size = int.from_bytes(tls.recv(4), "big")
            data = bytearray(size)
            view = memoryview(data)
            done = 0
            while done < size:
                done += tls.recv_into(view[done:])
            tls.sendall(data)
            clear = tls.unwrap()
            clear.sendall(b"clear text")
            clear.close()


def fetch(tls):
    tls.sendall(len(BULK).to_bytes(4, "big") + BULK)
    received = b""
    while len(received) < len(BULK):
        received += tls.read(65536)
    assert received == BULK


with socket.create_server(("127.0.0.1", 0)) as listener:
    address = listener.getsockname()
    thread = threading.Thread(target=serve, args=(listener, 2))
    thread.start()

    with client_context.wrap_socket(socket.create_connection(address, 100), server_hostname="localhost") as tls:
        assert tls.version() == "TLSv1.3", tls.version()
        assert tls.selected_alpn_protocol() == "http/1.1"
        assert tls.getpeercert()["subjectAltName"] == (("DNS", "localhost"),)
        assert tls.cipher() and tls.pending() == 0
        fetch(tls)
        clear = tls.unwrap()
        assert clear.makefile("rb").read() == b"clear text"

    sock = socket.create_connection(address)
    sock.setblocking(False)
    with client_context.wrap_socket(sock, server_hostname="localhost", do_handshake_on_connect=False) as tls:

        def retry(call, *args):
            while True:
                try:
                    return call(*args)
                except ssl.SSLWantReadError:
                    select.select([tls], [], [], 100)
                except ssl.SSLWantWriteError:
                    select.select([], [tls], [], 100)

        retry(tls.do_handshake)
        retry(tls.send, len(BULK).to_bytes(4, "big"))
        sent = retry(tls.send, BULK)
        assert sent == len(BULK), sent
        received = b""
        while len(received) < len(BULK):
            received += retry(tls.recv, 65536)
        assert received == BULK
        retry(tls.unwrap)
    thread.join()
    assert names == [("SSLSocket", "localhost")] * 2, names

    with socket.create_connection(address) as sock:
        sock.settimeout(0.05)
        try:
            client_context.wrap_socket(sock, server_hostname="localhost")
        except TimeoutError as error:
            assert "handshake operation timed out" in str(error), error
        else:
            raise AssertionError("shook hands with nobody")

    # A socket of the kernel, wrapped by the same context.
    a, b = socket.socketpair()
    thread = threading.Thread(target=lambda: server_context.wrap_socket(b, server_side=True).close())
    thread.start()
    client_context.wrap_socket(a, server_hostname="localhost").close()
    thread.join()
print("ok")

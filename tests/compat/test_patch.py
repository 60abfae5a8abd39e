"""patch() puts a whole process on our stack, and unpatch() takes it back: each case in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

FROM_BEFORE = """
    import asyncio, http.client, select, selectors, socket, socketserver, ssl, sys
    from socket import create_connection, socket as Socket
    from ssl import SSLContext
    import usernet
"""


def run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FROM_BEFORE) + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_names_bound_before_lead_to_ours() -> None:
    run("""
        real = [socket.socket]
        usernet.patch()
        assert Socket is socket.socket is usernet.socket.socket is not real[0]
        assert create_connection is usernet.socket.create_connection
        assert SSLContext is usernet.ssl.SSLContext
        assert selectors.DefaultSelector is usernet.selectors.EpollSelector
        assert socketserver._ServerSelector is usernet.selectors.PollSelector
        assert http.client.socket is usernet.socket
        loop = asyncio.new_event_loop()
        assert isinstance(loop._selector, usernet.selectors.EpollSelector)
        loop.close()
        import socket as again
        assert again is usernet.socket
    """)


def test_a_second_patch_changes_only_the_stack() -> None:
    run("""
        usernet.patch()
        first = socket
        stack = usernet.Stack("other", usernet.Host("realtime"))
        usernet.patch(stack)
        assert first is socket
        assert usernet.current_stack() is stack
        import threading
        seen = []
        thread = threading.Thread(target=lambda: seen.append(usernet.current_stack()))
        thread.start(); thread.join()
        assert seen == [stack]
    """)


def test_unpatch_takes_everything_back() -> None:
    run("""
        import os
        names = ("_socket", "select", "selectors", "socket", "ssl", "asyncio.base_events", "asyncio.unix_events")
        def bound():
            return [sys.modules[name] for name in names], Socket, SSLContext, os.close, asyncio.SelectorEventLoop
        before = bound()
        usernet.patch()
        assert Socket is not before[1]
        usernet.unpatch()
        assert bound() == before
        assert socket.socket is Socket
        with Socket() as sock:
            assert sock.fileno() < 1 << 30
    """)


def test_uvloop_cannot_be_imported() -> None:
    run("""
        usernet.patch()
        try:
            import uvloop
        except ImportError:
            pass
        else:
            raise AssertionError
    """)


def test_a_policy_made_before_is_replaced() -> None:
    run("""
        asyncio.get_event_loop_policy()
        usernet.patch()
        loop = asyncio.new_event_loop()
        assert isinstance(loop._selector, usernet.selectors.EpollSelector)
        loop.close()
    """)


def test_a_context_made_before_wraps_our_sockets() -> None:
    run("""
        import threading, trustme
        ca = trustme.CA()
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        client = ssl.create_default_context()
        usernet.patch()
        ca.issue_cert("localhost").configure_cert(server)
        ca.configure_trust(client)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                with server.wrap_socket(listener.accept()[0], server_side=True) as tls:
                    tls.sendall(b"hello")
            thread = threading.Thread(target=serve)
            thread.start()
            sock = socket.create_connection(listener.getsockname())
            with client.wrap_socket(sock, server_hostname="localhost") as tls:
                assert tls.recv(10) == b"hello"
            thread.join()
    """)


def test_os_functions_know_our_descriptors_and_the_kernels() -> None:
    run("""
        import fcntl, os, stat
        usernet.patch()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            a = socket.create_connection(listener.getsockname())
            b, _ = listener.accept()
        fd = a.fileno()
        assert os.write(fd, b"hello") == 5
        assert os.read(b.fileno(), 10) == b"hello"
        assert stat.S_ISSOCK(os.fstat(fd).st_mode) and not os.isatty(fd)
        assert os.get_blocking(fd)
        os.set_blocking(fd, False)
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
        os.set_inheritable(fd, True)
        assert os.get_inheritable(fd) and fcntl.fcntl(a, fcntl.F_GETFD) == 0
        copy = os.dup(fd)
        os.close(copy)
        a.detach()
        os.close(fd)
        assert b.recv(10) == b""
        b.close()
        read, write = os.pipe()
        assert os.write(write, b"x") == 1 and os.read(read, 1) == b"x"
        os.close(read); os.close(write)
        try:
            os.read(fd, 1)
        except OSError as error:
            assert error.errno == 9
        else:
            raise AssertionError
    """)


def test_fcntl_and_ioctl_of_the_kernels_descriptors_go_to_the_kernel() -> None:
    run("""
        import fcntl, os, termios
        usernet.patch()
        reader, writer = os.pipe()
        os.write(writer, b"four")
        assert int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), "little") == 4
        assert fcntl.fcntl(reader, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    """)


def test_sendfile_sends_a_file_on_our_socket() -> None:
    run("""
        import tempfile
        usernet.patch()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            a = socket.create_connection(listener.getsockname())
            b, _ = listener.accept()
        with tempfile.TemporaryFile() as file, a, b:
            file.write(b"0123456789" * 5000)
            file.seek(0)
            assert a.sendfile(file, 10, 40000) == 40000
            a.shutdown(socket.SHUT_WR)
            assert b.makefile("rb").read() == b"0123456789" * 4000
    """)


def test_sendfile_leaves_a_file_where_the_socket_stopped() -> None:
    run("""
        import errno, os, tempfile
        usernet.patch()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            a = socket.create_connection(listener.getsockname())
            b, _ = listener.accept()
        a.setblocking(False)
        with tempfile.TemporaryFile() as file, a, b:
            file.write(b"x" * 40_000_000)
            file.seek(0)
            sent = 0
            try:
                while True:
                    sent += os.sendfile(a.fileno(), file.fileno(), None, 1 << 20)
                    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == sent
            except BlockingIOError:
                assert 0 < sent < 40_000_000
            assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == sent
            pipe = os.pipe()
            try:
                os.sendfile(a.fileno(), pipe[0], None, 10)
            except OSError as error:
                assert error.errno == errno.EINVAL
            else:
                raise AssertionError
    """)


def test_a_forked_child_has_no_part_in_its_parents_connections() -> None:
    run("""
        import os
        usernet.patch()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            a = socket.create_connection(listener.getsockname())
            b, _ = listener.accept()
        kernel, _ = socket.socketpair()
        child = os.fork()
        if not child:
            try:
                a.send(b"x")
            except OSError as error:
                fresh = socket.socket()
                os._exit(error.errno if kernel.fileno() >= 0 and fresh.fileno() >= 1 << 30 else 1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        a.sendall(b"the parent goes on")
        assert b.recv(100) == b"the parent goes on"
        for sock in (a, b, kernel, _):
            sock.close()
    """)


def test_subprocess_still_works() -> None:
    run("""
        usernet.patch()
        import subprocess
        assert subprocess.run(["cat"], input=b"x", capture_output=True).stdout == b"x"
    """)


def test_constants_pickle_by_name() -> None:
    run("""
        import pickle
        usernet.patch()
        assert pickle.loads(pickle.dumps(socket.AF_INET)) is socket.AF_INET
    """)


@pytest.mark.parametrize("module", ["requests", "httpx", "aiohttp"])
def test_libraries_imported_before_are_moved_over(module: str) -> None:
    run(f"""
        import http.server, threading
        import {module}
        usernet.patch()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        server.RequestHandlerClass.log_message = lambda *args: None
        threading.Thread(target=server.serve_forever, kwargs={{"poll_interval": 0.05}}).start()
        url = f"http://127.0.0.1:{{server.server_port}}/"
        if {module!r} == "aiohttp":
            async def main():
                async with aiohttp.ClientSession() as session, session.get(url) as response:
                    return response.status
            assert asyncio.run(main()) == 200
        elif {module!r} == "requests":
            with requests.Session() as session:
                session.trust_env = False
                assert session.get(url).status_code == 200
        else:
            assert httpx.get(url, trust_env=False).status_code == 200
        server.shutdown()
        server.server_close()
    """)

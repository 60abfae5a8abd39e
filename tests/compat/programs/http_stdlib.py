"""http.server and http.client, threads, a body larger than every buffer."""

import hashlib
import http.client
import http.server
import threading

BODY = bytes(range(256)) * 16384


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_POST(self):
        digest = hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(digest)))
        self.end_headers()
        self.wfile.write(digest)

    def log_message(self, *args):
        pass


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()

    def fetch(failures):
        try:
            connection = http.client.HTTPConnection("localhost", server.server_port, timeout=100)
            for _ in range(2):
                connection.request("GET", "/")
                assert connection.getresponse().read() == BODY
            connection.request("POST", "/", BODY)
            assert connection.getresponse().read().decode() == hashlib.sha256(BODY).hexdigest()
            connection.close()
        except BaseException as error:
            failures.append(error)

    failures = []
    clients = [threading.Thread(target=fetch, args=(failures,)) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not failures, failures
    server.shutdown()
    thread.join()
print("ok")

"""requests and httpx, clear and TLS, against http.server."""

import http.server
import ssl
import tempfile
import threading

import httpx
import requests
import trustme

ca = trustme.CA()
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ca.issue_cert("localhost").configure_cert(context)
BODY = b"x" * 300000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args):
        pass


for tls in (False, True):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    url = f"{'https' if tls else 'http'}://localhost:{server.server_port}/"
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
        ca.cert_pem.write_to_path(pem.name)
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(2):
                assert session.get(url, verify=pem.name, timeout=100).content == BODY
        with httpx.Client(verify=ssl.create_default_context(cafile=pem.name), trust_env=False, timeout=100) as client:
            assert client.get(url).content == BODY
    server.shutdown()
    thread.join()
    server.server_close()
try:
    requests.get("http://127.0.0.1:9/", timeout=100)
except requests.ConnectionError:
    pass
else:
    raise AssertionError("connected to a closed port")
print("ok")

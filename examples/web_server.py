"""A web server as anybody writes it; nothing in it knows of usernet.

usernet run --publish 8080:80 -- python examples/web_server.py
curl http://127.0.0.1:8080/
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    """Greets whoever asks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say who asked, and what our address is."""
        body = f"Hello {self.client_address[0]}, this is {self.request.getsockname()[0]}.\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 80), Hello).serve_forever()

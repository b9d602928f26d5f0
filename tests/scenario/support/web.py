"""A web server for revocation lists, some of which never come."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """`files`: path to bytes. A path in `slow` is accepted and never answered."""

    def __init__(self, address):
        self.files = {}
        self.slow = set()
        self.asked = []
        self._released = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append(self.path)
                if self.path in web.slow:
                    web._released.wait()
                    return
                content = web.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def do_POST(self):
                """OCSP (RFC 6960 A.1): the question is read, the answer is the path's."""
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{address}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)

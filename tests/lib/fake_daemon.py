# SPDX-License-Identifier: GPL-2.0-or-later
"""fake_daemon - as much of tidemarkd's web.sock as tests of tidemark-web need, and every knob they turn.

Accounts with real yescrypt verifiers, logins that are noted, an event stream that tests feed, and for any other path an
answer that says what arrived: method, path, headers, body.
"""
import json
import os
import queue
import socket
import socketserver
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import crypt

# The lowest cost: tests hash often.
SALT = "$y$j75$"


def verifier(password):
    return crypt.crypt(password, SALT + os.urandom(8).hex())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "unix"

    def answer(self, status, o, headers=()):
        data = json.dumps(o).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def problem(self, status, code, **more):
        self.answer(status, dict(type="about:blank", title="", status=status, code=code, detail=code, **more))

    def handle_any(self):
        d = self.server.daemon_state
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        user, path = self.headers.get("Tidemark-User"), self.path
        with d.lock:
            d.seen.append((self.command, path, dict(self.headers.items()), body))
        if d.delay:
            time.sleep(d.delay)
        parts = path.split("?")[0].split("/")
        if path == "/v1/logins" and self.command == "POST":
            with d.lock:
                d.logins.append(json.loads(body))
            return self.answer(200, {"recorded": True})
        if parts[2] == "users" and len(parts) == 5 and parts[4] == "verifier":
            if user:
                return self.problem(403, "denied")
            a = d.accounts.get(parts[3])
            return self.answer(200, a) if a else self.problem(404, "not-found", accounts=bool(d.accounts))
        if path == "/v1/events" and self.headers.get("Accept") == "text/event-stream":
            return self.stream(d)
        if not user:
            return self.problem(403, "denied")
        if path == "/v1/status":
            return self.answer(200, {"cluster": "berlin"})
        if parts[2] == "users" and self.command == "PUT":
            a = d.accounts.setdefault(parts[3], {"role": "admin", "disabled": False, "last_login": None})
            a.update(json.loads(body))
            return self.answer(200, {"name": parts[3]})
        if parts[2] == "large":
            return self.answer(200, "x" * int(parts[3]))
        if self.headers.get("If-None-Match") == '"r1"':
            self.send_response(304)
            self.send_header("ETag", '"r1"')
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self.answer(200, {"method": self.command, "path": path, "headers": dict(self.headers.items()),
                                 "body": body.decode(errors="replace")},
                           [("ETag", '"r1"'), ("Set-Cookie", "evil=1"), ("Access-Control-Allow-Origin", "*")])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def stream(self, d):
        q = queue.Queue()
        with d.lock:
            d.streams.append(q)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.chunk(":\n\n")
            while True:
                try:
                    text = q.get(timeout=1)
                except queue.Empty:
                    text = ":\n\n"
                if text is None:
                    break
                self.chunk(text)
        except OSError:
            pass
        self.close_connection = True
        with d.lock:
            d.streams.remove(q)

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        request, address = super().get_request()
        with self.daemon_state.lock:
            self.daemon_state.connections.append(request)
        return request, address

    def handle_error(self, request, client_address):
        pass


class FakeDaemon:
    def __init__(self, path, uid=None):
        self.path, self.uid = path, uid
        self.lock = threading.Lock()
        self.seen, self.logins, self.streams, self.connections = [], [], [], []
        self.accounts, self.delay, self.n = {}, 0, 0
        self.server = None
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = Server(self.path, Handler)
        self.server.daemon_state = self
        if self.uid is not None:
            os.chown(self.path, self.uid, -1)
        os.chmod(self.path, 0o600)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """As a daemon that dies: the socket is gone, and every stream ends."""
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
        with self.lock:
            for q in self.streams:
                q.put(None)
            for c in self.connections:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.connections = []

    def account(self, name, password, role="admin", **more):
        self.accounts[name] = dict(verifier=verifier(password), role=role, disabled=False, last_login=None, **more)

    def event(self, kind, o):
        """To every stream; returns how many there are."""
        with self.lock:
            self.n += 1
            text = "id: %d\nevent: %s\ndata: %s\n\n" % (self.n, kind, json.dumps(o, separators=(",", ":")))
            for q in self.streams:
                q.put(text)
            return len(self.streams)

    def requests(self, path):
        with self.lock:
            return [s for s in self.seen if s[1].split("?")[0] == path]

# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP on a unix socket for tests: requests, problems, TAP results. Standard library only."""
import base64
import http.client
import json
import socket
import sys
import time

number, failed = 0, 0


def check(name, good, detail=""):
    """One TAP result."""
    global number, failed
    number += 1
    failed += not good
    if not good and detail != "":
        print("# " + str(detail)[:2000].replace("\n", "\n# "))
    print("%s %d - %s" % ("ok" if good else "not ok", number, name), flush=True)
    return good


def finish():
    print("1..%d" % number)
    sys.exit(1 if failed or not number else 0)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.json = json.loads(body) if body else None

    @property
    def code(self):
        return self.json.get("code") if isinstance(self.json, dict) else None

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:1500])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """@headers go with every request."""

    def __init__(self, path, headers=None, timeout=60, seen=None):
        self.path, self.headers, self.timeout = path, headers or {}, timeout
        self.seen = seen

    def __call__(self, method, path, body=None, **headers):
        con = UnixConnection(self.path, self.timeout)
        all_headers = dict(self.headers)
        all_headers.update({k.replace("_", "-"): v for k, v in headers.items()})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            all_headers.setdefault("Content-Type", "application/json")
        con.request(method, path, body, all_headers)
        r = con.getresponse()
        a = Answer(r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read())
        con.close()
        if self.seen:
            self.seen(method, path, body, a)
        return a


def wait_for(what, seconds=60, every=0.1):
    """Poll until what() is true; its last value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


def b64(data):
    return base64.b64encode(data).decode()

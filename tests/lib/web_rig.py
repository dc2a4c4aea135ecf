# SPDX-License-Identifier: GPL-2.0-or-later
"""web_rig - tidemark-web as it runs, with a fake daemon behind it and a TLS client in front; TAP results.

tidemark-web runs as nobody where the test is root, on a free port, in a directory of its own. Only what is started here is
ended here.
"""
import atexit
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
O = os.path.abspath(os.environ.get("O", os.path.join(TOP, "build")))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
from fake_daemon import FakeDaemon  # noqa: E402

NOBODY = 65534
results = {"n": 0, "failed": 0}


def check(name, ok, note=""):
    results["n"] += 1
    results["failed"] += not ok
    if not ok and note != "":
        print("# " + str(note).replace("\n", "\n# "))
    print("%sok %d %s" % ("" if ok else "not ", results["n"], name), flush=True)
    return ok


def finish():
    print("1..%d" % results["n"])
    sys.exit(1 if results["failed"] else 0)


def wait_for(what, condition, seconds=60):
    """Poll until @condition() is true; its value, or the last one."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            if not value:
                print("# %s: not within %d s" % (what, seconds))
            return value
        time.sleep(0.05)


class Rig:
    def __init__(self, settings=(), assets=None, fake=True):
        self.dir = tempfile.mkdtemp(prefix="tm-web.")
        os.chmod(self.dir, 0o755)
        atexit.register(self.clean)
        # Out of time: the process and the directory go, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.as_root = os.getuid() == 0
        # Where the build is nobody may not be able to look.
        self.program = os.path.join(self.dir, "tidemark-web")
        shutil.copy(os.path.join(O, "tidemark-web"), self.program)
        with open(self.program, "rb") as f:
            self.sanitized = b"__asan_init" in f.read()
        for name in ("run", "state"):
            os.mkdir(os.path.join(self.dir, name))
        if self.as_root:
            os.chown(os.path.join(self.dir, "state"), NOBODY, NOBODY)
        self.sock = os.path.join(self.dir, "run", "web.sock")
        self.daemon = FakeDaemon(self.sock, NOBODY if self.as_root else None) if fake else None
        self.settings, self.assets, self.process, self.given = list(settings), assets, None, None

    def launch(self):
        env = dict(os.environ)
        env.pop("TIDEMARK_WEB_ASSETS", None)
        if self.assets:
            env["TIDEMARK_WEB_ASSETS"] = self.assets
        argv = [self.program, "--runtime-dir", os.path.join(self.dir, "run"), "--state-dir",
                os.path.join(self.dir, "state"), "--set", "web.listen.port=0"]
        for s in self.settings:
            argv += ["--set", s]
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self.as_root else {}
        self.log_path = os.path.join(self.dir, "log")
        at = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        if self.given:
            # As systemd does it: descriptor 3, and the process's own number.
            argv = ["sh", "-c", 'exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"' % self.given.fileno(), "sh"] + argv
            who["pass_fds"] = [self.given.fileno()]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, **who)
        return at

    def refuses_to_start(self):
        self.launch()
        return self.process.wait(60) == 1

    def start(self):
        at = self.launch()
        found = wait_for("tidemark-web listens", lambda: re.search(r"port (\d+);", self.log()[at:]) or
                         self.process.poll() is not None)
        if not found or found is True:
            print("# " + self.log().replace("\n", "\n# "))
            sys.exit("tidemark-web did not start")
        self.port = int(found.group(1))
        self.context = ssl.create_default_context(cafile=self.certificate())
        return self

    def certificate(self):
        path = os.path.join(self.dir, "cert.pem")
        shutil.copy(os.path.join(self.dir, "state", "self-signed.crt"), path)
        return path

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if results["failed"] and os.path.exists(getattr(self, "log_path", "")):
            print("# ---- the last lines of tidemark-web\n# " + self.log()[-3000:].replace("\n", "\n# "))
        shutil.rmtree(self.dir, ignore_errors=True)

    def connect(self, source="127.0.0.1"):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0))
        # As browsers do: a request right behind the handshake does not wait for an acknowledgement.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(raw, server_hostname="localhost")

    def raw(self, data, source="127.0.0.1"):
        """Bytes out, everything that comes back until the other side closes."""
        s = self.connect(source)
        out = b""
        try:
            s.sendall(data)
            while True:
                part = s.recv(65536)
                if not part:
                    break
                out += part
        except (ConnectionError, ssl.SSLError, socket.timeout):
            pass
        s.close()
        return out

    def client(self, source="127.0.0.1"):
        return Client(self, source)

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def code(self):
        return self.json.get("code") if isinstance(self.json, dict) else None

    def __repr__(self):
        return "%d %r %r" % (self.status, dict(self.headers.items()), self.body[:300])


class Client:
    """A browser, or a script that behaves like one: cookie and token once it is logged in."""

    def __init__(self, rig, source):
        self.rig, self.source = rig, source
        self.cookie = self.csrf = None
        self.host = "localhost:%d" % rig.port

    def ask(self, method, path, body=None, headers=None, host=None):
        """@headers over the ones a same-origin page sends; a value None leaves one out."""
        h = {"Host": host or self.host, "Origin": "https://" + (host or self.host), "Sec-Fetch-Site": "same-origin"}
        if method in ("GET", "HEAD"):
            del h["Origin"]
        if self.cookie:
            h["Cookie"] = "__Host-tidemark=" + self.cookie
        if self.csrf and method not in ("GET", "HEAD"):
            h["Tidemark-CSRF"] = self.csrf
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            h["Content-Type"] = "application/json"
        h.update(headers or {})
        h = {k: v for k, v in h.items() if v is not None}
        c = http.client.HTTPSConnection("127.0.0.1", self.rig.port, context=self.rig.context, timeout=60,
                                        source_address=(self.source, 0))
        c.sock = self.rig.connect(self.source)
        try:
            c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in h.items():
                c.putheader(name, value)
            if data is not None and "Transfer-Encoding" not in h and "Content-Length" not in h:
                c.putheader("Content-Length", str(len(data)))
            elif data is None and method in ("POST", "PUT", "PATCH") and "Content-Length" not in h:
                c.putheader("Content-Length", "0")
            c.endheaders(data)
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            c.close()

    def login(self, name="admin", password="correct horse"):
        a = self.ask("POST", "/login", {"name": name, "password": password})
        if a.status == 200:
            self.cookie = re.match(r"__Host-tidemark=([0-9a-f]{64});", a.headers["Set-Cookie"]).group(1)
            self.csrf = a.json["csrf"]
        return a

    def stream(self, last_id=None):
        return Stream(self, last_id)


class Stream:
    """An open event stream; events as (id, type, data)."""

    def __init__(self, client, last_id=None):
        self.sock = client.rig.connect(client.source)
        self.sock.settimeout(60)
        head = ("GET /v1/events HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nSec-Fetch-Site: same-origin\r\n"
                "Cookie: __Host-tidemark=%s\r\n" % (client.host, client.cookie))
        if last_id:
            head += "Last-Event-ID: %s\r\n" % last_id
        self.sock.sendall((head + "\r\n").encode())
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while True:
            line = self.file.readline().decode().strip()
            if not line:
                break
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.rest = ""
        self.over = False

    def more(self):
        """One chunk, or the end."""
        size = self.file.readline()
        n = int(size, 16) if size.strip() else 0
        if not n:
            self.over = True
            return
        self.rest += self.file.read(n).decode()
        self.file.readline()

    def event(self, seconds=60):
        """The next event that has data; None at the end of the stream; of type "timeout" if none comes."""
        end = time.monotonic() + seconds
        while not self.over:
            while "\n\n" in self.rest:
                block, self.rest = self.rest.split("\n\n", 1)
                e = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
                if "data" in e:
                    return e.get("id"), e.get("event"), json.loads(e["data"])
            left = end - time.monotonic()
            if left <= 0:
                return None, "timeout", {}
            self.sock.settimeout(left)
            try:
                self.more()
            except TimeoutError:
                return None, "timeout", {}
            except (ConnectionError, ssl.SSLError):
                self.over = True
        return None

    def until(self, kind, seconds=60):
        """Events up to the first of that type, which is the last of the list."""
        out = []
        while True:
            e = self.event(seconds)
            if e is None:
                return out
            out.append(e)
            if e[1] in (kind, "timeout"):
                return out

    def close(self):
        # The file keeps the socket open otherwise.
        self.file.close()
        self.sock.close()

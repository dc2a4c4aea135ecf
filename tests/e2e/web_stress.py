# SPDX-License-Identifier: GPL-2.0-or-later
"""web_stress [SECONDS] - browsers that come and go at random while events flow and calls are under way.

Streams are opened and cut anywhere, calls are given up while the daemon takes its time, the daemon itself goes and comes back, handshakes
are left half done. At the end everything is answered as before and nothing is left behind. Meant for a build with sanitizers, too:
O=... names it.
"""
import os
import random
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from web_rig import Rig, check, finish, wait_for  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(os.environ.get("SEED", "1"))

rig = Rig()
daemon = rig.daemon
for u in range(8):
    daemon.account("user%d" % u, "a good password")
rig.start()
print("# seed %d" % SEED)
end = time.monotonic() + SECONDS
counts = {"streams": 0, "events": 0, "given up": 0, "answered": 0, "half": 0, "daemon": 0}
lock = threading.Lock()
odd = []


def count(what, n=1):
    with lock:
        counts[what] += n


def browser(n):
    """One person with a nervous hand."""
    r = random.Random(SEED * 1000 + n)
    c = rig.client("127.2.0.%d" % (n + 1))
    while time.monotonic() < end:
        try:
            if not c.cookie or r.random() < 0.02:
                if c.login("user%d" % (n % 8), "a good password").status != 200:
                    time.sleep(0.2)
                    continue
            act = r.random()
            if act < 0.4:
                s = c.stream()
                if s.status == 200:
                    count("streams")
                    for _ in range(r.randrange(6)):
                        if s.event(2) is None:
                            break
                        count("events")
                s.close()
            elif act < 0.6:
                s = c.rig.connect(c.source)
                s.sendall(("GET /v1/policies HTTP/1.1\r\nHost: %s\r\nCookie: __Host-tidemark=%s\r\n\r\n" % (c.host, c.cookie)).encode())
                time.sleep(r.random() * 0.1)
                if r.random() < 0.5:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                s.close()
                count("given up")
            elif act < 0.7:
                raw = socket.create_connection(("127.0.0.1", rig.port), timeout=10, source_address=(c.source, 0))
                raw.sendall(os.urandom(r.randrange(200)) if r.random() < 0.5 else b"\x16\x03\x01\x02\x00\x01")
                time.sleep(r.random() * 0.05)
                raw.close()
                count("half")
            elif act < 0.75:
                c.ask("POST", "/logout")
                c.cookie = None
            else:
                a = c.ask(r.choice(("GET", "POST")), "/v1/policies/web", {} if r.random() < 0.5 else None)
                if a.status not in (200, 400, 401, 403, 429, 503):
                    odd.append(a)
                if a.status == 401:
                    c.cookie = None
                count("answered")
        except (OSError, ssl.SSLError, ValueError, IndexError):
            # Cut by ourselves in the middle of something, or the daemon was.
            pass


def events():
    r = random.Random(SEED)
    n = 0
    while time.monotonic() < end:
        for _ in range(r.randrange(20)):
            n += 1
            daemon.event("policy", {"n": n, "fill": "x" * r.randrange(3000)})
        time.sleep(r.random() * 0.05)


def trouble():
    r = random.Random(SEED + 1)
    while time.monotonic() < end:
        daemon.delay = r.choice((0, 0, 0.05, 0.2))
        time.sleep(1 + r.random() * 2)
        if r.random() < 0.3:
            daemon.stop()
            time.sleep(r.random())
            daemon.start()
            count("daemon")
    daemon.delay = 0


threads = [threading.Thread(target=browser, args=(n,)) for n in range(24)]
threads += [threading.Thread(target=events), threading.Thread(target=trouble)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("# " + ", ".join("%s: %d" % kv for kv in counts.items()))
check("much happened", counts["streams"] > 20 and counts["events"] > 50 and counts["given up"] > 10 and counts["answered"] > 50, counts)
check("every answer was one of those that can be", not odd, odd[:3])
check("tidemark-web lives", rig.process.poll() is None)


def login_again():
    c = rig.client("127.2.1.1")
    return c if c.login("user0", "a good password").status == 200 else None


me = wait_for("a login", login_again)
check("it answers as before", me and me.ask("GET", "/v1/status").status == 200)
s = me.stream()
s.event()
wait_for("the daemon's stream", lambda: daemon.event("run", {"last": 1}) == 1)
daemon.event("run", {"last": 2})
e = s.event()
while e and e[2].get("last") != 2 and e[1] != "timeout":
    e = s.event()
check("events arrive as before", e and e[2].get("last") == 2, e)
s.close()
check("no descriptor is left behind", wait_for("few descriptors", lambda: len(os.listdir("/proc/%d/fd" % rig.process.pid)) < 80),
      len(os.listdir("/proc/%d/fd" % rig.process.pid)))
check("it stops in order", rig.stop() == 0)
finish()

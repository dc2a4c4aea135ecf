# SPDX-License-Identifier: GPL-2.0-or-later
"""web_stream [CLIENTS [SECONDS]] - events from one daemon to many browsers.

Order, replay, gaps, restarts of the daemon, sessions that end, slow readers; then CLIENTS (200) streams at once with 50 policies
that change, and what that costs.
"""
import os
import select
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from web_rig import Rig, check, finish, wait_for  # noqa: E402

CLIENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5

rig = Rig()
daemon = rig.daemon
daemon.account("admin", "correct horse")
daemon.account("bob", "a good password", role="viewer")
rig.start()
me = rig.client()
me.login()


def upstream():
    return wait_for("a stream to the daemon", lambda: len(daemon.streams) == 1)


def read_to(stream, n):
    """Up to the event with that number, or up to a gap; False at the end of the stream."""
    while True:
        e = stream.event()
        if e is None or e[1] in ("resync", "timeout") or e[2].get("n") == n:
            return e is not None and e[1] != "timeout"


# ---- one

check("a stream needs a login", rig.client().ask("GET", "/v1/events", headers={"Accept": "text/event-stream"}).status == 401)
check("while somebody is logged in, there is one stream to the daemon", upstream())
s = me.stream()
check("it is an event stream that nobody keeps", s.status == 200 and s.headers["content-type"] == "text/event-stream" and
      s.headers["cache-control"] == "no-store" and "content-security-policy" in s.headers, s.headers)
first = s.event()
check("first comes hello, with an id", first[1] == "hello" and first[0], first)
wait_for("the daemon's stream is live", lambda: rig.log() is not None and len(daemon.streams) == 1)
# The stream to the daemon may have become live just now: that is a resync.
time.sleep(0.5)
daemon.event("policy", {"name": "a\nb<script>", "n": 1})
got = s.until("policy")
check("an event arrives as it was sent", got[-1][2] == {"name": "a\nb<script>", "n": 1}, got)
for i in range(100):
    daemon.event("run", {"n": i})
got = [s.event() for _ in range(100)]
check("a hundred arrive in order", [e[2].get("n") for e in got] == list(range(100)), got[:3])
ids = [e[0] for e in got]
check("each has an id of its own", len(set(ids)) == 100)
big = "x" * 200000
daemon.event("policy", {"big": big})
e = s.event()
check("also a large one", e[2].get("big") == big)
daemon.event("policy", {"big": "x" * 300000})
e = s.event()
check("one that is too large is a gap, and told", e[1] == "resync", e[:2])

# ---- again

daemon.event("run", {"n": "a"})
mark = s.until("run")[-1][0]
s.close()
for i in range(5):
    daemon.event("run", {"n": i})
time.sleep(0.3)
s = me.stream(last_id=mark)
got = s.until("run")
got += [s.event() for _ in range(4)]
check("after a pause nothing is missing and nothing twice", [e[2].get("n") for e in got if e[1] == "run"] == list(range(5)), got)
for bad in ("1", "ffffffff-1", "", "x" * 100, ids[0].split("-")[0] + "-999999999"):
    t = me.stream(last_id=bad or "-")
    kinds = [t.event()[1], t.event()[1]]
    check("an id that is not ours is a gap: %r" % bad[:20], kinds == ["hello", "resync"], kinds)
    t.close()
for i in range(1100):
    daemon.event("run", {"n": i})
read_to(s, 1099)
t = me.stream(last_id=mark)
kinds = [t.event()[1], t.event()[1]]
check("who missed more than the ring holds is told so", kinds == ["hello", "resync"], kinds)
t.close()

# ---- the daemon

daemon.stop()
got = s.until("daemon")
check("that the daemon is away is told", got and got[-1][2] == {"connected": False}, got)
a = me.ask("GET", "/v1/status")
check("and a request says it, too", a.status == 503 and a.code == "daemon-unreachable", a)
t = me.stream()
check("a new stream says it at once", t.event()[2] == {"daemon": False})
daemon.start()
got = s.until("daemon")
check("it comes back: everything is loaded anew", [e[1] for e in got] == ["resync", "daemon"] and
      got[-1][2] == {"connected": True}, got)
daemon.event("run", {"n": "again"})
check("and events go on", s.until("run")[-1][2] == {"n": "again"} and t.until("run")[-1][2] == {"n": "again"})
t.close()

# ---- sessions

bob = rig.client("127.0.0.2")
bob.login("bob", "a good password")
b = bob.stream()
b.event()
bob.ask("POST", "/logout")
check("a logout ends the streams of that session", b.event(60) is None)
daemon.event("run", {"n": "still"})
check("and no other's", s.until("run")[-1][2] == {"n": "still"})
bob.login("bob", "a good password")
b = bob.stream()
b.event()
del daemon.accounts["bob"]
check("so does the end of the account", b.until("nothing", 60) is not None and b.over)
many = [me.stream() for _ in range(20)]
codes = [m.status for m in many]
check("one session has at most 16 streams", codes.count(200) <= 16 and codes.count(429) >= 4, codes)
for m in many:
    m.close()
check("places are free again when browsers go", wait_for("a stream", lambda: me.stream().status == 200))

# ---- who does not read


def slow_reader():
    """A browser that never reads costs no memory, and the others nothing."""
    lazy = me.stream()
    before = rig.rss_kib()
    for i in range(300):
        daemon.event("policy", {"n": i, "fill": "y" * 20000})
    end = read_to(s, 299)
    grown = rig.rss_kib() - before
    print("# 300 events of 20 KB, one client reads nothing: %d KiB more" % grown)
    lazy.close()
    return end and grown < 40000


check("a browser that does not read holds up nobody", slow_reader())
s.close()

# ---- many

WORDS = {"id": "0" * 32, "status": "Replicating", "role": "source", "source": {"cluster": "berlin", "dir": "/srv/www"},
         "target": {"cluster": "paris", "dir": "/backup/www", "address": "192.0.2.7", "port": 3712}, "mode": "continuous",
         "progress": {k: 123456789 for k in ("percent", "files_done", "files_total", "bytes_done", "bytes_total", "rate_now")},
         "totals": {k: 123456789012 for k in ("batches", "rescans", "files", "payload_bytes", "wire_bytes", "read_bytes")},
         "capture": {"backend": "bpf", "seen": 1, "queued": 2, "coalesced": 3, "dropped": 0, "incomplete": None},
         "last_error": "nothing is wrong here, but a sentence of usual length has to be somewhere" * 4}


class Reader(threading.Thread):
    """Reads many streams, and counts the bytes and the ends that it saw."""

    def __init__(self, streams):
        super().__init__(daemon=True)
        self.streams = {st.sock: st for st in streams}
        self.marks = {st.sock: 0 for st in streams}
        self.ended = 0
        self.stop = False

    def run(self):
        tails = {sock: b"" for sock in self.streams}
        for sock in self.streams:
            sock.setblocking(False)
        while not self.stop and self.streams:
            ready, _, _ = select.select(list(self.streams), [], [], 0.2)
            for sock in ready:
                try:
                    while True:
                        data = sock.recv(65536)
                        if not data:
                            self.ended += 1
                            del self.streams[sock]
                            break
                        text = tails[sock] + data
                        self.marks[sock] += text.count(b'"last":"of all"')
                        tails[sock] = b"" if text.endswith(b'"of all"}\n\n\r\n') else text[-14:]
                except (ssl.SSLWantReadError, BlockingIOError):
                    pass


def many_clients():
    clients, streams = [], []
    for i in range((CLIENTS + 15) // 16):
        # A user has at most 16 sessions.
        if i % 16 == 0:
            daemon.account("many%d" % (i // 16), "one of the many")
        c = rig.client("127.1.%d.1" % i)
        c.login("many%d" % (i // 16), "one of the many")
        clients.append(c)
    idle_kib = rig.rss_kib()
    for i in range(CLIENTS):
        streams.append(clients[i // 16].stream())
    good = sum(st.status == 200 for st in streams)
    open_kib = rig.rss_kib()
    reader = Reader(streams)
    reader.start()
    cpu, began, n = rig.cpu_seconds(), time.monotonic(), 0
    while time.monotonic() - began < SECONDS:
        for p in range(50):
            daemon.event("policy", dict(WORDS, name="policy-%d" % p, n=n))
            n += 1
        time.sleep(max(0, 1 - (time.monotonic() - began) % 1))
    took, used = time.monotonic() - began, rig.cpu_seconds() - cpu
    daemon.event("policy", {"last": "of all"})
    all_there = wait_for("the last event at every client", lambda: sum(reader.marks.values()) >= good, 120)
    reader.stop = True
    reader.join()
    print("# %d clients, 50 policies, %d events in %.1f s: %.1f %% of one core; %d KiB without clients, %d KiB with them, %d KiB "
          "at the end (%.0f KiB a client)" % (good, n, took, 100 * used / took, idle_kib, open_kib, rig.rss_kib(),
                                             (rig.rss_kib() - idle_kib) / max(good, 1)))
    check("%d event streams at once" % CLIENTS, good == CLIENTS, good)
    check("every one of them got the last event", all_there and reader.ended == 0, (sum(reader.marks.values()), reader.ended))
    check("one stream to the daemon feeds them all", len(daemon.streams) == 1)
    began = time.monotonic()
    a = me.ask("GET", "/v1/status")
    print("# a request beside them: %.0f ms" % ((time.monotonic() - began) * 1000))
    check("requests are answered beside them", a.status == 200, a)
    if not rig.sanitized:
        check("memory stays within 128 MiB", rig.rss_kib() < 128 * 1024, rig.rss_kib())
    for st in streams:
        st.close()


many_clients()


def descriptors():
    return len(os.listdir("/proc/%d/fd" % rig.process.pid))


check("no descriptor is left behind", wait_for("few descriptors", lambda: descriptors() < 60, 60), descriptors())
last = me.stream()
last.event()
check("it stops in order with streams open", rig.stop() == 0)
finish()

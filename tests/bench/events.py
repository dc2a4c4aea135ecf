# SPDX-License-Identifier: GPL-2.0-or-later
"""events.py SOCKET PID STREAMS SOURCES POLICIES - many readers of the event stream; prints what the daemon takes."""
import os
import select
import socket
import sys
import threading
import time

PATH, PID, STREAMS, SOURCES, POLICIES = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
TICK = os.sysconf("SC_CLK_TCK")
HEAD = b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"


def cpu_seconds():
    fields = open("/proc/%d/stat" % PID).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_kib():
    for line in open("/proc/%d/status" % PID):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


class Readers:
    def __init__(self, n):
        self.bytes, self.events, self.stop = 0, 0, False
        self.poll, self.socks = select.epoll(), {}
        for _ in range(n):
            s = socket.socket(socket.AF_UNIX)
            s.connect(PATH)
            s.sendall(HEAD)
            self.socks[s.fileno()] = s
            self.poll.register(s, select.EPOLLIN)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop:
            for fd, _ in self.poll.poll(0.2):
                data = self.socks[fd].recv(262144)
                if not data:
                    self.poll.unregister(fd)
                    continue
                self.bytes += len(data)
                self.events += data.count(b"event: ")


def measure(name, seconds, work=None):
    cpu, start, got, n = cpu_seconds(), time.monotonic(), readers.bytes if readers else 0, readers.events if readers else 0
    while time.monotonic() - start < seconds:
        if work:
            work()
        time.sleep(0.2)
    took = time.monotonic() - start
    share = (cpu_seconds() - cpu) / took
    print("# %-40s %6.1f %% of a core, %6d KiB resident, %6d events and %7.2f MB read by all" %
          (name, 100 * share, rss_kib(), (readers.events if readers else 0) - n, ((readers.bytes if readers else 0) - got) / 1e6), flush=True)
    return share


def touch():
    for i in range(1, POLICIES + 1):
        with open("%s/%d/file" % (SOURCES, i), "a") as f:
            f.write("x")


readers = None
base = rss_kib()
idle = measure("no stream, %d policies, idle" % POLICIES, 15)
busy = measure("no stream, all policies replicate", 15, touch)
readers = Readers(STREAMS)
time.sleep(3)
idle_streams = measure("%d streams, idle" % STREAMS, 30)
busy_streams = measure("%d streams, all policies replicate" % STREAMS, 30, touch)
grown = rss_kib() - base
print("# %d KiB more resident than before, %.1f KiB for a stream" % (grown, grown / STREAMS))
readers.stop = True
readers.thread.join()
for s in readers.socks.values():
    s.close()
bad = []
if grown > 64 * 1024:
    bad.append("more than 64 MiB for %d streams" % STREAMS)
if idle_streams > 0.5:
    bad.append("more than half a core while nothing happens")
if readers.events < STREAMS:
    bad.append("not every stream got an event")
for text in bad:
    print("# " + text)
sys.exit(1 if bad else 0)

# SPDX-License-Identifier: GPL-2.0-or-later
"""web_requests - which requests tidemark-web lets through, and what becomes of them.

The matrix method x Host x Origin and Sec-Fetch-Site x cookie x token against a model of its own; then headers, framing, bodies,
files of the page, slow and many clients, confinement.
"""
import itertools
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from web_rig import Rig, TOP, check, finish  # noqa: E402

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
       "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types lit-html")
MUST_HAVE = {"Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
             "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
             "X-Frame-Options": "DENY"}

rig = Rig(settings=["web.hosts=nas.example backup"])
daemon = rig.daemon
daemon.account("admin", "correct horse")
rig.start()
me = rig.client()
check("logged in", me.login().status == 200)

# ---- somebody slow, beside all that follows


def dribble():
    """A head that never ends must not hold its place for longer than the deadline."""
    s = rig.connect("127.0.0.9")
    began = time.monotonic()
    try:
        s.sendall(b"GET / HTTP/1.1\r\n")
        while time.monotonic() - began < 60:
            s.sendall(b"X-A: b\r\n")
            s.settimeout(0.5)
            try:
                if not s.recv(100):
                    break
            except TimeoutError:
                pass
    except OSError:
        pass
    s.close()
    dribbled.append(time.monotonic() - began)


dribbled = []
dribbler = threading.Thread(target=dribble, daemon=True)
dribbler.start()

# ---- the matrix

GOOD = "localhost:%d" % rig.port
HOSTS = {"ours": GOOD, "named": "NAS.example:1", "literal": "127.0.0.1:%d" % rig.port, "evil": "evil.example:%d" % rig.port,
         "other literal": "192.0.2.1", "none": None}
ORIGINS = {"script": (None, None), "page": ("same", "same-origin"), "old page": ("same", None),
           "evil": ("https://evil.example", "cross-site"), "evil, old": ("https://evil.example", None),
           "sibling": (None, "same-site"), "opaque": ("null", None), "typed": (None, "none")}
COOKIES = {"good": "__Host-tidemark=" + me.cookie, "none": None, "wrong": "__Host-tidemark=" + "0" * 64,
           "planted": "__Host-tidemark=%s; __Host-tidemark=%s" % ("0" * 64, me.cookie)}
TOKENS = {"good": me.csrf, "none": None, "cookie's": me.cookie}
METHODS = ("GET", "POST", "DELETE", "OPTIONS")


def expected(method, host, origin, cookie, token):
    """What ought to come of it, in the words of the documents."""
    if host == "none":
        return 400, None  # by libmicrohttpd, in its own words
    if host in ("evil", "other literal"):
        return 421, "wrong-host"
    if method == "OPTIONS":
        return 405, "method-not-allowed"
    if origin in ("evil", "evil, old", "sibling", "opaque") or (origin == "typed" and method != "GET"):
        return 403, "cross-site"
    if cookie != "good":
        return 401, "login-required"
    if method != "GET" and token != "good":
        return 403, "csrf"
    return 200, None


def matrix():
    tried = wrong = through = 0
    before = len(daemon.requests("/v1/policies/web"))
    for m, h, o, c, t in itertools.product(METHODS, HOSTS, ORIGINS, COOKIES, TOKENS):
        # What is refused for its name or method is so whatever the rest: a sample of the rest will do.
        if (h in ("evil", "other literal", "none") or m == "OPTIONS") and (c, t) not in (("good", "good"), ("none", "none")):
            continue
        origin, site = ORIGINS[o]
        if origin == "same":
            origin = "https://" + (HOSTS[h] or GOOD)
        a = me.ask(m, "/v1/policies/web", headers={"Host": HOSTS[h], "Origin": origin, "Sec-Fetch-Site": site,
                                                   "Cookie": COOKIES[c], "Tidemark-CSRF": TOKENS[t]})
        status, code = expected(m, h, o, c, t)
        tried += 1
        through += status == 200
        if (a.status, a.code) != (status, code):
            wrong += 1
            if wrong < 20:
                print("# %s host=%s origin=%s cookie=%s token=%s: %s, not %d %s" % (m, h, o, c, t, a, status, code))
    reached = len(daemon.requests("/v1/policies/web")) - before
    print("# %d requests, %d of them allowed, %d reached the daemon" % (tried, through, reached))
    return tried > 900 and not wrong and reached == through > 20


check("the matrix: method x Host x Origin x cookie x token", matrix())

# ---- logging in is not for other sites either


def login_matrix():
    for origin, site, status in (("https://evil.example", "cross-site", 403), (None, "same-site", 403), ("null", None, 403),
                                 (None, "none", 403), ("https://" + GOOD, "same-origin", 401), (None, None, 401)):
        a = rig.client().ask("POST", "/login", {"name": "admin", "password": "x"},
                             headers={"Origin": origin, "Sec-Fetch-Site": site})
        if a.status != status:
            print("# %s %s: %s" % (origin, site, a))
            return False
    return True


check("a login is accepted from our page and from scripts only", login_matrix())
daemon_logins = len(daemon.logins)

# ---- what is passed on, and what is not

a = me.ask("PATCH", "/v1/policies/web?x=1&y=%2F", {"mode": "manual"},
           headers={"If-Match": '"5"', "Tidemark-User": "root", "Tidemark-Role": "admin", "Tidemark-Address": "6.6.6.6",
                    "Tidemark-Reauthenticated": "yes",
                    "X-Evil": "1", "Authorization": "Basic eA==", "Connection": "X-Evil"})
seen = daemon.requests("/v1/policies/web")[-1]
h = {k.lower(): v for k, v in seen[2].items()}
check("path, query, body and conditions are passed on", seen[0] == "PATCH" and seen[1] == "/v1/policies/web?x=1&y=%2F" and
      seen[3] == b'{"mode": "manual"}' and h.get("if-match") == '"5"' and h["content-type"] == "application/json", seen)
check("who asks is said by tidemark-web, not by the browser", (h["tidemark-user"], h["tidemark-role"], h["tidemark-address"]) ==
      ("admin", "admin", "127.0.0.1"), h)
check("nothing else of the browser's head gets through", set(h) <= {
    "host", "accept", "content-type", "content-length", "if-match", "tidemark-user", "tidemark-role", "tidemark-address"}, h)
check("nothing of the daemon's head but type and ETag comes back",
      a.headers["ETag"] == '"r1"' and not a.headers["Set-Cookie"] and not a.headers["Access-Control-Allow-Origin"], a)
a = me.ask("GET", "/v1/policies/web", headers={"If-None-Match": '"r1"'})
check("what has not changed is not sent", a.status == 304 and not a.body, a)
a = me.ask("PATCH", "/v1/policies/web", {}, headers={"If-Match": "x" * 300})
check("a condition that cannot be passed on is an error, not left out", a.status == 400, a)
for path in ("/v1/users/admin/verifier", "/v1/users/admin/%76erifier", "/v1/users/a%2Fb/VERIFIER", "/v1/%6cogins"):
    a = me.ask("GET", path)
    check("no browser reads %s" % path, a.status == 404 and b"$y$" not in a.body, a)
a = me.ask("PUT", "/v1/users/bob", {"password": "a new password", "role": "viewer"})
b = daemon.accounts.get("bob", {})
check("a password for another account becomes a verifier here", a.status == 200 and b.get("verifier", "").startswith("$y$") and
      b.get("role") == "viewer" and "password" not in b, a)
check("and works", rig.client().login("bob", "a new password").status == 200)
for path in ("/v1/users/admin", "/v1/users/%61dmin"):
    a = me.ask("PUT", path, {"verifier": "$y$stolen"})
    check("nobody changes their own password without the old one: %s" % path, a.status == 403 and
          daemon.accounts["admin"]["verifier"] != "$y$stolen", a)
check("a bad one is refused, naming the field", me.ask("PUT", "/v1/users/bob", {"password": "short"}).json.get("field") == "password")
a = me.ask("GET", "/v1/large/%d" % (9 << 20))
check("an answer beyond 8 MiB is refused", a.status == 502, a)
a = me.ask("GET", "/v1/large/%d" % (1 << 20))
check("one of 1 MiB comes whole", a.status == 200 and len(a.body) == (1 << 20) + 2, a.status)

# ---- headers of every answer


def headers_are_there():
    ok = True
    for method, path in (("GET", "/"), ("GET", "/assets/none"), ("GET", "/nothing"), ("GET", "/session"), ("GET", "/v1/status"),
                         ("POST", "/login"), ("OPTIONS", "/"), ("GET", "/v1/events?x")):
        a = me.ask(method, path)
        for name, value in MUST_HAVE.items():
            if a.headers.get_all(name) != [value]:
                print("# %s %s: %s is %s" % (method, path, name, a.headers.get_all(name)))
                ok = False
        if path.startswith("/v1") and a.headers["Cache-Control"] != "no-store":
            ok = False
    return ok


check("every answer carries the security headers, once", headers_are_there())

# ---- framing

HEAD = "POST /v1/policies/web HTTP/1.1\r\nHost: %s\r\nCookie: __Host-tidemark=%s\r\nTidemark-CSRF: %s\r\n" \
    "Content-Type: application/json\r\n" % (GOOD, me.cookie, me.csrf)
SMUGGLED = "GET /v1/smuggled HTTP/1.1\r\nHost: %s\r\nCookie: __Host-tidemark=%s\r\n\r\n" % (GOOD, me.cookie)
BAD = {
    "length twice": HEAD + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": HEAD + "Content-Length: 2\r\nContent-Length: %d\r\n\r\n{}" % (2 + len(SMUGGLED)),
    "length and chunks": HEAD + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "an unknown encoding": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "encoding twice": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a signed length": HEAD + "Content-Length: +2\r\n\r\n{}",
    "a list of lengths": HEAD + "Content-Length: 2, 2\r\n\r\n{}",
    "a blank before the colon": HEAD + "Content-Length : 2\r\n\r\n{}",
    "a blank in a name": HEAD + "X Y: z\r\nContent-Length: 2\r\n\r\n{}",
    "a tab before the colon": HEAD + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": HEAD + "X: y\r\n Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a line without a colon": HEAD + "Content-Length\r\n\r\n{}",
    "a bare CR": HEAD + "X: y\rContent-Length: 2\r\n\r\n{}",
    "Host twice": HEAD + "Host: %s\r\nContent-Length: 2\r\n\r\n{}" % GOOD,
    "Cookie twice": HEAD + "Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}",
    "no Host": HEAD.replace("Host: %s\r\n" % GOOD, "") + "Content-Length: 2\r\n\r\n{}",
    "an absolute target": HEAD.replace("POST /v1", "POST https://localhost/v1") + "Content-Length: 2\r\n\r\n{}",
    "dots in the path": HEAD.replace("/v1/policies/web", "/v1/x/../y") + "Content-Length: 2\r\n\r\n{}",
    "a long path": HEAD.replace("/v1/policies/web", "/v1/" + "x" * 9000) + "Content-Length: 2\r\n\r\n{}",
    "a long head": HEAD + "X: " + "x" * 40000 + "\r\nContent-Length: 2\r\n\r\n{}",
    "no HTTP": "\x16\x03\x01 nonsense\r\n\r\n",
}
before = len(daemon.seen)
for name, text in BAD.items():
    out = rig.raw((text + SMUGGLED).encode("latin-1"))
    first = out.split(b"\r\n", 1)[0]
    statuses = re.findall(rb"HTTP/1\.[01] (\d+)", out)
    # (libmicrohttpd sends the head of its own refusals twice.)
    check("refused, and nothing after it is read: %s" % name, set(statuses) <= {first[9:12]} and first[9:10] in b"45", out[:500])
check("none of that reached the daemon", not [s for s in daemon.seen[before:] if "verifier" not in s[1]], daemon.seen[before:][:3])
out = rig.raw((HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n").encode())
check("chunks alone are fine", out.startswith(b"HTTP/1.1 200"), out[:300])

# ---- bodies

a = me.ask("POST", "/v1/policies", b'{"a": "' + b"x" * 65000 + b'"}')
check("64 KiB of body pass", a.status == 200, a.status)
out = rig.raw((HEAD + "Content-Length: 70000\r\n\r\n").encode())
check("more is refused before it is sent", out.startswith(b"HTTP/1.1 413"), out[:200])
chunked = HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + ("4000\r\n" + "x" * 0x4000 + "\r\n") * 5 + "0\r\n\r\n"
out = rig.raw(chunked.encode())
check("also in chunks", b"HTTP/1.1 413" in out[:20], out[:200])
a = me.ask("POST", "/v1/policies", b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})
check("a form is no JSON: 415", a.status == 415, a)
a = me.ask("POST", "/login", b'{"name": "admin"')
check("a login that is no JSON: 400", a.status == 400 and a.code == "bad-request", a)
a = me.ask("POST", "/login", {"name": ["x"], "password": 1})
check("a login of other types: 400, naming the field", a.status == 400 and a.json.get("field") == "name", a)

# ---- the page's files


def assets():
    ok = True
    n = 0
    base = os.path.join(TOP, "userspace", "web", "assets")
    for folder, _, names in os.walk(base):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), base)
            if not re.search(r"\.(html|js|css|svg)$|LICENSES$", path):
                continue
            n += 1
            url = "/" if path == "index.html" else "/assets/" + path
            with open(os.path.join(base, path), "rb") as f:
                data = f.read()
            a = rig.client().ask("GET", url)
            gz = rig.client().ask("GET", url, headers={"Accept-Encoding": "br, gzip"})
            plain = subprocess.run(["gzip", "-dc"], input=gz.body, stdout=subprocess.PIPE, check=False).stdout \
                if gz.headers["Content-Encoding"] == "gzip" else gz.body
            again = rig.client().ask("GET", url, headers={"If-None-Match": a.headers["ETag"]})
            if a.body != data or plain != data or len(gz.body) > len(data) or again.status != 304 or again.body:
                print("# %s: %s %s %s" % (url, a.status, gz.status, again.status))
                ok = False
            if path.endswith(".js") and a.headers["Content-Type"] != "text/javascript; charset=utf-8":
                ok = False
    print("# %d files of the page" % n)
    return ok and n


if os.path.exists(os.path.join(TOP, "userspace", "web", "assets", "index.html")):
    check("every file of the page comes as it is, compressed, and not again", assets())
for path in ("/assets/../main.c", "/assets/..%2fmain.c", "/assets/", "/assets/%2e%2e/x", "/assets/vendor", "/assets//etc/passwd"):
    a = me.ask("GET", path)
    check("no file for %s" % path, a.status in (400, 404), a)

# ---- slow and many


dribbler.join()
check("a client that dribbles its head is cut off", 10 < dribbled[0] < 50, dribbled)


def crowd():
    """More connections than one address may have do not keep others out."""
    socks = []
    for _ in range(160):
        try:
            s = socket.create_connection(("127.0.0.1", rig.port), timeout=5, source_address=("127.0.0.10", 0))
            socks.append(s)
        except OSError:
            pass
    a = me.ask("GET", "/session")
    # Those over the limit are closed without a word.
    closed = 0
    for s in socks:
        s.setblocking(False)
        try:
            closed += s.recv(10) == b""
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    for s in socks:
        s.close()
    print("# %d connections, %d refused" % (len(socks), closed))
    return a.status == 200 and closed >= 20


check("an address with too many connections is refused, others are served", crowd())

# ---- confinement


def confined():
    with open("/proc/%d/status" % rig.process.pid) as f:
        status = f.read()
    ok = True
    for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000"):
        if line not in status:
            print("# not so: " + line)
            ok = False
    for tid in os.listdir("/proc/%d/task" % rig.process.pid):
        with open("/proc/%d/task/%s/status" % (rig.process.pid, tid)) as f:
            ok = ok and "Seccomp:\t2" in f.read()
    with open("/proc/%d/limits" % rig.process.pid) as f:
        limits = f.read()
    return ok and re.search(r"Max core file size +0 +0 ", limits) and re.search(r"Max open files +1024 +1024 ", limits)


if not rig.sanitized:
    check("no privileges, no capabilities, all threads under seccomp, no core dumps", confined())
if rig.as_root:
    r = subprocess.run([rig.program, "--runtime-dir", rig.dir], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                       check=False)
    check("it does not run as root, and says why", r.returncode == 1 and "web.user" in r.stdout, r.stdout)
check("it is alive after all that", me.ask("GET", "/session").status == 200)
check("no password or token is in its log", not re.search("correct horse|a new password|" + me.cookie + "|" + me.csrf, rig.log()))
check("it stops when it is told to", rig.stop() == 0)
finish()

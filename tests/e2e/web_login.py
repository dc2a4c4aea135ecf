# SPDX-License-Identifier: GPL-2.0-or-later
"""web_login - logging in to tidemark-web, staying so, and being kept out."""
import os
import re
import socket
import ssl
import statistics
import sys
import threading
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from web_rig import Rig, check, finish, wait_for  # noqa: E402

rig = Rig()
daemon = rig.daemon
rig.start()

# ---- before there is any account

a = rig.client().ask("GET", "/session")
check("without any account the page is told so", a.status == 401 and a.code == "login-required" and
      a.json.get("accounts") is False, a)
a = rig.client().login("admin", "admin")
check("there is no default password", a.status == 401 and a.code == "login-failed", a)
daemon.account("admin", "correct horse")
daemon.accounts["admin"]["last_login"] = "2026-11-23T07:49:01.123Z"
a = rig.client().ask("GET", "/session")
check("with one it is told that, too", a.status == 401 and a.json.get("accounts") is True, a)

# ---- in

me = rig.client()
a = me.login()
o = a.json
check("the right password logs in", a.status == 200 and o["name"] == "admin" and o["role"] == "admin" and
      re.fullmatch("[0-9a-f]{64}", o["csrf"]), a)
check("it tells cluster and last login", o["cluster"] == "berlin" and o["last_login"] == "2026-11-23T07:49:01.123Z", o)
cookie = a.headers["Set-Cookie"]
check("the cookie is for this origin only, and not for scripts",
      re.fullmatch("__Host-tidemark=[0-9a-f]{64}; Path=/; Secure; HttpOnly; SameSite=Strict", cookie), cookie)
check("the token is another secret than the cookie", me.csrf != me.cookie)
check("the daemon was told of it", wait_for("a login", lambda: {"name": "admin", "ok": True, "address": "127.0.0.1"}
                                            in daemon.logins), daemon.logins)
a = me.ask("GET", "/session")
check("the session is shown", a.status == 200 and a.json["csrf"] == me.csrf and 1700 < a.json["idle_seconds"] <= 1800, a)

# ---- out

a = me.ask("POST", "/logout", headers={"Tidemark-CSRF": None})
check("no logout without the token", a.status == 403 and a.code == "csrf", a)
a = me.ask("POST", "/logout")
check("logout takes the cookie away", a.status == 200 and "Max-Age=0" in a.headers["Set-Cookie"], a)
check("and the old one is worth nothing", me.ask("GET", "/v1/status").status == 401)

again = rig.client()
again.login()
first = again.cookie
again.login()
old = rig.client()
old.cookie = first
check("a new login ends the browser's old session", again.cookie != first and old.ask("GET", "/v1/status").status == 401)

# ---- wrong ones all look alike


def refusals():
    daemon.accounts["gone"]["disabled"] = True
    bodies = set()
    for i, (name, password) in enumerate((("admin", "wrong"), ("nobody", "wrong"), ("gone", "a good password"), ("a/b", "x"),
                                          ("x" * 300, "x"), ("", ""), ("admin", "x" * 5000), ("admin", "correct horse\0"))):
        a = rig.client("127.0.1.%d" % (i + 1)).login(name, password)
        if a.status != 401 and not (a.status == 400 and "\0" in password):
            print("# %r: %s" % (name, a))
            return False
        if a.status == 401:
            bodies.add(a.body)
    return len(bodies) == 1


daemon.account("gone", "a good password")
check("wrong password, unknown, disabled, impossible: one answer", refusals())


def timing():
    """An unknown name takes as long as a known one: the medians are near each other."""
    took = {"admin": [], "stranger": []}
    for i in range(24):
        for name in took:
            c = rig.client("127.0.2.%d" % (i + 1))
            # Each from an address of its own, and no name often enough to be limited.
            daemon.accounts.pop("t%d" % i, None)
            who = "t%d" % i if name == "admin" else "u%d" % i
            if name == "admin":
                daemon.accounts["t%d" % i] = dict(daemon.accounts["admin"])
            began = time.monotonic()
            c.login(who, "wrong")
            took[name].append(time.monotonic() - began)
    known, unknown = (statistics.median(v) * 1000 for v in took.values())
    print("# median: known %.1f ms, unknown %.1f ms" % (known, unknown))
    return unknown > known / 4


# The rig's verifiers are cheaper than the real ones, so an unknown name may be slower; never faster.
check("an unknown name is not answered faster", timing())

# ---- too many


def lockout():
    c = rig.client("127.0.3.1")
    statuses = [c.login("admin2", "wrong%d" % i).status for i in range(8)]
    a = c.login("admin2", "wrong")
    retry = int(a.headers["Retry-After"] or 0)
    print("# %s, then Retry-After: %s" % (statuses, retry))
    other = rig.client("127.0.3.2").login("admin2", "x")
    return statuses[:5] == [401] * 5 and set(statuses[5:]) == {429} and a.code == "too-many" and retry >= 1 and \
        other.status == 429 and other.json["retry_after"] >= 1


check("after five failures a name has to wait, from wherever", lockout())
good = rig.client("127.0.3.1").login()
check("and so does the address, whatever the name", good.status == 429, good)
check("but not other names from other addresses", rig.client("127.0.3.3").login().status == 200)


def waiting_helps():
    def attempt():
        a = rig.client("127.0.3.1").login()
        return a.status == 200
    return wait_for("a login after the pause", attempt, 30)


check("after the pause the right password works", waiting_helps())


def flood():
    """Many at once: at most the free ones are tried, the rest is told to wait or to come again; nothing breaks."""
    got, lock = [], threading.Lock()

    def one(i):
        a = rig.client("127.0.4.1").login("flood", "wrong%d" % i)
        with lock:
            got.append(a.status)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("# " + ", ".join("%d: %d times" % (s, got.count(s)) for s in sorted(set(got))))
    return got.count(401) <= 5 and set(got) <= {401, 429, 503} and got.count(429) >= 50


check("a flood of logins tries no more passwords than one after the other", flood())
check("and others still get in", rig.client("127.0.3.4").login().status == 200)

# ---- the daemon away in the middle of it does not count against anybody

daemon.stop()
c = rig.client("127.0.5.1")
statuses = {c.login().status for _ in range(10)}
check("without the daemon: 503, and it is said why", statuses == {503} and c.login().code == "daemon-unreachable", statuses)
a = rig.client().ask("GET", "/session")
check("also for who asks whether there is a session", a.status == 503 and a.code == "daemon-unreachable", a)
daemon.start()
check("these do not count as failures", c.login().status == 200)

# ---- the own password

daemon.account("alice", "first password", role="viewer")
alice, elsewhere = rig.client("127.0.6.1"), rig.client("127.0.6.2")
check("alice is in, twice", alice.login("alice", "first password").status == 200 and
      elsewhere.login("alice", "first password").status == 200)
a = alice.ask("POST", "/password", {"old": "wrong", "new": "another password"})
check("not without the present one", a.status == 403 and a.code == "wrong-password" and a.json["field"] == "old", a)
for bad in ("short", "", "x" * 600, "tab\tinside here"):
    a = alice.ask("POST", "/password", {"old": "first password", "new": bad})
    check("not to %r" % bad[:10], a.status == 400 and a.json.get("field") == "new", a)
a = alice.ask("POST", "/password", {"old": "first password", "new": "second password"})
put = daemon.requests("/v1/users/alice")[-1]
check("the daemon gets a verifier, never the password", a.status == 200 and b"second" not in put[3] and b"$y$" in put[3], a)
check("and our word that the old one was given", put[2].get("Tidemark-Reauthenticated") == "yes", put[2])
check("this session lives on, the other one ended", alice.ask("GET", "/v1/status").status == 200 and
      elsewhere.ask("GET", "/v1/status").status == 401)
check("the new one works, the old one does not", rig.client("127.0.6.3").login("alice", "second password").status == 200 and
      rig.client("127.0.6.4").login("alice", "first password").status == 401)

# ---- what changes elsewhere

daemon.accounts["alice"]["role"] = "operator"
check("a new role is seen by itself", wait_for("the role", lambda: alice.ask("GET", "/session").json.get("role") == "operator"
                                               or (alice.ask("GET", "/v1/status") and None)))
daemon.accounts["alice"]["disabled"] = True
check("a disabled account's sessions end", wait_for("the end", lambda: alice.ask("GET", "/v1/status").status == 401))

mode = os.stat(os.path.join(rig.dir, "state", "self-signed.key")).st_mode & 0o777
check("the key is for nobody else", mode == 0o600, oct(mode))



def tls(**limits):
    """The version and cipher of a connection with these limits; None: refused."""
    context = ssl.create_default_context(cafile=rig.certificate())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that nobody should use
        for name, value in limits.items():
            if name == "ciphers":
                context.set_ciphers(value)
            else:
                setattr(context, name, value)
    try:
        with socket.create_connection(("127.0.0.1", rig.port), timeout=60) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as s:
                return s.version(), s.cipher()[0]
    except (ssl.SSLError, ConnectionError):
        return None


V = ssl.TLSVersion
got = [tls(), tls(maximum_version=V.TLSv1_2), tls(maximum_version=V.TLSv1_2, ciphers="ECDHE+AES+SHA256:ECDHE+AES+SHA1:!AESGCM"),
       tls(minimum_version=V.TLSv1, maximum_version=V.TLSv1_1, ciphers="ALL:@SECLEVEL=0")]
check("TLS 1.3 and 1.2 with authenticated encryption, nothing older", got[0] and got[0][0] == "TLSv1.3" and got[1] and
      "GCM" in got[1][1] and got[2:] == [None, None], got)

# ---- the next start

fingerprint = re.findall(r"certificate ([0-9A-F:]{95}) ", rig.log())[-1]
check("it stops", rig.stop() == 0)
rig.start()
check("the certificate is the same after a restart", re.findall(r"certificate ([0-9A-F:]{95}) ", rig.log())[-1] == fingerprint)
check("nobody is logged in any more", rig.client().ask("GET", "/session").status == 401)
rig.stop()
key = os.path.join(rig.dir, "state", "self-signed.key")
os.chmod(key, 0o604)
check("a key that everybody may read is refused", rig.refuses_to_start() and "chmod o-rwx" in rig.log())
os.chmod(key, 0o600)

# ---- idle

rig.settings = ["web.session.idle=2s"]
rig.start()
idle = rig.client("127.0.7.1")
idle.login()
began = time.monotonic()
alive = True
while time.monotonic() - began < 5:
    alive = alive and idle.ask("GET", "/v1/status").status == 200
    time.sleep(0.2)
check("who does something stays logged in", alive)


def background():
    return idle.ask("GET", "/v1/status", headers={"Tidemark-Background": "yes"}).status == 401


check("what a page does by itself does not keep the login", wait_for("the end", background, 60))
rig.stop()
rig.settings = ["web.session.max=2s"]
rig.start()
idle.login()
check("and it ends in any case, whatever one does",
      wait_for("the end", lambda: idle.ask("GET", "/v1/status").status == 401, 60))
rig.stop()

# ---- a socket that was made by somebody else

with socket.create_server(("127.0.0.1", 0)) as given:
    rig.settings, rig.given = [], given
    rig.start()
    check("it takes the socket that systemd passes", rig.port == given.getsockname()[1] and
          rig.client().ask("GET", "/session").status == 401, rig.port)
    rig.stop()
check("no password is in the log", not re.search("correct horse|first password|second password|wrong", rig.log()))
finish()

# SPDX-License-Identifier: GPL-2.0-or-later
"""web_daemon - tidemark-web before the real tidemarkd: accounts from the command line, roles, audit, events, restarts."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from web_rig import O, Rig, check, finish, wait_for  # noqa: E402

if os.getuid() != 0:
    print("# tidemarkd needs root")
    sys.exit(4)
rig = Rig(fake=False)
run, state = os.path.join(rig.dir, "run"), os.path.join(rig.dir, "daemon")
os.mkdir(state, 0o700)
log = open(os.path.join(rig.dir, "daemon.log"), "ab")
ARGV = [os.path.join(O, "tidemarkd"), "--state-dir", state, "--runtime-dir", run, "--set", "web.user=nobody", "--set",
        "listen.address=127.0.0.1", "--set", "listen.port=0", "--set", "capture.backend=fanotify", "--set", "cluster.name=berlin"]
daemon = None


def start_daemon():
    global daemon
    daemon = subprocess.Popen(ARGV, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if not wait_for("web.sock", lambda: os.path.exists(rig.sock) and tm("status").returncode == 0):
        print("# " + open(log.name).read()[-3000:].replace("\n", "\n# "))
        sys.exit("tidemarkd did not start")


def tm(*args, text=None):
    return subprocess.run([os.path.join(O, "tidemark"), "--socket", os.path.join(run, "api.sock"), *args], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)


def stop_daemon():
    daemon.terminate()
    daemon.wait(60)


start_daemon()
rig.start()
try:
    st = os.stat(rig.sock)
    check("web.sock is for that user alone", st.st_mode & 0o777 == 0o600 and st.st_uid == 65534, oct(st.st_mode))
    a = rig.client().ask("GET", "/session")
    check("a fresh daemon has no account", a.status == 401 and a.json.get("accounts") is False, a)
    r = tm("admin", "set-password", "--stdin", text="correct horse\n")
    check("root sets the first password", r.returncode == 0, r.stdout)
    a = rig.client().ask("GET", "/session")
    check("now there is one", a.json.get("accounts") is True, a)
    me = rig.client()
    a = me.login()
    check("and it logs in, as admin, for the first time", a.status == 200 and a.json["role"] == "admin" and
          a.json["cluster"] == "berlin" and a.json["last_login"] is None, a)
    a = rig.client().login()
    check("the next time it is told when that was", a.json.get("last_login", "") and a.json["last_login"].startswith("20"), a)

    # ---- roles

    r = tm("admin", "set-password", "vera", "--role", "viewer", "--stdin", text="vera's password\n")
    check("a viewer is made", r.returncode == 0, r.stdout)
    vera = rig.client("127.0.0.2")
    vera.login("vera", "vera's password")
    check("it sees", vera.ask("GET", "/v1/policies").json == [] and vera.ask("GET", "/v1/status").json["cluster"] == "berlin")
    for method, path, body in (("POST", "/v1/policies", {"name": "x"}), ("DELETE", "/v1/users/admin", None),
                               ("PUT", "/v1/users/eve", {"password": "a new password", "role": "admin"}),
                               ("PATCH", "/v1/users/vera", {"role": "admin"}), ("PATCH", "/v1/settings", {"log.level": "debug"})):
        a = vera.ask(method, path, body)
        check("but it may not: %s %s" % (method, path), a.status == 403 and a.code == "denied", a)
    a = vera.ask("GET", "/v1/users/admin/verifier")
    check("nor read a verifier", a.status == 404 and b"$y$" not in a.body, a)
    a = me.ask("PUT", "/v1/users/olga", {"password": "olga's password", "role": "operator"})
    check("an admin makes an operator on the page", a.status == 201 and a.json["role"] == "operator", a)
    check("who can log in", rig.client("127.0.0.3").login("olga", "olga's password").json.get("role") == "operator")
    a = vera.ask("POST", "/password", {"old": "vera's password", "new": "vera's second one"})
    check("a viewer changes the own password", a.status == 200, a)
    check("which is the only one then", rig.client("127.0.0.4").login("vera", "vera's second one").status == 200 and
          rig.client("127.0.0.5").login("vera", "vera's password").status == 401)
    check("the request's session went on", vera.ask("GET", "/v1/status").status == 200)

    # ---- audit

    rows = json.loads(tm("audit", "-j").stdout)
    who = [(x["who"], x["action"]) for x in rows]
    check("the audit log says who it was, and from where", ("admin (web, 127.0.0.1)", "login") in who and
          ("admin (web, 127.0.0.1)", "user-add") in who and ("vera (web, 127.0.0.2)", "user-password") in who and
          ("vera (web, 127.0.0.5)", "login-failed") in who, who)

    # ---- events

    s = me.stream()
    s.event()
    time.sleep(1)
    tm("admin", "role", "olga", "viewer")
    e = s.until("audit")[-1]
    check("what happens elsewhere arrives", e[2]["action"] == "user-change" and e[2]["who"].startswith("root"), e)
    stop_daemon()
    e = s.until("daemon")[-1]
    check("the daemon's end is told", e[2] == {"connected": False}, e)
    a = me.ask("GET", "/v1/policies")
    check("requests say so", a.status == 503 and a.code == "daemon-unreachable", a)
    start_daemon()
    kinds = [e[1] for e in s.until("daemon")]
    check("its return is a gap: everything is loaded anew", kinds == ["resync", "daemon"], kinds)
    check("the session outlived it", me.ask("GET", "/v1/policies").status == 200)
    mark = None
    tm("admin", "role", "olga", "operator")
    mark = s.until("audit")[-1][0]
    s.close()
    tm("admin", "role", "olga", "viewer")
    time.sleep(1)
    s = me.stream(last_id=mark)
    e = s.until("audit")
    check("a browser that comes again misses nothing", [x[1] for x in e] == ["hello", "audit"], e)

    # ---- accounts that change

    tm("admin", "disable", "vera")
    check("who is disabled is out", wait_for("the end", lambda: vera.ask("GET", "/v1/status").status in (401, 403) and
                                             vera.ask("GET", "/session").status == 401))
    tm("admin", "set-password", "--stdin", text="another password\n")
    check("a new password ends the sessions of the old one", wait_for("the end", lambda: me.ask("GET", "/session").status == 401))
    check("and their streams", s.until("nothing") is not None and s.over)
    check("the new one logs in", me.login("admin", "another password").status == 200)
    a = me.ask("DELETE", "/v1/users/admin")
    check("the last admin cannot be deleted on the page", a.status == 409, a)
    check("a long poll, too", me.ask("GET", "/v1/events?since=0&timeout_ms=1000").json.get("events") is not None)
    check("it stops", rig.stop() == 0)
finally:
    daemon.kill()
    daemon.wait()
finish()

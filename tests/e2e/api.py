# SPDX-License-Identifier: GPL-2.0-or-later
"""api.py WORKDIR TARGET-ADDRESS PID-A PID-B - run by test_api.sh beside two nodes."""
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from openapi import Document
from rest_client import Client, UnixConnection, b64, check, finish, wait_for

W, TARGET, PID_A, PID_B = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
SRC, DST = W + "/src/data", W + "/dst/copy"
VERIFIER = "$y$j9T$" + "a" * 22 + "$" + "b" * 43


def sock(node, name="api"):
    return "%s/%s/run/%s.sock" % (W, node, name)


doc = Document(Client(sock("a"))("GET", "/v1/openapi.json").json)
a, b = Client(sock("a"), seen=doc.take), Client(sock("b"), seen=doc.take)
web = Client(sock("a", "web"), seen=doc.take)


def web_as(user, role, node="a"):
    return Client(sock(node, "web"), {"Tidemark-User": user, "Tidemark-Role": role, "Tidemark-Address": "192.0.2.9"}, seen=doc.take)


def is_problem(r, status, code, field=None):
    good = r.status == status and r.code == code and r.headers.get("content-type") == "application/problem+json"
    good = good and r.json["status"] == status and (field is None or r.json.get("field") == field)
    return good or print("# got %s" % r) or False


def refused(name, r, status, code, field=None):
    check(name, is_problem(r, status, code, field), r)


def good(name, r, status=200):
    return check(name, r.status == status, r)


def status_is(node, word, seconds=60):
    return wait_for(lambda: node("GET", "/v1/policies/web").json["status"] == word, seconds)


class Stream(threading.Thread):
    """Reads an event stream; events are (id, type, data)."""

    def __init__(self, path, since=None):
        super().__init__(daemon=True)
        self.events, self.ended = [], False
        self.con = UnixConnection(path, None)
        self.con.request("GET", "/v1/events", headers=dict({"Accept": "text/event-stream"}, **({"Last-Event-ID": since} if since else {})))
        self.s = self.con.sock
        self.answer = self.con.getresponse()
        self.start()

    def run(self):
        block = {}
        while True:
            try:
                line = self.answer.readline()
            except (OSError, http.client.HTTPException):
                line = b""
            if not line:
                break
            line = line.decode().rstrip("\r\n")
            key, _, value = line.partition(": ")
            if key in ("id", "event", "data"):
                block[key] = value
                if key == "id":
                    self.id = value
            elif not line and "data" in block:
                self.events.append((block.get("id"), block.get("event"), json.loads(block["data"])))
                block = {}
        self.ended = True

    def of(self, kind):
        return [e[2] for e in list(self.events) if e[1] == kind]

    def close(self):
        self.s.shutdown(socket.SHUT_RDWR)
        self.join(30)
        self.con.close()


# ---- the node

good("the document is served", a("GET", "/v1/openapi.json"))
for path in ("status", "probe", "settings", "peers", "audit", "requests", "health", "capture", "users", "policies"):
    good("GET /v1/" + path, a("GET", "/v1/" + path))
    refused("the page's process itself may not read /v1/" + path, web("GET", "/v1/" + path), 403, "denied")
refused("nor the document", web("GET", "/v1/openapi.json"), 403, "denied")
refused("no such path", a("GET", "/v1/nothing"), 404, "no-such-path")
refused("no such method", a("POST", "/v1/status"), 405, "method-not-allowed")
refused("a body that is no object", a("POST", "/v1/policies", "[]"), 400, "bad-request")
refused("a body that is too large", a("POST", "/v1/policies", "x" * 70000), 413, "too-large")
refused("a limit that is none", a("GET", "/v1/audit?limit=0"), 400, "bad-request", "limit")
refused("a cursor that is none", a("GET", "/v1/audit?before=x"), 400, "bad-request", "before")


def smuggle(*lines):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(sock("a"))
    s.sendall(("\r\n".join(("POST /v1/policies HTTP/1.1", "Host: x") + lines) + "\r\n\r\n2\r\n{}\r\n0\r\n\r\n").encode())
    answer = b""
    try:
        while True:
            part = s.recv(4096)
            if not part:
                return answer
            answer += part
    except OSError:
        return answer


for lines in (("Content-Length: 2", "Transfer-Encoding: chunked"), ("Content-Length: 2", "Content-Length: 3")):
    check("two opinions about the length are not served: " + ", ".join(lines), b"HTTP/1.1 4" not in smuggle(*lines)[12:] and
          b'"code":"bad-request"' not in smuggle(*lines))

# ---- accounts and roles

refused("no user yet, and it says so", web("GET", "/v1/users/alice/verifier"), 404, "not-found")
check("there are no accounts", web("GET", "/v1/users/alice/verifier").json["accounts"] is False)
refused("a password is no verifier", a("PUT", "/v1/users/alice", {"verifier": "secret"}), 400, "bad-request", "verifier")
refused("a bad name", a("PUT", "/v1/users/a%20b", {"verifier": VERIFIER}), 400, "bad-name", "name")
good("the first user is an admin", a("PUT", "/v1/users/alice", {"verifier": VERIFIER}), 201)
refused("the second needs a role", a("PUT", "/v1/users/oscar", {"verifier": VERIFIER}), 400, "bad-request", "role")
for name, role in (("oscar", "operator"), ("vera", "viewer")):
    good("an " + role, a("PUT", "/v1/users/" + name, {"verifier": VERIFIER, "role": role}), 201)
alice, oscar, vera = web_as("alice", "admin"), web_as("oscar", "operator"), web_as("vera", "viewer")
good("the process reads the verifier", web("GET", "/v1/users/alice/verifier"))
refused("no person does", alice("GET", "/v1/users/alice/verifier"), 403, "denied")
good("a login is recorded", web("POST", "/v1/logins", {"name": "alice", "ok": True, "address": "192.0.2.9"}))
good("a failed one too", web("POST", "/v1/logins", {"name": "\u001b[2Jmallory", "ok": False, "address": "192.0.2.66"}))
refused("a login of nobody", web("POST", "/v1/logins", {"name": "nobody", "ok": True}), 404, "not-found")
refused("a person records no logins", vera("POST", "/v1/logins", {"name": "vera", "ok": True}), 403, "denied")
rows = a("GET", "/v1/audit?limit=2").json
check("who, and from where, is in the audit log", rows[0]["who"] == "?[2Jmallory (web, 192.0.2.66)" and rows[0]["action"] == "login-failed" and
      rows[1]["who"] == "alice (web, 192.0.2.9)" and rows[1]["action"] == "login", rows)
check("and that it was now", any(u["name"] == "alice" and u["last_login"] for u in a("GET", "/v1/users").json))
refused("the last admin stays", alice("DELETE", "/v1/users/alice"), 409, "wrong-state")
refused("also by role", alice("PATCH", "/v1/users/alice", {"role": "viewer"}), 409, "wrong-state")
refused("nothing to change", a("PATCH", "/v1/users/vera", {}), 400, "bad-request")
refused("nobody of this name", a("DELETE", "/v1/users/mallory"), 404, "not-found")
good("disabled", a("PATCH", "/v1/users/vera", {"disabled": True}))
refused("has nothing to say at once", vera("GET", "/v1/status"), 403, "denied")
good("enabled again", alice("PATCH", "/v1/users/vera", {"disabled": False}))
refused("a session that claims more gets no more", web_as("vera", "admin")("GET", "/v1/users"), 403, "denied")
refused("a role that is none", web_as("vera", "root")("GET", "/v1/status"), 403, "denied")
refused("somebody who is nobody", web_as("mallory", "admin")("GET", "/v1/status"), 403, "denied")
good("a new password of one's own", vera("PUT", "/v1/users/vera", {"verifier": VERIFIER}, Tidemark_Reauthenticated="yes"))
refused("not without the old one", vera("PUT", "/v1/users/vera", {"verifier": VERIFIER}), 403, "denied")
refused("not of others", vera("PUT", "/v1/users/oscar", {"verifier": VERIFIER}, Tidemark_Reauthenticated="yes"), 403, "denied")
refused("and no role with it", vera("PUT", "/v1/users/vera", {"verifier": VERIFIER, "role": "admin"}, Tidemark_Reauthenticated="yes"), 403, "denied")

NONSENSE = {"nonsense": 1}
RANK = {"viewer": 1, "operator": 2, "admin": 3, "accounts": 3, "login": 9}
wrong = []
for method, path, op in doc.operations():
    at = path.replace("{ref}", "nothing").replace("{name}", "mallory").replace("{code}", "AUTH_PENDING")
    if path == "/v1/events":
        at += "?timeout_ms=0"
    for rank, who in ((1, vera), (2, oscar), (3, alice)):
        r = who(method, at, None if method == "GET" else NONSENSE)
        if (r.status == 403) != (rank < RANK[op["x-role"]]):
            wrong.append("%s %s by %d: %s" % (method, path, rank, r))
check("every operation is for whom the document says", not wrong, "\n".join(wrong))
good("the process itself may watch", web("GET", "/v1/events?timeout_ms=0"))


def as_uid(uid):
    """A connection to web.sock by another user: refused by the socket's mode, or by the daemon."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            r = Client(sock("a", "web"), {"Tidemark-User": "alice", "Tidemark-Role": "admin"})("GET", "/v1/status")
            os._exit(0 if r.status == 200 else 1)
        except OSError:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


os.chmod(W, 0o755)
check("web.sock is its user's only", as_uid(12345) == 2 and os.stat(sock("a", "web")).st_mode & 0o777 == 0o600)

# ---- settings

refused("an unknown setting", a("PATCH", "/v1/settings", {"nonsense": "1"}), 400, "bad-request", "nonsense")
refused("one that is read at start", a("PATCH", "/v1/settings", {"listen.port": "1"}), 409, "restart-needed", "listen.port")
refused("all or none", a("PATCH", "/v1/settings", {"batch.max_objects": "100", "log.level": "loud"}), 400, "bad-request", "log.level")
row = [s for s in a("GET", "/v1/settings").json if s["key"] == "batch.max_objects"][0]
check("so nothing was set", row["origin"] == "default" and row["changeable"], row)
r = alice("PATCH", "/v1/settings", {"batch.max_objects": "100"})
row = [s for s in r.json if s["key"] == "batch.max_objects"][0]
check("a good one is", row["value"] == "100" and row["origin"] == "runtime", row)
os.kill(PID_A, signal.SIGHUP)
time.sleep(0.5)
check("and outlives a reload", [s["value"] for s in a("GET", "/v1/settings").json if s["key"] == "batch.max_objects"] == ["100"])

# ---- create, look, accept

stream_a, stream_b = Stream(sock("a")), Stream(sock("b"))
new = {"name": "web", "source_dir": SRC, "target_dir": DST, "target_address": TARGET}
refused("create: a missing field", a("POST", "/v1/policies", {"name": "web"}), 400, "bad-request", "source_dir")
refused("create: a bad name", a("POST", "/v1/policies", dict(new, name="-x")), 400, "bad-name", "name")
refused("create: no such source", a("POST", "/v1/policies", dict(new, source_dir=W + "/none")), 409, "source-missing", "source_dir")
refused("create: nobody listens", a("POST", "/v1/policies", dict(new, target_port=1)), 502, "target-unreachable")
refused("create: another key", a("POST", "/v1/policies", dict(new, target_fingerprint="0" * 64)), 409, "fingerprint-mismatch")
r = alice("POST", "/v1/policies", new)
good("create", r, 201)
policy_id = r.json["id"]
refused("create it again", a("POST", "/v1/policies", new), 409, "exists")
check("the request comes as an event", wait_for(lambda: stream_b.of("request")))
requests = b("GET", "/v1/requests").json
check("it waits there, with its size", len(requests) == 1 and requests[0]["request"]["est_files"] == 2 and requests[0]["request"]["est_bytes"] == 7 and
      requests[0]["request"]["target_entries"] == 2, requests)
check("the audit log says who created it", any(r["action"] == "create" and r["who"] == "alice (web, 192.0.2.9)" for r in a("GET", "/v1/audit").json))
check("health asks for the decision", any(c["code"] == "AUTH_PENDING" and c["severity"] == "warning" for c in b("GET", "/v1/health").json["checks"]))
good("mute", b("POST", "/v1/health/AUTH_PENDING/mute", {"seconds": 1000, "policy": "web"}))
check("muted checks do not count", b("GET", "/v1/health").json["state"] == "ok", b("GET", "/v1/health"))
r = b("POST", "/v1/health/AUTH_PENDING/mute", {"seconds": 0, "policy": "web"})
check("and count again", r.json["state"] == "warning", r)
refused("mute what is none", b("POST", "/v1/health/NONSENSE/mute", {"seconds": 1}), 404, "not-found")
refused("mute for ever", b("POST", "/v1/health/AUTH_PENDING/mute", {"seconds": 10**9}), 400, "bad-request", "seconds")
check("health came as an event", wait_for(lambda: any(c["code"] == "AUTH_PENDING" for h in stream_b.of("health") for c in h["checks"])))
r = b("GET", "/v1/policies/web/preview")
names = {s["name"]: s for s in r.json["sample"]}
check("the preview shows what is there", r.json["exists"] and not r.json["empty"] and r.json["files"] == 2 and r.json["directories"] == 1 and r.json["bytes"] == 6 and
      not r.json["more"] and names["old"]["type"] == "directory", r)
check("odd names too", any(s.get("name_b64") == b64(b"o\xff") for s in r.json["sample"]), r)
refused("no preview at the source", a("GET", "/v1/policies/web/preview"), 409, "wrong-role")
refused("accept at the source", a("POST", "/v1/policies/web/accept"), 409, "wrong-role")
refused("accept what is not empty", b("POST", "/v1/policies/web/accept"), 409, "target-not-empty")
refused("replicate too early", a("POST", "/v1/policies/web/replicate"), 409, "wrong-state")
refused("a condition that does not hold", b("POST", "/v1/policies/web/accept", {"yes": True}, If_Match='"nonsense"'), 412, "changed")
revision = b("GET", "/v1/policies/web")
good("accept", b("POST", "/v1/policies/web/accept", {"yes": True}, If_Match=revision.headers["etag"]))
check("accepted: the source follows", status_is(a, "Authorized"))
refused("accept it again", b("POST", "/v1/policies/web/accept", {"yes": True}), 409, "wrong-state")
refused("no preview any more", b("GET", "/v1/policies/web/preview"), 409, "wrong-state")

q = urllib.parse.quote
r = a("GET", "/v1/directories?path=" + q(W + "/src/"))
check("directories are completed", r.json["directories"][:2] == [W + "/src/data", W + "/src/lost+found"] and not r.json["more"], r)
check("up to the limit", a("GET", "/v1/directories?limit=1&path_b64=" + q(b64((W + "/src/").encode()))).json["more"])
refused("a relative path", a("GET", "/v1/directories?path=srv"), 400, "bad-request", "path")
refused("no path at all", a("GET", "/v1/directories"), 400, "bad-request", "path")

# ---- run

refused("a run at the target", b("POST", "/v1/policies/web/replicate"), 409, "wrong-role")
refused("a run with nonsense", a("POST", "/v1/policies/web/replicate", NONSENSE), 400, "bad-request", "nonsense")
r = oscar("POST", "/v1/policies/web/replicate")
good("replicate", r)
good("wait for it", a("GET", "/v1/policies/web/wait?timeout_ms=60000&run=" + r.json["run"]))
refused("wait at the target", b("GET", "/v1/policies/web/wait"), 409, "wrong-role")
check("finished here", status_is(a, "Finished"))
check("and there", status_is(b, "Finished"))
mine, theirs = a("GET", "/v1/policies/web"), b("GET", "/v1/policies/web")
check("the target knows the recovery point", theirs.json["recovery_point"] and mine.json["lag_ms"] == 0, theirs)
runs = a("GET", "/v1/policies/web/runs").json
check("the run is in the history of both", runs[0]["kind"] == "first" and runs[0]["result"] == "finished" and
      b("GET", "/v1/policies/web/runs").json[0]["result"] == "finished", runs)
check("its end came as an event", wait_for(lambda: any(e["result"] == "finished" and e["policy"] == policy_id for e in stream_a.of("run"))))
check("the status words came as events on both sides", wait_for(lambda: all({"Awaiting Authorization", "Finished"} <= {e["status"] for e in s.of("policy")}
                                                                         for s in (stream_a, stream_b))),
      [[e["status"] for e in s.of("policy")] for s in (stream_a, stream_b)])
r = a("GET", "/v1/policies/web", If_None_Match=mine.headers["etag"])
check("304 while nothing changed", r.status == 304 and not r.body, r)
check("200 for another revision", a("GET", "/v1/policies/web", If_None_Match='"x"').status == 200)
check("an id is as good as the name", a("GET", "/v1/policies/" + policy_id).json["name"] == "web")
refused("no such policy", a("GET", "/v1/policies/nothing"), 404, "not-found")
for i in range(3):
    a("POST", "/v1/policies/web/sync", {"timeout_ms": 60000})
good("sync", a("POST", "/v1/policies/web/sync", {"timeout_ms": 60000}))
refused("sync at the target", b("POST", "/v1/policies/web/sync"), 409, "wrong-role")
first = a("GET", "/v1/policies/web/runs?limit=1").json
rest = a("GET", "/v1/policies/web/runs?before=" + first[0]["id"]).json
check("the history goes on below the last row", first and rest and all(int(r["id"]) < int(first[0]["id"]) for r in rest), rest)

for name, get in (("series", a), ("failures", a), ("failures", b)):
    good("GET " + name, get("GET", "/v1/policies/web/" + name))
refused("failures with nonsense", a("GET", "/v1/policies/web/failures?limit=x"), 400, "bad-request", "limit")
r = a("GET", "/v1/policies/web/top")
check("who writes is told or is not available", r.status == 200 or is_problem(r, 409, "not-available"), r)
can_tell_writers = r.status == 200

# ---- where

F = SRC + "/sub/file"
where = lambda path, c=a: c("GET", "/v1/where?path=" + q(path)).json["policies"][0]
check("a file that was replicated is safe", where(F)["state"] == "safe" and where(F)["last_change"] == where(F)["last_durable"], where(F))
with open(F, "a") as f:
    f.write("more\n")
check("a change of it is pending", where(F)["state"] == "pending" and where(F)["last_durable"] is None, where(F))
check("so is the root", where(SRC)["state"] == "pending", where(SRC))
check("another one is safe still", where(SRC + "/" + "nothing")["state"] == "safe", where(SRC + "/nothing"))
good("by its bytes", a("GET", "/v1/where?path_b64=" + q(b64(SRC.encode() + b"/n\xff\x1b[2J"))))
refused("outside", a("GET", "/v1/where?path=/etc/passwd"), 404, "not-found")
refused("not absolute", a("GET", "/v1/where?path=x"), 400, "bad-request", "path")
check("the target does not pretend to know", where(DST + "/sub/file", b)["state"] == "unknown")
a("POST", "/v1/policies/web/sync", {})
check("safe after a sync", where(F)["state"] == "safe", where(F))
os.unlink(F)
check("a deletion is pending", where(F)["state"] == "pending")

# ---- change

refused("nothing to change", a("PATCH", "/v1/policies/web", {}), 400, "bad-request")
refused("another name", a("PATCH", "/v1/policies/web", {"name": "x"}), 400, "bad-request", "name")
refused("at the target", b("PATCH", "/v1/policies/web", {"mode": "continuous"}), 409, "wrong-role")
old = a("GET", "/v1/policies/web").headers["etag"]
good("continuous", a("PATCH", "/v1/policies/web", {"mode": "continuous"}, If_Match=old))
refused("by who saw it before", a("PATCH", "/v1/policies/web", {"mode": "manual"}, If_Match=old), 412, "changed")
check("the target hears of the mode", wait_for(lambda: b("GET", "/v1/policies/web").json["mode"] == "continuous"))
check("and of the deletion", wait_for(lambda: not os.path.exists(DST + "/sub/file")))
good("another port", a("PATCH", "/v1/policies/web", {"target_port": 1}))
check("where nobody is", status_is(a, "Disconnected"))
check("health says so", any(c["code"] == "PEER_UNREACHABLE" for c in a("GET", "/v1/health").json["checks"]))
good("and back", a("PATCH", "/v1/policies/web", {"target_port": 3712, "target_address": TARGET}))
check("connected again", status_is(a, "Finished"))
good("manual again", a("PATCH", "/v1/policies/web", {"mode": "manual"}))

r = a("POST", "/v1/policies/web/verify", {"repair": True})
good("verify", r)
check("a run of its own", wait_for(lambda: any(x["kind"] == "verify" and x["result"] == "finished" for x in a("GET", "/v1/policies/web/runs").json)),
      a("GET", "/v1/policies/web/runs"))
refused("verify at the target", b("POST", "/v1/policies/web/verify"), 409, "wrong-role")

# ---- both sides

refused("abort what is not under way", a("POST", "/v1/policies/web/abort"), 409, "wrong-state")
good("disable at the target", b("POST", "/v1/policies/web/disable"))
check("the source shows it", status_is(a, "Disabled"))
good("enable at the target", b("POST", "/v1/policies/web/enable"))
check("the source goes on", status_is(a, "Finished"))
good("disable at the source", oscar("POST", "/v1/policies/web/disable"))
check("the target shows it", status_is(b, "Disabled"))
refused("replicate while disabled", a("POST", "/v1/policies/web/replicate"), 409, "wrong-state")
refused("enable with nonsense", a("POST", "/v1/policies/web/enable", NONSENSE), 400, "bad-request")
refused("disable with nonsense", a("POST", "/v1/policies/web/disable", NONSENSE), 400, "bad-request")
good("enable at the source", a("POST", "/v1/policies/web/enable"))
check("the target goes on", status_is(b, "Finished"))
good("continuous once more", a("PATCH", "/v1/policies/web", {"mode": "continuous"}))
good("abort", a("POST", "/v1/policies/web/abort"))
check("the target shows that it failed, and why", wait_for(lambda: "aborted by root" in (b("GET", "/v1/policies/web").json["status_detail"] or "")),
      b("GET", "/v1/policies/web"))
refused("delete with nonsense", a("DELETE", "/v1/policies/web", NONSENSE), 400, "bad-request")
r = a("DELETE", "/v1/policies/web")
check("delete tells the other side", r.status == 200 and r.json == {"deleted": policy_id, "peer_told": True}, r)
check("which shows it", status_is(b, "Failed"))
check("deletions are events", wait_for(lambda: any(e["id"] == policy_id for e in stream_a.of("policy-deleted"))))

r = a("POST", "/v1/policies", dict(new, name="no", source_dir=W + "/src/other", target_dir=W + "/dst/none"))
good("another request", r, 201)
check("its target is missing", b("GET", "/v1/policies/no/preview").json["exists"] is False)
refused("accept what is missing", b("POST", "/v1/policies/no/accept"), 409, "target-missing")
refused("a reason with control bytes", b("POST", "/v1/policies/no/reject", {"reason": "\u0007"}), 400, "bad-request", "reason")
good("reject", b("POST", "/v1/policies/no/reject", {"reason": "not here"}))
refused("reject it again", b("POST", "/v1/policies/no/reject"), 409, "wrong-state")
check("the source shows it", wait_for(lambda: a("GET", "/v1/policies/no").json["status"] == "Rejected"))
refused("and changes nothing any more", a("PATCH", "/v1/policies/no", {"mode": "manual"}), 409, "wrong-state")
good("delete a user", alice("DELETE", "/v1/users/oscar"))

# ---- events

def quiet():
    """An event id after which nothing comes for a while; what the last change brought is over then."""
    at = a("GET", "/v1/events").json["next"]
    r = a("GET", "/v1/events?timeout_ms=1500&since=" + at).json
    return at if r == {"events": [], "next": at, "resync": False} else None


at = wait_for(quiet)
check("nothing new: an empty answer at the timeout", at)
a("PUT", "/v1/users/new", {"verifier": VERIFIER, "role": "viewer"})
r = a("GET", "/v1/events?timeout_ms=30000&since=" + at).json
check("what happened after it", r["events"][0]["type"] == "audit" and r["events"][0]["id"] == str(int(at) + 1) and
      r["next"] == r["events"][-1]["id"], r)
check("who is from another life loads anew", a("GET", "/v1/events?since=1").json["resync"] is True)
refused("a since that is none", a("GET", "/v1/events?since=-1"), 400, "bad-request", "since")
again = Stream(sock("a"), since=at)
check("a stream goes on after the last event", wait_for(lambda: again.of("audit")))
check("ids grow by one", all(int(y[0]) == int(x[0]) + 1 for x, y in zip(stream_a.events, stream_a.events[1:])),
      [e[:2] for e in stream_a.events][-20:])
for s in (stream_a, stream_b):
    for kind, schema in (("policy", "Policy"), ("run", "Run"), ("request", "Policy"), ("health", "Health"), ("audit", "AuditRow")):
        for data in s.of(kind):
            doc.errors += ["event %s: %s" % (kind, e) for e in doc.wrong(data, {"$ref": "#/components/schemas/" + schema})[:2]]

many = [Stream(sock("a"), since=at) for _ in range(40)]
check("forty streams", wait_for(lambda: all(s.of("audit") for s in many)))
fds = lambda: len(os.listdir("/proc/%d/fd" % PID_A))
with_streams = fds()
for s in many:
    s.close()
check("leave nothing behind", wait_for(lambda: fds() <= with_streams - 40), fds())
waiting = {}


def wait_in_thread(name, *request):
    def run():
        try:
            waiting[name] = a(*request).status
        except OSError as e:
            waiting[name] = repr(e)
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t


# Nobody answers there: the request is still being made when the daemon is told to end.
threads = [wait_in_thread("create", "POST", "/v1/policies", dict(new, name="slow", target_address=TARGET.rsplit(".", 1)[0] + ".77")),
           wait_in_thread("poll", "GET", "/v1/events?timeout_ms=60000&since=" + a("GET", "/v1/events").json["next"])]
time.sleep(1)
os.kill(PID_A, signal.SIGTERM)
for t in threads:
    t.join(60)
check("who waits is answered when the daemon ends", waiting.get("create") in (502, 503) and waiting.get("poll") == 200, waiting)
check("a stream ends with the daemon", wait_for(lambda: again.ended and stream_a.ended))

check("every answer is as the document says", not doc.errors, "\n".join(doc.errors[:20]))
missing = [m for m in doc.missing() if can_tell_writers or m != "listWriters (good)"]
check("every operation was asked for something good and something bad", not missing, missing)
finish()

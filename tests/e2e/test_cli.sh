#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line, noun by noun, with good and bad input: exit codes, what goes to stdout and what to stderr, that -j
# is JSON, that columns, raw and watch do what they say, completion, and that hostile names stay harmless.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 100M
disk dst 100M
mkdir -p "$W/src/data" "$W/src/more" "$W/src/third" "$W/dst/full"
echo hello > "$W/src/data/file"
echo old > "$W/dst/full/precious"
export TZ=UTC LC_ALL=C.UTF-8
node_start a || exit 1
node_start b || exit 1
B=$(address b)
create() { tm a policy create "$1" --source-dir "$W/src/$2" --target-dir "$3" --target-address "$B" "${@:4}"; }

# quiet_err COMMAND...: succeeds, and says nothing on stderr
quiet_err() { "$@" 2> "$W/err" > /dev/null && [[ ! -s $W/err ]] || { cat "$W/err"; return 1; }; }
# silent STATUS COMMAND...: nothing on stdout, something on stderr
silent() { local want=$1 got=0; shift; "$@" > "$W/out" 2> "$W/err" || got=$?; [[ $got -eq $want && ! -s $W/out && -s $W/err ]] || { echo "exit $got"; cat "$W/out"; return 1; }; }
# is_json TYPE COMMAND...: stdout is one JSON value of that type
is_json() { local type=$1; shift; [[ $("$@" 2> /dev/null | jq -r type) == "$type" ]]; }
# harmless: no byte of stdin that a terminal acts on (the independent eye is python's)
harmless()
{
	python3 -c '
import sys, unicodedata
data = sys.stdin.buffer.read()
text = data.decode("utf-8")
bad = [c for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp"))]
sys.exit("control or format characters: %r" % bad[:5] if bad else 0)'
}
safe() { { "$@" 2>&1 || true; } | harmless; } # whatever the exit status

# ---- help and usage

check "help goes to stdout, exit 0" quiet_err tm a --help
check "help of a noun" says "policy accept NAME" tm a policy --help
check "help of a command has its options" says "--create-dir" tm a policy accept --help
check "and examples" says "tidemark policy accept web" tm a help policy accept
check "no command at all: exit 2, stdout empty" silent 2 "$O/tidemark"
check "a noun without its verb: exit 2" silent 2 tm a policy
check "an unknown noun: exit 2" silent 2 tm a frobnicate
check "and the nearest one is named" says "did you mean policy" tm a plicy list
check "an operand too many: exit 2" silent 2 tm a status web
check "a missing operand: exit 2" silent 2 tm a policy show
check "an option of another command: exit 2" silent 2 tm a policy show x --create-dir
check "a shortened option: exit 2" silent 2 tm a status --qui
help_everywhere()
{
	local line noun verb n=0
	while read -r noun verb _; do
		[[ $verb =~ ^[a-z]+(-[a-z]+)?$ ]] && tm a "$noun" "$verb" --help > "$W/one" 2>&1 || tm a "$noun" --help > "$W/one" || return
		grep -q '^usage: tidemark' "$W/one" && grep -q '^Examples' "$W/one" || { echo "$noun $verb"; cat "$W/one"; return 1; }
		n=$((n + 1))
	done < <(tm a --help | grep -E '^  [a-z]+ ' | sed 's/   .*//' | grep -vE '^  (policy|admin|peer)$')
	((n > 35)) || { echo "only $n"; return 1; }
}
check "every command has help with examples" help_everywhere
narrow() { [[ $(tm a --help | awk '{ if (length($0) > 80) n++ } END { print n + 0 }') -eq 0 ]]; }
check "help fits 80 columns" narrow

# ---- no daemon, no right

check "no daemon: exit 6, whatever the command" silent 6 "$O/tidemark" --socket "$W/nowhere" policy list
six_everywhere()
{
	local words
	for words in "status" "health" "audit" "peer list" "probe" "sysctl" "events" "policy show x" "policy sync x" "policy delete x --yes" "policy accept x" \
		"admin list" "where /x" "capture" "bugtool" "top x" "policy wait x" "policy runs x"; do
		# shellcheck disable=SC2086
		exits 6 "$O/tidemark" --socket "$W/nowhere" $words 2> /dev/null > /dev/null || { echo "$words"; return 1; }
	done
}
check "exit 6 from each" six_everywhere
check "version works without a daemon" "$O/tidemark" --socket "$W/nowhere" version
check "version -j has null for the daemon" test "$("$O/tidemark" --socket "$W/nowhere" version -j | jq -r .daemon)" = null
check "with a daemon both versions" says tidemarkd tm a version
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$O/tidemark" --socket "$W/open/api.sock" "$@"; }
mkdir "$W/open"
chmod 755 "$W" "$W/open"
ln "$W/a/run/api.sock" "$W/open/api.sock" 2> /dev/null
if setpriv --reuid 65534 --regid 65534 --clear-groups -- test -x "$O/tidemark"; then
	check "who may not connect: exit 5" exits 5 as_nobody status
fi

# ---- empty

check "an empty list talks on stderr only" silent 0 tm a policy list
check "and not at all with -q" quiet_err tm a policy list -q
check "an empty list is [] in JSON" test "$(tm a policy list -j)" = "[]"
check "status with nothing: teaches create" says "tidemark policy create NAME" tm a status
check "no such policy: exit 4, problem on stdout with -j" test "$(tm a policy show x -j 2> /dev/null | jq -r .code)" = not-found
four_everywhere()
{
	local verb
	for verb in show accept reject replicate verify sync wait abort enable disable runs failures preview "edit --mode manual" "delete --yes"; do
		# shellcheck disable=SC2086
		exits 4 tm a policy ${verb%% *} nothing ${verb#"${verb%% *}"} > /dev/null 2>&1 || { echo "$verb"; return 1; }
	done
}
check "exit 4 from every verb" four_everywhere

# ---- a relationship, told

check "create with a missing option: exit 2" silent 2 tm a policy create web --source-dir "$W/src/data"
check "create -q says nothing" quiet_err create web data "$W/dst/full" -q
wait_status b web "Awaiting Authorization" 10
check "create -j is the policy" is_json object create more more "$W/dst/more" --mode continuous -j
check "status asks for the other admin: exit 3" exits 3 tm a status
check "and says how" says "tidemark policy accept web" tm a status
check "the target's status tells of the request" says "asks to replicate" tm b status
check "its list too" says "Authorization request from cluster-a" tm b policy list
check "it does not tell with -q" quiet_err tm b policy list -q
check "show tells who asks" says "Authorization request: cluster cluster-a" tm b policy show web
check "and warns" says "is not empty" tm b policy show web
check "preview shows what would be lost" says precious tm b policy preview web
check "preview -j is an object" is_json object tm b policy preview web -j
check "accept of a full directory: exit 1" exits 1 tm b policy accept web
check "accept of a missing one: exit 1" exits 1 tm b policy accept more
check "accept --create-dir" tm b policy accept more --create-dir
check "accept --yes" tm b policy accept web --yes
check "accept again: exit 8" exits 8 tm b policy accept web
check "wait --status" tm a policy wait web --status Authorized --timeout 10
check "wait for a status that does not exist: exit 2" exits 2 tm a policy wait web --status Fine
check "wait for one that does not come: exit 7" exits 7 tm a policy wait web --status Stopped --timeout 1
check "replicate at the target: exit 8" exits 8 tm b policy replicate web
check "replicate --wait tells the status" says "web: Finished" tm a policy replicate web --wait --timeout 60
check "replicate -o tells that field" test "$(tm a policy replicate web --wait -H -o status)" = Finished
check "wait with nothing under way" tm a policy wait web
check "sync -j is an object" is_json object tm a policy sync more -j --timeout 60
check "both are safe: exit 0" exits 0 tm a status
check "and says so" says "Safe" tm a status
check "status -q -H is only the table" test "$(tm a status -q -H | wc -l)" -eq 2
check "disable" tm a policy disable more
check "status is 3 with one disabled, and says what to do" says "tidemark policy enable more" tm a status
check "exit 3" exits 3 tm a status
check "enable" tm a policy enable more

# ---- shapes of output

check "columns by title and field" test "$(tm a policy list -H --raw -o name,source.dir | head -n 1)" = "web $W/src/data"
check "a column more" says PROGRESS tm a policy list -o +progress
check "an unknown column: exit 2" exits 2 tm a policy list -o name,colour
check "and lists those there are" says recovery-point tm a policy list -o colour
check "no headings" test "$(tm a policy list -H | wc -l)" -eq 2
check "headings" test "$(tm a policy list | wc -l)" -eq 3
exact() { [[ $(tm a policy runs web -b -H --raw -o payload | head -n 1) =~ ^[0-9]+$ ]]; }
check "exact numbers with -b" exact
check "times of people are not RFC 3339" bash -c "! '$O/tidemark' --socket '$W/a/run/api.sock' policy runs web -o started | grep T..:..:.."
check "with -b they are" bash -c "'$O/tidemark' --socket '$W/a/run/api.sock' policy runs web -b -o started | grep -q T..:..:.."
check "limit" test "$(tm a policy runs web --limit 1 -j | jq length)" -eq 1
older() { local id; id=$(tm a policy runs web --limit 1 -j | jq -r '.[0].id'); [[ $(tm a policy runs web --before "$id" -j | jq -r '.[0].id') -lt $id ]]; }
check "before" older
check "show -o one field" test "$(tm a policy show web -H -o target.cluster)" = cluster-b
check "no colours in a pipe" bash -c "! '$O/tidemark' --socket '$W/a/run/api.sock' policy list | grep -q \$'\033'"
check "colours on demand" bash -c "'$O/tidemark' --socket '$W/a/run/api.sock' policy list --color | grep -q \$'\033'"
check "-j is one line in a pipe" test "$(tm a policy show web -j | wc -l)" -eq 1
check "-p is many" test "$(tm a policy show web -p | wc -l)" -gt 20
json_everywhere()
{
	local words
	for words in status "policy list" "policy show web" "policy runs web" "policy failures web" "policy series web" health "peer list" "peer show cluster-b" audit sysctl \
		"sysctl log.level" probe capture bugtool version "policy wait web" "policy replicate web --wait" "policy abort web" "policy disable web" "policy enable web"; do
		# shellcheck disable=SC2086
		tm a $words -j > "$W/json" 2> /dev/null
		jq -e . "$W/json" > /dev/null || { echo "$words"; cat "$W/json"; return 1; }
	done
}
check "-j is JSON everywhere" json_everywhere
lines() { timeout 3 "$O/tidemark" --socket "$W/a/run/api.sock" policy show web -w1 > "$W/lines" 2> /dev/null & local pid=$!
	sleep 1; tm a policy disable web -q; sleep 0.7; tm a policy enable web -q; wait $pid
	jq -e . "$W/lines" > /dev/null && (($(wc -l < "$W/lines") >= 3)) && grep -q Disabled "$W/lines" || { cat "$W/lines"; return 1; }; }
check "--watch in a pipe gives a JSON line for every change" lines
followed() { timeout 3 "$O/tidemark" --socket "$W/a/run/api.sock" events -f -j > "$W/lines" 2> /dev/null & local pid=$!
	sleep 1; tm a policy disable web -q; sleep 0.5; tm a policy enable web -q; wait $pid
	jq -se 'map(.type) | index("policy") and index("audit")' "$W/lines" > /dev/null || { cat "$W/lines"; return 1; }; }
check "events -f tells what happens" followed
check "events tells what happened" says Disabled tm a events

# ---- interrupted

interrupted()
{
	local pid got=0
	"$O/tidemark" --socket "$W/a/run/api.sock" policy wait web --status Stopped > /dev/null 2>&1 &
	pid=$!
	sleep 0.5
	# A background process ignores SIGINT unless it says otherwise: this one does.
	kill -INT "$pid"
	wait "$pid" || got=$?
	[[ $got -eq 130 ]] || { echo "exit $got"; return 1; }
}
check "interrupted: exit 130" interrupted

# ---- health, peers, audit, settings

check "mute: a duration that is none: exit 2" exits 2 tm a health mute BPF_NOT_ATTACHED soon
check "mute: a code that does not exist: exit 4" exits 4 tm a health mute NO_SUCH_CODE 1h
check "health -j has a state" test "$(tm a health -j | jq -r '.state | type')" = string
muting()
{
	tm a policy disable web -q
	mv "$W/src/data" "$W/src/away"; tm a policy enable web -q
	wait_status a web Stopped 20 || { mv "$W/src/away" "$W/src/data"; return 1; }
	exits 3 tm a health > /dev/null && says POLICY_STOPPED tm a health && says Cure tm a health --detail && exits 3 tm a status > /dev/null &&
		tm a health mute POLICY_STOPPED 1h --policy web && exits 0 tm a status > /dev/null && says "MUTED" tm a health &&
		tm a health mute POLICY_STOPPED 0 --policy web && exits 3 tm a status > /dev/null
	local bad=$?
	mv "$W/src/away" "$W/src/data"
	tm a policy replicate web --yes --wait --timeout 60 -q && return $bad
}
check "health finds a stopped policy; muted it counts no more, and again later" muting
check "peer show by name" says "$(tm b status -j | jq -r .fingerprint)" tm a peer show cluster-b
check "peer show by fingerprint" says cluster-b tm a peer show "$(tm b status -j | jq -r '.fingerprint[0:8]')"
check "peer show lists what is shared" says more tm a peer show cluster-b
check "no such peer: exit 4" exits 4 tm a peer show nobody
check "audit knows who did it" says "root (uid 0" tm a audit
check "sysctl KEY" test "$(tm a sysctl cluster.name)" = "cluster.name = cluster-a"
check "sysctl -n KEY" test "$(tm a sysctl -n cluster.name)" = cluster-a
check "slashes stand for dots" test "$(tm a sysctl -n cluster/name)" = cluster-a
check "several keys" test "$(tm a sysctl -n cluster.name listen.port | wc -l)" -eq 2
check "-N" says listen.port tm a sysctl -N
check "--origin" says "command line" tm a sysctl --origin cluster.name
check "--describe" says "Default" tm a sysctl --describe listen.port
check "no such setting: exit 4" exits 4 tm a sysctl no.such
check "the nearest one is named" says "did you mean listen.port" tm a sysctl listen.prot
check "-e ignores it" exits 0 tm a sysctl -e no.such cluster.name
check "a KEY and a KEY=VALUE: exit 2" exits 2 tm a sysctl cluster.name log.level=info
check "-w without a value: exit 2" exits 2 tm a sysctl -w

check "-w changes at once" test "$(tm a sysctl -w log.level=debug)" = "log.level = debug"
check "and it is said who did" says runtime tm a sysctl --origin log.level
check "without -w too, several, with slashes" tm a sysctl log/level=info batch.interval=60ms
check "both are in force" test "$(tm a sysctl -n log.level batch.interval | tr '\n' ' ')" = "info 60ms "
check "one wrong value: exit 2" exits 2 tm a sysctl log.level=debug batch.interval=never
check "and none is changed" test "$(tm a sysctl -n log.level)" = info
check "what is read at start cannot be changed: exit 8" exits 8 tm a sysctl cluster.name=other

# ---- where, edit

check "edit without a change: exit 2" exits 2 tm a policy edit web
check "edit with a bad mode: exit 2" exits 2 tm a policy edit web --mode often
check "edit at the target: exit 8" exits 8 tm b policy edit web --mode manual
check "edit" test "$(tm a policy edit more --mode manual -H -o mode)" = manual
check "nothing replicates this path: exit 4" exits 4 tm a where /etc/passwd
check "a path that is nowhere: exit 4" exits 4 tm a where "$W/nowhere/at/all"
tm a policy replicate more --wait --timeout 60 -q
echo new > "$W/src/more/new"
check "a change that is not sent: exit 3" exits 3 tm a where "$W/src/more/new"
check "pending" test "$(tm a where "$W/src/more/new" -H -o state)" = pending
tm a policy replicate more --wait --timeout 60 -q
check "sent: exit 0" exits 0 tm a where "$W/src/more/new"
relative() { (cd "$W/src/more" && [[ $(tm a where ./new -H -o policy,state --raw) == "more safe" && $(tm a where new -j | jq -r .policies[0].relative) == new ]]); }
check "a relative path" relative
ln -s new "$W/src/more/link"
check "a link is itself, not what it points to" test "$(tm a where "$W/src/more/link" -H -o state)" = pending
odd=$'\xff\n\033[2J'
echo odd > "$W/src/more/$odd"
check "a name that is no text: exit 3" exits 3 tm a where "$W/src/more/$odd"
tm a policy replicate more --wait --timeout 60 -q
check "and then 0" exits 0 tm a where "$W/src/more/$odd"
check "harmless" safe tm a where "$W/src/more/$odd" -o +relative

# ---- verify

rot() { printf X | dd of="$W/dst/more/new" bs=1 conv=notrunc 2> /dev/null; touch -r "$W/src/more/new" "$W/dst/more/new"; }
check "verify finds nothing wrong" says "0 found different" tm a policy verify more --wait --timeout 60
rot
check "what differs is told and left: exit 3" exits 3 tm a policy verify more --wait --no-repair --timeout 60
check "it is listed" says "content differs" tm a policy failures more
check "again, to the same end" exits 3 tm a policy verify more --wait --no-repair --timeout 60 -q
check "with repair it is put right" says "1 found different and put right" tm a policy verify more --wait --timeout 60
check "and is" cmp "$W/src/more/new" "$W/dst/more/new"
check "the history tells" says "verify" tm a policy runs more -o +verified,differed
check "verify at the target: exit 8" exits 8 tm b policy verify more

# ---- accounts

check "nobody can log in yet" says "set-password" tm a admin list
check "a short password: exit 2" exits 2 bash -c "echo short | '$O/tidemark' --socket '$W/a/run/api.sock' admin set-password --stdin"
check "no terminal to ask on: exit 2" exits 2 bash -c "'$O/tidemark' --socket '$W/a/run/api.sock' admin set-password < /dev/null"
check "a password by --stdin" bash -c "echo 'correct horse' | '$O/tidemark' --socket '$W/a/run/api.sock' admin set-password --stdin"
check "the first one is an admin" test "$(tm a admin list -H --raw -o user,role)" = "admin admin"
check "another one wants a role" exits 2 bash -c "echo 'correct horse' | '$O/tidemark' --socket '$W/a/run/api.sock' admin set-password eve --stdin"
check "with one it is made" bash -c "echo 'correct horse' | '$O/tidemark' --socket '$W/a/run/api.sock' admin set-password eve --role viewer --stdin"
check "a role that does not exist: exit 2" exits 2 tm a admin role eve king
check "the role changes" tm a admin role eve operator
check "disable" tm a admin disable eve
check "both are listed" test "$(tm a admin list -H --raw -o user,role,disabled | tail -n 1)" = "eve operator yes"
check "enable" tm a admin enable eve
check "delete wants a confirmation: exit 1" exits 1 tm a admin delete eve
check "delete --yes" tm a admin delete eve --yes
check "no such account: exit 4" exits 4 tm a admin delete eve --yes
verifier() { tm a bugtool | grep -q 'correct horse\|\$y\$' && return 1; grep -q 'correct horse' "$W/a/log" && return 1; sqlite3 "$W/a/state/policies.db" .dump | grep -q '\$y\$'; }
check "only a yescrypt hash is kept, and nothing tells it" verifier
# on_terminal SCRIPT COMMAND...: COMMAND on a terminal of its own (python's pty). SCRIPT is lines "what is waited for|what is typed
# then"; all that was seen is printed, the exit status is the command's.
on_terminal()
{
	python3 - "$@" << 'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen, done = b"", False
def read():
    global seen, done
    if select.select([fd], [], [], 0.2)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        seen, done = seen + data, not data
for line in sys.argv[1].encode().split(b"\n"):
    wanted, typed = line.split(b"|")
    end, start = time.time() + 30, len(seen)
    while wanted not in seen[start:] and not done and time.time() < end:
        read()
    if wanted not in seen[start:]:
        sys.exit("no %r in %r" % (wanted, seen))
    time.sleep(0.1)
    os.write(fd, typed + b"\n")
while not done:
    read()
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}
at_a() { on_terminal "$1" "$O/tidemark" --socket "$W/a/run/api.sock" "${@:2}"; }
at_b() { on_terminal "$1" "$O/tidemark" --socket "$W/b/run/api.sock" "${@:2}"; }
typed()
{
	local seen
	seen=$(at_a $'New password: |a typed password\nOnce more: |a typed password' admin set-password) || { echo "$seen"; return 1; }
	[[ $seen == *"the password is set"* && $seen != *"a typed"* ]] || { echo "$seen"; return 1; }
}
check "a typed password is asked twice and never shown" typed

two_passwords() { exits 1 at_a $'New password: |a typed password\nOnce more: |another password' admin set-password; }
check "two that differ: exit 1" two_passwords

# ---- questions, on a terminal

create asked third "$W/dst/asked" > /dev/null
wait_status b asked "Awaiting Authorization" 10
check "a missing directory is asked about; no: exit 1" exits 1 at_b "Create it?|n" policy accept asked
check "nothing was made" test ! -e "$W/dst/asked"
mkdir "$W/dst/asked"
touch "$W/dst/asked/precious"
check "a full one is shown and wants the name; another word: exit 1" exits 1 at_b "to agree: |yes" policy accept asked
check "it still waits" wait_status b asked "Awaiting Authorization" 1
accepted() { says precious at_b "to agree: |asked" policy accept asked && wait_status b asked Authorized 5; }
check "with the name it is accepted, after a look at what is there" accepted
check "delete wants the name; another word: exit 1" exits 1 at_a "to delete it: |yes" policy delete asked
check "and with the name it goes" at_a "to delete it: |asked" policy delete asked
tm b policy delete asked --yes -q > /dev/null

# ---- hostile names

corpus()
{
	python3 - "$W/src/third" << 'END'
import os, sys
root = os.fsencode(sys.argv[1])
names = [b"a\nb", b"\x1b[2J", b"\x1b]0;x\x07", b"\xc2\x9b2J", b"\x9b31m", b"\xe2\x80\xaetxt.exe", b"\xe2\x80\x8b", b"\xff" * 255,
         b"-rf", b"<img src=x onerror=alert(1)>", b"{{7*7}}", b"a\\x1bb", b"\x7f\x08", b"\xed\xa0\x80", b"\xc0\xaf", b" ", b"a b"]
for n in names:
    os.mknod(os.path.join(root, n), 0o600 | 0o020000, os.makedev(1, 3))
END
}
check "device nodes with hostile names" corpus
create third third "$W/dst/third" > /dev/null
wait_status b third "Awaiting Authorization" 10
tm b policy accept third --create-dir > /dev/null
wait_status a third Authorized 10
tm a policy replicate third --wait --timeout 60 > /dev/null 2>&1
failed() { [[ $(tm b policy failures third -j | jq length) -ge 17 ]]; }
check "the target refuses all of them and lists them" failed
check "failures are harmless as a table" safe tm b policy failures third
check "raw" safe tm b policy failures third --raw
check "as JSON" safe tm b policy failures third -j
check "in one line each" test "$(tm b policy failures third -H --raw | wc -l)" -eq "$(tm b policy failures third -j | jq length)"
check "show" safe tm b policy show third
check "events" safe tm b events
check "status" safe tm b status
hostile_args()
{
	local word verb
	for word in $'\033[2J' $'\xff' $'\u202e' $'a\nb' $'\u009b2J' $'\x7f'; do
		for verb in "policy show" "policy accept" "policy reject" "sysctl" "peer show" "where" "health mute" "admin role" "policy wait" "policy"; do
			# shellcheck disable=SC2086
			tm a $verb "$word"
			# shellcheck disable=SC2086
			tm a $verb "$word" "$word"
		done
		tm a "$word"
		tm a policy list -o "$word"
		tm a status "--$word"
		tm a policy sync web --timeout "$word"
	done > "$W/said" 2>&1
	[[ $(wc -l < "$W/said") -gt 100 ]] && harmless < "$W/said"
}
check "arguments come back harmless" hostile_args

# ---- completion, live

completes()
{
	PATH=$O:$PATH bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_tidemark
		echo "${COMPREPLY[*]}"' bash "$TOP/userspace/completion/tidemark" "$@"
}
check "completion: names from the socket" test "$(completes tidemark --socket "$W/a/run/api.sock" policy show "")" = "web more third"
check "only those that fit the command" test "$(completes tidemark --socket "$W/a/run/api.sock" policy accept "")" = ""
check "with --socket= in three words" test "$(completes tidemark --socket = "$W/a/run/api.sock" policy show m)" = more
check "settings" test "$(completes tidemark --socket "$W/a/run/api.sock" sysctl listen.p)" = listen.port
check "peers" test "$(completes tidemark --socket "$W/a/run/api.sock" peer show "")" = cluster-b
check "accounts" test "$(completes tidemark --socket "$W/a/run/api.sock" admin disable "")" = admin
check "columns, the second one" test "$(completes tidemark policy list -o name,st)" = name,status
check "values of an option" test "$(completes tidemark policy edit x --mode = c)" = continuous
check "nothing without a daemon" test -z "$(completes tidemark --socket "$W/none" policy show "")"
finish

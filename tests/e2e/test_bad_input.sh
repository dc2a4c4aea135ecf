#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input of every kind: a clear message, a documented exit code, nothing lost, and everything else goes on.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 100M
disk dst 100M
mkdir -p "$W/src/data" "$W/src/other" "$W/dst/copy"
echo hello > "$W/src/data/file"
node_start a || exit 1
node_start b || exit 1
B=$(address b)
create() { tm a policy create "$@"; }
none() { [[ $(tm a policy list -j | jq length) -eq ${1:-0} ]]; }

check "no daemon: exit 6" exits 6 "$O/tidemark" --socket "$W/nowhere" policy list
check "unknown verb: exit 2" exits 2 tm a policy frobnicate
check "no such policy: exit 4" exits 4 tm a policy show nothing
check "port out of range: exit 2" exits 2 create p --source-dir "$W/src/data" --target-dir /x --target-address "$B" --target-port 70000
check "wrong port: exit 1" exits 1 create p --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$B" --target-port 3713
check "and says unreachable" says "3713" create p --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$B" --target-port 3713
check "unreachable address: exit 1" exits 1 create p --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "10.99.$NET_ID.77"
check "nothing was stored" none
check "missing source directory: exit 1" exits 1 create p --source-dir "$W/src/absent" --target-dir "$W/dst/copy" --target-address "$B"
check "and says which" says "$W/src/absent" create p --source-dir "$W/src/absent" --target-dir "$W/dst/copy" --target-address "$B"
check "source is a file: exit 1" exits 1 create p --source-dir "$W/src/data/file" --target-dir "$W/dst/copy" --target-address "$B"
check "a name with odd bytes: exit 2" exits 2 create $'a\033[2Jb' --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$B"
no_escape() { ! { create $'a\033[2Jb' --source-dir "$W/src/data" --target-dir /t --target-address "$B" 2>&1 | grep -q $'\033'; }; }
check "and no control byte reaches the terminal" no_escape
check "a name that is not UTF-8: exit 2" exits 2 create $'a\xff' --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$B"
check "another key than the one asked for: exit 1" exits 1 create p --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$B" \
	--target-fingerprint "$(printf '0%.0s' {1..64})"
check "still nothing stored" none
check "a good one works after all that" create p --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$B"
check "the same name again: exit 8" exits 8 create p --source-dir "$W/src/other" --target-dir "$W/dst/copy2" --target-address "$B"
wait_status b p "Awaiting Authorization" 5
check "accepted" tm b policy accept p
wait_status a p Authorized 8
check "the target root inside a source root is refused" exits 1 bash -c "'$O/tidemark' --socket '$W/b/run/api.sock' policy create q \
	--source-dir '$W/dst/copy' --target-dir /t --target-address $(address a) 2>/dev/null; [ \$? -eq 8 ] && exit 1; exit 0"

garbage() { in_node a bash -c "head -c 100000 /dev/urandom > /dev/tcp/$B/3712" 2>/dev/null; true; }
check "garbage on the port" garbage
silent() { in_node a bash -c "exec 3<>/dev/tcp/$B/3712; sleep 1"; }
check "a silent connection" silent
half() { in_node a bash -c "exec 3<>/dev/tcp/$B/3712; printf TIDEMARK >&3; sleep 0.2"; }
check "half a preamble" half
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do in_node a bash -c "exec 3<>/dev/tcp/$B/3712; sleep 3" & done
check "replication works beside silent connections" tm a policy replicate p --wait --timeout 30
check "trees are equal" equal "$W/src/data" "$W/dst/copy"
wait $(jobs -p | grep -v -e "^$(node_pid a)$" -e "^$(node_pid b)$") 2>/dev/null

echo locked > "$W/src/data/unreadable"
mkfifo "$W/src/data/fifo"
mknod "$W/src/data/device" c 1 3
echo more > "$W/src/data/more"
check "a fifo and a device do not stall the rest" tm a policy sync p --timeout 30
check "the other file arrived" test -e "$W/dst/copy/more"
check "the fifo arrived" test -p "$W/dst/copy/fifo"
check "the device was refused" test ! -e "$W/dst/copy/device"
check "and is listed" says device tm b policy failures p

mv "$W/b/state/node.key" "$W/b/state/node.key.old"
node_restart b || exit 1
echo again > "$W/src/data/again"
check "a peer with another key: nothing is sent" exits 7 tm a policy sync p --timeout 6
check "nothing arrived" test ! -e "$W/dst/copy/again"
says_key() { tm a policy show p -j | jq -r '.last_error, .status_detail' | grep -qi key; }
check "the source says that the key is another one" says_key
mv "$W/b/state/node.key.old" "$W/b/state/node.key"
node_restart b || exit 1
check "with the old key it goes on" tm a policy sync p --timeout 30
check "equal but for the device" bash -c "rm '$W/src/data/device'; '$O/tidemark' --socket '$W/a/run/api.sock' policy sync p --timeout 30 && oracle-compare '$W/src/data' '$W/dst/copy'"

mv "$W/src/data" "$W/src/away"
check "the source directory vanished: it stops" wait_status a p Stopped 15
check "and the target was not emptied" test -e "$W/dst/copy/more"
mv "$W/src/away" "$W/src/data"
finish

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input of every kind: a clear message, a documented exit code, nothing lost, and everything else goes on.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 100M
disk dst 100M
mkdir -p "$W/src/data" "$W/src/other" "$W/src/sick" "$W/dst/copy"
echo hello > "$W/src/data/file"
echo well > "$W/src/sick/well"
head -c 100000 /dev/urandom > "$W/src/sick/unreadable"
# Its extent leads outside the file system: open works, read says EUCLEAN, to root too.
umount "$W/src"
# What the loop device has cached must be gone too.
while [[ -n $(losetup -j "$W/src.img") ]]; do sleep 0.1; done
debugfs -w -R 'set_inode_field /sick/unreadable block[5] 0x7fffffff' "$W/src.img" > /dev/null 2>&1
mount -o loop,errors=continue "$W/src.img" "$W/src"
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
mkdir "$W/dst/copy/sub"
overlapping() { tm b policy create q --source-dir "$1" --target-dir /t --target-address "$(address a)"; }
for dir in "$W/dst/copy" "$W/dst/copy/sub" "$W/dst"; do
	check "a source root that overlaps a target root: exit 8 (${dir#"$W"})" exits 8 overlapping "$dir"
done
check "and says what it overlaps" says "overlaps $W/dst/copy, the target directory of policy p" overlapping "$W/dst/copy/sub"
check "to itself: exit 8" exits 8 create self --source-dir "$W/src/other" --target-dir "$W/dst/self" --target-address "$(address a)"
check "and says so" says "is this cluster itself" create self --source-dir "$W/src/other" --target-dir "$W/dst/self" --target-address "$(address a)"
create inside --source-dir "$W/src/other" --target-dir "$W/dst/copy/sub" --target-address "$B" > /dev/null
check "a target root inside a target root can be asked for" wait_status b inside "Awaiting Authorization" 10
check "but not accepted: exit 8" exits 8 tm b policy accept inside --yes
check "and says what it overlaps" says "overlaps $W/dst/copy" tm b policy accept inside --yes
check "rejected" tm b policy reject inside --reason "not there"
create missing --source-dir "$W/src/other" --target-dir "$W/dst/no/such" --target-address "$B" > /dev/null
wait_status b missing "Awaiting Authorization" 10
check "a missing target directory: exit 1" exits 1 tm b policy accept missing
check "and says what to do" says "--create-dir" tm b policy accept missing
check "whose parent is missing too: exit 1" exits 1 tm b policy accept missing --create-dir
check "and says so" says "the directory above it does not exist" tm b policy accept missing --create-dir
for name in inside missing; do tm a policy delete $name --yes > /dev/null; done

second() { "$O/tidemarkd" --state-dir "$1" --runtime-dir "$2" --set listen.port=0; }
check "a second daemon on the same state directory: exit 1" exits 1 second "$W/a/state" "$W/x/run"
check "and says why" says "another tidemarkd uses it" second "$W/a/state" "$W/x/run"
check "a second daemon on the same runtime directory: exit 1" exits 1 second "$W/x/state" "$W/a/run"
check "the first one goes on" tm a policy list
rm -rf "$W/x"

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

check "a policy with an unreadable file" create sick --source-dir "$W/src/sick" --target-dir "$W/dst/sick" --target-address "$B"
wait_status b sick "Awaiting Authorization" 10
check "is accepted" tm b policy accept sick --create-dir
wait_status a sick Authorized 10
check "a run of it fails: exit 1" exits 1 tm a policy replicate sick --wait --timeout 60
check "it says Failed" wait_status a sick Failed 1
check "the file is named, and why" says "Structure needs cleaning" tm a policy failures sick
check "the rest of it arrived" cmp "$W/src/sick/well" "$W/dst/sick/well"
check "a sync of it ends too: exit 7" exits 7 tm a policy sync sick --timeout 2
check "and is not left running" wait_status a sick Failed 60
check "other policies go on" tm a policy sync p --timeout 30
tm a policy delete sick --yes > /dev/null

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

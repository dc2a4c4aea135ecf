#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What may happen between two healthy programs: a full target, a cut link, a peer that hangs, a target
# directory that goes away. Each is told, nothing is lost, and it goes on by itself when the trouble is over.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 200M
disk dst 60M
SRC=$W/src/data DST=$W/dst/copy
mkdir -p "$SRC"
echo hello > "$SRC/file"
node_start a || exit 1
node_start b || exit 1
check "create and accept" make_policy p "$SRC" "$DST" --mode continuous
check "first sync" tm a policy sync p --timeout 60
sync_fails() { exits 7 tm a policy sync p --timeout 3; }
mended()
{
	check "$1: it goes on by itself" tm a policy sync p --timeout 90
	check "$1: trees are equal" equal "$SRC" "$DST"
}

head -c 80000000 /dev/urandom > "$SRC/big"
check "a full target: sync fails, exit 7" sync_fails
check "and says that it is full" says "the target is full" tm a policy sync p --timeout 3
before=$(field a p .totals.payload_bytes)
sleep 8
sent=$((($(field a p .totals.payload_bytes) - before) / 80000000))
echo "# sent in vain in 8 s: $sent times the file"
check "it is not sent all the time" test "$sent" -le 6
rm "$SRC/big"
mended "room again"

in_node b ip link set eth0 down
head -c 1000000 /dev/urandom > "$SRC/one"
check "a cut link: sync fails, exit 7" sync_fails
check "and it is pending" test "$(field a p '.pending > 0 and (.in_sync | not)')" = true
in_node b ip link set eth0 up
mended "the link is back"

kill -STOP "$(worker_pid b target)"
head -c 1000000 /dev/urandom > "$SRC/two"
check "the peer hangs: sync fails, exit 7" sync_fails
kill -CONT "$(worker_pid b target)"
mended "the peer goes on"

kill -STOP "$(node_pid b)"
kill -9 "$(worker_pid b target)"
head -c 1000000 /dev/urandom > "$SRC/three"
check "nobody answers the port: sync fails, exit 7" sync_fails
kill -CONT "$(node_pid b)"
mended "it answers again"

mv "$DST" "$W/dst/elsewhere"
check "the target directory vanished: the target says Stopped" wait_status b p Stopped 20
check "the source shows it" wait_status a p Disconnected 20
told() { for _ in {1..100}; do says "the target directory $DST is missing" tm a policy show p > /dev/null && return 0; sleep 0.1; done; return 1; }
check "and why" told
echo four > "$SRC/four"
check "it is not made anew" test ! -e "$DST"
mv "$W/dst/elsewhere" "$DST"
mended "the directory is back"
finish

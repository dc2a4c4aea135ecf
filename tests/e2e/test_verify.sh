#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# policy verify between two nodes: a target that was tampered with in every way is found out, told of and
# repaired; bits that rotted at the source too; a healing ships the blocks that differ.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 200M
disk dst 200M
SRC=$W/src/data DST=$W/dst/copy
mkdir -p "$SRC"/{docs,photos/2026,empty}
head -c 9000000 /dev/urandom > "$SRC/photos/2026/raw"
for i in {1..200}; do echo "page $i" > "$SRC/docs/page$i"; done
ln "$SRC/docs/page1" "$SRC/docs/link"
ln -s docs/page2 "$SRC/symlink"
mkfifo -m 640 "$SRC/fifo"
truncate -s 50M "$SRC/sparse"
setfattr -n user.mark -v yes "$SRC/docs/page3"
node_start a || exit 1
node_start b || exit 1
check "create and accept" make_policy p "$SRC" "$DST"
check "verify before the first sync: refused, exit 8" exits 8 tm a policy verify p
check "first sync" tm a policy replicate p --wait
check "trees are equal" equal "$SRC" "$DST"

run() { field a p ".last_run.$1"; }
check "verify of an equal target" tm a policy verify p --wait
check "the run is of that kind and finished" test "$(run kind) $(run result)" = "verify finished"
check "every file was compared, one with two names once" test "$(run verified_files)" = 202
check "every byte" test "$(run verified_bytes)" -ge $((9000000 + 50 * 1024 * 1024))
check "nothing differs, nothing was sent" test "$(run mismatched) $(run payload_bytes)" = "0 0"

# The middle of a file, with its times kept: nothing but the content tells.
rot()
{
	local t; t=$(stat -c %y "$1")
	printf X | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
	touch -d "$t" "$1"
}

tamper()
{
	rot "$DST/photos/2026/raw" 5000000
	echo edited >> "$DST/docs/page10"
	rm "$DST/docs/page11"
	mv "$DST/docs/page12" "$DST/docs/page12.bak"
	rm -rf "$DST/empty"
	echo alien > "$DST/alien"
	mkdir "$DST/docs/aliens"; echo x > "$DST/docs/aliens/x"
	chmod 600 "$DST/docs/page13"
	chown 1234 "$DST/docs/page14"
	touch -d '2001-01-01' "$DST/docs/page15"
	setfattr -n user.mark -v no "$DST/docs/page3"
	chmod 700 "$DST/docs"
	ln -sfn /etc/passwd "$DST/symlink"
	chmod 666 "$DST/fifo"
	rm "$DST/docs/link"
}
FOUND=16

tamper
check "without repair: exit status says so" exits 3 tm a policy verify p --wait --no-repair
check "the run says so too" says "$FOUND differences were found on the target, nothing was changed" tm a policy runs p -j
check "all of it was found" test "$(run mismatched)" = $FOUND
check "nothing was sent" test "$(run payload_bytes)" = 0
check "nothing was changed" test -e "$DST/alien" -a ! -e "$DST/docs/page11"
listed() { tm a policy failures p -j | jq -e --arg p "$1" '[.[] | select(.path == $p and .op == "verify")] | length == 1'; }
for f in photos/2026/raw docs/page10 docs/page11 docs/page12.bak empty alien docs/aliens docs/page3 symlink; do
	check "listed as a failure of verify: $f" listed "$f"
done
linked() { listed docs/link || listed docs/page1; }
check "of a file with two names one is told" linked
check "the content is what differs" says "its content differs on the target" tm a policy failures p -j

check "with repair" tm a policy verify p --wait
check "it finished, and says what it did" says "$FOUND differences were found on the target and repaired" tm a policy runs p -j
check "mismatched" test "$(run mismatched)" = $FOUND
check "little was sent: the blocks and files that differed" test "$(run payload_bytes)" -lt 200000
check "trees are equal again" equal "$SRC" "$DST"
check "the failures are gone" test "$(tm a policy failures p -j | jq length)" = 0
check "and nothing differs any more" tm a policy verify p --wait --no-repair

# The source's disk lost a bit: then its file is the one that is taken, and the run says that they differed.
rot "$SRC/docs/page20" 2
tm a policy replicate p --wait > /dev/null
rot "$DST/docs/page20" 3
check "a difference of content alone" tm a policy verify p --wait
check "is found" test "$(run mismatched)" = 1
check "trees are equal" equal "$SRC" "$DST"

# Changes of the source that are on their way are no differences.
echo changed > "$SRC/docs/page30"
rm "$SRC/docs/page31"
mv "$SRC/docs/page32" "$SRC/moved"
check "pending changes, only looked at" tm a policy verify p --wait --no-repair
check "are no differences" test "$(run mismatched)" = 0
check "and stay pending" test "$(cat "$DST/docs/page30")" = "page 30"
check "with repair they go first" tm a policy verify p --wait
check "and are no differences either" test "$(run mismatched)" = 0
check "trees are equal" equal "$SRC" "$DST"

# Where tracking had a gap: one byte of a large file costs a block, not the file.
node_kill a
printf Y | dd of="$SRC/photos/2026/raw" bs=1 seek=7000000 conv=notrunc status=none
chmod 640 "$SRC/sparse"
before=$(($(date +%s) + 1))
node_start a || exit 1
healed() { for _ in {1..300}; do test "$(field a p .capture.incomplete)" = null && return 0; sleep 0.1; done; return 1; }
if [[ $(jq -r .capture.backend "$W/a/status") == fanotify ]]; then
	tm a policy replicate p --wait > /dev/null
	check "after a restart of the daemon: reconciled" healed
	check "with a block, not a file" test "$(run payload_bytes)" -le 70000
	check "trees are equal" equal "$SRC" "$DST"
fi

# While others write: a verify lets them pass, and calls nothing a difference that is a change.
check "delete" tm a policy delete p --yes
check "create and accept, continuous" make_policy c "$SRC" "$DST" --mode continuous
check "in sync" tm a policy sync c --timeout 60
for i in {1..400}; do echo "$i" > "$SRC/docs/page$((i % 50 + 40))"; sleep 0.01; done &
writer=$!
check "verify under load" tm a policy verify c --wait
check "finds nothing" test "$(field a c .last_run.mismatched)" = 0
wait $writer
check "sync" tm a policy sync c --timeout 60
check "trees are equal" equal "$SRC" "$DST"
finish

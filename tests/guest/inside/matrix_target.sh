#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rows once more, below real policy roots: do the changes arrive? One policy per file system, all rows, then
# policy sync and the oracle's comparison.
# usage: matrix_target.sh PROGRAM FS...	(disks as in matrix.sh; the targets are on /mnt/vdd)

set -uo pipefail
. "$(dirname "$0")/common.sh"
prog=$1
shift

policy()
{
	tm a policy create "$1" --source-dir "$2" --target-dir "$3" --target-address "$(address b)" --mode continuous > /dev/null &&
		wait_status b "$1" "Awaiting Authorization" 20 &&
		tm b policy accept "$1" --yes --create-dir --allow-devices --allow-suid > /dev/null
}

# storing FILE ASIDE: stores numbers through a mapping until ASIDE.stop exists, says the last in ASIDE.last, and keeps
# the mapping until ASIDE.end exists. No msync, no munmap: only stores.
storing()
{
	python3 - "$1" "$2" <<'END' &
import mmap, os, struct, sys, time
path, aside = sys.argv[1:]
fd = os.open(path, os.O_RDWR)
m = mmap.mmap(fd, 65536)
i = 0
while not os.path.exists(aside + ".stop"):
    i += 1
    m[8192:8200] = struct.pack("<Q", i)
    if i == 1:
        open(aside + ".runs", "w").close()
    time.sleep(0.002)
with open(aside + ".last.new", "w") as f:
    f.write(str(i))
os.rename(aside + ".last.new", aside + ".last")
while not os.path.exists(aside + ".end"):
    time.sleep(0.05)
END
	storing_pid=$!
}

appeared() { local n; for ((n = 0; n < 600; n++)); do [[ -e $1 ]] && return 0; sleep 0.05; done; return 1; }

number_in() { od -An -j8192 -N8 -tu8 "$1" | tr -d ' '; }

declare -A place=([ext4]=/mnt/vda [xfs]=/mnt/vdb [btrfs]=/mnt/vdc [tmpfs]=/mnt/tm)
nodes_begin
node_start a || exit 1
node_start b || exit 1
for f; do
	base=${place[$f]}/e2e
	mkdir -p "$base/root" /mnt/vdd
	aside=$W/store-$f
	if [[ $f != tmpfs ]]; then
		# Its page is dirty and writable before anybody watches.
		head -c 65536 /dev/urandom > "$base/root/mapped"
		storing "$base/root/mapped" "$aside"
		appeared "$aside.runs"
	fi
	check "$f: create and accept" policy "m-$f" "$base/root" "/mnt/vdd/$f"
	check "$f: first sync" tm a policy sync "m-$f" --timeout 120
	check "$f: BPF sees it" test "$(field a "m-$f" .capture.backend)" = bpf
	if [[ $f != tmpfs ]]; then
		touch "$aside.stop"
		appeared "$aside.last"
		check "$f: policy sync after stores through a mapping from before the policy" tm a policy sync "m-$f" --timeout 120
		check "$f: the last store arrived" test "$(number_in "/mnt/vdd/$f/mapped")" = "$(cat "$aside.last")"
		touch "$aside.end"
		wait "$storing_pid"
	fi
	"$prog" run "$base" "$TIDEMARK_VM" "$f" - > "$W/rows" 2>&1
	grep '^not ok' "$W/rows" | sed 's/^/# /'
	check "$f: all rows work ($(grep -c '^ok' "$W/rows") of them)" test "$(grep -c '^not ok' "$W/rows")" = 0
	check "$f: policy sync" tm a policy sync "m-$f" --timeout 300
	check "$f: every change arrived" equal "$base/root" "/mnt/vdd/$f"
	check "$f: no rescan was needed" test "$(field a "m-$f" .totals.rescans)" = 0
	check "$f: nothing failed" test "$(tm a policy failures "m-$f" -j | jq length)" = 0
done
finish

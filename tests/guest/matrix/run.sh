#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the matrix in guests, one boot per kernel, and prints one TAP stream and the table of what came out.
#
#	run.sh "KERNEL FS..." ["KERNEL FS..."]...	all rows of FS on KERNEL
#	a FS written FS:ROW,ROW,...			only these rows (by the beginning of their names)
#	and target:FS,FS,...				whether the changes of all rows arrive at a target
#
#	run.sh --from LOG...				no guest: the table of what those runs left in $O/matrix-*.log
#
# UPDATE=1 writes what came out into expected.tsv instead of comparing: look at the difference before committing it.

set -uo pipefail
cd "$(dirname "$0")/../../.."
export O=${O:-$PWD/build}
here=tests/guest/matrix
expected=$PWD/$here/expected.tsv
results=$(mktemp "${TMPDIR:-/tmp}/tm-matrix.XXXXXX")
trap 'rm -f "$results"' EXIT
bad=0

if [[ ${1:-} = --from ]]; then
	grep -h '^# cell' "${@:2}" > "$results"
	set --
fi
prog=$($here/build.sh) || { echo "Bail out! the matrix does not compile"; exit 1; }

# Built for the kernel whose headers are at hand, in $O: kbuild writes beside its sources.
module()
{
	local kdir dir=$O/kmod-matrix
	kdir=$(scripts/setup kheaders | tail -n 1) && [[ -d $kdir ]] || return
	mkdir -p "$dir" && cp tests/kmod/tm_testmod.c "$dir/" && echo 'obj-m := tm_testmod.o' > "$dir/Kbuild"
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$kdir" M="$dir" modules >&2 && echo "$dir/tm_testmod.ko"
}
testmod=
[[ $# -eq 0 ]] || testmod=$(module 2>/dev/null) || testmod=

one_kernel()
{
	local k=$1 vars=(${TM_MATRIX_NO_CLEAN:+TM_MATRIX_NO_CLEAN=1}) out want have seen
	shift
	[[ $k != 6.1 || -z $testmod ]] || vars+=("TM_TESTMOD=$testmod")
	# 400 MiB of memory are a persistent memory device, for DAX.
	out=$(scripts/vm --kernel "$k" --append 'memmap=400M!1200M' --disk 1G:ext4 --disk 1G:xfs --disk 1G:btrfs --disk 1G:ext4 \
		--timeout 3000 -- env "${vars[@]}" tests/guest/inside/matrix.sh "$prog" "$expected" "$@" | tee "$O/matrix-$k.log"; exit "${PIPESTATUS[0]}")
	status=$?
	sed -n "s/^\(not ok\|ok\) [0-9]* \(- \)\?\(.*\)/\1 - $k \3/p; /^# cell/!{/^#/p}; /^Bail/p" <<<"$out"
	grep '^# cell' <<<"$out" >> "$results"
	want=$(awk -F'\\.\\.' '/^1\.\./ { s += $2; n++ } END { print s + 0, n + 0 }' <<<"$out")
	have=$(grep -cE '^(not )?ok ' <<<"$out")
	seen=${want#* } want=${want% *}
	if [[ $want -eq 0 || $have -ne $want || $seen -ne $# ]]; then
		echo "not ok - $k: all results are there ($have of $want, $seen of $# file systems, exit status $status)"
		bad=1
	fi
	((status == 0)) || bad=1
}

for k in "$@"; do
	# shellcheck disable=SC2086
	one_kernel $k
done

echo "# The matrix: row x kernel x file system"
awk -v old="$expected" '
	BEGIN {
		n = split("6.1/ext4 6.1/xfs 6.1/btrfs 6.1/tmpfs 6.12/ext4 6.12/xfs 6.12/btrfs 6.12/tmpfs", column, " ")
		while ((getline line < old) > 0) {
			if (line ~ /^#/) continue
			split(line, f, " ")
			if (f[1] == "row") { for (i = 2; i in f; i++) { head[i] = f[i]; delete f[i] } ; continue }
			if (f[1] == "") continue
			rows[++r] = f[1]; have[f[1]] = 1
			for (i = 2; i in head && i in f; i++) { cell[f[1], head[i]] = f[i] }
			delete f
		}
	}
	{ if (!have[$3]++) rows[++r] = $3; cell[$3, $5 "/" $4] = $6; new[$3, $5 "/" $4] = 1; any = 1 }
	END {
		printf "%-6s", "row"; for (i = 1; i <= n; i++) printf " %-11s", column[i]; print ""
		for (j = 1; j <= r; j++) {
			printf "%-6s", rows[j]
			for (i = 1; i <= n; i++) {
				c = cell[rows[j], column[i]]
				printf " %-11s", c == "" ? "-" : c
			}
			print ""
		}
	}' "$results" | sed 's/ *$//' > "$results.table"
sed 's/^/# /' "$results.table"
if [[ ${UPDATE:-0} = 1 ]]; then
	{ grep '^#' "$expected" 2>/dev/null; cat "$results.table"; } > "$results.new" && cp "$results.new" "$expected"
	rm -f "$results.new"
fi
rm -f "$results.table"
exit "$bad"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tracking costs whoever writes: instructions per operation in a guest whose clock counts them, beside inotify
# and fanotify in the same run. Deterministic, so the aims are asserted. KERNELS= chooses, SCALE= is thousands of writes.

set -uo pipefail
cd "$(dirname "$0")/../.."
export O=${O:-$PWD/build}
bad=0 n=0

bash scripts/setup bench || exit 1
mkdir -p "$O/tests/bench"
${CC:-gcc} -O2 -Wall -Wextra -Werror -D_GNU_SOURCE tests/bench/cost.c -o "$O/tests/bench/cost" || exit 1

# Against no tracker at the same place, in instructions and in percent.
table()
{
	awk '
	/^#/ { next }
	$1 == "none" { base[$2 " " $3] = $4; next }
	NF == 4 { k = $1 " " $2; if (!(k in seen)) { seen[k] = 1; order[++m] = k } got[k " " $3] = $4; ops[$3] = 1 }
	END {
		printf "%-20s", "instructions"
		no = split("pwrite4k-hot pwrite4k-on pwrite4k-walk pwrite64-hot pwrite64-on pwrite64-walk create+unlink", o)
		for (i = 1; i <= no; i++) printf "%22s", o[i]
		printf "\n%-20s", "no tracker"
		for (i = 1; i <= no; i++) printf "%22d", base["inside " o[i]]
		print ""
		for (j = 1; j <= m; j++) {
			split(order[j], w)
			printf "%-20s", order[j]
			for (i = 1; i <= no; i++) {
				b = base[w[2] " " o[i]]; v = got[order[j] " " o[i]]
				printf "%22s", b && v ? sprintf("%+d (%+.1f %%)", v - b, 100 * (v - b) / b) : "-"
			}
			print ""
		}
	}' <<< "$1"
}

# within OUTPUT PLACE OPERATION PERCENT: one TAP result
within()
{
	n=$((n + 1))
	if awk -v place="$2" -v op="$3" -v most="$4" '
		$1 == "none" && $2 == place && $3 == op { b = $4 }
		$1 == "tidemark" && $2 == place && $3 == op { v = $4 }
		END { exit !(b && v && 100 * (v - b) / b <= most) }' <<< "$1"; then
		echo "ok $n $kernel: $3 of a file $2 costs at most $4 % more"
	else
		echo "not ok $n $kernel: $3 of a file $2 costs at most $4 % more"
		bad=1
	fi
}

for kernel in ${KERNELS:-6.1 6.12}; do
	out=$(scripts/vm --kernel "$kernel" --icount --disk 512M:ext4 --disk 256M:ext4 --timeout 3000 -- \
		env O="$O" tests/bench/inside/cost.sh "${SCALE:-10}" none inotify fanotify tidemark)
	echo "# Debian's $kernel, ext4, one CPU, readers included"
	table "$out" | sed 's/^/# /'
	grep '^#' <<< "$out"
	within "$out" outside pwrite4k-hot 6
	within "$out" inside pwrite4k-hot 11
	within "$out" inside create+unlink 8
done
echo "1..$n"
exit "$bad"

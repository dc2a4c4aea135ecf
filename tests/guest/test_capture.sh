#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The bpf backend record by record, on both kernels: capture/capture_test.c runs in the guest on ext4.
# Prints one TAP stream; KERNELS= and FS= choose less or more.

set -uo pipefail
cd "$(dirname "$0")/../.."
export O=${O:-$PWD/build}
kernels=${KERNELS:-6.1 6.12}
fs=${FS:-ext4}
bad=0

prog=$(tests/guest/capture/build.sh) || { echo "Bail out! capture_test does not compile"; exit 1; }

# The kernel's own kind of write, on the kernel whose headers are at hand. In $O: kbuild writes beside its sources.
module()
{
	local kdir dir=$O/kmod
	kdir=$(scripts/setup kheaders | tail -n 1) && [[ -d $kdir ]] || return
	mkdir -p "$dir" && cp tests/kmod/tm_testmod.c "$dir/" && echo 'obj-m := tm_testmod.o' > "$dir/Kbuild"
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$kdir" M="$dir" modules >&2 && echo "$dir/tm_testmod.ko"
}
testmod=$(module 2>/dev/null) || testmod=

for k in $kernels; do
	for f in $fs; do
		echo "# kernel $k, $f"
		vars=()
		[[ $k != 6.1 || -z $testmod ]] || vars=("TM_TESTMOD=$testmod")
		out=$(scripts/vm --kernel "$k" --disk 400M:"$f" --disk 64M --timeout 600 -- env "${vars[@]}" "$prog" /mnt/vda)
		status=$?
		sed -n "s/^\(not ok\|ok\) [0-9]* \(.*\)/\1 - $k $f: \2/p; /^#/p; /^Bail/p" <<<"$out"
		# It died, or the guest did: what it did not print counts as one failure.
		want=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' <<<"$out")
		have=$(grep -cE '^(not )?ok ' <<<"$out")
		if [[ ${want:-0} -eq 0 || $have -ne $want ]]; then
			echo "not ok - $k $f: all ${want:-?} results are there ($have, exit status $status)"
			bad=1
		fi
		((status == 0)) || bad=1
	done
done
exit "$bad"

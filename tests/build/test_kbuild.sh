#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel side, built by the kernel's own build system against Debian's 6.1 headers, is the one that the
# Makefile builds: BPF objects equal byte for byte without debug information. The test module builds too.

set -uo pipefail
. "$(dirname "$0")/common.sh"
build_begin
OUT=$W/out

KDIR=$("$SRC/scripts/setup" kheaders 2> "$W/setup.log")
headers_there() { cat "$W/setup.log"; [[ -n $KDIR && -e $KDIR/.config && -e $KDIR/Makefile ]]; }
check "scripts/setup kheaders prints a kernel's build directory" headers_there || finish

in_src() { make -C "$SRC" --no-print-directory -j2 O="$OUT" "$@"; }
kernel_make() { make -C "$KDIR" --no-print-directory M="$SRC" TM_TESTMOD=m VMLINUX_H="$OUT/bpf/vmlinux.h" "$@"; }
objects()
{
	printf 'include bpf/bpf.mk\nall:\n\t@printf "%%s\\n" $(tm-bpf-objs)\n' | make -C "$SRC" --no-print-directory -f - all
}
mapfile -t OBJECTS < <(objects)
check "bpf/bpf.mk names the objects" test "${#OBJECTS[@]}" -gt 0 || finish

before=$(listing)
check "make kbuild KDIR= builds against that kernel, with nothing made before" in_src kbuild KDIR="$KDIR" || finish
asks_for_kdir()
{
	local said status=0
	said=$(in_src kbuild KDIR= 2>&1) || status=$?
	echo "exit $status: $said"
	[[ $status -eq 2 && $said == *"make kbuild KDIR="* ]]
}
check "make kbuild without KDIR= says what to do, exit 2" asks_for_kdir
check "the Makefile builds the BPF objects" in_src bpf || finish

# Without debug information, which knows the paths of both.
bare() { llvm-strip -g -o "$2" "$1"; }
equal_objects()
{
	local o
	for o in "${OBJECTS[@]}"; do
		bare "$OUT/bpf/$o" "$W/plain.o" && bare "$SRC/bpf/$o" "$W/kbuild.o" || return
		cmp "$W/plain.o" "$W/kbuild.o" || { echo "$o differs"; return 1; }
		[[ $(readelf -hW "$W/kbuild.o") == *BPF* ]] || { echo "$o is no BPF object"; return 1; }
	done
}
check "each BPF object of kbuild equals the Makefile's after llvm-strip -g" equal_objects

# The comparison can tell objects apart: the last one is not the first one.
others_differ() { bare "$OUT/bpf/${OBJECTS[0]}" "$W/plain.o" && ! cmp -s "$W/plain.o" "$W/kbuild.o"; }
check "and two different objects do differ" others_differ

module_built()
{
	local m
	for m in "$SRC"/tests/kmod/*.ko; do
		[[ -s $m ]] || { echo "no module below tests/kmod"; return 1; }
		grep -qF "\"$(modinfo -F vermagic "$m" | cut -d' ' -f1)\"" "$KDIR/include/generated/utsrelease.h" || return
	done
}
check "the test module is built for that kernel" module_built

idle()
{
	local said
	said=$(kernel_make modules 2>&1) || return
	echo "$said"
	! grep -E '^  (CLANG|BTF|CC|LD) ' <<< "$said"
}
check "a second run compiles nothing" idle

header_counts()
{
	local said
	touch "$SRC/bpf/tm_abi.h"
	said=$(kernel_make modules 2>&1) || return
	echo "$said"
	grep -qE '^  CLANG ' <<< "$said"
}
check "a changed header compiles its users again" header_counts

cleaned()
{
	kernel_make clean 2>&1 | tee "$W/clean.log"
	[[ ${PIPESTATUS[0]} -eq 0 ]] || return
	! grep -i warning "$W/clean.log" || return
	# The touched header is the only one that may differ.
	diff <(cut -d' ' -f1 <<< "$before") <(listing | cut -d' ' -f1)
}
check "clean says nothing odd and leaves nothing behind" cleaned
finish

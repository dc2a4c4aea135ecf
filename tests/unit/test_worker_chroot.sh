#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Workers started in a plain chroot, whose root is no mount point, on a machine whose mounts are shared (as
# systemd makes them): they are confined, and no mount of the machine is touched.

set -uo pipefail
O=${O:-$(cd "$(dirname "$0")/../.." && pwd)/build}
mountpoint -q / || { echo "# / is no mount point: this is a chroot already, and the other tests of workers show it"; exit 4; }
work=$(mktemp -d "${TMPDIR:-/tmp}/tm-chroot.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/t"

# Only our own: other tests come and go meanwhile, and unmount things of theirs.
mounts() { cut -d ' ' -f 4,5 /proc/self/mountinfo | grep -F "$work"; }

# In a namespace of its own: whatever goes wrong, the machine's mounts are safe.
inside()
{
	local dir
	mount --make-rprivate /
	mount -t tmpfs top "$work/t"
	mkdir -p "$work/t/root/tmp" "$work/t/canary/below"
	for dir in usr lib lib64 bin sbin etc proc dev "${O#/}"; do
		[[ -d /$dir ]] || continue
		mkdir -p "$work/t/root/$dir"
		mount --rbind "/$dir" "$work/t/root/$dir"
	done
	mount -t tmpfs canary "$work/t/canary/below"
	mount --make-rshared /
	mounts > "$work/before"
	chroot "$work/t/root" env TMPDIR=/tmp "$@" > "$work/out" 2>&1
	echo $? > "$work/status"
	mounts > "$work/after"
}
export -f inside mounts
export work O
for test in test_worker_pairing test_worker_roles; do
	unshare --mount bash -c 'inside "$@"' bash TM_WORKER="$O/tidemark-worker" "$O/tests/unit/$test"
	[[ $(cat "$work/status") = 0 ]] || { tail -n 20 "$work/out" | sed 's/^/# /'; printf 'not '; }
	echo "ok $test in a plain chroot"
	diff "$work/before" "$work/after" > "$work/diff" || { head -n 20 "$work/diff" | sed 's/^/# /'; printf 'not '; }
	echo "ok $test leaves the mounts of the machine alone"
done
echo "1..4"

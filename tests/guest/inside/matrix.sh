#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The matrix in the guest, one file system after the other, in one boot.
# usage: matrix.sh PROGRAM EXPECTED FS[:ROW,ROW...]... [target:FS,FS...]
# Disks: /mnt/vda ext4, /mnt/vdb xfs, /mnt/vdc btrfs; tmpfs is made here.

set -uo pipefail
prog=$1 expected=$2
shift 2
bad=0
for f; do
	rows=()
	[[ $f != *:* ]] || IFS=, read -ra rows <<< "${f#*:}"
	f=${f%%:*}
	if [[ $f = target ]]; then
		echo "# ---- $TIDEMARK_VM, arriving at the target"
		"$(dirname "$0")/matrix_target.sh" "$prog" "${rows[@]}" || bad=1
		continue
	fi
	case $f in
	ext4) dir=/mnt/vda ;;
	xfs) dir=/mnt/vdb ;;
	btrfs) dir=/mnt/vdc ;;
	tmpfs) dir=/mnt/tm; mkdir -p $dir; mountpoint -q $dir || mount -t tmpfs none $dir ;;
	esac
	echo "# ---- $TIDEMARK_VM $f"
	"$prog" judge "$dir" "$TIDEMARK_VM" "$f" "$expected" "${rows[@]}" || bad=1
done
exit "$bad"

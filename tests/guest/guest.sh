# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced by the guest tests.
#	in_guest KERNEL DISK TIMEOUT SCRIPT ARGS...	run inside/SCRIPT in a guest with two fresh ext4 disks
#	fresh_seed					$TM_SEED or a random number

GUEST_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
O=${O:-$GUEST_TOP/build}

fresh_seed() { echo "${TM_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}"; }

in_guest()
{
	local kernel=$1 disk=$2 timeout=$3
	shift 3
	(cd "$GUEST_TOP" && scripts/vm --kernel "$kernel" --disk "$disk:ext4" --disk "$disk:ext4" --timeout "$timeout" -- \
		env O="$O" "tests/guest/inside/$1" "${@:2}")
}

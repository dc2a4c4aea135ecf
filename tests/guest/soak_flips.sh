#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A million epoch flips with grace periods that are as short as can be (rcu_expedited), writers racing them.

set -uo pipefail
cd "$(dirname "$0")/../.."
export O=${O:-$PWD/build}
prog=$(tests/guest/capture/build.sh race_test) || exit 1
scripts/vm --kernel "${KERNEL:-6.1}" --disk 400M:ext4 --timeout 14000 -- bash -c \
	"echo 1 > /sys/kernel/rcu_expedited && TM_FLIPS=${TM_FLIPS:-1000000} $prog /mnt/vda no_flip"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of every process, once each, on one of the two kernels (soak: 20 each on both).
. "$(dirname "$0")/guest.sh"
seed=$(fresh_seed)
kernels=(6.1 6.12)
echo "# kernel ${kernels[seed % 2]}, seed $seed"
in_guest "${kernels[seed % 2]}" 1G 900 kills.sh 4 "$seed"

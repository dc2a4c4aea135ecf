#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Power cuts: in mid-run the root is Incomplete after the reboot and heals; what was acknowledged is kept.
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/powercut.sh"
seed=$(($(fresh_seed) % 32768))
kernels=(6.1 6.12)
power_cut "${kernels[seed % 2]}" load heal "$seed"
power_cut "${kernels[(seed + 1) % 2]}" durable kept "$seed"

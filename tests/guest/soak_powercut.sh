#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Power cuts on both kernels: of the source alone, and of both nodes at once.
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/powercut.sh"
for n in 1 2 3 4 5; do
	for kernel in 6.1 6.12; do
		power_cut_source $kernel "$(($(fresh_seed) % 32768))"
		power_cut $kernel load heal "$(($(fresh_seed) % 32768))"
		power_cut $kernel durable kept "$(($(fresh_seed) % 32768))"
	done
done

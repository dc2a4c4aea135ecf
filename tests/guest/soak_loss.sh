#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The loss tests where exit programs may be skipped: preempt=full on both kernels, and PREEMPT_RT. More overflows too.
export TM_OVERFLOWS=2000
exec "$(dirname "$0")/loss/run.sh" "6.1 --kernel 6.1" "6.12 --kernel 6.12" \
	"6.1-full --kernel 6.1 --append preempt=full" "6.12-full --kernel 6.12 --append preempt=full" "6.12-rt --kernel 6.12-rt"

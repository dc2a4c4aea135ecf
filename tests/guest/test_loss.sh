#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever may have been missed is told to the roots that it touches, on both kernels.
exec "$(dirname "$0")/loss/run.sh" "6.1 --kernel 6.1" "6.12 --kernel 6.12"

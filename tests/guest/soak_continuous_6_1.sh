#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 50,000 operations from 4 threads, three seeds, kernel 6.1.
. "$(dirname "$0")/guest.sh"
for n in 1 2 3; do
	in_guest 6.1 2G 3600 continuous.sh 50000 "$(fresh_seed)" 4 | grep -v '^1\.\.'
done

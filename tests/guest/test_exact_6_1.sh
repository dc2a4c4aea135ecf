#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Exactly the changed bytes travel, on kernel 6.1: a smaller file and directory than in soak.
exec "$(dirname "$0")/../../scripts/vm" --kernel 6.1 --disk 1G:ext4 --disk 1G:ext4 --timeout 600 -- \
	tests/guest/inside/exact.sh 128 5000

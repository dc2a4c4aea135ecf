#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 4 KiB into a 1 GiB file and mv of a directory with 20,000 files, kernel 6.1.
exec "$(dirname "$0")/../../scripts/vm" --kernel 6.1 --disk 3G:ext4 --disk 3G:ext4 --timeout 3600 -- \
	tests/guest/inside/exact.sh 1024 20000

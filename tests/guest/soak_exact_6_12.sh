#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 4 KiB into a 1 GiB file and mv of a directory with 20,000 files, kernel 6.12.
. "$(dirname "$0")/guest.sh"
in_guest 6.12 3G 3600 exact.sh 1024 20000

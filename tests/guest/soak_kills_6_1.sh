#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of every process at 20 random moments each, kernel 6.1.
. "$(dirname "$0")/guest.sh"
in_guest 6.1 2G 7200 kills.sh 20 "$(fresh_seed)"

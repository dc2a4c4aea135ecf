#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 5,000 operations from 4 threads with a fresh seed, kernel 6.12.
. "$(dirname "$0")/guest.sh"
in_guest 6.12 1G 600 continuous.sh 5000 "$(fresh_seed)" 4

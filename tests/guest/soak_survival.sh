#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9, SIGSTOP and upgrades of the source's daemon under load: a minute each, on both kernels.
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/faults.sh"
in_guest 6.1 3G 3600 survival.sh 60 "$(fresh_seed)" | sed 's/^\(not \)\?ok [0-9]*/\1ok/; /^1\.\./d'
in_guest 6.12 3G 3600 survival.sh 60 "$(fresh_seed)" | sed 's/^\(not \)\?ok [0-9]*/\1ok/; /^1\.\./d'

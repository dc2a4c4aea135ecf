#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9, SIGSTOP and upgrades of the source's daemon under load, kernel 6.1; short turns.
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/faults.sh"
in_guest 6.1 1G 900 survival.sh "${SECONDS_AWAY:-8}" "$(fresh_seed)"

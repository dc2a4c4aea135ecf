#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Exactly the changed bytes travel: a smaller file and directory than in soak.
. "$(dirname "$0")/guest.sh"
in_guest 6.1 1G 600 exact.sh 128 5000

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes while tidemarkd is down cost no scan.
. "$(dirname "$0")/guest.sh"
in_guest 6.1 512M 600 restart.sh

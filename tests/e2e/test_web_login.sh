#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Logging in to the page, staying so, and being kept out: see web_login.py.

exec python3 "$(dirname "$0")/web_login.py"

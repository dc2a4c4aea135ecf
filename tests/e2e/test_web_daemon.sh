#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The page's process before the real daemon: see web_daemon.py.

exec python3 "$(dirname "$0")/web_daemon.py"

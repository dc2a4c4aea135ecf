#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Events for many browsers, 200 at once for a few seconds: see web_stream.py.

exec python3 "$(dirname "$0")/web_stream.py"

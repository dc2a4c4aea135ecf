#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same with 380 browsers for ten minutes.

exec python3 "$(dirname "$0")/web_stream.py" 380 600

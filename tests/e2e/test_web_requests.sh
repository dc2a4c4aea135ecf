#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which requests the page's process lets through: see web_requests.py.

exec python3 "$(dirname "$0")/web_requests.py"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# soak_web_stress.sh [SECONDS] - the page's process with sanitizers while browsers come and go at random: see web_stress.py.

set -euo pipefail
cd "$(dirname "$0")/../.."
san=$(realpath -m "${O:-build}")/san
make --no-print-directory -s -j2 O="$san" SAN=1 "$san/tidemark-web" > /dev/null
O=$san exec python3 tests/e2e/web_stress.py "${1:-600}"

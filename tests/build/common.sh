# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests of the build itself. Source it, then:
#
#	build_begin			$W, a directory of this test only, and $SRC, a copy of the working files
#	check DESCRIPTION COMMAND...	one TAP result; what a failed command said is shown
#	skip DESCRIPTION REASON		one that cannot run here
#	listing				every file of $SRC: kind, size, mode, times; to compare before and after
#	finish				plan and exit status
#
# Builds happen in the copy and with an own O=, so other builds are neither disturbed nor disturbing. The copy
# holds what git would commit (tracked or not ignored), as it is now.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
# What `make check` gives its own programs is not for the makes that are tested here.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES O SAN V DESTDIR prefix CFLAGS
TAP_N=0 TAP_FAILED=0

build_begin()
{
	W=$(mktemp -d "${TMPDIR:-/tmp}/tm-build.XXXXXX") || exit 1
	trap 'rm -rf "$W"' EXIT
	trap 'exit 143' TERM INT HUP
	SRC=$W/src
	mkdir "$SRC"
	if git -C "$TOP" rev-parse --git-dir > /dev/null 2>&1; then
		git -C "$TOP" ls-files -z --cached --others --exclude-standard
	else
		(cd "$TOP" && find . -path ./build -prune -o -type f -print0)
	fi > "$W/files"
	# A file that is deleted but still in the index is no error, nor one that goes away meanwhile.
	tar -C "$TOP" --null --ignore-failed-read -T "$W/files" -cf - 2> /dev/null | tar -C "$SRC" -xf -
	[[ -s $SRC/Makefile ]] || { echo "Bail out! the source tree could not be copied"; exit 1; }
	echo "TAP version 13"
}

check()
{
	local name=$1
	shift
	TAP_N=$((TAP_N + 1))
	if "$@" > "$W/said" 2>&1; then
		echo "ok $TAP_N $name"
	else
		echo "not ok $TAP_N $name"
		tail -n 30 "$W/said" | sed 's/^/# /'
		TAP_FAILED=$((TAP_FAILED + 1))
		return 1
	fi
}

skip()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N $1 # SKIP $2"
}

listing() { (cd "$SRC" && find . -printf '%P %y %s %m %T@ %C@\n' | sort); }

finish()
{
	echo "1..$TAP_N"
	exit $((TAP_FAILED > 0))
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# page.sh FILE.scd - print a manual page's source with the program's own tables in place of lines such as
#
#	@SETTINGS@		the one in conf/settings.h, read through the preprocessor ($CC)
#	@COMMANDS NOUN@		commands of the command line ("others": all but policy), asked of $TIDEMARK
#	@OPTIONS NOUN@		their options
#	@COMMON@		options of every command
#
# so page and program cannot differ.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
die() { echo "page.sh: $*" >&2; exit 1; }

# One line a setting: key @ type @ unit @ min @ max @ default @ flags @ help
rows()
{
	"${CC:-gcc}" -E -P -xc -I"$here/.." - <<'END' | tr '\n' ' ' | sed 's/@@row/\n/g; s/$/\n/' | sed -n 's/^ *\(.*@.*\)$/\1/p'
#include "conf/settings.h"
#define X(id, key, type, unit, min, max, def, flags, help) @@row key @ type @ unit @ min @ max @ def @ flags @ help
TM_SETTINGS(X)
END
}

# Adjacent C strings as one, without quotes.
text() { sed 's/^ *//; s/ *$//; s/^"//; s/"$//; s/" *"//g; s/_/\\_/g' <<< "$1"; }
number() { local n=${1//ULL/}; echo $((n)); }

# scaled NUMBER STEP UNIT STEP UNIT...: in the largest unit that divides it
scaled()
{
	local n=$1 unit=
	shift
	while [ $# -ge 2 ] && ((n && n % $1 == 0)); do
		n=$((n / $1))
		unit=$2
		shift 2
	done
	echo "$n$unit"
}

range()
{
	local type=$1 unit=$2 low=$3 high=$4 more=
	case $type in
	BYTES)
		echo "size from $(scaled "$low" 1024 K 1024 M 1024 G) to $(scaled "$high" 1024 K 1024 M 1024 G)" ;;
	DURATION)
		echo "time from $(time_of "$low") to $(time_of "$high")" ;;
	BOOL)   echo "yes or no" ;;
	INT)
		[[ -z $unit ]] || more=" $unit"
		echo "number from $low to $high$more" ;;
	STRING) echo "text of $low to $high bytes" ;;
	ENUM)   echo "*${unit//|/*, *}*" ;;
	*)      die "no words for settings of type $type" ;;
	esac
}

time_of() { if (($1 % 1000)); then echo "${1}ms"; else scaled "$(($1 / 1000))" 1 s 60 min 60 h; fi; }

# What an empty default stands for.
empty() { if [[ $(text "$1") == cluster.name ]]; then echo "the host's name"; else echo empty; fi; }

settings()
{
	local key type unit low high default flags help n=0
	while IFS=@ read -r key type unit low high default flags help; do
		[[ $help ]] || die "a row of conf/settings.h was not understood: $key"
		default=$(text "$default")
		printf '*%s*\n\t%s.++\n%s; default %s; %s\n\n' "$(text "$key")" "$(text "$help" | sed 's/^./\u&/')" \
			"$(range "${type// /}" "$(text "$unit")" "$(number "$low")" "$(number "$high")" | sed 's/^[a-z]/\u&/')" \
			"${default:-$(empty "$key")}" \
			"$([[ $flags == *RESTART* ]] && echo "at start" || echo "at once") $([[ $flags != *POW2* ]] || echo "(power of two)")" |
			sed 's/ *$//'
		n=$((n + 1))
	done < <(rows)
	((n)) || die "conf/settings.h has no settings?"
}

# table WHAT [LINE]: a part of the command line's table
table()
{
	local noun=${2-}
	noun=${noun#* }
	"${TIDEMARK:-$here/../../build/tidemark}" _man "$1" ${noun:+"${noun%@}"} || die "the command line has no table '$*'"
}

[ $# -eq 1 ] || die "usage: page.sh FILE.scd"
while IFS= read -r line; do
	case $line in
	@SETTINGS@) settings ;;
	@COMMANDS\ *@) table commands "$line" ;;
	@OPTIONS\ *@) table options "$line" ;;
	@COMMON@) table common ;;
	*) printf '%s\n' "$line" ;;
	esac
done < "$1"

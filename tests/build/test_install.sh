#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install: everything where it belongs, hardened, and without a trace of the checkout; make O=elsewhere
# leaves the sources alone and a second make has nothing to do.

set -uo pipefail
. "$(dirname "$0")/common.sh"
build_begin
OUT=$W/out
DEST=$W/dest
JOBS=-j2

build() { make -C "$SRC" --no-print-directory $JOBS O="$OUT" "$@"; }

# ---- the build

before=$(listing)
check "make builds into O=" build all || finish
check "make man makes the manual pages" build man
check "the source tree is as it was" diff <(echo "$before") <(listing)

second_is_idle()
{
	local said
	said=$(build all man) || return
	echo "$said"
	! grep -q '^  [A-Z]' <<< "$said" && build -q all man
}
check "a second make rebuilds nothing" second_is_idle

# The check above can fail: a source that is newer is compiled again.
newer_is_built()
{
	touch "$SRC/userspace/lib/base.h" && ! build -q all && build all > /dev/null && build -q all
}
check "but a changed header does rebuild" newer_is_built

# ---- the install

check "make install" build install DESTDIR="$DEST" prefix=/usr || finish

expected()
{
	cat <<'END'
755 usr/bin/tidemark
755 usr/libexec/tidemark/tidemark-worker
755 usr/sbin/tidemarkd
644 usr/lib/modules-load.d/tidemark.conf
644 usr/lib/systemd/system/tidemarkd.service
644 usr/lib/sysusers.d/tidemark.conf
644 usr/lib/tmpfiles.d/tidemark.conf
644 usr/share/bash-completion/completions/tidemark
644 usr/share/man/man1/tidemark-policy.1
644 usr/share/man/man1/tidemark.1
644 usr/share/man/man5/tidemark.d.5
644 usr/share/man/man7/tidemark-api.7
644 usr/share/man/man7/tidemark-health.7
644 usr/share/man/man8/tidemark-web.8
644 usr/share/man/man8/tidemarkd.8
END
	[[ ! -e $OUT/tidemark-web ]] || echo "755 usr/libexec/tidemark/tidemark-web"
	for page in "$SRC"/userspace/systemd/*.service; do
		[[ ${page##*/} == tidemarkd.service ]] || echo "644 usr/lib/systemd/system/${page##*/}"
	done
}
check "the files are where they belong, and no others" \
	diff <(expected | sort) <(cd "$DEST" && find . -type f -printf '%m %P\n' | sort)

# In text of any installed file; binaries tell where they were compiled in their debug information.
no_checkout()
{
	[[ $(grep -rlI "" "$DEST" | wc -l) -ge 8 ]] || { echo "no text files?"; return 1; }
	! grep -rnIF -e "$SRC" -e "$TOP" -e "$W" "$DEST"
}
check "no installed text names the checkout" no_checkout
no_rpath() { ! for f in $(programs); do readelf -dW "$f"; done | grep -E 'RPATH|RUNPATH'; }
programs() { find "$DEST" -type f -perm -100; }
check "no program looks for libraries in odd places" no_rpath

other_prefix()
{
	local d=$W/dest2
	build install DESTDIR="$d" prefix=/opt/tm || return
	[[ -x $d/opt/tm/sbin/tidemarkd && -x $d/opt/tm/bin/tidemark && ! -e $d/usr ]] &&
		grep -x 'ExecStart=/opt/tm/sbin/tidemarkd' "$d/opt/tm/lib/systemd/system/tidemarkd.service"
}
check "prefix= moves everything, and the unit follows" other_prefix

# ---- hardening

# has PATTERN READELF-ARGS...
has()
{
	local pattern=$1 said
	shift
	# Not into a pipe: grep -q would end it early, which pipefail takes for a failure.
	said=$(readelf -W "$@" 2>&1)
	grep -Eq "$pattern" <<< "$said"
}

hardened()
{
	local f=$1 bad=0
	has 'Type: +DYN' -h "$f" && has 'INTERP' -l "$f" && has 'FLAGS_1.*PIE' -d "$f" || { echo "not PIE"; bad=1; }
	has 'GNU_RELRO' -l "$f" && has 'BIND_NOW|FLAGS_1.*NOW' -d "$f" || { echo "not full RELRO"; bad=1; }
	has 'GNU_STACK.* RW +0x' -l "$f" || { echo "executable stack"; bad=1; }
	has '__stack_chk_fail' --dyn-syms "$f" || { echo "no stack protector"; bad=1; }
	has '__[a-z]+_chk(@|$)' --dyn-syms "$f" || { echo "no fortified calls"; bad=1; }
	! has 'TEXTREL' -d "$f" || { echo "text relocations"; bad=1; }
	return $bad
}
for f in $(programs | sort); do
	check "${f##*/} is hardened: PIE, full RELRO, stack protector, no executable stack, fortified" hardened "$f"
done

# The readelf lines above must tell a soft program from a hard one.
soft_is_seen()
{
	echo 'int main(void) { return 0; }' > "$W/soft.c"
	gcc -no-pie -fno-stack-protector -Wl,-z,norelro,-z,lazy,-z,execstack -o "$W/soft" "$W/soft.c" 2> /dev/null || return
	[[ $(hardened "$W/soft") == $'not PIE\nnot full RELRO\nexecutable stack\nno stack protector\nno fortified calls' ]]
}
check "a program without any of that is seen" soft_is_seen

# ---- what was installed makes sense

runs() { "$DEST/usr/bin/tidemark" --version | grep -x "tidemark $(sed -n 's/^VERSION := //p' "$SRC/Makefile")"; }
check "the installed command runs and tells its version" runs

documented()
{
	local left rest name page n=0
	"$DEST/usr/bin/tidemark" --help > "$W/help" || return
	sed 's/\\-/-/g' "$DEST/usr/share/man/man1/tidemark.1" > "$W/tidemark.1"
	sed 's/\\-/-/g' "$DEST/usr/share/man/man1/tidemark-policy.1" > "$W/tidemark-policy.1"
	# "  admin role USER ROLE      what it does": the lower-case words are the command.
	while IFS= read -r left; do
		name=$(grep -oE '^  [a-z]+( [a-z-]+)?' <<< "${left%%   *}") name=${name#  }
		page=tidemark.1
		[[ $name != policy* ]] || page=tidemark-policy.1
		n=$((n + 1))
		grep -qF "\\fB$name\\fR" "$W/$page" || { echo "$page does not know $name"; return 1; }
	done < <(grep -E '^  [a-z]+ ' "$W/help" | sed 's/   .*//')
	((n >= 30)) && [[ $(grep -cE '^  policy [a-z]+ ' "$W/help") -ge 12 ]]
}
check "every command of --help is in the manual" documented

options_documented()
{
	local noun verb option n=0
	while read -r noun verb _; do
		while read -r option; do
			n=$((n + 1))
			grep -qF -- "${option//-/\\-}" "$W/options" || { echo "$noun $verb: $option is not in the manual"; return 1; }
		done < <("$DEST/usr/bin/tidemark" "$noun" "$verb" --help | grep -oE '^  (-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+')
	done < <(grep -E '^  policy [a-z]+ ' "$W/help")
	((n > 20))
}
# However the page writes its hyphens.
sed 's/\\-/-/g; s/-/\\-/g' "$DEST"/usr/share/man/man1/*.1 > "$W/options"
check "every option of --help is in the manual" options_documented

# daemon_documented PROGRAM
daemon_documented()
{
	local option n=0 name=${1##*/}
	sed 's/\\-/-/g; s/-/\\-/g' "$DEST/usr/share/man/man8/$name.8" > "$W/daemon-options"
	while read -r option; do
		n=$((n + 1))
		grep -qF -- "${option//-/\\-}" "$W/daemon-options" || { echo "$option is not in $name(8)"; return 1; }
	done < <("$1" --help | grep -oE -- '--[a-z][a-z-]+')
	((n >= 5))
}
check "every option of tidemarkd is in the manual" daemon_documented "$DEST/usr/sbin/tidemarkd"
check "every option of tidemark-web is in the manual" daemon_documented "$DEST/usr/libexec/tidemark/tidemark-web"

settings_documented()
{
	local key n=0
	# scdoc puts \& behind dots.
	sed 's/\\&//g' "$DEST/usr/share/man/man5/tidemark.d.5" > "$W/settings"
	while read -r key; do
		n=$((n + 1))
		grep -qF "fB$key\\fR" "$W/settings" || { echo "$key is not in tidemark.d(5)"; return 1; }
	done < <(cat "$SRC"/userspace/conf/*.[ch] | grep -oE '"[a-z]+(\.[a-z_]+)+"' | tr -d '"' | sort -u)
	((n >= 5))
}
check "every setting is in tidemark.d(5)" settings_documented

codes_documented()
{
	local code n=0
	while read -r code; do
		n=$((n + 1))
		grep -qF "fB$code\\fR" "$DEST/usr/share/man/man7/tidemark-health.7" || { echo "$code is not in tidemark-health(7)"; return 1; }
	done < <(grep -oE '"[A-Z]+(_[A-Z]+)+",' "$SRC/userspace/daemon/health_checks.c" | tr -d '",' | sort -u)
	((n >= 10))
}
check "every health code is in tidemark-health(7)" codes_documented

if command -v mandoc > /dev/null; then
	manual_is_clean() { ! mandoc -Tlint -Werror "$DEST"/usr/share/man/man*/* | grep .; }
	check "mandoc finds no error in the manual" manual_is_clean
else
	skip "mandoc finds no error in the manual" "mandoc is not installed"
fi

completes()
{
	PATH=$DEST/usr/bin:$PATH bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_tidemark
		echo "${COMPREPLY[*]}"' bash "$DEST/usr/share/bash-completion/completions/tidemark" "$@"
}
completion_words()
{
	local verbs
	verbs=$(grep -oE '^  policy [a-z]+' "$W/help" | sed 's/.* //' | tr '\n' ' ')
	[[ $(completes tidemark pol) == policy ]] || { echo "nouns: $(completes tidemark pol)"; return 1; }
	[[ "$(completes tidemark policy "") " == "$verbs" ]] || { echo "verbs: $(completes tidemark policy "")"; return 1; }
	[[ $(completes tidemark policy accept x --al) == "--allow-devices --allow-suid" ]] || { echo "options"; return 1; }
	[[ $(completes tidemark policy create x --mode = m) == manual ]] || { echo "values"; return 1; }
	[[ -z $(completes tidemark --socket "$W/none" policy show "") ]] || { echo "names without a daemon"; return 1; }
}
check "completion knows nouns, verbs, options and values" completion_words

if command -v systemd-analyze > /dev/null; then
	# It also complains about units of the machine it runs on; only what names this one counts.
	complaints() { systemd-analyze verify --man=no "$1" 2>&1 | grep "${1##*/}"; }
	verified() { ! complaints "$1"; }
	# exposure UNIT MOST
	exposure()
	{
		local score
		score=$(systemd-analyze security --offline=true "$1" 2> /dev/null | sed -n "s/.*${1##*/}: \([0-9.]*\) .*/\1/p")
		echo "exposure $score"
		[[ $score ]] && awk -v s="$score" -v most="$2" 'BEGIN { exit !(s > 0 && s <= most) }'
	}
	mkdir "$W/odd"
	while read -r name most; do
		sed "s,=/usr/,=$DEST/usr/," "$DEST/usr/lib/systemd/system/$name" > "$W/$name"
		check "systemd finds nothing wrong with $name" verified "$W/$name"
		sed 's/^Restart=.*/Restart=gently/' "$W/$name" > "$W/odd/$name"
		check "and would have found something" complaints "$W/odd/$name"
		check "and its exposure is not above $most" exposure "$W/$name" "$most"
	done <<'END'
tidemarkd.service 5.4
tidemark-web.service 1.1
END
else
	skip "systemd finds nothing wrong with the units" "systemd-analyze is not installed"
	skip "and their exposure is bounded" "systemd-analyze is not installed"
fi
finish

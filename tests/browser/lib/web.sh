# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nodes with a page each, for the browser tests. Source it after tests/lib/nodes.sh and nodes_begin:
#
#	browser_ready			MODULES is set, or the reason is said and the test is skipped
#	web_start a|b			tidemark-web of that node, as an unprivileged user, ready when it returns
#	web_url a|b
#	set_password a|b [USER [ROLE]]	$PASSWORD, by command line
#	browse SCRIPT			run a test script where both nodes can be reached
#
# Scripts do things on the nodes with $ON a|b 'COMMAND'.

WEB_USER=nobody
PASSWORD=correct-horse-9
declare -A WEB_PID

browser_ready()
{
	local cache=${TIDEMARK_CACHE:-/var/cache/tidemark}
	CHROMIUM=$(command -v chromium) || { echo "# no chromium: scripts/setup browser"; exit 4; }
	command -v node >/dev/null || { echo "# no node for the browser tests: scripts/setup browser"; exit 4; }
	MODULES=$cache/browser/node_modules
	[[ -e $MODULES/playwright-core/package.json && -e $MODULES/axe-core/package.json ]] || { echo "# no playwright-core for the browser tests: scripts/setup browser"; exit 4; }
	[[ -x $O/tidemark-web ]] || { echo "# no tidemark-web"; exit 1; }
}

web_url() { echo "https://$(address "$1"):8443"; }

web_start()
{
	local n=$1 try
	# The user may see what it needs and nothing else; the program may lie where it cannot look.
	chmod 711 "$W" "$W/$n"
	install -m 755 "$O/tidemark-web" "$W/tidemark-web"
	install -d -m 700 -o "$WEB_USER" "$W/$n/web"
	nsenter --net="/run/netns/$NS_PREFIX$n" -- setpriv --reuid "$WEB_USER" --regid nogroup --clear-groups --no-new-privs \
		"$W/tidemark-web" --runtime-dir "$W/$n/run" --state-dir "$W/$n/web" --set web.listen.port=8443 ${WEB_OPTIONS:-} >> "$W/$n/web.log" 2>&1 < /dev/null &
	WEB_PID[$n]=$!
	for ((try = 0; try < 600; try++)); do
		in_node "$n" curl -sk -o /dev/null "$(web_url "$n")/" && return 0
		kill -0 "${WEB_PID[$n]}" 2>/dev/null || break
		sleep 0.1
	done
	echo "# tidemark-web of node $n does not answer"
	sed 's/^/# /' "$W/$n/web.log"
	return 1
}

# Before the nodes go, and before their log is shown.
web_end()
{
	local n
	for n in "${!WEB_PID[@]}"; do kill "${WEB_PID[$n]}" 2>/dev/null; done
	[[ $TAP_FAILED -eq 0 ]] || for n in a b; do
		[[ ! -s $W/$n/web.log ]] || { echo "# ---- last lines of node $n's page"; tail -n 15 "$W/$n/web.log" | sed 's/^/# /'; }
	done
}

set_password() { local n=$1; shift; echo "$PASSWORD" | tm "$n" admin set-password "${1:-admin}" --stdin ${2:+--role "$2"}; }

browse()
{
	export ON=$W/on MODULES SHOTS PASSWORD CHROMIUM
	SHOTS=${SHOTS:-$O/screenshots}
	mkdir -p "$SHOTS"
	[[ -x $ON ]] || { printf '#!/bin/bash\nshift; exec bash -c "$*"\n' > "$ON"; chmod +x "$ON"; }
	in_node a env URL_A="$(web_url a)" URL_B="$(web_url b)" ADDRESS_A="$(address a)" ADDRESS_B="$(address b)" W="$W" O="$O" \
		SOCKET_A="$W/a/run/api.sock" SOCKET_B="$W/b/run/api.sock" HOME="$W" node "$@"
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tutorial in a real browser between two guests, where the BPF programs do the tracking. The guests are emulated: everything
# takes ten times as long. The browser runs here and reaches each page by a forwarded port. Pictures: $O/screenshots/guests.

set -uo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
O=${O:-$TOP/build}
KERNEL=${KERNEL:-6.1}
TAP_FAILED=0
declare -A AGENT PAGE VM
. "$(dirname "$0")/lib/web.sh"
browser_ready
export TMPDIR=${TMPDIR:-/var/tmp}
W=$(mktemp -d "$TMPDIR/tm-browse.XXXXXX")
RUN=/run/browse

ended()
{
	local status=$? n
	trap - EXIT
	for n in a b; do
		[[ $status -eq 0 ]] || { echo "# ---- node $n, last lines"; on "$n" "tail -n 15 $RUN/log $RUN/web.log" 2>/dev/null | sed 's/^/# /'; }
		[[ -z ${VM[$n]:-} ]] || kill "${VM[$n]}" 2>/dev/null
	done
	wait
	rm -rf "$W"
	exit "$status"
}
trap ended EXIT
trap 'exit 143' TERM INT HUP

on() { python3 "$TOP/scripts/demo.d/exec-agent" call "${AGENT[$1]}" "$2"; }

boot()
{
	local n=$1 side=$2 base
	base=$((RANDOM % 12000 + 10000 * side))
	AGENT[$n]=$base PAGE[$n]=$((base + 1))
	"$TOP/scripts/vm" --kernel "$KERNEL" --disk 1G:ext4 --net "browse$$:$side" --hostfwd "${AGENT[$n]}:9000" --hostfwd "${PAGE[$n]}:8443" --mem 2048 -- \
		python3 "$TOP/scripts/demo.d/exec-agent" serve 9000 > "$W/$n.console" 2>&1 < /dev/null &
	VM[$n]=$!
}

# The page's user may see neither the checkout nor root's directories: the program goes where it may.
serve()
{
	local n=$1 try
	EXEC_AGENT_WAIT=300 on "$n" "mkdir -p $RUN && chmod 755 $RUN && hostname $n && modprobe tls; install -m 755 $O/tidemark-web $RUN/ && install -d -m 700 -o nobody $RUN/web" || return 1
	on "$n" "(setsid $O/tidemarkd --state-dir $RUN/state --runtime-dir $RUN/run --set cluster.name=cluster-$n --set web.user=nobody >> $RUN/log 2>&1 < /dev/null) & sleep 0.1"
	for ((try = 0; try < 900; try++)); do
		[[ $(on "$n" "$O/tidemark --socket $RUN/run/api.sock status -j" 2>/dev/null | jq -r .capture.backend 2>/dev/null) =~ ^(bpf|fanotify)$ ]] && break
		sleep 0.5
	done
	on "$n" "(setsid setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs $RUN/tidemark-web --runtime-dir $RUN/run --state-dir $RUN/web >> $RUN/web.log 2>&1 < /dev/null) & sleep 0.1"
	for ((try = 0; try < 300; try++)); do
		curl -sk -o /dev/null "https://127.0.0.1:${PAGE[$n]}/" && return 0
		sleep 0.5
	done
	echo "# the page of $n does not answer"
	return 1
}

boot a 1
boot b 2
serve a || exit 1
serve b || exit 1
backend=$(on a "$O/tidemark --socket $RUN/run/api.sock status -j" | jq -r .capture.backend)
[[ $backend = bpf ]] && echo "ok 1 the guests track with bpf" || { echo "not ok 1 the guests track with bpf"; TAP_FAILED=1; }
on a "mkdir -p /mnt/vda/testmatt/deep/er; cd /mnt/vda/testmatt; for i in \$(seq 500); do echo \$i > deep/er/file\$i; done; for i in 1 2 3 4; do head -c 30000000 /dev/urandom > big\$i; done; echo one > one.txt; sync"
on b "echo $PASSWORD | $O/tidemark --socket $RUN/run/api.sock admin set-password --stdin" > /dev/null || exit 1

export ON=$W/on MODULES CHROMIUM PASSWORD SHOTS=${SHOTS:-$O/screenshots/guests} SLOW=10 TAP_FIRST=2
printf '#!/bin/bash\ncase $1 in a) port=%s ;; *) port=%s ;; esac\nexec python3 %q call "$port" "$2"\n' "${AGENT[a]}" "${AGENT[b]}" "$TOP/scripts/demo.d/exec-agent" > "$ON"
chmod +x "$ON"
mkdir -p "$SHOTS"
export SET_PASSWORD="$ON a 'echo $PASSWORD | $O/tidemark --socket $RUN/run/api.sock admin set-password --stdin'"
export SRC_PARENT=/mnt/vda SRC_NAME=testmatt DST=/mnt/vda/testmatt-target
export ORACLE="diff <($ON a '$O/tests/oracle/oracle-manifest /mnt/vda/testmatt') <($ON b '$O/tests/oracle/oracle-manifest /mnt/vda/testmatt-target')"
URL_A=https://127.0.0.1:${PAGE[a]} URL_B=https://127.0.0.1:${PAGE[b]} ADDRESS_A=10.37.0.1 ADDRESS_B=10.37.0.2 W=$W O=$O HOME=$W node "$TOP/tests/browser/tutorial.mjs" || TAP_FAILED=1
exit "$TAP_FAILED"

# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two tidemark nodes in two network namespaces of this machine, for tests and
# the demo. Source it, then:
#
#	nodes_begin			directories, namespaces, a cleanup trap
#	disk NAME SIZE [FSTYPE]		a fresh file system at $W/NAME (loop image)
#	node_start a|b [OPTION]...	tidemarkd of that node, ready when it returns
#	tm a|b NOUN VERB ...		the command line against that node
#	node_pid a|b; node_kill a|b [SIGNAL]; node_restart a|b
#	wait_status a|b NAME STATUS SECONDS	poll until the status is that one
#	field a|b NAME .jq.path		one value of `policy show -j`
#	equal SRC DST			the oracle's comparison
#	check DESCRIPTION COMMAND...	one TAP result;  finish: plan and exit status
#
# Node a listens on 10.99.X.1, node b on 10.99.X.2. Everything lies below $W and
# is removed at exit; only processes started here are ended, by their ids.

TOP=${TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
O=${O:-$TOP/build}
export PATH=$O/tests/oracle:$PATH:/usr/sbin:/sbin
BACKEND=${BACKEND:-auto}
declare -A NODE_PID NODE_OPTIONS
NODE_MOUNTS=()
TAP_N=0 TAP_FAILED=0

nodes_begin()
{
	W=$(mktemp -d "${TMPDIR:-/tmp}/tm-nodes.XXXXXX")
	NET_ID=$(( (BASHPID % 250) + 2 ))
	NS_PREFIX=tm$BASHPID
	trap nodes_end EXIT
	trap 'exit 143' TERM INT HUP
	local n
	for n in a b; do
		ip netns add "$NS_PREFIX$n"
		in_node "$n" ip link set lo up
	done
	in_node a ip link add eth0 type veth peer name eth0 netns "${NS_PREFIX}b"
	in_node a ip addr add "10.99.$NET_ID.1/24" dev eth0
	in_node b ip addr add "10.99.$NET_ID.2/24" dev eth0
	in_node a ip link set eth0 up
	in_node b ip link set eth0 up
}

address() { case $1 in a) echo "10.99.$NET_ID.1" ;; *) echo "10.99.$NET_ID.2" ;; esac; }

# nsenter, not `ip netns exec`, which hides /sys/fs/bpf; that and `ip -n` fail where / is no mount (a chroot).
in_node() { local n=$1; shift; nsenter --net="/run/netns/$NS_PREFIX$n" -- "$@"; }

nodes_end()
{
	local status=$? n m
	trap - EXIT
	set +e
	for n in "${!NODE_PID[@]}"; do node_kill "$n" KILL 2>/dev/null; done
	sleep 0.2
	if [[ $status -ne 0 || $TAP_FAILED -ne 0 ]]; then
		for n in a b; do
			[[ -s $W/$n/log ]] || continue
			echo "# ---- last log lines of node $n"
			tail -n 25 "$W/$n/log" | sed 's/^/# /'
		done
	fi
	for n in a b; do
		rm -rf "/sys/fs/bpf/tidemark/$(node_instance "$n")" 2>/dev/null
		ip netns del "$NS_PREFIX$n" 2>/dev/null
	done
	for ((m = ${#NODE_MOUNTS[@]} - 1; m >= 0; m--)); do umount -l "${NODE_MOUNTS[m]}" 2>/dev/null; done
	rm -rf "$W"
	exit "$status"
}

# The daemon names its pins after its state directory and tells the name in its status.
node_instance() { jq -r '.instance // "none"' "$W/$1/status" 2>/dev/null || echo none; }

disk()
{
	local name=$1 size=$2 type=${3:-ext4}
	truncate -s "$size" "$W/$name.img"
	case $type in
	ext4) mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0 "$W/$name.img" ;;
	*) "mkfs.$type" -q -f "$W/$name.img" ;;
	esac
	mkdir -p "$W/$name"
	mount -o loop "$W/$name.img" "$W/$name"
	NODE_MOUNTS+=("$W/$name")
}

# $STATE_a and $STATE_b may name places that outlive this script.
state_dir() { local v=STATE_$1; echo "${!v:-$W/$1/state}"; }

node_start()
{
	local n=$1 try
	shift
	[[ $# -gt 0 ]] && NODE_OPTIONS[$n]="$*"
	mkdir -p "$(state_dir "$n")" "$W/$n/run"
	# shellcheck disable=SC2086
	# Not through in_node: a function in the background is a shell of its own, and $! would be that shell.
	nsenter --net="/run/netns/$NS_PREFIX$n" -- "$O/tidemarkd" --state-dir "$(state_dir "$n")" --runtime-dir "$W/$n/run" \
		--set cluster.name="cluster-$n" --set capture.backend="$BACKEND" ${NODE_OPTIONS[$n]:-} \
		>> "$W/$n/log" 2>&1 < /dev/null &
	NODE_PID[$n]=$!
	for ((try = 0; try < 1200; try++)); do
		if [[ -S $W/$n/run/api.sock ]] && tm "$n" status -j > "$W/$n/status" 2>/dev/null; then
			[[ $(jq -r .capture.backend "$W/$n/status") != starting ]] && return 0
		fi
		kill -0 "${NODE_PID[$n]}" 2>/dev/null || { echo "# tidemarkd of node $n died"; tail -n 20 "$W/$n/log" | sed 's/^/# /'; return 1; }
		sleep 0.1
	done
	echo "# tidemarkd of node $n is not ready after 120 s"
	return 1
}

node_pid() { echo "${NODE_PID[$1]}"; }

node_kill()
{
	local pid=${NODE_PID[$1]:-}
	[[ -n $pid ]] || return 0
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	unset "NODE_PID[$1]"
}

node_restart() { node_kill "$1" "${2:-TERM}"; node_start "$1"; }

# The worker of node $1 whose role is $2 (source, target): its pid.
worker_pid()
{
	local pid
	for pid in $(pgrep -P "${NODE_PID[$1]:-0}" -f tidemark-worker); do
		if [[ -z ${2:-} ]] || tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q "$2"; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

tm() { local n=$1; shift; "$O/tidemark" --socket "$W/$n/run/api.sock" "$@"; }

field() { tm "$1" policy show "$2" -j | jq -r "$3"; }

wait_status()
{
	local n=$1 name=$2 want=$3 left=$(($4 * 10)) status=
	while ((left-- > 0)); do
		status=$(field "$n" "$name" .status 2>/dev/null || true)
		[[ $status == "$want" ]] && return 0
		sleep 0.1
	done
	echo "# node $n: $name is '$status', not '$want'" >&2
	tm "$n" policy show "$name" -j >&2 || true
	return 1
}

# A policy from node a's $1 to node b's $2, accepted; more arguments go to create.
make_policy()
{
	local name=$1 src=$2 dst=$3
	shift 3
	tm a policy create "$name" --source-dir "$src" --target-dir "$dst" --target-address "$(address b)" "$@" > "$W/create.out" || return
	wait_status b "$name" "Awaiting Authorization" 10 || return
	tm b policy accept "$name" --yes --create-dir > /dev/null
}

equal() { oracle-compare --max 20 "$1" "$2"; }

check()
{
	local what=$1 out status=0
	shift
	TAP_N=$((TAP_N + 1))
	out=$("$@" 2>&1) || status=$?
	if [[ $status -eq 0 ]]; then
		echo "ok $TAP_N $what"
	else
		TAP_FAILED=$((TAP_FAILED + 1))
		echo "# $* -> exit status $status"
		printf '%s\n' "$out" | tail -n 30 | sed 's/^/# /'
		echo "not ok $TAP_N $what"
	fi
	return 0
}

# exits STATUS COMMAND...: for check
exits()
{
	local want=$1 got=0
	shift
	"$@" || got=$?
	[[ $got -eq $want ]] || { echo "exit status $got, not $want"; return 1; }
}

# says TEXT COMMAND...: its output contains TEXT (whatever the exit status)
says()
{
	local text=$1 out
	shift
	out=$("$@" 2>&1) || true
	grep -qF -- "$text" <<< "$out" || { echo "no '$text' in:"; echo "$out"; return 1; }
}

finish()
{
	echo "1..$TAP_N"
	[[ $TAP_FAILED -eq 0 ]] && exit 0
	exit 1
}

# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where the demo runs. Gives the story: `on NODE COMMAND` (a shell command as root on alpha or
# beta), `tm NODE ARGS` and the addresses; the same in two namespaces here and in two guests.
#
# On every node: /run-like $RUN/NODE for state and socket, $DATA/NODE an ext4 file system.

place_say() { printf '%s\n' "$*"; }

# The tree to replicate, as an archive in the cache (made once).
demo_tree()
{
	local cache=${TIDEMARK_CACHE:-/var/cache/tidemark} what=(fs kernel) name=demo-tree tar
	[[ ${FULL:-0} != 1 ]] || { what=(.); name=demo-tree-full; }
	if [[ ! -s $cache/$name.tar ]]; then
		tar=$("$TOP/scripts/setup" linux-source | tail -n 1)
		mkdir -p "$cache" "$W/unpack"
		tar -xf "$tar" -C "$W/unpack" --strip-components=1 \
			$([[ ${FULL:-0} = 1 ]] || printf '%s ' --wildcards '*/fs/*' '*/kernel/*')
		if [[ ${FULL:-0} = 1 ]]; then
			tar -cf "$cache/$name.tar.tmp" -C "$W/unpack" .
		else
			# Only the top-level fs/ and kernel/, not those of arch/ and tools/.
			tar -cf "$cache/$name.tar.tmp" -C "$W/unpack" "${what[@]}"
		fi
		mv "$cache/$name.tar.tmp" "$cache/$name.tar"
		rm -rf "$W/unpack"
	fi
	echo "$cache/$name.tar"
}

# Does this kernel take the programs? Ask the daemon itself.
place_probe()
{
	local pid try backend=starting
	mkdir -p "$W/probe"
	"$O/tidemarkd" --state-dir "$W/probe/state" --runtime-dir "$W/probe/run" --set listen.port=0 \
		--set listen.address=127.0.0.1 > "$W/probe/log" 2>&1 &
	pid=$!
	for ((try = 0; try < 600; try++)); do
		backend=$("$O/tidemark" --socket "$W/probe/run/api.sock" status -j 2>/dev/null | jq -r .capture.backend 2>/dev/null) || backend=starting
		[[ ${backend:-starting} = starting ]] || break
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	"$O/tidemark" --socket "$W/probe/run/api.sock" status -j 2>/dev/null | jq -r .capture.why > "$W/why" || true
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	if [[ $backend = bpf ]]; then echo native; else echo guests; fi
}

place_start()
{
	case $place in
	native)
		place_say "This kernel ($(uname -r)) takes tidemark's BPF programs: both nodes run here, each in its own network namespace."
		native_start ;;
	guests)
		place_say "This kernel ($(uname -r)) refuses tracing programs, so the story runs in two QEMU guests on Debian's 6.1 kernel"
		place_say "(emulated: everything takes 10 to 20 times as long as on a real machine)."
		[[ ! -s $W/why ]] || place_say "  why: $(cat "$W/why")"
		guests_start ;;
	*) echo "DEMO_WHERE is native or guests, not '$place'" >&2; exit 2 ;;
	esac
}

tm() { local n=$1; shift; on "$n" "$O/tidemark --socket $RUN/$n/run/api.sock $(printf '%q ' "$@")"; }

daemon_command()
{
	echo "mkdir -p $RUN/$1/state $RUN/$1/run && exec setsid $O/tidemarkd --state-dir $RUN/$1/state --runtime-dir $RUN/$1/run --set cluster.name=$1 --set capture.backend=${BACKEND:-auto} >> $RUN/$1/log 2>&1 < /dev/null"
}

wait_ready()
{
	local try n
	for n in alpha beta; do
		for ((try = 0; try < 900; try++)); do
			[[ $(tm "$n" status -j 2>/dev/null | jq -r .capture.backend 2>/dev/null || true) =~ ^(bpf|fanotify)$ ]] && continue 2
			sleep 0.2
		done
		echo "tidemarkd on $n is not ready" >&2
		return 1
	done
}

# ---- here, in two network namespaces

native_start()
{
	local n
	RUN=$W DATA=$W
	NS=tmd$$
	modprobe veth 2>/dev/null || true
	modprobe loop 2>/dev/null || true
	for n in alpha beta; do
		ip netns add "$NS$n"
		native_on "$n" ip link set lo up
		mkdir -p "$W/$n" "$W/data/$n"
		truncate -s "$([[ ${FULL:-0} = 1 ]] && echo 6G || echo 700M)" "$W/$n.img"
		mkfs.ext4 -q -F "$W/$n.img"
		mount -o loop,noinit_itable "$W/$n.img" "$W/data/$n"
	done
	native_on alpha ip link add eth0 type veth peer name eth0 netns "${NS}beta"
	native_on alpha ip addr add 10.99.1.1/24 dev eth0
	native_on beta ip addr add 10.99.1.2/24 dev eth0
	native_on alpha ip link set eth0 up
	native_on beta ip link set eth0 up
	ALPHA=10.99.1.1 BETA=10.99.1.2
	DATA=$W/data
	for n in alpha beta; do
		nsenter --net="/run/netns/$NS$n" -- bash -c "$(daemon_command "$n")" &
		echo $! > "$W/$n.pid"
	done
	wait_ready
}

native_on() { local n=$1; shift; nsenter --net="/run/netns/$NS$n" -- bash -c "$*"; }

native_stop()
{
	local n instance pins=()
	for n in alpha beta; do
		instance=$("$O/tidemark" --socket "$RUN/$n/run/api.sock" status -j 2>/dev/null | jq -r .instance 2>/dev/null)
		[[ -z $instance ]] || pins+=("/sys/fs/bpf/tidemark/$instance")
		kill "$(cat "$W/$n.pid" 2>/dev/null)" 2>/dev/null
		[[ ! -s $W/rsyncd.$n.pid ]] || kill "$(cat "$W/rsyncd.$n.pid")" 2>/dev/null
	done
	sleep 1
	for n in alpha beta; do
		kill -9 "$(cat "$W/$n.pid" 2>/dev/null)" 2>/dev/null
		ip netns del "$NS$n" 2>/dev/null
		umount -l "$W/data/$n" 2>/dev/null
	done
	[[ ${#pins[@]} -eq 0 ]] || rm -rf "${pins[@]}"
	return 0
}

# ---- two guests

guests_start()
{
	local n side
	RUN=/run/demo DATA=/mnt/vda
	ALPHA=10.37.0.1 BETA=10.37.0.2
	PORT_alpha=$((20000 + RANDOM % 10000)) PORT_beta=$((30000 + RANDOM % 10000))
	export TMPDIR=${TMPDIR:-/var/tmp}
	for n in alpha beta; do
		side=$([[ $n = alpha ]] && echo 1 || echo 2)
		port=PORT_$n
		mkdir -p "$W/$n"
		# In a session of its own: with KEEP=1 it outlives the terminal.
		setsid "$TOP/scripts/vm" --kernel "${DEMO_KERNEL:-6.1}" --disk "$([[ ${FULL:-0} = 1 ]] && echo 6G || echo 1G):ext4" \
			--net "demo$$:$side" --hostfwd "${!port}:9000" --pid-file "$W/$n/qemu.pid" --mem 2048 -- \
			python3 "$here/exec-agent" serve 9000 > "$W/$n/console.log" 2>&1 < /dev/null &
		echo $! > "$W/$n.pid"
	done
	for n in alpha beta; do
		EXEC_AGENT_WAIT=180 on "$n" "hostname $n; mkdir -p $RUN/$n; modprobe tls; ($(daemon_command "$n")) & sleep 0.1"
	done
	wait_ready
}

guests_on()
{
	local n=$1 port=PORT_$1
	shift
	python3 "$here/exec-agent" call "${!port}" "$*"
}

guests_stop()
{
	local n
	for n in alpha beta; do
		kill "$(cat "$W/$n.pid" 2>/dev/null)" 2>/dev/null
	done
	wait 2>/dev/null
	return 0
}

# ---- either

on() { if [[ $place = native ]]; then native_on "$@"; else guests_on "$@"; fi; }
place_stop() { if [[ $place = native ]]; then native_stop; else guests_stop; fi; }

place_logs()
{
	local n
	for n in alpha beta; do
		echo "---- tidemarkd on $n, last lines:"
		on "$n" "tail -n 20 $RUN/$n/log" || true
	done
}

place_keep()
{
	local n port
	echo
	echo "The nodes stay up (KEEP=1). To reach them:"
	for n in alpha beta; do
		if [[ $place = native ]]; then
			echo "  $n: $O/tidemark --socket $RUN/$n/run/api.sock policy list    (its data: $DATA/$n)"
		else
			port=PORT_$n
			echo "  $n: $here/exec-agent call ${!port} '$O/tidemark --socket $RUN/$n/run/api.sock policy list'    (its data: $DATA)"
		fi
	done
	if [[ $place = native ]]; then
		cat > "$W/stop" <<END
#!/bin/bash
$(declare -f native_stop)
W=$W RUN=$W O=$O NS=$NS
native_stop
rm -rf $W
END
	else
		cat > "$W/stop" <<END
#!/bin/bash
kill $(cat "$W/alpha.pid") $(cat "$W/beta.pid")
sleep 2
rm -rf $W
END
	fi
	chmod +x "$W/stop"
	disown -a
	echo "To stop them and clean up: bash $W/stop"
}

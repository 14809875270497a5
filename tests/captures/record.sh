#!/bin/bash
# Records the captures of this folder in the lab: every scene of scenes.sh once, seen at the client,
# on both sides of the router and at the server. Names on the command line record those alone.
#   record.sh [SCENE...]     writes NAME.client.pcap.gz, .near., .far. and .server.
#   record.sh --list         names the scenes with what a judge must find in each
# What is recorded is committed: run it again only for new scenes, or where a peer has changed.
set -eu -o pipefail

HERE=$(dirname "$(readlink -f "$0")")
LAB=$HERE/../live/lab/lab.sh
MAX_OCTETS=$((64 << 10))

# scene NAME EXPECT FAULTS COMMAND [FILTER]: EXPECT are findings with commas between them, or
# "healthy"; FAULTS are arguments of `lab.sh fault`, with semicolons, or `restrict HOST LEVEL`, or
# `netbios`; COMMAND runs on the client; FILTER is what tcpdump lets pass.
NAMES=() EXPECT=() FAULTS=() COMMANDS=() FILTERS=()
scene() {
    NAMES+=("$1") EXPECT+=("$2") FAULTS+=("$3") COMMANDS+=("$4") FILTERS+=("${5:-}")
}
# shellcheck source=scenes.sh
. "$HERE/scenes.sh"
# shellcheck source=healthy.sh
. "$HERE/healthy.sh"

if [ "${1:-}" = --list ]; then
    for i in "${!NAMES[@]}"; do printf '%s\t%s\n' "${NAMES[i]}" "${EXPECT[i]}"; done
    exit 0
fi

eval "$("$LAB" env)"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
PIDS=()

# listen NAMESPACE IF FILE FILTER: a capture that has begun when this returns
listen() {
    ip netns exec "$1" tcpdump -Z root -q -U --immediate-mode -n -s 0 -i "$2" -w "$3" "$4" \
        2>"$3.log" &
    PIDS+=($!)
    for _ in $(seq 100); do
        grep -qs "listening on" "$3.log" && return 0
        sleep 0.02
    done
    cat "$3.log" >&2
    return 1
}

record() {
    local i=$1 name=${NAMES[$1]} server=$NS_DC1 fault point size
    case ${COMMANDS[$i]} in *srv* | *SRV_IP* | *peer*) server=$NS_SRV ;; esac
    "$LAB" fault off
    RESTRICTED=
    PIDS=()
    # caches of earlier scenes would hide how an address is found
    ip -n "$NS_CLIENT" neigh flush all
    while IFS= read -r fault; do
        # shellcheck disable=SC2086 # words
        case $fault in
        '') ;;
        restrict*) "$LAB" $fault; RESTRICTED=${fault#restrict }; RESTRICTED=${RESTRICTED% *} ;;
        netbios) "$LAB" netbios on ;;
        *) "$LAB" fault $fault ;;
        esac
    done < <(tr ';' '\n' <<<"${FAULTS[$i]}")
    listen "$NS_CLIENT" eth0 "$WORK/$name.client.pcap" "${FILTERS[$i]}"
    listen "$NS_MB" c0 "$WORK/$name.near.pcap" "${FILTERS[$i]}"
    listen "$NS_MB" br0 "$WORK/$name.far.pcap" "${FILTERS[$i]}"
    listen "$server" eth0 "$WORK/$name.server.pcap" "${FILTERS[$i]}"
    ip netns exec "$NS_CLIENT" timeout 90 bash -c "cd '$WORK' && . '$HERE/client.sh' && ${COMMANDS[$i]}" \
        >"$WORK/$name.out" 2>&1 || true
    sleep 0.5
    kill -INT "${PIDS[@]}"
    wait "${PIDS[@]}" || true
    [ -z "$RESTRICTED" ] || "$LAB" restrict "$RESTRICTED" 0
    [[ ${FAULTS[$i]} != *netbios* ]] || "$LAB" netbios off
    for point in client near far server; do
        gzip -9n <"$WORK/$name.$point.pcap" >"$HERE/$name.$point.pcap.gz"
        size=$(stat -c %s "$HERE/$name.$point.pcap.gz")
        [ "$size" -le $MAX_OCTETS ] || echo "$name: $point has $size octets" >&2
    done
    printf '%-28s %s\n' "$name" "$(tail -1 "$WORK/$name.out" | cut -c1-70)"
}

for i in "${!NAMES[@]}"; do
    [ $# = 0 ] || [[ " $* " = *" ${NAMES[i]} "* ]] || continue
    record "$i"
done
"$LAB" fault off

# shellcheck shell=bash disable=SC2034,SC2154 # names are shared by the parts of lab.sh
# Names, addresses and places of one lab, and the few helpers everything else is written with.
# Several labs run side by side: each has a state directory and, derived from it, a tag that all its
# namespaces carry. Addresses repeat between labs; they live in different namespaces.

digest() { printf '%s' "$1" | cksum | awk '{ printf "%08x", $1 }'; }

LAB_STATE=${MSRPC_LAB_STATE:-${TMPDIR:-/tmp}/msrpc-lab-$(digest "$LAB_DIR")}
LAB_TAG=${LAB_TAG:-mr$(digest "$LAB_STATE" | cut -c1-4)}

HOSTS="client mb dc1 srv mem"
CLIENT_IP=10.88.1.20   CLIENT_IP6=fd88:1::20
MB_CLIENT_IP=10.88.1.1 MB_CLIENT_IP6=fd88:1::1
MB_SERVER_IP=10.88.2.1 MB_SERVER_IP6=fd88:2::1
DC_IP=10.88.2.10       DC_IP6=fd88:2::10
SRV_IP=10.88.2.11      SRV_IP6=fd88:2::11
MEM_IP=10.88.2.12      MEM_IP6=fd88:2::12
UNUSED_IP=10.88.2.99   UNUSED_IP6=fd88:2::99
REALM=LAB.TEST DOMAIN=LAB PASSWORD=Passw0rd.Lab1 ALICE_PASSWORD=Alice.Pw1
DC_NAME=dc1.lab.test MB_NAME=mb.lab.test MB_PASSWORD=Machine.Pw1

say() { printf '%s\n' "$*"; }
die() { printf 'lab: %s\n' "$*" >&2; exit 1; }
ns() { printf '%s-%s' "$LAB_TAG" "$1"; }
# grep -q that reads to the end, so that the command before the pipe cannot fail of a broken one
has() { grep "$@" >/dev/null; }
is_host() { case " $HOSTS " in *" $1 "*) ;; *) return 1 ;; esac; }

# on HOST CMD...: run a command as that host
on() {
    local host=$1
    shift
    ip netns exec "$(ns "$host")" "$@"
}

# spawn HOST LOG CMD...: start a command of ours on HOST in the background, its pid in LOG.pid
spawn() {
    local host=$1 log=$2
    shift 2
    : >"$log"
    (exec ip netns exec "$(ns "$host")" setsid "$@") >>"$log" 2>&1 </dev/null 9>&- &
    echo $! >"$log.pid"
}

# unspawn HOST LOG: stop what spawn started; a pid that is no longer on HOST is somebody else's
unspawn() {
    local pid
    [ -f "$2.pid" ] || return 0
    pid=$(cat "$2.pid")
    rm -f "$2.pid"
    if ip netns pids "$(ns "$1")" 2>/dev/null | has -x "$pid"; then kill "$pid" || true; fi
}

# wait_for SECONDS CMD...: until the command succeeds
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# answers HOST PORT...: every port of HOST accepts a connection from the client
answers() {
    local address=$1 port
    shift
    for port; do
        # shellcheck disable=SC2016
        on client timeout 1 bash -c ': </dev/tcp/$0/$1' "$address" "$port" || return 1
    done
}

# stop_host HOST: end every process in the namespace: asked first, then killed
stop_host() {
    local name end pids
    name=$(ns "$1")
    pids=$(ip netns pids "$name" 2>/dev/null) || return 0
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    { kill -TERM $pids; kill -CONT $pids; } 2>/dev/null || true
    end=$((SECONDS + 3))
    while pids=$(ip netns pids "$name") && [ -n "$pids" ]; do
        # shellcheck disable=SC2086
        [ $SECONDS -lt $end ] || kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
}

print_env() {
    local h
    printf 'LAB_DIR=%q\nLAB_STATE=%q\nLAB_TAG=%q\n' "$LAB_DIR" "$LAB_STATE" "$LAB_TAG"
    for h in $HOSTS; do printf 'NS_%s=%q\n' "${h^^}" "$(ns "$h")"; done
    for h in CLIENT_IP CLIENT_IP6 MB_CLIENT_IP MB_CLIENT_IP6 MB_SERVER_IP MB_SERVER_IP6 DC_IP \
        DC_IP6 SRV_IP SRV_IP6 MEM_IP MEM_IP6 UNUSED_IP UNUSED_IP6 REALM DOMAIN PASSWORD \
        ALICE_PASSWORD DC_NAME MB_NAME MB_PASSWORD \
        LIAR_IP MORE_IP UNKNOWING_IP REFUSING_IP FAILING_IP LAME_IP MUTE_IP BOGUS_IP; do
        printf '%s=%q\n' "$h" "${!h}"
    done
    printf 'MB_KEYTAB=%q\n' "$LAB_STATE/dc1/mb.keytab"
    printf 'LAB_SMBCONF=%q\n' "$LAB_STATE/client/smb.conf"
    printf 'export KRB5_CONFIG=%q\n' "$LAB_STATE/krb5.conf"
}

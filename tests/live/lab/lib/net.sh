# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # names are shared by the parts of lab.sh
# The wires:  client --- c0 mb br0 --- dc1, srv, mem      mb routes and is where most faults live.

# The file of a namespace can outlive it, where /run survives a restart.
net_is_up() {
    local h
    [ -f "$LAB_STATE/net.up" ] || return 1
    for h in $HOSTS; do
        [ "$(stat -f -c %T "/run/netns/$(ns "$h")" 2>/dev/null)" = nsfs ] || return 1
    done
}

# A namespace of our tag that another state directory made is not ours to take down.
net_check_owner() {
    local hosts
    hosts=/etc/netns/$(ns client)/hosts
    [ ! -f "$hosts" ] || grep -qxF "# lab $LAB_STATE" "$hosts" ||
        die "the tag $LAB_TAG belongs to another lab: $(head -1 "$hosts"); set LAB_TAG"
}

host_files() {
    local h=$1 address=$2 dir
    dir=/etc/netns/$(ns "$h")
    mkdir -p "$dir"
    printf '# lab %s\n127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$LAB_STATE" \
        "$(uname -n)" >"$dir/hosts" # Samba looks for its own name
    [ -z "$address" ] || printf '%s %s.lab.test %s\n' "$address" "$h" "$h" >>"$dir/hosts"
    resolver_is "$h" "$DC_IP"
}

# resolver_is HOST ADDRESS: written in place, for the file is bind-mounted into running processes
resolver_is() { printf 'search lab.test\nnameserver %s\n' "$2" >"/etc/netns/$(ns "$1")/resolv.conf"; }

wire_host() {
    local h=$1 peer=$2 ip=$3 gw=$4 ip6=$5 gw6=$6 n
    n=$(ns "$h")
    ip link add eth0 netns "$n" type veth peer name "$peer" netns "$(ns mb)"
    ip -n "$n" addr add "$ip/24" dev eth0
    ip -n "$n" addr add "$ip6/64" dev eth0 nodad
    ip -n "$n" link set eth0 up
    ip -n "$(ns mb)" link set "$peer" up
    ip -n "$n" route add default via "$gw"
    ip -n "$n" -6 route add default via "$gw6"
}

net_up() {
    local h mb
    net_is_up && return 0
    net_down
    for h in $HOSTS; do
        ip netns add "$(ns "$h")"
        ip -n "$(ns "$h")" link set lo up
    done
    host_files client ''
    host_files mb ''
    host_files dc1 "$DC_IP"
    host_files srv "$SRV_IP"
    host_files mem "$MEM_IP"
    mb=$(ns mb)
    on mb sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
        net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
        net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
    ip -n "$mb" link add br0 type bridge
    ip -n "$mb" link set br0 up
    wire_host client c0 "$CLIENT_IP" "$MB_CLIENT_IP" "$CLIENT_IP6" "$MB_CLIENT_IP6"
    wire_host dc1 s0 "$DC_IP" "$MB_SERVER_IP" "$DC_IP6" "$MB_SERVER_IP6"
    wire_host srv s1 "$SRV_IP" "$MB_SERVER_IP" "$SRV_IP6" "$MB_SERVER_IP6"
    wire_host mem s2 "$MEM_IP" "$MB_SERVER_IP" "$MEM_IP6" "$MB_SERVER_IP6"
    ip -n "$mb" link set s2 down # until `member on`
    ip -n "$mb" link set s0 master br0
    ip -n "$mb" link set s1 master br0
    ip -n "$mb" link set s2 master br0
    ip -n "$mb" addr add "$MB_CLIENT_IP/24" dev c0
    ip -n "$mb" addr add "$MB_SERVER_IP/24" dev br0
    ip -n "$mb" addr add "$MB_CLIENT_IP6/64" dev c0 nodad
    ip -n "$mb" addr add "$MB_SERVER_IP6/64" dev br0 nodad
    touch "$LAB_STATE/net.up"
}

net_down() {
    local h
    rm -f "$LAB_STATE/net.up"
    for h in $HOSTS; do
        stop_host "$h"
        ip netns del "$(ns "$h")" 2>/dev/null || rm -f "/run/netns/$(ns "$h")"
        rm -rf "/etc/netns/$(ns "$h")"
    done
    rmdir /etc/netns 2>/dev/null || true
    rm -rf "$LAB_STATE/faults" "$LAB_STATE/run"
}

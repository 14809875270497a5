# shellcheck shell=bash disable=SC2034,SC2154 # names are shared by the parts of lab.sh
# Faults: one function each, called with on or off in $SWITCH and arguments after. A fault's nft
# table is its own, so faults stack and come off without a trace. Every function is preceded by a
# comment line "#: name args  what happens"; those lines are the list that `lab.sh fault` prints.
# Rules in mb act on the way out to the real link: with `delay` on, a packet crosses mb twice.

# nft_fault HOST HOOK RULE...
nft_fault() {
    local host=$1 hook=$2 family=${FAMILY:-inet} table=${FAULT//-/_}_$2
    shift 2
    on "$host" nft delete table "$family" "$table" 2>/dev/null || true
    [ "$SWITCH" = on ] || return 0
    {
        printf 'table %s %s { chain faulty {\n' "$family" "$table"
        printf 'type filter hook %s priority 0; policy accept;\n' "$hook"
        [ "$hook" != forward ] || printf 'oifname "delay0" accept\n'
        printf '%s\n' "$@" '}' '}'
    } | on "$host" nft -f -
}

# need N ARG...: N arguments are wanted to switch on, none to switch off
need() {
    [ "$SWITCH" = off ] || [ $# -gt "$1" ] || die "fault $FAULT: argument missing; see lab.sh fault"
}

SYN='tcp flags & (syn|ack) == syn'
DYNAMIC="tcp dport 49152-65535 $SYN"
# A PDU to these ports, by its first bytes: version 5.0, then the PDU type (C706 12.6.3.1)
pdu_to() { printf 'tcp dport { %s } @ih,0,16 0x0500 @ih,16,8 %s' "${2:-135, 49152-65535}" "$1"; }
BIND=0x0b REQUEST=0x00

#: block-135                     the router drops port 135
fault_block_135() { nft_fault mb forward 'tcp dport 135 counter drop'; }
#: block-135-reject-icmp-admin   ... answers ICMP administratively prohibited
fault_block_135_reject_icmp_admin() {
    nft_fault mb forward 'tcp dport 135 counter reject with icmpx type admin-prohibited'
}
#: block-135-icmp-port           ... answers ICMP port unreachable
fault_block_135_icmp_port() {
    nft_fault mb forward 'tcp dport 135 counter reject with icmpx type port-unreachable'
}
#: rst-135                       ... answers with a reset in the server's name
fault_rst_135() { nft_fault mb forward "tcp dport 135 $SYN counter reject with tcp reset"; }
#: block-445                     the router drops ports 139 and 445
fault_block_445() { nft_fault mb forward 'tcp dport { 139, 445 } counter drop'; }
#: drop-dyn                      the router drops connections to 49152-65535
fault_drop_dyn() { nft_fault mb forward "$DYNAMIC counter drop"; }
#: drop-port N[,N...]            the router drops connections to these ports
fault_drop_port() {
    need 1 "$@"
    nft_fault mb forward "tcp dport { ${1:-} } $SYN counter drop"
}
#: drop-udp N[,N...]             the router drops datagrams to these ports
fault_drop_udp() {
    need 1 "$@"
    nft_fault mb forward "udp dport { ${1:-} } counter drop"
}
# settings HOST LINE...: that Samba started anew, with these lines in place of its own in [global]
settings() {
    local host=$1 conf=$LAB_STATE/$1/smb.conf line
    [ "$host" != dc1 ] || conf=$LAB_STATE/dc1/etc/smb.conf
    shift
    sed -i -e "/^# $FAULT {/,/^# } $FAULT/d" -e "s/^;$FAULT;//" "$conf"
    if [ "$SWITCH" = on ]; then
        for line; do sed -i "s/^\t${line%%=*}=/;$FAULT;&/" "$conf"; done
        line=$(printf '\\t%s\\n' "$@")
        sed -i "s/^\[global\]/&\n# $FAULT {\n$line# } $FAULT/" "$conf"
    fi
    stop_host "$host"
    case $host in dc1) dc_start ;; srv) srv_start ;; *) die "fault $FAULT: dc1 or srv?" ;; esac
}
#: secure-dns                    the DC takes secure dynamic updates only (it is started anew)
fault_secure_dns() { settings dc1 'allow dns updates = secure only'; }
#: no-ntlm                       srv takes no NTLM, by policy (it is started anew)
fault_no_ntlm() { settings srv 'ntlm auth = disabled'; }
#: dc-setting LINE...            the DC with other lines in smb.conf: 'NAME = VALUE' (started anew)
fault_dc_setting() { need 1 "$@"; settings dc1 "$@"; }
#: srv-setting LINE...           srv with other lines in smb.conf (started anew)
fault_srv_setting() { need 1 "$@"; settings srv "$@"; }
#: rst-dyn                       both servers themselves reset connections to 49152-65535
fault_rst_dyn() {
    nft_fault dc1 input "$DYNAMIC counter reject with tcp reset"
    nft_fault srv input "$DYNAMIC counter reject with tcp reset"
}
#: rst-dyn-mb                    the router does it in their name
fault_rst_dyn_mb() { nft_fault mb forward "$DYNAMIC counter reject with tcp reset"; }
#: rst-mid-bind [PORTS]          the router resets a connection when a BIND passes
fault_rst_mid_bind() { nft_fault mb forward "$(pdu_to $BIND "$@") counter reject with tcp reset"; }
#: rst-mid-request [PORTS]       ... when a REQUEST passes
fault_rst_mid_request() {
    nft_fault mb forward "$(pdu_to $REQUEST "$@") counter reject with tcp reset"
}
#: stall-bind [PORTS]            BIND PDUs vanish in the router
fault_stall_bind() { nft_fault mb forward "$(pdu_to $BIND "$@") counter drop"; }
#: stall-request [PORTS]         REQUEST PDUs vanish in the router
fault_stall_request() { nft_fault mb forward "$(pdu_to $REQUEST "$@") counter drop"; }
#: lose-binds PACKETS [PORTS]    so many BIND PDUs vanish in the router, later ones pass
fault_lose_binds() {
    need 1 "$@"
    nft_fault mb forward "$(pdu_to $BIND "${2:-}") limit rate 1/day burst ${1:-1} packets drop"
}
#: drop-back N[,N...]            answers to connections (SYN-ACK) from these ports vanish
fault_drop_back() {
    need 1 "$@"
    nft_fault mb forward "tcp sport { ${1:-} } tcp flags & (syn|ack) == syn|ack counter drop"
}
#: drop-ack N[,N...]             to these ports only SYNs pass: the client's ACK never arrives
fault_drop_ack() {
    need 1 "$@"
    nft_fault mb forward "tcp dport { ${1:-} } tcp flags & syn == 0 counter drop"
}
#: drop-data-back N[,N...]       what these ports send with data vanishes
fault_drop_data_back() {
    need 1 "$@"
    nft_fault mb forward "tcp sport { ${1:-} } tcp flags & psh == psh counter drop"
}
#: drop-udp-back N[,N...]        datagrams from these ports vanish
fault_drop_udp_back() {
    need 1 "$@"
    nft_fault mb forward "udp sport { ${1:-} } counter drop"
}
#: drop-in N[,N...]              dc1 itself drops what comes to these TCP ports
fault_drop_in() {
    need 1 "$@"
    nft_fault dc1 input "tcp dport { ${1:-} } counter drop"
}
#: drop-out N[,N...]             dc1 hears datagrams to these ports and its answers stay inside
fault_drop_out() {
    need 1 "$@"
    nft_fault dc1 output "udp sport { ${1:-} } counter drop"
}
#: mss-clamp N                   the router makes the MSS of SYNs N at most
fault_mss_clamp() {
    need 1 "$@"
    nft_fault mb forward "tcp flags & syn == syn tcp option maxseg size set ${1:-536}"
}
#: strip-options                 SACK, timestamps and window scale are taken out of SYNs
fault_strip_options() {
    nft_fault mb forward 'tcp flags & syn == syn reset tcp option sack-perm' \
        'tcp flags & syn == syn reset tcp option timestamp' \
        'tcp flags & syn == syn reset tcp option window'
}
#: nat                           the client hides behind the router, whose port 10135 is 135 of dc1
fault_nat() {
    local table=nat_faulty
    on mb nft delete table ip $table 2>/dev/null || true
    [ "$SWITCH" = on ] || return 0
    on mb nft -f - <<RULES
table ip $table {
    chain there { type nat hook prerouting priority dstnat; policy accept;
        ip daddr $MB_CLIENT_IP tcp dport 10135 dnat to $DC_IP:135; }
    chain hidden { type nat hook postrouting priority srcnat; policy accept;
        oifname "br0" meta l4proto { tcp, udp } masquerade to :20000-29999; }
}
RULES
}
#: no-affinity                   the dynamic ports of dc1 are srv's, which has another TTL and no SACK
fault_no_affinity() {
    local table=affinity_faulty ttl=64 sack=1
    on mb nft delete table ip $table 2>/dev/null || true
    [ "$SWITCH" = off ] || ttl=128 sack=0
    on srv sysctl -qw net.ipv4.ip_default_ttl=$ttl net.ipv4.tcp_sack=$sack
    [ "$SWITCH" = on ] || return 0
    on mb nft -f - <<RULES
table ip $table {
    chain there { type nat hook prerouting priority dstnat; policy accept;
        ip daddr $DC_IP tcp dport 49152-65535 dnat to $SRV_IP:49152; }
}
RULES
}
#: drop-ipv6                     the router drops IPv6
fault_drop_ipv6() { nft_fault mb forward 'meta nfproto ipv6 counter drop'; }
#: no-icmp                       the router neither forwards nor sends ICMP (but neighbour discovery)
fault_no_icmp() {
    local h
    for h in forward output; do
        nft_fault mb $h 'ip protocol icmp counter drop' \
            'icmpv6 type { 1, 2, 3, 4, 128, 129 } counter drop'
    done
}
#: loss PERCENT                  packets vanish at random, both ways
fault_loss() {
    need 1 "$@"
    nft_fault mb forward "numgen random mod 100 <= $((${1:-1} - 1)) counter drop"
}
#: host-down [dc1|srv]           it no longer answers ARP: its address is as good as unused (dc1)
fault_host_down() {
    local h
    for h in dc1 srv; do
        [ "$SWITCH" = off ] || [ $h = "${1:-dc1}" ] || continue
        FAMILY=arp nft_fault $h input 'counter drop'
        nft_fault $h input 'counter drop'
    done
    ip -n "$(ns mb)" neigh flush dev br0
}
#: pmtu-hole                     the client's link takes 1280 bytes, and nobody is told
fault_pmtu_hole() {
    local h mtu=1500
    nft_fault mb output 'icmp type destination-unreachable icmp code 4 counter drop' \
        'icmpv6 type packet-too-big counter drop'
    [ "$SWITCH" = off ] || mtu=1280
    ip -n "$(ns mb)" link set c0 mtu $mtu
    for h in $HOSTS; do ip -n "$(ns "$h")" route flush cache; done
}
#: narrow [N]                    the client's link takes N octets (1280), and senders are told
fault_narrow() {
    local h mtu=1500
    [ "$SWITCH" = off ] || mtu=${1:-1280}
    ip -n "$(ns mb)" link set c0 mtu "$mtu"
    for h in $HOSTS; do ip -n "$(ns "$h")" route flush cache; done
}

# titled HOST PATTERN: processes of HOST whose title matches
titled() {
    local pid
    for pid in $(ip netns pids "$(ns "$1")"); do
        if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | has "$2"; then echo "$pid"; fi
    done
}
freeze() {
    local pids signal=STOP
    [ "$SWITCH" = on ] || signal=CONT
    pids=$(titled "$1" "$2")
    [ -n "$pids" ] || [ "$SWITCH" = off ] || die "fault $FAULT: nothing to stop on $1"
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill -$signal $pids
}
#: hang-rpc                      the DC's RPC processes are stopped: connections open, then silence
fault_hang_rpc() { freeze dc1 'task\[rpc\]'; }
#: hang-epm                      the endpoint mapper of srv alone is stopped
fault_hang_epm() {
    if [ "$SWITCH" = on ]; then srv_is_ready || die "fault $FAULT: srv does not answer"; fi
    freeze srv rpcd_epmapper
}

#: hang-lsa                      the process of srv that serves samr and lsarpc is stopped
fault_hang_lsa() { freeze srv rpcd_lsad; }

# dns_fault MODE [NAME [ADDRESS]]: the client asks a lying resolver in mb. One at a time.
dns_fault() {
    local log=$LAB_STATE/run/dns
    unspawn mb "$log"
    resolver_is client "$DC_IP"
    rm -f "$LAB_STATE"/faults/{wrong-dns,dns-nxdomain,dns-servfail,dns-refused,dns-nodata,dns-lame}
    [ "$SWITCH" = on ] || return 0
    spawn mb "$log" "$LAB_DIR/dnsfault.py" --listen "$MB_CLIENT_IP" \
        --forward "$DC_IP" "$@"
    wait_for 5 grep -q ready "$log" || { cat "$log" >&2; die "fault $FAULT: no resolver"; }
    resolver_is client "$MB_CLIENT_IP"
}
#: wrong-dns [ADDRESS]           DNS gives dc1 another address, 10.88.2.99 if none is named
fault_wrong_dns() { dns_fault wrong "$DC_NAME" "${1:-$UNUSED_IP}"; }
#: dns-nxdomain [NAME]           DNS knows no such name (dc1.lab.test if none is named, as below)
fault_dns_nxdomain() { dns_fault nxdomain "${1:-$DC_NAME}"; }
#: dns-servfail [NAME]           the resolver fails
fault_dns_servfail() { dns_fault servfail "${1:-$DC_NAME}"; }
#: dns-refused [NAME]            the resolver refuses
fault_dns_refused() { dns_fault refused "${1:-$DC_NAME}"; }
#: dns-nodata [NAME]             the name exists, with a TXT record only
fault_dns_nodata() { dns_fault nodata "${1:-$DC_NAME}"; }
#: dns-lame [NAME]               the server refers to the root instead of answering
fault_dns_lame() { dns_fault lame "${1:-$DC_NAME}"; }
#: dns-timeout                   the router drops port 53
fault_dns_timeout() { nft_fault mb forward 'meta l4proto { tcp, udp } th dport 53 counter drop'; }
#: hosts-file [ADDRESS]          the client's /etc/hosts gives dc1 another address
fault_hosts_file() {
    local file others
    file=/etc/netns/$(ns client)/hosts
    others=$(grep -v "$DC_NAME" "$file")
    printf '%s\n' "$others" >"$file"
    [ "$SWITCH" = off ] || printf '%s %s dc1\n' "${1:-$UNUSED_IP}" "$DC_NAME" >>"$file"
}

#: delay MS [LOSS [JITTER [N]]]  MS (and up to JITTER) longer each way, LOSS percent lost, N copies
fault_delay() {
    local log=$LAB_STATE/run/delay mb link family
    mb=$(ns mb)
    need 1 "$@"
    for family in -4 -6; do
        for link in c0 br0; do
            while ip -n "$mb" $family rule del iif $link lookup 77 2>/dev/null; do :; done
        done
    done
    unspawn mb "$log"
    wait_for 2 no_delay_link || die "fault delay: the old link stays"
    [ "$SWITCH" = on ] || return 0
    [ -x "$LAB_STATE/delay" ] ||
        cc -std=gnu11 -O2 -Wall -Wextra -Werror -o "$LAB_STATE/delay" "$LAB_DIR/delay.c"
    spawn mb "$log" "$LAB_STATE/delay" delay0 "$@"
    wait_for 2 ip -n "$mb" link show delay0 || { cat "$log" >&2; die "fault delay: no TUN device"; }
    on mb sysctl -qw net.ipv4.conf.delay0.rp_filter=0
    ip -n "$mb" link set delay0 up
    for family in -4 -6; do
        ip -n "$mb" $family route replace default dev delay0 table 77
        for link in c0 br0; do ip -n "$mb" $family rule add iif $link lookup 77; done
    done
}
no_delay_link() { ! ip -n "$(ns mb)" link show delay0; }

fault_list() { sed -n 's/^#: //p' "$LAB_DIR/lib/faults.sh"; }

# fault NAME on|off [ARG...]
fault() {
    local name=${1:-} function
    SWITCH=${2:-}
    [ $# -ge 2 ] || die "usage: lab.sh fault NAME on|off [ARG...]; lab.sh fault lists them"
    function=fault_${name//-/_}
    case $SWITCH in on | off) ;; *) die "fault $name: on or off?" ;; esac
    fault_list | awk '{ print $1 }' | has -xF -e "$name" || die "no fault $name; see lab.sh fault"
    net_is_up || die "the lab is down"
    shift 2
    FAULT=$name
    mkdir -p "$LAB_STATE/faults"
    "$function" "$@"
    rm -f "$LAB_STATE/faults/$name"
    [ "$SWITCH" = off ] || printf '%s' "$*" >"$LAB_STATE/faults/$name"
}

faults_on() { ls "$LAB_STATE/faults" 2>/dev/null || true; }

faults_off() {
    local name
    for name in $(faults_on); do fault "$name" off; done
}

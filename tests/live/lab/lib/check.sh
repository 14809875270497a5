# shellcheck shell=bash disable=SC2034,SC2154 # names are shared by the parts of lab.sh
# The lab checks itself: the peers answer their own clients, every fault shows what it should and is
# gone afterwards. No assertion on time but one: the delay fault must delay.

# ck NAME PATTERN CMD...: the command's output has a line like PATTERN (the command may fail)
ck() {
    local name=$1 pattern=$2 output
    shift 2
    output=$("$@" 2>&1 </dev/null) || true
    if has -E -e "$pattern" <<<"$output"; then
        say "ok   $name"
    else
        say "FAIL $name: $(tail -n 1 <<<"$output")"
        failed=$((failed + 1))
    fi
}

smb() { on client timeout 20 "$1" -s "$LAB_STATE/client/smb.conf" "${@:2}"; }
tool() { on client timeout 30 "$LAB_DIR/$1" "${@:2}"; }
probe() { tool probe.py "$@"; }
nmap_ports() { on client nmap -n -Pn -p "$2" "$1"; }

# The listing is the same however many entries are asked for per call.
same_listing() {
    local many one
    many=$(tool epmlook.py "$1" 500 | sort)
    one=$(tool epmlook.py "$1" 3 | sort)
    [ -n "$many" ] && [ "$many" = "$one" ] && say "same $(wc -l <<<"$many")"
}

# hostile MODE CMD...: run a client against hostile.py on the mapper's port of a loopback address
HOSTILE_IP=127.0.0.88
hostile() {
    local log=$LAB_STATE/run/hostile
    spawn client "$log" "$LAB_DIR/hostile.py" "$1" --bind $HOSTILE_IP --port 135 \
        --seconds 20
    if wait_for 5 grep ready "$log"; then "${@:2}"; else cat "$log"; fi
    unspawn client "$log"
    wait_for 2 no_hostile
}
no_hostile() { [ -z "$(on client ss -Hlnt "src $HOSTILE_IP")" ]; }
# The one client here that reads big-endian replies; its verdict on how the listing ends is its own.
torture_lookup() {
    (cd "$LAB_STATE/run" && smb smbtorture -U% "ncacn_ip_tcp:$1" rpc.epmapper.epmapper.Lookup_simple)
}
rpcclient_lookup() { smb rpcclient -U% "ncacn_ip_tcp:$1" -c epmlookup; }

check_peers() {
    local mode
    ck 'dig: dc1 has its address' "^$DC_IP\$" on client dig +short "$DC_NAME"
    ck 'dig: the domain has its LDAP server' '389 dc1.lab.test' \
        on client dig +short _ldap._tcp.dc._msdcs.lab.test SRV
    ck 'dig: noaddr exists without an address' 'NOERROR' on client dig noaddr.lab.test
    ck 'dig: nosuch does not exist' 'NXDOMAIN' on client dig nosuch.lab.test
    ck 'rpcclient: the DC lists its mapper' 'ncacn_ip_tcp' \
        rpcclient_lookup "$DC_IP"
    ck 'rpcclient: srv lists its mapper' 'ncacn_ip_tcp' \
        rpcclient_lookup "$SRV_IP"
    ck 'rpcclient: samr on the DC, sealed' 'user:\[alice\]' \
        smb rpcclient -U "$DOMAIN/Administrator%$PASSWORD" "ncacn_ip_tcp:${DC_IP}[seal]" \
        -c enumdomusers
    ck 'rpcclient: lsarpc on the DC over a pipe' 'Domain Sid' \
        smb rpcclient -U "$DOMAIN/alice%$ALICE_PASSWORD" "$DC_IP" -c lsaquery
    ck 'rpcclient: srvsvc on srv over a pipe' 'netname: share' \
        smb rpcclient -U "root%$PASSWORD" "$SRV_IP" -c netshareenum
    ck 'impacket: the DC lists the same by 500 and by 3' '^same [0-9]{2}' same_listing "$DC_IP"
    ck 'impacket: srv lists the same by 500 and by 3' '^same [0-9]{2}' same_listing "$SRV_IP"
    ck 'nmap: 135 is open' '^135/tcp +open' nmap_ports "$DC_IP" 135,136
    ck 'nmap: 136 is closed' '^136/tcp +closed' nmap_ports "$DC_IP" 135,136
    ck 'nmap: nobody has the unused address' 'Host seems down|0 hosts up' \
        on client nmap -n -sn "$UNUSED_IP"
    ck 'probe: one call over IPv6' 'call ok' probe dc6.lab.test
    ck 'probe: srv serves one call' 'call ok' probe srv.lab.test
    ck 'impacket: understands hostile.py valid' '"lsarpc".*"9"' \
        hostile valid tool epmlook.py $HOSTILE_IP
    ck 'rpcclient: understands hostile.py valid' "$HOSTILE_IP\\[9,.*lsarpc" \
        hostile valid rpcclient_lookup $HOSTILE_IP
    for mode in one-byte big-endian; do
        ck "smbtorture: understands hostile.py $mode" "Found 'lsarpc'" \
            hostile $mode torture_lookup $HOSTILE_IP
    done
}

check_member() {
    local auth
    (member on)
    for auth in ntlm krb5 spnego; do
        ck "rpcclient: srvsvc on mem, $auth" 'netname: share' \
            smb rpcclient -U "Administrator@$REALM%$PASSWORD" "ncacn_ip_tcp:mem.lab.test[$auth,seal]" \
            -c netshareenum
    done
    ck 'wbinfo: winbindd knows alice' 'challenge/response .* succeeded' \
        on_member wbinfo -a "$DOMAIN\\alice%$ALICE_PASSWORD"
    (member off)
}

# What the plain client meets in each mode; what it cannot see, impacket does.
check_hostile() {
    local mode pattern
    while read -r mode pattern; do
        ck "hostile.py $mode" "$pattern" hostile "$mode" probe "$HOSTILE_IP" 1
    done <<'TABLE'
garbage bind FAIL timeout
never-answer tcp 135 ok; bind FAIL timeout
close-on-accept tcp 135 ok; bind FAIL (ECONNRESET|EPIPE|closed by peer after 0 of 16)
close-after-bind bind FAIL closed by peer after 0 of 16
close-after-bind-ack bind ok; map FAIL (ECONNRESET|EPIPE|closed by peer after 0 of 16)
close-mid-reply bind ok; map FAIL closed by peer after [1-9][0-9]* of
bind-nak bind FAIL .*PDU type 13
fault bind ok; map FAIL .*PDU type 3
TABLE
    ck 'hostile.py reject-context' 'rejected.*abstract_syntax' \
        hostile reject-context tool epmlook.py "$HOSTILE_IP"
    ck 'hostile.py lying-frag-len' 'struct.error' \
        hostile lying-frag-len tool epmlook.py "$HOSTILE_IP"
    ck 'hostile.py huge-count' 'struct.error' hostile huge-count tool epmlook.py "$HOSTILE_IP"
}

# with_fault 'NAME [ARG...]' PATTERN CMD...
with_fault() {
    # shellcheck disable=SC2086
    set -- "${1%% *}" "${1#"${1%% *}"}" "${@:2}"
    # shellcheck disable=SC2086
    if (fault "$1" on $2); then
        ck "fault $1$2" "$3" "${@:4}"
    else
        say "FAIL fault $1$2: cannot be switched on"
        failed=$((failed + 1))
    fi
    (fault "$1" off) || failed=$((failed + 1))
}

lookup_timeout() {
    local status=0
    on client timeout 3 "$LAB_DIR/epmlook.py" "$DC_IP" 500 || status=$?
    [ $status != 124 ] || say timeout
}

update_of_a_stranger() {
    printf '%s\n' "server $DC_IP" 'zone lab.test' 'update add stranger.lab.test 9 TXT x' send |
        on client nsupdate 2>&1 || true
}

check_faults() {
    local dc=$DC_NAME
    with_fault block-135 'tcp 135 FAIL timeout' probe "$dc"
    with_fault block-135-reject-icmp-admin 'tcp 135 FAIL EHOSTUNREACH' probe "$dc"
    with_fault block-135-icmp-port 'tcp 135 FAIL ECONNREFUSED' probe "$dc"
    with_fault rst-135 'tcp 135 FAIL ECONNREFUSED' probe "$dc"
    with_fault block-445 '^445/tcp +filtered' nmap_ports "$DC_IP" 445
    with_fault drop-dyn 'map ok; tcp 49[0-9]+ FAIL timeout' probe "$dc"
    with_fault 'drop-port 49152,49153' '^49153/tcp +filtered' nmap_ports "$DC_IP" 49153
    with_fault 'drop-udp 389' 'open|filtered' on client nmap -n -Pn -sU -p 389 "$DC_IP"
    with_fault secure-dns REFUSED update_of_a_stranger
    with_fault no-ntlm WRITE_FAULT smb rpcclient -U "root%$PASSWORD" "ncacn_ip_tcp:${SRV_IP}[seal]" -c srvinfo
    with_fault 'srv-setting ntlmauth=disabled' WRITE_FAULT \
        smb rpcclient -U "root%$PASSWORD" "ncacn_ip_tcp:${SRV_IP}[seal]" -c srvinfo
    with_fault rst-dyn 'map ok; tcp 49[0-9]+ FAIL ECONNREFUSED' probe "$dc"
    with_fault rst-dyn-mb 'map ok; tcp 49[0-9]+ FAIL ECONNREFUSED' probe "$dc"
    with_fault rst-mid-bind 'tcp 135 ok; bind FAIL ECONNRESET' probe "$dc"
    with_fault rst-mid-request 'bind ok; map FAIL ECONNRESET' probe "$dc"
    with_fault stall-bind 'tcp 135 ok; bind FAIL timeout' probe "$dc"
    with_fault stall-request 'bind ok; map FAIL timeout' probe "$dc"
    with_fault 'stall-bind 49152-65535' 'map ok; tcp 49[0-9]+ ok; bind FAIL timeout' probe "$dc"
    with_fault 'drop-in 135' 'tcp 135 FAIL timeout' probe "$dc"
    with_fault 'drop-out 53' 'timed out|no servers' on client dig +tries=1 +time=1 "@$DC_IP" "$dc"
    with_fault 'drop-back 135' 'tcp 135 FAIL timeout' probe "$dc"
    with_fault 'drop-ack 135' 'tcp 135 ok; bind FAIL timeout' probe "$dc"
    with_fault 'drop-data-back 135' 'tcp 135 ok; bind FAIL timeout' probe "$dc"
    with_fault 'drop-udp-back 53' 'timed out|no servers' \
        on client dig +tries=1 +time=1 "@$DC_IP" "$dc"
    with_fault 'mss-clamp 900' 'call ok' probe "$dc"
    with_fault strip-options 'call ok' probe "$dc"
    with_fault nat '"uuid"' tool epmlook.py "$MB_CLIENT_IP" 20 10135
    with_fault 'drop-ipv6' 'tcp 135 FAIL timeout' probe dc6.lab.test
    with_fault hang-lsa 'map ok; tcp 49[0-9]+ ok; bind FAIL timeout' probe srv.lab.test
    with_fault hang-rpc 'tcp 135 ok; bind FAIL timeout' probe "$dc"
    with_fault hang-epm 'tcp 135 ok; bind FAIL timeout' probe srv.lab.test
    with_fault 'host-down srv' 'tcp 135 FAIL EHOSTUNREACH' probe "$SRV_IP" 6
    with_fault no-icmp '0 hosts up' on client nmap -n -sn -PE "$DC_IP"
    with_fault pmtu-hole 'timeout' lookup_timeout
    with_fault 'loss 100' 'FAIL timeout' probe "$DC_IP"
    with_fault 'delay 100' 'call took 2[0-9][0-9]' probe "$dc"
    with_fault wrong-dns "^$UNUSED_IP\$" on client dig +short "$dc"
    with_fault dns-nxdomain 'status: NXDOMAIN' on client dig "$dc"
    with_fault dns-servfail 'status: SERVFAIL' on client dig "$dc"
    with_fault dns-refused 'status: REFUSED' on client dig "$dc"
    with_fault dns-nodata 'resolve FAIL gaierror -5' probe "$dc"
    with_fault dns-lame 'root-servers' on client dig "$dc"
    with_fault dns-timeout 'no servers could be reached' on client dig +time=1 +tries=1 "$dc"
    with_fault hosts-file "^$UNUSED_IP" on client getent hosts "$dc"
    ck 'all faults are gone' 'call ok' probe "$dc"
}

check() {
    failed=0
    lock
    net_is_up || die "the lab is down"
    case ${1:-all} in
    peers) check_peers ;;
    hostile) check_hostile ;;
    faults) check_faults ;;
    member) check_member ;;
    all) check_peers; check_member; check_hostile; check_faults ;;
    *) usage >&2; exit 64 ;;
    esac
    [ "$failed" = 0 ] || die "$failed checks failed"
}

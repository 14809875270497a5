# shellcheck shell=bash disable=SC2034,SC2154 # names are shared by the parts of lab.sh
# DNS servers beside the DC's, each wrong in its own way, for a survey that asks them one by one:
# dnsmasq where it can be made to misbehave, dnsfault.py where it cannot. All run on mb, each at an
# address of its own on the server's wire; off unless asked for.

LIAR_IP=10.88.2.31      # dc1.lab.test is elsewhere; the rest as the DC says
MORE_IP=10.88.2.32      # dc1.lab.test has one more address
UNKNOWING_IP=10.88.2.33 # has a lab.test of its own without names: NXDOMAIN
REFUSING_IP=10.88.2.34  # has nobody to ask: REFUSED
FAILING_IP=10.88.2.35   # dc1.lab.test: SERVFAIL
LAME_IP=10.88.2.36      # dc1.lab.test: only refers to the root
MUTE_IP=10.88.2.37      # dc1.lab.test: never an answer
BOGUS_IP=10.88.2.77     # where the liar says that dc1 is, and the second address of MORE
DNS_ROLES="LIAR MORE UNKNOWING REFUSING FAILING LAME MUTE"

dns_masq() { # ROLE OPTION...
    local role=$1 ip=${1}_IP
    shift
    spawn mb "$LAB_STATE/run/dns-$role" dnsmasq --keep-in-foreground --conf-file=/dev/null \
        --user=root --pid-file= --no-resolv --no-hosts --bind-interfaces --except-interface=lo \
        --listen-address="${!ip}" --cache-size=0 "$@"
}

dns_fails() { # ROLE MODE
    local ip=${1}_IP
    spawn mb "$LAB_STATE/run/dns-$1" "$LAB_DIR/dnsfault.py" --listen "${!ip}" \
        --forward "$DC_IP" "$2" "$DC_NAME"
}

dns_start() {
    local role=$1 ip=${1}_IP
    on mb ip addr replace "${!ip}/32" dev br0
    case $role in
    LIAR) dns_masq LIAR "--address=/$DC_NAME/$BOGUS_IP" --local-ttl=60 "--server=$DC_IP" ;;
    MORE)
        printf '%s %s\n' "$DC_IP" "$DC_NAME" "$BOGUS_IP" "$DC_NAME" >"$LAB_STATE/run/dns-MORE.hosts"
        dns_masq MORE --local-ttl=60 "--addn-hosts=$LAB_STATE/run/dns-MORE.hosts" "--server=$DC_IP"
        ;;
    UNKNOWING) dns_masq UNKNOWING --local=/lab.test/ ;;
    REFUSING) dns_masq REFUSING ;;
    FAILING) dns_fails FAILING servfail ;;
    LAME) dns_fails LAME lame ;;
    MUTE) dns_fails MUTE silent ;;
    esac
}

dns_answers() { on client dig +time=1 +tries=1 "@$1" lab.test SOA | has 'HEADER'; }

dns_on() {
    local role ip
    command -v dnsmasq >/dev/null || unable "missing: dnsmasq; run $LAB_DIR/install.sh"
    dns_off
    for role in $DNS_ROLES; do dns_start "$role"; done
    for role in $DNS_ROLES; do
        ip=${role}_IP
        wait_for 10 dns_answers "${!ip}" ||
            { tail -3 "$LAB_STATE/run/dns-$role" >&2; die "the DNS server $role does not answer"; }
    done
}

dns_off() {
    local role ip
    for role in $DNS_ROLES; do
        ip=${role}_IP
        unspawn mb "$LAB_STATE/run/dns-$role"
        on mb ip addr del "${!ip}/32" dev br0 2>/dev/null || true
    done
}

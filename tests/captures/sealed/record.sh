#!/bin/bash
# Records what is encrypted, in the lab: the same calls under each mechanism, as the client's side
# sees them, and the keys that open them. The keys are the lab's, made anew with every lab, so all
# are recorded together.
#   record.sh      writes NAME.pcap.gz, dc1.keytab (the server's keys) and accounts (NAME:NT hash)
set -eu -o pipefail

HERE=$(dirname "$(readlink -f "$0")")
LAB=$HERE/../../live/lab/lab.sh
eval "$("$LAB" env)"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
export KRB5CCNAME=$WORK/ccache

client() { ip netns exec "$NS_CLIENT" timeout 40 "$@"; }
dc() { ip netns exec "$NS_DC1" /usr/bin/python3 -B "$@"; }

# scene NAME COMMAND...: what the command says to the domain controller, but for its look-ups
scene() {
    local name=$1 pid
    shift
    ip netns exec "$NS_CLIENT" tcpdump -Z root -q -U --immediate-mode -n -s 0 -i eth0 \
        -w "$name.pcap" 'tcp port 135 or tcp port 445 or tcp portrange 49152-49200' 2>"$name.log" &
    pid=$!
    for _ in $(seq 100); do
        grep -qs "listening on" "$name.log" && break
        sleep 0.02
    done
    client "$@" >"$name.out" 2>&1 || true
    sleep 0.3
    kill -INT $pid
    wait $pid || true
    gzip -9n <"$name.pcap" >"$HERE/$name.pcap.gz"
    printf '%-24s %6d  %s\n' "$name" "$(stat -c %s "$HERE/$name.pcap.gz")" "$(tail -1 "$name.out")"
}

# ticket ETYPE: whose session keys have that encryption type
ticket() {
    rm -f "$KRB5CCNAME"
    sed "s/\[libdefaults\]/&\n allow_weak_crypto = true\n permitted_enctypes = $1/" \
        "$KRB5_CONFIG" >krb5.conf
    KRB5_CONFIG=$WORK/krb5.conf client kinit alice <<<"$ALICE_PASSWORD" >/dev/null 2>&1
    KRB5_CONFIG=$WORK/krb5.conf client kvno -q host/dc1.lab.test
}

# More names than one fragment takes there, more numbers than one takes back, and a call that is
# refused by its status alone.
NAMES=$(for i in $(seq 45); do printf 'Administrator Guest krbtgt alice '; done)
RIDS=$(for i in $(seq 60); do printf '500 501 502 '; done)
CALLS="samlookupnames domain $NAMES;samlookuprids domain $RIDS;createdomuser nobody"
ntlm() { # NAME OPTIONS [TRANSPORT]
    scene "$1" rpcclient -s "$LAB_SMBCONF" -U "LAB\\alice%$ALICE_PASSWORD" --use-kerberos=off \
        "${3:-ncacn_ip_tcp}:dc1.lab.test[$2]" -c "$CALLS"
}
kerberos() { # NAME OPTIONS ETYPE
    ticket "$3"
    scene "$1" rpcclient -s "$LAB_SMBCONF" --use-kerberos=required \
        "ncacn_ip_tcp:dc1.lab.test[$2]" -c "$CALLS"
}

ntlm ntlm-privacy ntlm,seal
ntlm ntlm-integrity ntlm,sign
ntlm negotiate-ntlm-privacy spnego,seal
ntlm negotiate-ntlm-integrity spnego,sign
kerberos kerberos-aes256-privacy krb5,seal aes256-cts-hmac-sha1-96
kerberos kerberos-aes256-integrity krb5,sign aes256-cts-hmac-sha1-96
kerberos kerberos-aes128-privacy krb5,seal aes128-cts-hmac-sha1-96
kerberos kerberos-rc4-privacy krb5,seal arcfour-hmac
kerberos negotiate-kerberos-privacy spnego,seal aes256-cts-hmac-sha1-96
kerberos negotiate-kerberos-integrity spnego,sign aes256-cts-hmac-sha1-96
# impacket agrees to no header signing, and cuts its fragments smaller
scene bare-ntlm-privacy /usr/bin/python3 -B "$HERE/calls.py" "$ALICE_PASSWORD"
ntlm pipe-privacy ntlm,seal ncacn_np
scene pipe-encrypted rpcclient -s "$LAB_SMBCONF" -U "LAB\\alice%$ALICE_PASSWORD" \
    --use-kerberos=off --client-protection=encrypt 'ncacn_np:dc1.lab.test' -c 'queryuser 500'
scene netlogon-privacy /usr/bin/python3 -B "$HERE/channel.py" "$LAB_SMBCONF" "$MB_PASSWORD"

rm -f "$HERE/dc1.keytab"
dc /usr/bin/samba-tool domain exportkeytab "$HERE/dc1.keytab" --principal='DC1$' \
    -s "$LAB_STATE/dc1/etc/smb.conf" >/dev/null 2>&1
chmod 644 "$HERE/dc1.keytab"
hash() {
    printf '%s' "$2" | /usr/bin/python3 -c 'import sys
from impacket.ntlm import compute_nthash
print(sys.argv[1] + ":" + compute_nthash(sys.stdin.read()).hex())' "$1"
}
{
    echo '# the lab'"'"'s accounts, as msrpc trace --users reads them'
    hash 'LAB\alice' "$ALICE_PASSWORD"
    hash 'LAB\mb$' "$MB_PASSWORD"
} >"$HERE/accounts"

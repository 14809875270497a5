# shellcheck shell=bash disable=SC2016 # commands are expanded on the client
# What is recorded: scene NAME EXPECT FAULTS COMMAND. See record.sh and client.sh.

# healthy
scene healthy-map-dc        healthy '' 'tcp dc1.lab.test % epmmap'
scene healthy-lookup-dc     healthy '' 'tcp dc1.lab.test % epmlookup'
scene healthy-lookup-srv    healthy '' 'tcp srv.lab.test % epmlookup'
scene healthy-samr-tcp      healthy '' 'tcp dc1.lab.test % enumdomains'
scene healthy-samr-ntlm     healthy '' 'tcp "dc1.lab.test[sign]" "$ADMIN" enumdomusers'
scene healthy-samr-sealed   healthy '' 'tcp "dc1.lab.test[seal]" "$ADMIN" enumdomusers'
scene healthy-lsa-pipe      healthy '' 'pipe dc1.lab.test "$ADMIN" lsaquery'
scene healthy-srvsvc-pipe   healthy '' 'pipe srv.lab.test "$ROOT" srvinfo'
scene healthy-pipe-null     healthy '' 'pipe dc1.lab.test % lsaquery'
scene healthy-pipe-smb1     healthy '' 'rpcclient -s "$LAB_SMBCONF" --option="client max protocol=NT1" --option="client min protocol=NT1" -U "$ROOT" ncacn_np:srv.lab.test -c srvinfo'
scene healthy-kerberos      healthy '' 'ticket Administrator "$PASSWORD"; rpcclient -s "$LAB_SMBCONF" --use-kerberos=required ncacn_np:dc1.lab.test -c lsaquery'
scene healthy-kerberos-tcp  healthy '' 'ticket Administrator "$PASSWORD"; rpcclient -s "$LAB_SMBCONF" --use-kerberos=required "ncacn_ip_tcp:dc1.lab.test[sign]" -c enumdomusers'
scene healthy-ipv6          healthy '' 'tcp dc6.lab.test % enumdomains'
scene healthy-impacket      healthy '' '"$LABDIR/epmlook.py" "$SRV_IP" 20'
scene healthy-locator       healthy '' 'dig +short _ldap._tcp.dc._msdcs.lab.test SRV; dig +short dc1.lab.test; tcp dc1.lab.test % enumdomains'

scene healthy-smb-file      healthy '' 'yes "a line of a file" | head -c 60000 >file; smb //srv.lab.test/share -U "$ROOT" -c "put file file; get file back; del file"'
scene healthy-many-calls    healthy '' 'tcp dc1.lab.test % "$(printf "enumdomains;%.0s" {1..20})"'
scene healthy-many-pipe     healthy '' 'pipe dc1.lab.test "$ADMIN" "$(printf "enumdomusers;lookupnames alice;%.0s" {1..10})"'
scene healthy-many-lookups  healthy '' 'for i in 1 2 3; do "$LABDIR/epmlook.py" "$DC_IP" 500; done'

# names
scene name-nxdomain         NAME.NXDOMAIN 'dns-nxdomain on' '"$LABDIR/probe.py" dc1.lab.test'
scene name-nodata           NAME.NODATA 'dns-nodata on' '"$LABDIR/probe.py" dc1.lab.test'
scene name-servfail         NAME.SERVFAIL 'dns-servfail on' '"$LABDIR/probe.py" dc1.lab.test'
scene name-refused          NAME.REFUSED 'dns-refused on' '"$LABDIR/probe.py" dc1.lab.test'
scene name-lame             NAME.LAME 'dns-lame on' '"$LABDIR/probe.py" dc1.lab.test'
scene name-timeout          NAME.TIMEOUT 'dns-timeout on' '"$LABDIR/probe.py" dc1.lab.test'
scene name-wrong            TCP.HOST_UNREACHABLE 'wrong-dns on' 'timeout 12 "$LABDIR/probe.py" dc1.lab.test 10'
scene name-wrong-other      TCP.MAPPER_REFUSED "wrong-dns on 10.88.2.1" '"$LABDIR/probe.py" dc1.lab.test 4'
scene name-missing          NAME.NXDOMAIN '' 'tcp nosuch.lab.test % epmmap'
scene name-ghost            TCP.HOST_UNREACHABLE '' 'timeout 12 "$LABDIR/probe.py" ghost.lab.test 10'
scene name-srv-missing      LOCATOR.NO_SRV 'dns-nxdomain on _ldap._tcp.dc._msdcs.lab.test' 'dig _ldap._tcp.dc._msdcs.lab.test SRV; dig _ldap._tcp.dc._msdcs.lab.test SRV'

# tcp
scene tcp-135-filtered      TCP.MAPPER_FILTERED 'block-135 on' '"$LABDIR/probe.py" dc1.lab.test 10'
scene tcp-135-admin         TCP.ADMIN_PROHIBITED 'block-135-reject-icmp-admin on' '"$LABDIR/probe.py" dc1.lab.test'
scene tcp-135-icmp-port     TCP.REJECTED 'block-135-icmp-port on' '"$LABDIR/probe.py" dc1.lab.test'
scene tcp-135-forged        TCP.FORGED_RESET 'rst-135 on' '"$LABDIR/probe.py" dc1.lab.test; ping -c1 -W1 dc1.lab.test; dig @$DC_IP +short dc1.lab.test'
scene tcp-refused           TCP.ENDPOINT_REFUSED '' 'for i in 1 2 3; do (exec 3<>/dev/tcp/$DC_IP/50999) || sleep 0.3; done'
scene tcp-dyn-filtered      TCP.RANGE_FILTERED 'drop-dyn on' '"$LABDIR/probe.py" dc1.lab.test 10'
scene tcp-dyn-refused       TCP.DYNAMIC_REFUSED 'rst-dyn on' '"$LABDIR/probe.py" dc1.lab.test'
scene tcp-dyn-forged        TCP.FORGED_RESET 'rst-dyn-mb on' '"$LABDIR/probe.py" dc1.lab.test'
scene tcp-445-filtered      TCP.ENDPOINT_FILTERED 'block-445 on' 'timeout 12 smbclient -s "$LAB_SMBCONF" -L dc1.lab.test -U% || true; dig +short @$DC_IP dc1.lab.test'
scene tcp-host-down         TCP.HOST_UNREACHABLE 'host-down on srv' '"$LABDIR/probe.py" 10.88.2.11 10'
scene tcp-unused            TCP.HOST_UNREACHABLE '' '"$LABDIR/probe.py" 10.88.2.99 10'
scene tcp-pmtu-hole         EPM.LARGE_LOST 'pmtu-hole on' 'timeout 15 "$LABDIR/epmlook.py" "$DC_IP" 500'
scene tcp-loss              TCP.LOSSY_PATH 'loss on 20' 'for i in 1 2 3; do timeout 20 "$LABDIR/epmlook.py" "$DC_IP" 20; done'
scene tcp-ipv6-broken       TCP.IPV6_BROKEN 'drop-ipv6 on' 'timeout 20 "$LABDIR/probe.py" fd88:2::10 5; tcp dual.lab.test % enumdomains'

# discovery
scene epm-hung              EPM.HUNG 'hang-rpc on' '"$LABDIR/probe.py" "$DC_IP" 8'
scene epm-hung-srv          EPM.HUNG 'hang-epm on' '"$LABDIR/probe.py" "$SRV_IP" 8'
scene epm-swallowed         EPM.SWALLOWED 'stall-bind on 135' '"$LABDIR/probe.py" "$DC_IP" 8'
scene epm-request-swallowed EPM.SWALLOWED 'stall-request on 135' '"$LABDIR/probe.py" "$DC_IP" 8'
scene epm-reset-bind        TCP.FORGED_RESET 'rst-mid-bind on 135' '"$LABDIR/probe.py" "$DC_IP" 8'
scene epm-reset-request     TCP.FORGED_RESET 'rst-mid-request on 135' '"$LABDIR/probe.py" "$DC_IP" 8'
scene epm-not-registered    EPM.NOT_REGISTERED '' 'rpcclient -s "$LAB_SMBCONF" -U% ncacn_ip_tcp:srv.lab.test -c dssetup_nosuch; rpcclient -s "$LAB_SMBCONF" -U% ncacn_ip_tcp:srv.lab.test -c "enumdrivers 3"'
scene pipe-not-found        SMB.PIPE_MISSING '' '"$HERE/bind.py" "ncacn_np:$SRV_IP[\\pipe\\nosuch]" root "$PASSWORD"'
scene pipe-null-refused     SMB.ACCESS_DENIED 'restrict srv 2' 'pipe srv.lab.test % srvinfo'
scene pipe-disabled         SMB.ACCOUNT '' 'dc user disable alice; pipe dc1.lab.test "LAB\\alice%$ALICE_PASSWORD" lsaquery; dc user enable alice'
scene pipe-expired          SMB.ACCOUNT '' 'dc user setexpiry alice --days=-1; pipe dc1.lab.test "LAB\\alice%$ALICE_PASSWORD" lsaquery; dc user setexpiry alice --noexpiry'
scene pipe-logon-failed     SMB.LOGON_FAILED '' 'pipe dc1.lab.test "LAB\\Administrator%wrong" lsaquery'
scene pipe-user-unknown     SMB.LOGON_FAILED '' 'pipe dc1.lab.test "LAB\\nobody%wrong" lsaquery'
scene share-missing         SMB.SHARE_MISSING '' 'smb //srv.lab.test/nosuch -U "$ROOT" -c ls'

# communication
scene rpc-reset-bind        TCP.FORGED_RESET 'rst-mid-bind on 49152-65535' '"$LABDIR/probe.py" "$DC_IP" 8'
scene rpc-reset-request     TCP.FORGED_RESET 'rst-mid-request on 49152-65535' '"$LABDIR/probe.py" "$DC_IP" 8'
scene rpc-swallowed         RPC.SWALLOWED 'stall-bind on 49152-65535' '"$LABDIR/probe.py" "$DC_IP" 8'
scene rpc-request-swallowed RPC.SWALLOWED 'stall-request on 49152-65535' '"$LABDIR/probe.py" "$DC_IP" 8'
scene rpc-hung              RPC.HUNG 'hang-lsa on' 'timeout 15 "$LABDIR/probe.py" "$SRV_IP" 8'
scene rpc-ntlm-refused      RPC.AUTH_FAILED '' 'tcp "dc1.lab.test[sign]" "LAB\\Administrator%wrong" enumdomusers'
scene rpc-denied            RPC.ANONYMOUS_DENIED '' 'tcp dc1.lab.test % lsaquery'
scene krb-user-unknown      KRB.CLIENT_UNKNOWN '' 'ticket nobody x'
scene krb-wrong-password    KRB.PREAUTH_FAILED '' 'ticket Administrator wrong'
scene krb-disabled          KRB.CLIENT_REVOKED '' 'dc user disable alice; ticket alice "$ALICE_PASSWORD"; dc user enable alice'
scene krb-expired           KRB.CLIENT_REVOKED '' 'dc user setexpiry alice --days=-1; ticket alice "$ALICE_PASSWORD"; dc user setexpiry alice --noexpiry'
scene krb-etype             KRB.NO_ETYPE '' 'sed "s/\[libdefaults\]/&\n default_tkt_enctypes = camellia256-cts-cmac\n permitted_enctypes = camellia256-cts-cmac/" "$KRB5_CONFIG" >krb5.conf; KRB5_CONFIG=$PWD/krb5.conf ticket Administrator "$PASSWORD"'
scene krb-udp-blocked       healthy 'drop-udp on 88' 'ticket Administrator "$PASSWORD"'
scene rpc-unknown-interface RPC.UNKNOWN_INTERFACE '' '"$HERE/bind.py" "ncacn_ip_tcp:$DC_IP[135]" "" "" 4b324fc8-1670-01d3-1278-5a47bf6ee188 3.0'
scene rpc-op-range          RPC.OPERATION '' '"$HERE/bind.py" "ncacn_ip_tcp:$DC_IP[135]" "" "" e1af8308-5d1f-11c9-91a4-08002b14a0fa 3.0 99'
scene rpc-bad-stub          EPM.INCOMPATIBLE '' '"$HERE/bind.py" "ncacn_ip_tcp:$DC_IP[135]" "" "" e1af8308-5d1f-11c9-91a4-08002b14a0fa 3.0 2'
scene krb-no-kdc            KRB.KDC_UNREACHABLE 'drop-port on 88;drop-udp on 88' 'ticket Administrator "$PASSWORD"'
scene krb-service-unknown   KRB.SERVICE_UNKNOWN '' 'ticket Administrator "$PASSWORD"; kvno nosuch/dc1.lab.test'
scene krb-skew              KRB.SKEW '' 'unsynced; printf "%s\n" "$PASSWORD" | faketime -f +20m kinit Administrator'
scene krb-skew-ap           KRB.SKEW '' 'unsynced; ticket Administrator "$PASSWORD"; faketime -f +20m rpcclient -s "$LAB_SMBCONF" --use-kerberos=required "ncacn_ip_tcp:dc1.lab.test[sign]" -c enumdomusers'
scene krb-other-realm       KRB.CLIENT_UNKNOWN '' 'sed "s/^ *LAB.TEST = {/    OTHER.TEST = {\n kdc = $DC_IP\n }\n&/" "$KRB5_CONFIG" >krb5.conf; KRB5_CONFIG=$PWD/krb5.conf ticket Administrator@OTHER.TEST "$PASSWORD"'

# for two captures: where it died, with a word of both ends before and afterwards
scene pair-syn-lost         TCP.MAPPER_FILTERED 'drop-port on 135' 'word; "$LABDIR/probe.py" "$DC_IP" 2; word'
scene pair-syn-unanswered   TCP.MAPPER_FILTERED 'drop-in on 135' 'word; "$LABDIR/probe.py" "$DC_IP" 4; word'
scene pair-syn-ack-lost     TCP.MAPPER_FILTERED 'drop-back on 135' 'word; "$LABDIR/probe.py" "$DC_IP" 4; word'
scene pair-ack-lost         TCP.HALF_OPEN 'drop-ack on 135' 'word; "$LABDIR/probe.py" "$DC_IP" 4; word'
scene pair-answer-lost      TCP.DATA_LOST_BACK 'drop-data-back on 135' 'word; "$LABDIR/probe.py" "$DC_IP" 4; word'
scene pair-query-lost       healthy 'drop-udp on 53' 'word tcp; dig +tries=2 +timeout=1 @$DC_IP dc1.lab.test; word tcp'
scene pair-query-unanswered healthy 'drop-out on 53' 'word tcp; dig +tries=2 +timeout=1 @$DC_IP dc1.lab.test; word tcp'
scene pair-query-back-lost  healthy 'drop-udp-back on 53' 'word tcp; dig +tries=2 +timeout=1 @$DC_IP dc1.lab.test; word tcp'
scene pair-mss-clamped      healthy 'mss-clamp on 900' 'timeout 15 "$LABDIR/epmlook.py" "$DC_IP" 500'
scene pair-stripped         healthy 'strip-options on' 'timeout 15 "$LABDIR/epmlook.py" "$DC_IP" 20'
scene pair-nat              healthy 'nat on' 'tcp dc1.lab.test % enumdomains'
scene pair-nat-both         healthy 'nat on' '"$LABDIR/epmlook.py" "$MB_CLIENT_IP" 20 10135; dig +short @$DC_IP dc1.lab.test'
scene pair-nat-stall        EPM.SWALLOWED 'nat on;stall-bind on 135' 'word; "$LABDIR/probe.py" "$DC_IP" 4; word'

# a mapper that misbehaves
for mode in garbage close-on-accept close-after-bind close-after-bind-ack close-mid-reply bind-nak \
    reject-context fault lying-frag-len lying-auth-len wrong-call-id huge-count; do
    case $mode in
    garbage | lying-frag-len | lying-auth-len) expect=EPM.OTHER_PROTOCOL ;;
    close-on-accept) expect=TCP.CLOSED_ON_ACCEPT ;;
    close-after-bind) expect=EPM.CLOSED_ON_BIND ;;
    close-after-bind-ack) expect=EPM.LOST ;;
    close-mid-reply) expect=EPM.LOST ;;
    bind-nak) expect=EPM.NAK ;;
    reject-context) expect=EPM.NOT_MAPPER ;;
    fault) expect=EPM.FAULT ;;
    *) expect=EPM.BAD_ANSWER ;;
    esac
    scene "hostile-$mode" $expect '' "hostile $mode \"\$LABDIR/epmlook.py\" \"\$SRV_IP\" 20 1350"
done
scene hostile-big-endian    healthy '' 'hostile big-endian "$LABDIR/epmlook.py" "$SRV_IP" 20 1350'
scene hostile-one-byte      healthy '' 'hostile one-byte "$LABDIR/epmlook.py" "$SRV_IP" 20 1350'

# RPC over HTTP, TLS
scene http-401-loop         HTTP.AUTH_REFUSED '' 'web 401 srv'
scene http-403              HTTP.FORBIDDEN '' 'web 403 srv'
scene http-404              HTTP.NO_PROXY '' 'web 404 srv'
scene http-503-rpc-error    HTTP.BACKEND '' 'web 503 srv'
scene http-593-no-banner    HTTP.NO_BANNER '' 'web 593 srv'
scene tls-unknown-ca        TLS.NOT_TRUSTED '' 'web tls-unknown-ca srv'
scene tls-expired           TLS.CERTIFICATE_EXPIRED '' 'web tls-expired srv'
scene tls-version           TLS.NO_COMMON '' 'web tls-version srv'
scene tls-name              TLS.CERTIFICATE_NAME '' 'web tls-name srv'

# names and TCP, where guards decide
scene name-late             NAME.LATE 'delay on 1500' 'for i in 1 2; do dig +tries=1 +timeout=1 @$DC_IP dc1.lab.test; sleep 4; done'
scene name-late-once        healthy 'delay on 1500' 'dig +tries=1 +timeout=1 @$DC_IP dc1.lab.test; sleep 4; dig +tries=1 +timeout=9 @$DC_IP dc1.lab.test'
scene name-link-only        NAME.MULTICAST_ONLY '' 'word; dig +tries=2 +timeout=1 +noedns @224.0.0.252 -p 5355 files01; sleep 4; word'
scene name-link-and-dns     NAME.NXDOMAIN '' 'dig @$DC_IP files01.lab.test; dig +tries=2 +timeout=1 +noedns @224.0.0.252 -p 5355 files01; sleep 4; word'
scene netbios-taken         NETBIOS.NAME_TAKEN 'netbios' '"$HERE/forge.py" claim NEAR 0x20 10.88.1.255'
scene netbios-taken-wins    NETBIOS.NAME_TAKEN 'netbios' '"$HERE/forge.py" claim NEAR 0x20 "$SRV_IP"; sleep 2'
scene netbios-granted       healthy 'netbios' '"$HERE/forge.py" claim NOVEL 0x20 "$SRV_IP"; sleep 1'
scene tcp-one-way-there     TCP.ONE_WAY_CAPTURE '' 'tcp dc1.lab.test % enumdomains' 'src host 10.88.1.20'
scene tcp-one-way-back      TCP.ONE_WAY_CAPTURE '' 'tcp dc1.lab.test % enumdomains' 'dst host 10.88.1.20'
scene tcp-forged-mac        TCP.FORGED_RESET '' 'forged 02:00:00:00:00:99 63 "$LABDIR/probe.py" "$DC_IP" 4'
scene tcp-no-affinity       TCP.NO_AFFINITY 'no-affinity on' '"$LABDIR/probe.py" "$DC_IP" 4'
scene tcp-ike-refused       TCP.IPSEC_MISMATCH 'drop-port on 135' '{ ip netns exec "$NS_DC1" "$HERE/forge.py" refuse "$DC_IP" & }; sleep 0.5; word; ike-scan --ikev2 --retry=2 --timeout=500 "$DC_IP"; "$LABDIR/probe.py" "$DC_IP" 6; kill %1; word'
scene tcp-ike-silent        TCP.IPSEC_MISMATCH 'drop-port on 135;drop-udp on 500' 'word; ike-scan --retry=3 --timeout=500 "$DC_IP"; "$LABDIR/probe.py" "$DC_IP" 6; sleep 2; word'
scene tcp-ike-unused        healthy '' 'ike-scan --retry=3 --timeout=500 "$DC_IP"; tcp dc1.lab.test % enumdomains; sleep 2; word'
scene tcp-esp-one-way       TCP.IPSEC_MISMATCH '' 'word; "$HERE/forge.py" esp "$DC_IP"; sleep 2; word'
scene tcp-esp               healthy '' 'word; ip netns exec "$NS_DC1" "$HERE/forge.py" esp "$CLIENT_IP" & "$HERE/forge.py" esp "$DC_IP"; wait; word'

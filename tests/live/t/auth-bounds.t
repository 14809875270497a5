#!/usr/bin/python3 -B
"""What has an end: a KDC that never gives a ticket, one that is none, a Kerberos library that waits for
others. And who is to blame for it: this machine's settings and clock, a realm that was guessed."""
import json
import os
import subprocess
import time

from diagnosis import *

NAME, SRV, PASSWORD, TMP = names['DC_NAME'], names['SRV_IP'], names['ALICE_PASSWORD'], names['TEST_TMP']
KERBEROS = ['-u', 'alice@LAB.TEST', '-p', PASSWORD, '--auth', 'kerberos']
PORT, STRANGERS, MUTES, TOO_BIG = 10100, 10111, 10112, 52
# Answers everything by something that no KDC says.
STRANGER = '''import socketserver, sys, threading
class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(b'HTTP/1.1 400 Bad Request', self.client_address)
class Tcp(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request.recv(4096):
            self.request.sendall(b'HTTP/1.1 400 Bad Request')
at = ('127.0.0.1', int(sys.argv[1]))
threading.Thread(target=socketserver.UDPServer(at, Udp).serve_forever, daemon=True).start()
socketserver.TCPServer.allow_reuse_address = True
tcp = socketserver.ThreadingTCPServer(at, Tcp)
print('ready', flush=True)
tcp.serve_forever()'''
# Takes connections and datagrams, and says nothing.
MUTE = '''import socket, sys, time
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('127.0.0.1', int(sys.argv[1])))
    kind == socket.SOCK_STREAM and s.listen(9)
    globals()[str(kind)] = s
print('ready', flush=True)
time.sleep(600)'''


def file(name, text):
    path = os.path.join(TMP, name)
    with open(path, 'w') as out:
        out.write(text)
    return path


def under(settings, *args):
    """A run where the environment is another: exit code and report."""
    run = subprocess.run([names['LAB'], 'exec', 'client', 'env', *settings, names['MSRPC'], *args, '--json'],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         check=False, timeout=90)
    try:
        return run.returncode, json.loads(run.stdout)
    except ValueError:
        return run.returncode, {'findings': [], 'verdict': {}, 'err': run.stderr.decode()}


def shifted(by, *args):
    options = 'ASAN_OPTIONS=%s:verify_asan_link_order=0' % names.get('ASAN_OPTIONS', '')
    return under([options, 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'faketime', '-f', by], *args)


def words(report, finding):
    return ''.join(x['cause'] for x in report['findings'] if x['id'] == finding)


# ---- KDCs that are none ----

def at(port):
    return ['--dc-ip', '127.0.0.1:%d' % port]


with background('client', names['LAB_DIR'] + '/falsekdc.py', str(PORT - TOO_BIG), str(TOO_BIG), 'LAB.TEST'):
    ill('a KDC that always wants TCP', [*KERBEROS, *at(PORT), NAME], 'KRB.ENDLESS', 4, 40, 'pppf', 1311,
        ['40 requests', 'KRB_ERR_RESPONSE_TOO_BIG'])
    run = msrpc('ping', '--json', NAME, *KERBEROS, *at(PORT))
    eq((run.code, accused(run.json)), (40, {'KRB.ENDLESS'}), 'ping says the same', run)
    ok('keeps asking' in run.err, 'it keeps asking, says the line', run)
with background('client', '/usr/bin/python3', '-c', STRANGER, str(STRANGERS)):
    ill('something else has the port', [*KERBEROS, *at(STRANGERS), NAME], 'KRB.KDC_GARBLED', 4, 40, 'pppf', 1311,
        ['127.0.0.1', 'over UDP: what came is no Kerberos message', 'over TCP: what came is no Kerberos message'])
ill('nobody listens', [*KERBEROS, '--dc-ip', SRV, NAME], 'KRB.KDC_CLOSED', 4, 40, 'pppf', 1311,
    [SRV, 'over UDP: refused', 'over TCP: refused'])

# ---- a library that cannot begin, or does not end ----

broken = 'KRB5_CONFIG=' + file('broken.conf', '[libdefaults\n default_realm =\n{{{{\n')
code, report = under([broken], 'diagnose', NAME, *KERBEROS)
ok((code, report['verdict'].get('finding')) == (40, 'AUTH.LOCAL') and
   'Improper format of Kerberos configuration file' in words(report, 'AUTH.LOCAL'),
   'a broken krb5.conf is that, and no KDC says so', report)
code, report = under([broken], 'diagnose', NAME, *KERBEROS[:4])
ok(code == 1 and 'Improper format' in words(report, 'AUTH.FALLBACK'), 'Negotiate goes without, and says why', report)

os.mkdir(os.path.join(TMP, 'more'))
os.mkfifo(os.path.join(TMP, 'more', 'pipe'))
waits = 'KRB5_CONFIG=' + file('waits.conf', 'includedir %s/more\n' % TMP)
code, report = under([waits], 'ping', NAME, *KERBEROS, '--deadline', '3')
eq((code, report.get('exit')), (75, 75), 'a setting that is never read ends with the deadline', report)

mute = file('mute.conf', '[libdefaults]\n default_realm = LAB.TEST\n[realms]\n LAB.TEST = {\n'
            '  kdc = 127.0.0.1:%d\n }\n' % MUTES)
handing = ('env KRB5_CONFIG="$1" "$MSRPC" rpcping -s "$2" -u kerberos -a privacy -I "alice,LAB.TEST,$3"'
           ' -M delegate 2>&1')
with background('client', '/usr/bin/python3', '-c', MUTE, str(MUTES)):
    for signal in 'INT', 'TERM':
        code = on('client', 'sh', '-c', handing + ' >/dev/null & sleep 1.5; kill -$4 $!; wait $!; echo $?', 'sh',
                  mute, NAME, PASSWORD, signal)
        eq(code.split()[-1], '130', 'SIG%s ends a run whose library asks a mute KDC' % signal)
    run = on('client', 'sh', '-c', handing, 'sh', mute, NAME, PASSWORD, check=False)
    ok('krb5.conf' in run and 'bind' not in run, 'it is not the server that is late', run)

# ---- clocks ----

code, report = shifted('+11h', 'diagnose', NAME, *KERBEROS)
ok((code, report['verdict'].get('finding')) == (40, 'CLOCK.TICKETS') and
   'ahead' in words(report, 'CLOCK.TICKETS'), 'a ticket that is over by the wrong clock', report)
cache = 'FILE:' + os.path.join(TMP, 'ccache')
on('client', 'sh', '-c', 'echo "$0" | kinit -c "$1" alice@LAB.TEST', PASSWORD, cache)
code, report = shifted('+1d', 'diagnose', NAME, '-k', '--ccache', cache)
ok((code, report['verdict'].get('finding')) == (40, 'CLOCK.TICKETS'), 'so with a ticket of yesterday', report)
short = 'FILE:' + os.path.join(TMP, 'short')
on('client', 'sh', '-c', 'echo "$0" | kinit -l 1s -c "$1" alice@LAB.TEST', PASSWORD, short)
time.sleep(2)
ill('a ticket that is over', ['-k', '--ccache', short, NAME], 'AUTH.TICKET_EXPIRED', 4, 40, 'pppf', 1312,
    ['alice@LAB.TEST', 'expired'], todo='kinit alice@LAB.TEST')

# ---- a realm that nobody named ----

lab = ['-u', 'LAB\\alice', '-p', PASSWORD]
healthy('a short name, and the domain that DNS has for it', *lab, 'dc1')
run = msrpc('ping', '--json', 'dc1', *lab, '-k', '--count', '1')
eq(run.code, 0, 'ping, too', run)
run = msrpc('diagnose', '--json', 'dc1', *lab, '-k', '--target-ip', names['DC_IP'])
eq(run.code, 0, "the server's own word for its domain, where DNS has none", run)
run = msrpc('ping', '--json', 'dc1', *lab, '-k', '--target-ip', names['DC_IP'])
found = words(run.json, 'KRB.REALM_GUESSED')
ok(run.code == 40 and 'guessed from the domain LAB' in found and accused(run.json) == {'KRB.REALM_GUESSED'} and
   '--realm' in run.err, 'else it is a guess, and --realm is advised', run)
run = msrpc('ping', '--json', 'dc1', *lab, '-k', '--target-ip', names['DC_IP'], '--realm', 'LAB.TEST')
eq(run.code, 0, 'as advised', run)

other = ['-u', 'OTHER\\alice', '-p', 'Wrong.Pw1']
run = msrpc('diagnose', '--json', NAME, *other)
ok("sent as alice@LAB.TEST, whose realm was guessed from the server's name dc1.lab.test" in
   words(run.json, 'KRB.PREAUTH_FAILED'), 'a refusal in a guessed realm names the principal and the guess', run)
run = msrpc('ping', NAME, *other)
ok('asked as alice@LAB.TEST' in run.err and '--realm' in run.err, 'ping, too', run)
run = msrpc('ping', NAME, '-u', 'LAB\\alice', '-p', 'Wrong.Pw1')
ok('KRB.PREAUTH_FAILED' in run.err and 'guessed' not in run.err, 'LAB of LAB.TEST is in no doubt', run)

# ---- a server's own account ----

# alice is one of the domain, whose KDC would judge the secret
own = ['-u', 'SRV\\alice', '-p', 'Wrong.Pw1']
for command in 'ping', 'diagnose':
    run = msrpc(command, '--json', 'srv.lab.test', *own)
    ok(run.code == 40 and 'KRB.PREAUTH_FAILED' not in accused(run.json), command + ': no KDC judges it', run)
run = msrpc('ping', 'srv.lab.test', *own, '-k')
ok(run.code == 64 and 'SRV is the server itself' in run.err and '--realm' in run.err, 'and none can', run)
root = ['-u', 'SRV\\root', '-p', names['PASSWORD']]
run = msrpc('ping', '--count', '1', 'srv.lab.test', *root)
ok(run.code == 0 and 'SRV is the server itself' in run.err, 'a right one is', run)
done()

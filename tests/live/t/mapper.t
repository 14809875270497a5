#!/usr/bin/python3 -B
"""The endpoint mapper of msrpc serve under others' clients: what they ask over TCP, what local
processes register over its socket, what nobody may change from outside."""
import os
import re

from tap import *

HOST = names['MB_CLIENT_IP']
FOLDER = os.path.join(names['TEST_TMP'], 'ncalrpc')
MAPPER, MGMT = 'e1af8308-5d1f-11c9-91a4-08002b14a0fa', 'afa8bd80-7d8a-11c9-bef4-08002b102989'
ECHO = '60a15ec5-4de8-11d7-a637-005056a20182'
PORTS = range(49901, 49914)


def torture(host, binding, test, patience=60):
    """Outcome by subtest, and the text."""
    line = ('cd "$TEST_TMP" && exec timeout %d smbtorture -s "$LAB_SMBCONF" -U%% '
            '--option=torture:quick=yes --option="ncalrpc dir=%s" %s %s 2>&1')
    text = on(host, 'sh', '-c', line % (patience, FOLDER, binding, test), check=False)
    found = re.findall(r'^(success|failure): (\S+)', text, re.M)
    return {name: outcome for outcome, name in found}, text


def rpcclient(command):
    return on('client', 'timeout', '20', 'rpcclient', '-s', names['LAB_SMBCONF'], '-U%',
              'ncacn_ip_tcp:' + HOST, '-c', command, check=False)


def from_outside():
    results, text = torture('client', 'ncacn_ip_tcp:' + HOST, 'rpc.epmapper')
    eq(results, {'epmapper.' + name: outcome for name, outcome in
                 (('Map_simple', 'success'), ('Lookup_simple', 'success'),
                  ('Lookup_terminate_search', 'success'), ('Map_full', 'failure'),
                  ('Insert_noreplace', 'failure'))},
       'smbtorture over TCP: everything but what registers', text)
    eq(text.count('NT_STATUS_ACCESS_DENIED'), 2, 'which is denied', text)
    text = rpcclient('epmlookup')
    eq(sorted(map(int, re.findall(r'ncacn_ip_tcp:[0-9.]+\[(\d+)', text))), [49200, *PORTS],
       'rpcclient lists every entry once', text)
    text = rpcclient('epmmap rpcecho ncacn_ip_tcp') + rpcclient('echoaddone 1')
    ok('[49200' in text and '1 + 1 = 2' in text, 'rpcclient maps and calls', text)
    text = on('client', 'impacket-rpcdump', HOST, check=False)
    ok('Received %d endpoints' % (len(PORTS) + 1) in text, 'impacket-rpcdump as it comes', text)
    text = torture('client', 'ncacn_ip_tcp:' + HOST, 'rpc.mgmt')[1]
    ok(re.search(r"Testing pipe 'epmapper'\n.*is listening\n.*refused to stop.*ACCESS_DENIED(.*\n)+?"
                 r'\tuuid ' + MAPPER, text), 'mgmt of the mapper, by smbtorture', text)
    ok(re.search(r"Testing pipe 'rpcecho'\n.*is listening(.*\n)+?\tuuid " + ECHO, text),
       'mgmt of rpcecho', text)
    # it calls every method with garbage: TestSleep then sleeps longer than anybody waits
    text = torture('client', 'ncacn_ip_tcp:' + HOST, 'rpc.scanner', 5)[1]
    ok(re.search(r"Testing pipe 'rpcecho'\n\tuuid " + ECHO, text) and MAPPER in text,
       'smbtorture scans both', text)


def from_inside():
    results, text = torture('mb', "'ncalrpc:[EPMAPPER]'", 'rpc.epmapper')
    eq(set(results.values()), {'success'}, 'smbtorture over the socket: all', text)
    eq(len(results), 5, 'of its five', text)
    run = msrpc('map', '--json', HOST)
    eq(run.json['total'], len(PORTS) + 1, 'what it had registered is gone with it', run)


COMMAND = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --socket %s/EPMAPPER --interface rpcecho@49200 '
           % FOLDER + ' '.join('--register samr@%d' % port for port in PORTS))
os.mkdir(FOLDER, 0o755)
with background('mb', 'sh', '-c', COMMAND) as server:
    from_outside()
    from_inside()
eq(server.returncode, 0, 'SIGTERM ends it in order')
ok(not os.path.exists(FOLDER + '/EPMAPPER'), 'and its socket is removed')
done()

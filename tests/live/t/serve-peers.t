#!/usr/bin/python3 -B
"""msrpc serve under others' clients: listings around the largest page, mgmt on every listener, what
first octets of other protocols get, who refuses strangers."""
import json
import os
import re
import socket
import struct
import sys
import time

from tap import *

sys.path.insert(0, names['LIVE_DIR'] + '/lab')
import pdu

HOST = names['MB_CLIENT_IP']
FOLDER = os.path.join(names['TEST_TMP'], 'ncalrpc')
MOCK = os.path.join(names['LIVE_DIR'], 'mocks', 'netlogon.json')
MGMT_TOOL = names['LAB_DIR'] + '/mgmt.py'
MAPPER, ECHO = pdu.EPM[0], '60a15ec5-4de8-11d7-a637-005056a20182'
NETLOGON = '12345678-1234-abcd-ef00-01234567cffb'
SERVED = 2      # entries of the server's own: rpcecho and the mock
AT_ONCE = 20    # entries of one ept_insert, which thus fits a fragment
PAGE = 500      # of impacket, and the most there is
UNKNOWN_AUTHN_SERVICE, ACCESS_DENIED = 1747, 5
VERSION_BIND = b'\0\x1e\0\x06\x01\0\0\x01' + bytes(6) + b'\x07version\x04bind\0\0\x10\0\x03'


def register(local, ports):
    """ept_insert of samr on these ports; they stay while the connection does."""
    for at in range(0, len(ports), AT_ONCE):
        some = ports[at:at + AT_ONCE]
        stub = struct.pack('<II', len(some), len(some))
        for number, _ in enumerate(some, 1):
            stub += bytes(16) + struct.pack('<IIII', number, 0, 1, 0)   # no object, no annotation
        for port in some:
            stub += pdu.twr(pdu.tower(pdu.SAMR, port, '0.0.0.0'), '<')
        local.sendall(pdu.request(0, stub + struct.pack('<I', 0)))
        answer = pdu.Received(local)
        if answer.ptype != pdu.RESPONSE or answer.body[-4:] != bytes(4):
            raise SystemExit('Bail out! the mapper does not register: %r' % answer.body)


def torture(test):
    text = on('client', 'sh', '-c', 'cd "$TEST_TMP" && exec timeout 30 smbtorture -s "$LAB_SMBCONF" '
              '-U% ncacn_ip_tcp:' + HOST + ' ' + test + ' 2>&1', check=False)
    return {name for what, name in re.findall(r'^(success|failure): epmapper\.(\S+)', text, re.M)
            if what == 'success'}, text


def listed(total):
    text = on('client', 'timeout', '30', 'impacket-rpcdump', HOST, check=False)
    ok('Received %d endpoints' % total in text, 'impacket-rpcdump as it comes: all %d' % total,
       text[-500:])
    text = on('client', 'timeout', '30', 'rpcclient', '-s', names['LAB_SMBCONF'], '-U%',
              'ncacn_ip_tcp:' + HOST, '-c', 'epmlookup', check=False)
    eq(text.count('abstract_syntax'), total, 'rpcclient, an entry at a time: all %d' % total)
    run = msrpc('map', '--json', HOST)
    eq(run.json['total'], total, 'map: all %d' % total, run)


def pages():
    """smbtorture's Lookup_simple asks for 10 entries at a time, and wants ept_s_not_registered to
    end it. That is the end of a listing that was continued; one that is answered whole in its
    first call ends with status 0, which impacket insists on. So it passes where a page is full."""
    insert = 'and never Map_full and Insert_noreplace, which insert over TCP'
    local = socket.socket(socket.AF_UNIX)
    local.settimeout(20)
    local.connect(FOLDER + '/EPMAPPER')
    local.sendall(pdu.bind(pdu.EPM))
    pdu.Received(local)
    total = SERVED
    for wanted in 9, 10, 11, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE:
        register(local, range(10000 + total, 10000 + wanted))
        total = wanted
        if total < PAGE - 1:
            passed, text = torture('rpc.epmapper')
            paged = {'Lookup_simple'} if total >= 10 else set()
            eq(passed, {'Map_simple', 'Lookup_terminate_search'} | paged,
               'smbtorture: rpc.epmapper with %d entries, %s' % (total, insert), text)
        listed(total)
    local.close()
    time.sleep(0.3)
    listed(SERVED)


def mgmt(*args, host='client'):
    return [json.loads(x) for x in on(host, MGMT_TOOL, *args).splitlines()]


def management():
    ports = {int(x['endpoint']): x['interface']['uuid']
             for x in msrpc('map', '--json', HOST).json['endpoints']}
    eq(sorted(ports.values()), sorted([ECHO, NETLOGON]), 'a static port and a dynamic one')
    ports[135] = MAPPER
    seen = mgmt('tcp', HOST, *map(str, ports))
    for (port, interface), answer in zip(ports.items(), seen):
        stats = answer.pop('stats')
        eq(answer, {'ids': [interface], 'listening': True, 'princ': UNKNOWN_AUTHN_SERVICE,
                    'stop': ACCESS_DENIED}, 'impacket: mgmt on port %d' % port)
        ok(len(stats) == 4 and stats[0] == stats[1] + 1 and stats[2] > stats[0] < stats[3],
           'and its four statistics', stats)
    ok(seen[0]['ids'] and msrpc('ping', '--json', '--interface', 'rpcecho', HOST).code == 0,
       'who may not stop it has not')
    for stop, status in ('0', None), ('1', 0):
        answer = mgmt('local', FOLDER, 'EPMAPPER', stop, host='mb')[0]
        ok(len(answer.pop('stats')) == 4, "Samba's by the local socket: statistics")
        eq(answer, {'ids': [MAPPER], 'listening': True, 'princ': UNKNOWN_AUTHN_SERVICE,
                    'stop': status}, 'and the rest')


def greeting(octets):
    """All that the mapper says to these octets, until it closes."""
    code = ('import socket, sys\ns = socket.create_connection((sys.argv[1], 135), 10)\n'
            's.sendall(bytes.fromhex(sys.argv[2]))\nx = said = s.recv(9999)\n'
            'while x:\n    x = s.recv(9999)\n    said += x\nprint(said.hex())')
    return bytes.fromhex(on('client', 'python3', '-c', code, HOST, octets.hex()))


def strangers():
    """nmap knows a mapper by what it says to version.bind; Windows' answer, to the octet."""
    said = greeting(VERSION_BIND)
    eq(said.hex(), '05000d03100000001800000076070000' '0400010500000000',
       'version.bind over TCP gets bind_nak: this is 5.0')
    eq(greeting(b'GET / HTTP/1.0\r\n\r\n')[16:19], b'\4\0\1', 'so does HTTP')
    eq(greeting(b'\5\0\x21\3\x10\0\0\0\x10\0\0\0\7\0\0\0')[2], pdu.FAULT,
       'a PDU of another type gets a fault')
    path = os.path.join(names['TEST_TMP'], 'said')
    with open(path, 'w') as file:
        file.write('0000 ' + said.hex(' ') + '\n')
    text = on('client', 'sh', '-c', 'text2pcap -q -T 135,40000 %s %s.pcap && exec tshark -V -r %s.pcap'
              % (path, path, path))
    ok('Reject reason: Protocol version not supported (4)' in text and 'Malformed' not in text and
       'Protocol major version: 5\n    Protocol minor version: 0' in text, 'tshark reads it', text)


def access(settings, refused):
    """What a stranger's diagnosis and call meet under these settings."""
    path = os.path.join(names['TEST_TMP'], 'serve.conf')
    with open(path, 'w') as file:
        file.write('[access]\nRestrictRemoteClients = %d\n[interface rpcecho]\nport = 49200\n%s\n'
                   % settings)
    with background('mb', 'sh', '-c', 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --config ' + path):
        run = msrpc('call', '--json', HOST, 'rpcecho.echo_AddOne', '{"in_data":41}')
        eq(run.json['calls'][0].get('fault'), '0x00000005' if refused else None,
           'RestrictRemoteClients %d, %s: call' % settings, run)
        run = msrpc('diagnose', '--json', HOST)
        blamed = [x['cause'].split(' on ')[0] for x in run.json['findings']
                  if x['id'] == 'RPC.ANONYMOUS_DENIED']
        eq((run.code, blamed), (0, ['rpcecho'] if refused else []), 'and diagnose says who', run)
        run = msrpc('diagnose', '--interface', 'rpcecho', HOST)
        eq('anonymous calls of' in run.out, refused, 'also on the screen', run)


COMMAND = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --socket %s/EPMAPPER --interface '
           'rpcecho@49200 --mock %s' % (FOLDER, MOCK))
os.mkdir(FOLDER, 0o755)
with background('mb', 'sh', '-c', COMMAND) as server:
    strangers()
    pages()
    management()
    for _ in range(50):
        if server.poll() is not None:
            break
        time.sleep(0.1)
    eq(server.poll(), 0, 'and stopped it is')
access((0, 'min_auth_level = connect'), True)
access((0, 'min_auth_level = none'), False)
access((1, 'anonymous = no'), True)
access((1, 'anonymous = yes'), False)
done()

#!/usr/bin/python3 -B
"""msrpc serve on port 135, read by the clients of others: impacket, rpcclient, smbtorture and nmap."""
import json
import os
import re

from tap import *

HOST = names['MB_CLIENT_IP']
ECHO, SAMR = '60a15ec5-4de8-11d7-a637-005056a20182', '12345778-1234-abcd-ef00-0123456789ac'
MOCKS = {'samr': SAMR, 'netlogon': '12345678-1234-abcd-ef00-01234567cffb',
         'lsarpc': '12345778-1234-abcd-ef00-0123456789ab',
         'dssetup': '3919286a-b10c-11d0-9ba8-00c04fd92ef5'}
MGMT = 'afa8bd80-7d8a-11c9-bef4-08002b102989'
RPCMAP = '/usr/share/doc/python3-impacket/examples/rpcmap.py'
WANTED = {(ECHO, '49200'), (SAMR, '49999')}


def rpcclient(command):
    return on('client', 'timeout', '20', 'rpcclient', '-s', names['LAB_SMBCONF'], '-U%',
              'ncacn_ip_tcp:' + HOST, '-c', command, check=False)


def torture(test):
    """The names of the subtests that succeed, and of the others."""
    text = on('client', 'sh', '-c', 'cd "$TEST_TMP" && exec timeout 60 smbtorture -s "$LAB_SMBCONF" '
              '-U% ncacn_ip_tcp:' + HOST + ' ' + test + ' 2>&1', check=False)
    return (set(re.findall(r'^success: (\S+)', text, re.M)),
            set(re.findall(r'^(?:failure|error|skip): (\S+)', text, re.M)), text)


def others():
    lines = on('client', names['LAB_DIR'] + '/epmlook.py', HOST, '500').splitlines()
    eq({(x['uuid'], x['endpoint']) for x in map(json.loads, lines)}, WANTED, 'impacket lists it')
    lines = on('client', names['LAB_DIR'] + '/epmlook.py', HOST, '1').splitlines()
    eq(len(lines), len(WANTED), 'impacket lists it by ones')
    text = on('client', 'impacket-rpcdump', HOST, check=False)
    ok('Received 2 endpoints' in text and 'ncacn_ip_tcp:%s[49200]' % HOST in text,
       'impacket-rpcdump as it comes reads it', text)

    for port, interface in ((135, 'e1af8308-5d1f-11c9-91a4-08002b14a0fa'), (49200, ECHO)):
        text = on('client', 'timeout', '20', 'python3', '-B', RPCMAP, '-auth-level', '1',
                  'ncacn_ip_tcp:%s[%d]' % (HOST, port), check=False)
        eq(set(re.findall('^UUID: (\\S+)', text, re.M)), {MGMT.upper(), interface.upper()},
           'impacket rpcmap: what port %d has' % port, text)

    text = rpcclient('epmlookup')
    found = re.findall(r'\[(\d+),abstract_syntax=([0-9a-f-]+)/', text)
    eq(sorted((x, y) for y, x in found), sorted(WANTED), 'rpcclient lists it, each entry once', text)
    ok('41 + 1 = 42' in rpcclient('echoaddone 41'), 'rpcclient maps rpcecho and calls it')

    passed, failed, text = torture('rpc.echo')
    eq((len(passed), failed), (10, set()), 'smbtorture: rpc.echo, 10 of 10', text)

    text = on('client', 'nmap', '-n', '-Pn', '-sV', '-p', '135,49200,49999', HOST)
    states = re.findall(r'^(\d+)/tcp +(\w+)(?: +(msrpc .*RPC))?', text, re.M)
    eq([x[:2] for x in states], [('135', 'open'), ('49200', 'open'), ('49999', 'closed')],
       'nmap sees the ports')
    ok(all(x[2] for x in states[:2]), 'and -sV knows who is behind them', text)


def tested(text, name):
    """What smbtorture found behind the pipe of that name."""
    found = re.search(r"^Testing pipe '%s'\n((?:\t.*\n)+)" % name, text, re.M)
    return found[1] if found else ''


def torturers():
    """A mapper that knows enough for a listing to be continued; behind each entry somebody is."""
    passed, failed, text = torture('rpc.epmapper')
    eq((passed, failed),
       ({'epmapper.Map_simple', 'epmapper.Lookup_simple', 'epmapper.Lookup_terminate_search'},
        {'epmapper.Map_full', 'epmapper.Insert_noreplace'}),
       'smbtorture: rpc.epmapper, all but what only local callers may', text)
    mgmt, scanner = torture('rpc.mgmt')[2], torture('rpc.scanner')[2]
    for name, interface in (*MOCKS.items(), ('epmapper', 'e1af8308-5d1f-11c9-91a4-08002b14a0fa')):
        for tool, text in ('rpc.mgmt', mgmt), ('rpc.scanner', scanner):
            ok(re.search(r"uuid %s  version \S+  '%s'" % (interface, name), tested(text, name)),
               'smbtorture: %s finds %s' % (tool, name), text)
        ok('server is listening' in tested(mgmt, name) and
           'refused to stop listening' in tested(mgmt, name),
           'smbtorture: mgmt of %s answers' % name, mgmt)
    ok(re.search('[1-9] calls available', tested(scanner, 'epmapper')),
       'smbtorture: rpc.scanner counts the calls', scanner)


def ours():
    run = msrpc('map', '--json', '--probe', HOST)
    eq({(x['interface']['uuid'], x['endpoint']): x['probe'] for x in run.json['endpoints']},
       {(ECHO, '49200'): 'bound', (SAMR, '49999'): 'not listening'}, 'map --probe', run)
    eq(msrpc('ping', '--json', '--interface', 'rpcecho', HOST).code, 0, 'ping')
    run = msrpc('call', '--json', HOST, 'rpcecho.echo_AddOne', '{"in_data":41}')
    eq(run.json['calls'][0]['reply'], {'out_data': 42}, 'call', run)
    run = msrpc('diagnose', '--json', HOST)
    eq((run.code, run.json['verdict']['finding']), (20, 'TCP.DYNAMIC_REFUSED'),
       'diagnose: the endpoint that is registered only', run)
    run = msrpc('diagnose', '--json', '--interface', 'rpcecho', HOST)
    eq((run.code, run.json['verdict']['finding']), (0, None), 'diagnose: the one that is served', run)


COMMAND = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --interface rpcecho@49200 --register samr@49999'
with background('mb', 'sh', '-c', COMMAND) as server:
    others()
    ours()
eq(server.returncode, 0, 'SIGTERM ends it in order')

COMMAND = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7'
for name in MOCKS:
    path = os.path.join(names['TEST_TMP'], name + '.json')
    with open(path, 'w') as file:
        json.dump({'interface': name}, file)
    COMMAND += ' --mock %s@%d' % (path, 49201 + list(MOCKS).index(name))
for name in 'srvsvc', 'winreg', 'svcctl', 'wkssvc', 'drsuapi', 'browser', 'eventlog':
    COMMAND += ' --register %s@49201' % name
with background('mb', 'sh', '-c', COMMAND):
    torturers()
done()

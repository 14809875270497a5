#!/usr/bin/python3 -B
"""msrpc serve on port 135, read by the clients of others: impacket, rpcclient, smbtorture and nmap."""
import json
import re

from tap import *

HOST = names['MB_CLIENT_IP']
ECHO, SAMR = '60a15ec5-4de8-11d7-a637-005056a20182', '12345778-1234-abcd-ef00-0123456789ac'
WANTED = {(ECHO, '49200'), (SAMR, '49999')}


def rpcclient(command):
    return on('client', 'timeout', '20', 'rpcclient', '-s', names['LAB_SMBCONF'], '-U%',
              'ncacn_ip_tcp:' + HOST, '-c', command, check=False)


def torture(test):
    """The names of the subtests that succeed."""
    text = on('client', 'sh', '-c', 'cd "$TEST_TMP" && exec timeout 60 smbtorture -s "$LAB_SMBCONF" '
              '-U% --option=torture:quick=yes ncacn_ip_tcp:' + HOST + ' ' + test, check=False)
    return set(re.findall(r'^success: (\S+)', text, re.M)), text


def others():
    lines = on('client', names['LAB_DIR'] + '/epmlook.py', HOST, '500').splitlines()
    eq({(x['uuid'], x['endpoint']) for x in map(json.loads, lines)}, WANTED, 'impacket lists it')
    lines = on('client', names['LAB_DIR'] + '/epmlook.py', HOST, '1').splitlines()
    eq(len(lines), len(WANTED), 'impacket lists it by ones')
    text = on('client', 'impacket-rpcdump', HOST, check=False)
    ok('Received 2 endpoints' in text and 'ncacn_ip_tcp:%s[49200]' % HOST in text,
       'impacket-rpcdump as it comes reads it', text)

    text = rpcclient('epmlookup')
    found = re.findall(r'\[(\d+),abstract_syntax=([0-9a-f-]+)/', text)
    eq(sorted((x, y) for y, x in found), sorted(WANTED), 'rpcclient lists it, each entry once', text)
    ok('41 + 1 = 42' in rpcclient('echoaddone 41'), 'rpcclient maps rpcecho and calls it')

    passed, text = torture('rpc.echo')
    wanted = {'echo.' + x for x in ('addone', 'sinkdata', 'echodata', 'sourcedata', 'testcall',
                                    'testcall2', 'enum', 'surrounding', 'doublepointer')}
    eq(wanted - passed, set(), 'smbtorture: rpc.echo, but for the one that takes time', text)
    passed, text = torture('rpc.epmapper')
    eq({'epmapper.Map_simple', 'epmapper.Lookup_terminate_search'} - passed, set(),
       'smbtorture: maps, and frees a lookup handle', text)

    text = on('client', 'nmap', '-n', '-Pn', '-p', '135,49200,49999', HOST)
    states = re.findall(r'^(\d+)/tcp +(\w+)', text, re.M)
    eq(states, [('135', 'open'), ('49200', 'open'), ('49999', 'closed')], 'nmap sees the ports')


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
done()

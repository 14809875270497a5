#!/usr/bin/python3 -B
"""Several hosts: two mappers compared as impacket's lists say, a block swept, a mapper watched while
the router cuts it off."""
import json
import os
import re

from tap import *

DC, SRV = names['DC_IP'], names['SRV_IP']
MSRPC = os.environ['MSRPC']
BLOCK = DC.rsplit('.', 1)[0] + '.8/29'  # six addresses, two of them hosts
INSIDE = [DC.rsplit('.', 1)[0] + '.%d' % i for i in range(9, 15)]


def oracle(address):
    """{uuid: ({version}, {annotation}, {endpoint, dynamic ports alike})} as impacket lists them."""
    found = {}
    for line in on('client', names['LAB_DIR'] + '/epmlook.py', address, '500').splitlines():
        e = json.loads(line)
        endpoint = e['endpoint']
        if endpoint.isdigit() and (int(endpoint) >= 49152 or 1025 <= int(endpoint) <= 5000):
            endpoint = 'dynamic port'
        if e['protseq'] == 'ncacn_np':
            endpoint = endpoint.lower()
        versions, annotations, endpoints = found.setdefault(e['uuid'], (set(), set(), set()))
        versions.add(e['version'])
        if e['annotation']:
            annotations.add(e['annotation'])
        endpoints.add(e['protseq'] + ' ' + endpoint)
    return found


def side(found, kind):
    return {x['value'] for x in found if x['kind'] == kind}


def compared():
    one, two = oracle(DC), oracle(SRV)
    run = msrpc('map', DC, SRV, '--json')
    found = {x['interface']['uuid']: x for x in run.json['differences']['interfaces']}
    want = {u for u in one.keys() | two.keys() if one.get(u) != two.get(u)}
    eq(run.code, 1 if want else 0, 'two hosts compared: 1, they differ', run)
    eq(set(found), want, 'the interfaces that differ are those whose lists do')
    eq(run.json['differences']['same'], len((one.keys() | two.keys()) - want), 'the others are counted')
    wrong = []
    for uuid, x in found.items():
        sides = (one.get(uuid), two.get(uuid))
        if x['on'] != ('both' if all(sides) else 'first' if sides[0] else 'second'):
            wrong.append(x)
        empty = (set(), set(), set())
        for key, mine, other in (('first', *sides), ('second', *reversed(sides))):
            for kind, a, b in zip(('version', 'annotation', 'endpoint'), mine or empty,
                                  other or empty):
                if side(x[key], kind) != a - b:
                    wrong.append((uuid, key, kind, x[key], a - b))
    ok(not wrong, 'what each registers that the other does not', wrong)
    run = msrpc('map', DC, SRV)
    ok(run.code == 1 and 'only on ' + DC in run.out and max(map(len, run.out.splitlines())) <= 110,
       'the screen', run)
    run = msrpc('map', DC, 'dc1.lab.test')
    ok(run.code == 0 and ' the same' in run.out and ' only on ' not in run.out,
       'a host under two names is the same', run)


def swept():
    run = msrpc('map', BLOCK, '--timeout', '1')
    eq(run.code, 20, 'a block: the code of those that are not there', run)
    sums = re.search(r'^ 6 addresses: 2 answered, 0 refused, (\d) silent(?:, (\d) unreachable)?$',
                     run.out, re.M)
    ok(sums and sum(int(x or 0) for x in sums.groups()) == 4, 'a block: the last line counts', run)
    eq(re.findall(r'^msrpc map (\S+)', run.out, re.M), [DC, SRV], 'a block: who answered', run)
    eq(run.err, '', 'a block: nothing is said of the others')
    run = msrpc('map', BLOCK, '--timeout', '1', '--json')
    eq([x['target']['host'] for x in run.json['results']], INSIDE, 'a block: results in order')
    eq([x['total'] > 0 for x in run.json['results']], [x in (DC, SRV) for x in INSIDE],
       'a block: whose lists there are')
    run = msrpc('port', BLOCK, '--ports', '135', '--timeout', '1', '--json')
    eq({x['target']['host'] for x in run.json['results']
        if x['ports'][0]['state'] == 'LISTENING'}, {DC, SRV}, 'port of a block', run)
    run = msrpc('ping', BLOCK, '--timeout', '1', '--jobs', '2', '--jsonl')
    eq([(x['target']['host'], x['exit'] == 0) for x in run.lines],
       [(x, x in (DC, SRV)) for x in INSIDE], 'ping of a block', run)


def watched():
    lines = []
    with background('client', MSRPC, 'map', DC, '--watch', '--interval', '0.2', '--timeout', '1',
                    '--jsonl') as child:
        lines.append(child.ready)
        with fault('block-135'):
            lines.append(child.stdout.readline().decode())
        lines.append(child.stdout.readline().decode())
    events = [json.loads(x) for x in lines]
    eq([x['event'] for x in events], ['listed', 'unreachable', 'back'],
       'watched: cut off and back, each said once', lines)
    eq((events[0]['total'], events[2]['total']), (len(msrpc('map', DC, '--json').json['endpoints']),) * 2,
       'watched: what is registered')
    eq(child.returncode, 130, 'watched: the end')


compared()
swept()
watched()
done()

#!/usr/bin/python3 -B
"""msrpc map against two mappers that differ: it lists what impacket and rpcclient list."""
import collections
import csv
import io
import json
import re

from tap import *

NIL = '00000000-0000-0000-0000-000000000000'
DC, SRV = names['DC_IP'], names['SRV_IP']
FIELDS = ('uuid', 'version', 'annotation', 'object', 'protseq', 'endpoint', 'host')


def oracle(address, asked=None):
    """What impacket reads of a mapper; 0.0.0.0 means the host that was asked."""
    found = []
    for line in on('client', names['LAB_DIR'] + '/epmlook.py', address, '500').splitlines():
        entry = json.loads(line)
        if entry['host'] == '0.0.0.0':
            entry['host'] = asked or address
        found.append(tuple(entry[x] for x in FIELDS))
    return found


def ours(report):
    return [(x['interface']['uuid'], x['interface']['version'], x['annotation'],
             x['object'] or NIL, x['protseq'], x['endpoint'], x['host'])
            for x in report.get('endpoints', [])]


def same(got, want, name):
    got, want = collections.Counter(got), collections.Counter(want)
    return ok(want and got == want, name, 'missing: %s' % list((want - got).elements()),
              'too much: %s' % list((got - want).elements()))


def one_message(err, pattern):
    """One line that says why, and the hint under it."""
    lines = err.splitlines()
    return (len(lines) == 2 and re.search(pattern, lines[0]) and
            lines[1].startswith('(msrpc diagnose '))


def rpcclient(address):
    """(object, protseq, host, endpoint, uuid, major version, annotation) of each line it prints."""
    line = re.compile(r'(\S+) (\w+):([^\[]*)\[([^,\]]*),abstract_syntax=([^/]+)/0x(\w+)\]: (.*)')
    text = on('client', 'rpcclient', '-s', names['LAB_SMBCONF'], '-U%', 'ncacn_ip_tcp:' + address,
              '-c', 'epmlookup', check=False)
    return [line.fullmatch(x.replace('0.0.0.0', address)).groups() for x in text.splitlines()]


def as_rpcclient(entry):
    uuid, version, annotation, obj, protseq, endpoint, host = entry
    major, minor = map(int, version.split('.'))
    return (obj, protseq, host, endpoint, uuid, '%08x' % (minor << 16 | major), annotation)


def whole_lists():
    for host, address, asked in (('dc1', DC, DC), ('srv', SRV, SRV), ('dc1', DC, 'dc1.lab.test'),
                                 ('srv', SRV, 'srv.lab.test')):
        run, want = msrpc('map', '--json', asked), oracle(address, asked)
        eq((run.code, run.err), (0, ''), 'map of %s as %s succeeds' % (host, asked), run)
        same(ours(run.json), want, 'map of %s as %s lists what impacket lists' % (host, asked))
        eq(run.json.get('total'), len(want), 'map of %s as %s counts them' % (host, asked))
        if asked == address:
            lines = rpcclient(address)
            mine = collections.Counter(map(as_rpcclient, ours(run.json)))
            ok(len(lines) > 30 and not collections.Counter(lines) - mine,
               'map of %s has every line that rpcclient prints' % host, len(lines),
               collections.Counter(lines) - mine)
        ok(0 < run.json.get('lookups', 0) <= 2, 'map of %s asks as often as it must' % host,
           run.json.get('lookups'))


def formats():
    want = oracle(DC)
    run = msrpc('map', '--format', 'csv', DC)
    rows = list(csv.DictReader(io.StringIO(run.out)))
    same([tuple(x[y] if y != 'object' else x[y] or NIL for y in FIELDS) for x in rows], want,
         'csv has every entry')

    # impacket-rpcdump itself cannot read a Samba mapper: it takes the end of the list for an error
    run = msrpc('map', '--format', 'rpcdump', DC)
    blocks = re.findall(r'^Protocol: (.*)\nProvider: (.*)\nUUID    : (\S+) v(\S+) .*\nBindings:.*\n'
                        r'((?: {10}\S+\n)+)', run.out, re.M)
    shown = [(x[2].lower(), x[3], y.strip()) for x in blocks for y in x[4].splitlines()]
    same(shown, [(x[0], x[1], '%s:%s[%s]' % (x[4], x[6], x[5])) for x in want],
         'rpcdump: every entry')
    ok(any(x[0] == '[MS-DRSR]' and x[1] == 'ntdsai.dll' for x in blocks), 'rpcdump: names', run)
    ok('[*] Received %d endpoints.' % len(want) in run.out, 'rpcdump: counts', run.out[-200:])

    run = msrpc('map', '--format', 'portqry', DC)
    same(re.findall(r'^UUID: (\S+) ', run.out, re.M), [x[0] for x in want], 'portqry: every entry')
    ok('Total endpoints found: %d' % len(want) in run.out, 'portqry: counts', run.out[-200:])

    run = msrpc('map', DC)
    rows = re.findall(r'^   (ncac?\w+) +(\S+)', run.out, re.M)
    same(rows, [(x[4], x[5]) for x in want], 'table: every entry')
    ok('drsuapi 4.0' in run.out and 'MS-DRSR' in run.out, 'table: interfaces have names', run)
    wide = [x for x in run.out.splitlines() if len(x) > 80]
    ok(not wide, 'table: 80 columns', *wide)


def filters():
    want = oracle(DC)
    samr = '12345778-1234-abcd-ef00-0123456789ac'
    for args, passes in (
            (['--interface', 'samr'], lambda x: x[0] == samr),
            (['--interface', samr], lambda x: x[0] == samr),
            (['--protseq', 'ncacn_np'], lambda x: x[4] == 'ncacn_np'),
            (['--annotation', 'NETLOG'], lambda x: 'netlog' in x[2]),
            (['--interface', 'samr', '--protseq', 'ncacn_ip_tcp'],
             lambda x: x[0] == samr and x[4] == 'ncacn_ip_tcp'),
            (['--object', NIL], lambda x: x[3] == NIL)):
        run = msrpc('map', '--json', *args, DC)
        same(ours(run.json), filter(passes, want), 'filter %s' % ' '.join(args))
        eq(run.json.get('total'), len(want), 'filter %s: total is what is registered' % ' '.join(args))
    run = msrpc('map', '--json', '--object', samr, DC)
    eq((run.code, ours(run.json)), (0, []), 'a filter that lets nothing pass')
    for args in (['--interface', 'nosuchname'], ['--protseq', 'ncacn_xyz'], ['--object', '12']):
        eq(msrpc('map', *args, DC).code, 64, 'usage: %s' % ' '.join(args))


def probes(run):
    """Port -> the verdicts of its rows."""
    found = collections.defaultdict(set)
    for entry in run.json.get('endpoints', []):
        if entry['protseq'] == 'ncacn_ip_tcp':
            found[entry['endpoint']].add(entry.get('probe'))
        elif 'probe' in entry:
            found['other'].add(entry['protseq'])
    return dict(found)


def probing():
    for host, address in (('dc1', DC), ('srv', SRV)):
        run = msrpc('map', '--json', '--probe', address)
        eq(run.code, 0, '--probe: %s is healthy' % host, run)
        ports = {x[5] for x in oracle(address) if x[4] == 'ncacn_ip_tcp'}
        eq(probes(run), dict.fromkeys(ports, {'bound'}), '--probe: %s answers everywhere' % host)
    port = next(x[5] for x in oracle(DC) if x[4] == 'ncacn_ip_tcp' and x[2] == 'drsuapi')
    with fault('drop-port', port):
        run = msrpc('map', '--json', '--probe', '--timeout', '1', DC)
        eq(run.code, 20, '--probe: exit code of a filtered port', run)
        found = probes(run)
        eq(found.pop(port, None), {'filtered'}, '--probe: the filtered port')
        eq(set().union(*found.values()), {'bound'}, '--probe: the ports beside it')
    with fault('rst-dyn-mb'):
        run = msrpc('map', '--json', '--probe', DC)
        eq(run.code, 20, '--probe: exit code of refused ports', run)
        found = probes(run)
        eq(found.pop('135', None), {'bound'}, '--probe: the mapper still answers')
        eq(set().union(*found.values()), {'not listening'}, '--probe: refused ports')
    with fault('hang-rpc'):
        pass    # comes and goes without harm to what follows
    eq(msrpc('map', '--probe', DC).code, 0, '--probe: healthy again')


def targets():
    for asked in ('[%s]' % names['DC_IP6'], 'dc6.lab.test', 'dual.lab.test'):
        run = msrpc('map', '--json', asked, '-6')
        same([x[:6] for x in ours(run.json)], [x[:6] for x in oracle(DC)], 'over IPv6: %s' % asked)
        eq(run.json['target'].get('address'), names['DC_IP6'], 'over IPv6: the address of ' + asked)
    run = msrpc('map', '--json', 'dual.lab.test', '-4')
    eq(run.json['target'].get('address'), DC, '-4 of a host with both')
    run = msrpc('map', '--jsonl', DC, SRV, 'nosuch.lab.test')
    eq([x['exit'] for x in run.lines], [0, 0, 10], 'several targets: a line each', run)
    same(ours(run.lines[0]) + ours(run.lines[1]), oracle(DC) + oracle(SRV), 'several targets: lists')
    eq(run.code, 10, 'several targets: the worst code')
    hostile = names['LAB_DIR'] + '/hostile.py'
    with background('client', hostile, 'valid', '--bind', '127.0.0.88') as peer:
        port = peer.ready.split()[-1]
        run = msrpc('map', '--json', '127.0.0.88:' + port)
        eq([(x['interface']['name'], x['endpoint']) for x in run.json['endpoints']],
           [('lsarpc', '9'), ('samr', '9')], 'a mapper on another port')


def failures():
    for name, code, pattern, args in (
            ('no such name', 10, 'nxdomain', ['nosuch.lab.test']),
            ('a name without an address', 10, 'nodata|no address', ['noaddr.lab.test']),
            ('a closed port', 20, 'refused', [names['MB_CLIENT_IP']]),
            ('a closed port over IPv6', 20, 'refused', ['[%s]' % names['MB_CLIENT_IP6']]),
            ('no mapper but an RPC server', 30, 'rejected the interface', [DC + ':49152']),
            ('no mapper but SMB', 30, 'bind|broke|closed', [DC + ':445', '--timeout', '1']),
            ('no mapper but LDAP', 30, 'bind|broke|closed', [DC + ':389', '--timeout', '1'])):
        run = msrpc('map', '--json', *args)
        eq((run.code, run.json.get('exit')), (code, code), 'exit code: ' + name, run)
        ok(one_message(run.err, pattern), 'message: ' + name, run.err)
    with fault('block-135'):
        run = msrpc('map', '--json', '--timeout', '1', DC)
        eq((run.code, run.json.get('exit')), (20, 20), 'exit code: silence', run)
        ok(one_message(run.err, 'silent'), 'message: silence', run.err)
        run = msrpc('map', '--json', '--deadline', '1', '--timeout', '30', DC)
        eq((run.code, run.json.get('partial')), (75, True), 'the deadline of the run', run)
    with fault('block-135-reject-icmp-admin'):
        run = msrpc('map', '--json', DC)
        ok(run.code == 20 and '10.88.1.1' in run.err, 'a router that objects is named', run)


whole_lists()
formats()
filters()
probing()
targets()
failures()
done()

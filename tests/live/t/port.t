#!/usr/bin/python3 -B
"""msrpc port: the states agree with nmap on open, closed and filtered ports, over TCP and UDP; what
answers is read; what objects is named; nothing a peer does breaks it."""
import contextlib
import re
import xml.etree.ElementTree

from tap import *

DC, SRV, UNUSED = names['DC_IP'], names['SRV_IP'], names['UNUSED_IP']
ROUTER = names['MB_CLIENT_IP']
OPEN, CLOSED, FILTERED, EITHER = ('LISTENING', 'NOT LISTENING', 'FILTERED',
                                  'LISTENING or FILTERED')
NMAP = {'open': {OPEN}, 'closed': {CLOSED}, 'filtered': {FILTERED}, 'open|filtered': {EITHER, OPEN}}


def states(run):
    return {(x['protocol'], x['port']): x['state'] for x in run.json.get('ports', [])}


def port(run, number, protocol='tcp'):
    return next((x for x in run.json.get('ports', [])
                 if (x['protocol'], x['port']) == (protocol, number)), {})


def nmap(kind, address, ports):
    """What nmap says of each port: (protocol, port) -> its word."""
    six = ['-6'] if ':' in address else []
    text = on('client', 'nmap', '-n', '-Pn', '--max-retries', '2', '--host-timeout', '60s', *six,
              kind, '-p', ports, '-oX', '-', address)
    tree, found = xml.etree.ElementTree.fromstring(text), {}
    for extra in tree.iter('extraports'):
        for reason in extra.iter('extrareasons'):
            for item in reason.get('ports', '').split(','):
                first, _, last = item.partition('-')
                for number in range(int(first), int(last or first) + 1):
                    found[reason.get('proto'), number] = extra.get('state')
    for entry in tree.iter('port'):
        found[entry.get('protocol'), int(entry.get('portid'))] = entry.find('state').get('state')
    return found


def agree(kind, address, ports, name, *args):
    """The host may keep its ICMP back from nmap: then a refusal we hold is the better evidence."""
    run = msrpc('port', '--json', address, '--ports', ports, '--protocol',
                'udp' if kind == '-sU' else 'tcp', *args)
    ours, theirs = states(run), nmap(kind, address, ports)
    wrong = ['%s/%s: %s, nmap says %s' % (x[1], x[0], y, theirs.get(x))
             for x, y in ours.items() if y not in NMAP[theirs.get(x, 'closed')] and not
             (theirs.get(x) == 'open|filtered' and y == CLOSED and
              port(run, x[1], x[0]).get('icmp', {}).get('sender') == address)]
    ok(theirs and ours.keys() == theirs.keys() and not wrong, 'agrees with nmap: ' + name, run.err,
       *wrong[:20])
    return run


def with_nmap():
    wide = '1-1024,3268-3269,3389,5985,49150-49260'
    for host, address in (('dc1', DC), ('srv', SRV)):
        run = agree('-sT', address, wide, 'open and closed ports of ' + host)
        found = set(states(run).values())
        eq((run.code, found), (20, {OPEN, CLOSED}), 'open and closed ports of ' + host, run)
    agree('-sT', names['DC_IP6'], '50-500,49152-49160', 'over IPv6')
    with fault('drop-dyn'):
        run = agree('-sT', DC, '135,445,49152-49156', 'a dropped range', '--timeout', '1')
        eq(states(run)['tcp', 49152], FILTERED, 'a dropped range is filtered')
        got = port(run, 49152)
        ok(got.get('tries', 0) >= 1 and got.get('detail', '').startswith(
            'no answer to %d tr' % got['tries']), 'a dropped range: how often it was asked', got)
    with fault('rst-135'):
        agree('-sT', DC, '135,445', 'a reset of the router')
    with fault('block-135-reject-icmp-admin'):
        run = agree('-sT', DC, '135,445', 'administratively prohibited')
        icmp = port(run, 135).get('icmp', {})
        eq((icmp.get('type'), icmp.get('code'), icmp.get('sender')), (3, 13, ROUTER),
           'administratively prohibited: the sender')
        ok('by %s: communication administratively prohibited' % ROUTER in
           msrpc('port', DC, '--ports', '135').out, 'administratively prohibited: on the screen')
    with fault('block-135-icmp-port'):
        # a connect scan takes the router's word for the host's; nmap with packets of its own does not
        run = agree('-sS', DC, '135,445', 'port unreachable, said by the router')
        eq(port(run, 135).get('icmp', {}).get('sender'), ROUTER, 'port unreachable: the sender')
    agree('-sT', UNUSED, '135,445', 'an address nobody has', '--timeout', '1')


@contextlib.contextmanager
def rejected(what, how):
    """A rule of our own in the router."""
    on('mb', 'nft', 'add table inet porttest; add chain inet porttest forward '
       '{ type filter hook forward priority -5 ; }; add rule inet porttest forward %s counter %s'
       % (what, how))
    try:
        yield
    finally:
        on('mb', 'nft', 'delete table inet porttest')


def udp():
    run = agree('-sU', DC, '53,88,123,137,389,464', 'UDP of dc1')
    want = dict.fromkeys(((('udp'), x) for x in (53, 88, 137, 389, 464)), OPEN)
    want['udp', 123] = CLOSED
    eq(states(run), want, 'UDP of dc1: every service is asked in its own protocol', run)
    agree('-sU', SRV, '53,88,123,464', 'UDP of srv')
    with fault('dns-timeout'):
        run = agree('-sU', DC, '53,88', 'UDP dropped', '--timeout', '1')
        eq((port(run, 53, 'udp').get('state'), run.code), (EITHER, 20), 'UDP dropped: not proven')
    with rejected('udp dport 389', 'reject with icmpx admin-prohibited'):
        run = agree('-sU', DC, '389', 'UDP administratively prohibited')
        eq(port(run, 389, 'udp').get('icmp', {}).get('sender'), ROUTER,
           'UDP administratively prohibited: the sender')
    with rejected('udp dport 389', 'reject with icmpx port-unreachable'):
        run = agree('-sU', DC, '389', 'UDP port unreachable, said by the router')
        eq(states(run)['udp', 389], FILTERED, 'UDP port unreachable of a router hides')


def unreachable():
    with fault('host-down'):
        run = msrpc('port', '--json', DC, '--ports', '135,445', '--protocol', 'both', '--timeout',
                    '6')
        eq(set(states(run).values()), {FILTERED}, 'host unreachable is filtered', run)
        eq({x.get('icmp', {}).get('sender') for x in run.json['ports']}, {ROUTER},
           'host unreachable: the sender', run)
    run = msrpc('port', '--json', '10.88.1.77', '--ports', '135', '--timeout', '6')
    ok(port(run, 135).get('state') == FILTERED and 'local link' in port(run, 135).get('detail', ''),
       'no neighbour: nobody on the local link answers', run)


def answers():
    run = msrpc('port', '--json', 'dc1.lab.test')
    eq(run.code, 20, 'a bare target: the ports of RPC and a domain', run)
    found = {(x['protocol'], x['port']): x for x in run.json['ports']}
    talks = {x: y['talk'] for x, y in found.items() if y['state'] == OPEN}
    eq(set(talks.values()), {'answered'}, 'everything open is understood', talks)
    for key, parts in {
            ('tcp', 53): {'rcode': 'NOERROR', 'answers': 1, 'authoritative': True},
            ('udp', 53): {'rcode': 'NOERROR', 'answers': 1, 'authoritative': True},
            ('tcp', 88): {'error': 'KDC_ERR_C_PRINCIPAL_UNKNOWN', 'realm': 'LAB.TEST'},
            ('udp', 88): {'error': 'KDC_ERR_C_PRINCIPAL_UNKNOWN', 'realm': 'LAB.TEST'},
            ('tcp', 139): {'accepted': True},
            ('tcp', 389): {'dnsHostName': 'dc1.lab.test', 'defaultNamingContext': 'DC=lab,DC=test'},
            ('tcp', 3268): {'isGlobalCatalogReady': 'TRUE'},
            ('udp', 389): {'dnsHostName': 'dc1.lab.test', 'domain': 'lab.test', 'forest': 'lab.test',
                           'netbios_domain': 'LAB', 'site': 'Default-First-Site-Name',
                           'paused': False},
            ('tcp', 445): {'dialect': '3.1.1', 'signing': 'required'},
            ('tcp', 464): {'realm': 'LAB.TEST'}, ('udp', 464): {'realm': 'LAB.TEST'}}.items():
        got = found[key].get('answer', {})
        eq({x: got.get(x) for x in parts}, parts, 'answer of %s %d' % key, found[key])
    for key in (('tcp', 88), ('udp', 88), ('tcp', 445)):
        clock = found[key].get('answer', {}).get('clock_offset')
        ok(clock is not None and abs(clock) < 60, 'clock of %s %d' % key, found[key])
    got = found['udp', 137].get('answer', {}).get('names', [])
    ok('DC1<20>' in got and 'LAB<1c> group' in got, 'names of udp 137', got)
    mapped = msrpc('map', '--json', 'dc1.lab.test').json['endpoints']
    eq(sorted((x['interface']['uuid'], x['protseq'], x['endpoint'])
              for x in found['tcp', 135]['endpoints']),
       sorted((x['interface']['uuid'], x['protseq'], x['endpoint']) for x in mapped),
       'tcp 135 shows the map')
    run = msrpc('port', 'dc1.lab.test')
    ok(re.search(r'^ \[ok\]   135/tcp  LISTENING +RPC endpoint mapper\n +53 endpoints', run.out, re.M)
       and re.search(r'ncacn_ip_tcp\[\d+\].* drsuapi', run.out.replace('\n' + 19 * ' ', ' ')),
       'the screen shows the map under its port', run)
    wide = [x for x in run.out.splitlines() if len(x) > 80]
    ok(not wide, 'the screen has 80 columns', *wide)


def hanging():
    with fault('hang-rpc'):
        run = msrpc('port', '--json', DC, '--ports', '135', '--timeout', '1')
        eq((run.code, port(run, 135).get('talk')), (0, 'silent'), 'a hung mapper still listens', run)
    for mode, talk in (('valid', 'answered'), ('one-byte', 'answered'), ('garbage', 'foreign'),
                       ('never-answer', 'silent'), ('close-on-accept', 'closed'),
                       ('close-mid-reply', 'closed'), ('endless-fragments', None),
                       ('huge-count', None), ('fault', 'answered'), ('bind-nak', 'answered'),
                       ('lying-frag-len', None)):
        with background('client', names['LAB_DIR'] + '/hostile.py', mode, '--bind', '127.0.0.88',
                        '--port', '135'):
            run = msrpc('port', '--json', '127.0.0.88', '--ports', '135', '--timeout', '2')
        got = port(run, 135)
        ok((run.code, got.get('state')) == (0, OPEN) and talk in (None, got.get('talk')) and
           got.get('detail') and run.memory < MEMORY, 'a hostile mapper: ' + mode, run)


def many():
    run = msrpc('port', '--json', SRV, '--ports', '1-65535')
    got = states(run)
    eq((len(got), run.code), (65535, 20), 'every port of a host')
    ok(run.memory < MEMORY, 'every port of a host: memory', run.memory)
    opened = sorted(x[1] for x, y in got.items() if y == OPEN)
    eq(opened, sorted(x[1] for x, y in nmap('-sT', SRV, '1-65535').items() if y == 'open'),
       'every port of a host: what is open is what nmap finds')
    text = on('client', 'prlimit', '--nofile=96:96', names['MSRPC'], 'port', SRV, '--ports',
              '1-65535', check=False)
    ok('UNKNOWN' not in text and '%d LISTENING' % len(opened) in text,
       'every port of a host with 96 descriptors', text)
    ok(len(text.splitlines()) < 120, 'every port of a host: neighbours are one line', text)
    with fault('drop-dyn'):
        run = msrpc('port', '--json', SRV, '--ports', '135,49152-65535', '--deadline', '3')
        eq((run.code, run.json.get('partial'), port(run, 135).get('state')), (75, True, OPEN),
           'the deadline of the run', run.err)
    run = msrpc('port', '--json', SRV, '--ports', '100-119', '--rate', '20')
    ok(run.code == 20 and run.json['ms'] >= 900, '--rate holds back', run.json.get('ms'))


def targets():
    run = msrpc('port', '--json', DC, SRV, 'nosuch.lab.test', '--ports', '135')
    eq([x['exit'] for x in run.json.get('results', [])], [0, 0, 10], 'several targets', run)
    eq(run.code, 10, 'several targets: the worst code')
    run = msrpc('port', '--jsonl', DC, SRV, '--ports', '135,445')
    eq([[y['state'] for y in x['ports']] for x in run.lines], [[OPEN, OPEN]] * 2,
       'several targets: a line each', run)
    run = msrpc('port', '--json', '10.88.2.8/29', '--ports', '135', '--timeout', '1')
    eq({x['target']['host']: x['ports'][0]['state'] for x in run.json.get('results', [])},
       {**{'10.88.2.%d' % x: FILTERED for x in range(9, 15)}, DC: OPEN, SRV: OPEN},
       'a network', run)
    run = msrpc('port', '--json', DC + ':445')
    eq((run.code, states(run)), (0, {('tcp', 445): OPEN}), 'a port behind the target')
    run = msrpc('port', '--json', 'dual.lab.test', '-6', '--ports', '135,389', '--protocol', 'both')
    eq((run.json['target'].get('address'), states(run).get(('udp', 389))),
       (names['DC_IP6'], OPEN), 'over IPv6', run)
    run = msrpc('port', '--json', DC, '--ports', '135,389', '--no-probe')
    eq({x.get('asked') for x in run.json['ports']}, {None}, '--no-probe says nothing')
    run = msrpc('port', '--json', DC, '--ports', '135,445,389', '--source-port', '2345')
    eq((run.code, set(states(run).values())), (0, {OPEN}), '--source-port', run)
    for args in (['--ports', '0'], ['--ports', '1-70000'], ['--ports', '9-8'], ['--ports', ''],
                 ['--protocol', 'icmp']):
        eq(msrpc('port', DC, *args).code, 64, 'usage: ' + ' '.join(args))


with_nmap()
udp()
unreachable()
answers()
hanging()
many()
targets()
done()

#!/usr/bin/python3 -B
"""msrpc name, NetBIOS: the same facts as nmblookup and nbtscan from a real WINS server (nmbd), over
a link and behind a router; refusals, silence, conflicts, servers that disagree and servers that
lie."""
import os
import re
import shutil
import subprocess
import tempfile

from tap import *

SRV, DC, UNUSED, NEAR = (names[x] for x in ('SRV_IP', 'DC_IP', 'UNUSED_IP', 'MB_CLIENT_IP'))
CLIENT, ROUTER = names['CLIENT_IP'], names['MB_SERVER_IP']
LINK = CLIENT.rsplit('.', 1)[0] + '.255'
NBNS = os.path.join(names['LIVE_DIR'], 'lab', 'nbns.py')


def lab(*args):
    subprocess.run([names['LAB'], *args], check=True)


def netbios(*args):
    return msrpc('name', '--json', *args)


def findings(run):
    return sorted(x['id'] for x in run.json.get('findings', []))


def answers(run):
    """(suffix, who was asked) -> what came."""
    return {(q['suffix'], q['server']): sorted(a['address'] for x in q['answers']
                                               for a in x['addresses']) or q['state']
            for q in run.json.get('netbios', {}).get('queries', [])}


def table(node):
    return {(n['name'], n['suffix'].lower(), n['group'], n['node']) for n in node.get('names', [])}


def nmblookup(*args):
    """Addresses, and the node status table as ours."""
    text = on('client', 'nmblookup', '-s', names['LAB_SMBCONF'], *args, check=False)
    rows = re.findall(r'^\t(.{15}) <(..)> - (<GROUP>)? *([BPMH]) ', text, re.M)
    return (re.findall(r'^([0-9.]+) \S+<', text, re.M),
            {(n.rstrip(), s, bool(g), kind) for n, s, g, kind in rows})


def undotted(rows):
    """nmblookup shows the octets around __MSBROWSE__ as dots."""
    return {(re.sub('[\x00-\x1f]', '.', n), *rest) for n, *rest in rows}


def with_peers():
    for name in 'SRV#20', 'NEAR#20', 'NEAR#00', 'SRV#03':
        run = netbios(name, '--wins', SRV)
        eq(list(answers(run).values()), [nmblookup('-U', SRV, '--recursion', name)[0]],
           'WINS says of %s what nmblookup hears' % name, run)
        eq(run.code, 0, 'a found name is no fault')
    run = netbios('NEAR', '--netbios')
    eq(answers(run), {('00', LINK): [NEAR], ('20', LINK): [NEAR]}, 'a broadcast finds the neighbour')
    eq(nmblookup('-B', LINK, 'NEAR#20')[0], [NEAR], 'as nmblookup -B does')
    for address in NEAR, SRV, DC:
        run = netbios(address, '--status')
        node = run.json['netbios']['nodes'][0]
        ok(node['names'] and undotted(table(node)) == nmblookup('-A', address)[1],
           'the names of %s are those that nmblookup -A shows' % address, run)
        scan = on('client', 'nbtscan', '-q', '-s', ':', address) if shutil.which('nbtscan') else ''
        if scan:
            eq(node['name'], scan.split(':')[1].strip(), 'and its own name that of nbtscan')
        else:
            skip('nbtscan on %s' % address, 'nbtscan is not installed')
        eq(node['mac'], None, 'a MAC of Samba is none')
    meanings = {(n['name'], n['suffix']): n['meaning'] for n in node['names']}
    eq([meanings['DC1', '20'], meanings['LAB', '1C'], meanings['LAB', '1B'], meanings['LAB', '00']],
       ['file server', 'domain controllers', 'domain master browser', 'domain or workgroup'],
       'the 16th octet is named')


def domains():
    run = netbios('LAB', '--wins', DC, '--suffix', 'dc,pdc')
    eq(answers(run), {('1C', DC): [DC], ('1B', DC): [DC]}, 'a domain: its controllers and its PDC')
    run = msrpc('name', 'WKG<00>', '--wins', SRV)
    ok(run.code == 0 and 'members untold' in run.out, 'a group without members is found', run)
    run = netbios('dc1.lab.test', '--status')
    eq(run.json['netbios']['nodes'][0]['name'], 'DC1', 'the names of a host that DNS knows', run)


def refusals():
    run = netbios('NOSUCH', '--wins', SRV)
    eq((run.code, findings(run), answers(run)),
       (10, ['NETBIOS.NO_SUCH_NAME'], {('00', SRV): 'negative', ('20', SRV): 'negative'}),
       'WINS does not know the name', run)
    run = netbios('SRV', '--netbios')
    eq((run.code, findings(run)), (10, ['NETBIOS.NO_ANSWER']),
       'a broadcast does not cross the router', run)
    run = netbios('SRV', '--netbios', '--wins', SRV)
    eq((run.code, findings(run)), (0, []), 'WINS does', run)
    run = netbios('NEAR', '--wins', UNUSED, '--timeout', '0.6')
    eq((run.code, findings(run)), (10, ['NETBIOS.WINS_SILENT']), 'a silent WINS server', run)
    run = netbios('SRV', '--wins', '%s,%s' % (SRV, UNUSED), '--timeout', '0.6')
    eq((run.code, findings(run)), (1, ['NETBIOS.WINS_DEAD']), 'one of two is silent', run)
    run = netbios('NEAR', '--wins', CLIENT)
    eq((run.code, findings(run)), (10, ['NETBIOS.WINS_CLOSED']), 'one that is none', run)
    run = netbios(UNUSED, '--status', '--timeout', '0.6')
    eq((run.code, findings(run)), (10, ['NETBIOS.NODE_SILENT']), 'a silent host', run)
    run = netbios('SRV', '--netbios', '--broadcast', '10.88.3.255', '--scope', 'a.b')
    eq((run.code, findings(run)), (10, ['NETBIOS.NO_ANSWER']), 'nobody lives there', run)


def lies():
    with background('client', NBNS, '%s,%s' % (CLIENT, LINK), 'NEAR#20=' + CLIENT):
        run = netbios('NEAR', '--netbios')
        eq((run.code, findings(run)), (10, ['NETBIOS.NAME_CONFLICT']), 'two hosts, one name', run)
        eq(answers(run)['20', LINK], sorted([NEAR, CLIENT]), 'both are shown')
    with background('mb', NBNS, ROUTER, 'NEAR#20=' + UNUSED, 'NEAR#00=' + NEAR):
        run = netbios('NEAR', '--wins', '%s,%s' % (SRV, ROUTER))
        eq((run.code, findings(run)), (1, ['NETBIOS.WINS_DIFFER']), 'two servers disagree', run)
        run = netbios('NEAR', '--netbios', '--wins', ROUTER)
        eq((run.code, findings(run)), (1, ['NETBIOS.WINS_STALE']),
           'the server does not know where the host is', run)
    with background('mb', NBNS, ROUTER, 'OLDNAME#20=' + SRV):
        run = netbios('OLDNAME#20', '--wins', ROUTER, '--status')
        eq((run.code, findings(run)), (1, ['NETBIOS.WRONG_HOST']), 'the record leads elsewhere', run)
    with background('client', NBNS, CLIENT, 'conflict', 'NEAR#20=' + CLIENT):
        run = netbios(CLIENT, '--status')
        eq((run.code, findings(run)), (10, ['NETBIOS.NODE_IN_CONFLICT']), 'a name that was lost', run)
    for mode, state in (('wait', 'silent'), ('redirect', 'redirect'), ('cut', 'silent'),
                        ('noise', [UNUSED]), ('group', [UNUSED])):
        with background('mb', NBNS, ROUTER, mode, 'FAR#20=' + UNUSED):
            run = netbios('FAR#20', '--wins', ROUTER, '--timeout', '0.6')
            eq(answers(run), {('20', ROUTER): state}, 'a server that answers with %s' % mode, run)


def lists():
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        file.write('; names of the lab\r\nNEAR\r\nsrv, 20\n"WKG" 00 %s\nLAB#1c %s\n\n# none\n'
                   'NOSUCH\t0x20\n' % (SRV, DC))
        file.flush()
        run = netbios('--list', file.name, '--wins', SRV)
        eq([(x['name'], x['suffix'], x['result'], x['addresses'])
            for x in run.json['netbios']['list']],
           [('NEAR', '20', 'found', [NEAR]), ('SRV', '20', 'found', [SRV]),
            ('WKG', '00', 'found', []), ('LAB', '1C', 'found', [DC]),
            ('NOSUCH', '20', 'unknown', [])], 'a list of queries', run)
        eq((run.code, run.json['netbios']['summary'], findings(run)),
           (10, {'found': 4, 'unknown': 1, 'silent': 0}, ['NETBIOS.NO_SUCH_NAME']), 'its sum')
        file.write('NEAR nonsense\n')
        file.flush()
        run = msrpc('name', '--list', file.name, '--wins', SRV)
        ok(run.code == 64 and 'line 9' in run.err and 'nonsense' in run.err and not run.out,
           'a line that cannot be read is named', run)
    eq(msrpc('name', '--list', '/nonexistent').code, 66, 'a list that is not there')


def wrong_words():
    for args, word in ((['x', '--suffix', 'zz'], '--suffix'), (['x', '--wins', 'srv'], '--wins'),
                       (['x', '--broadcast', 'here'], '--broadcast'),
                       (['x', '--scope', 'a..b'], '--scope'), (['::1', '--netbios'], 'IPv4'),
                       (['morethanfifteenoctets', '--netbios'], '15 octets')):
        run = msrpc('name', *args)
        ok(run.code == 64 and word in run.err and len(run.err.splitlines()) == 1 and not run.out,
           'refused: ' + ' '.join(args), run)


def beside():
    run = netbios('near')
    ok(answers(run).get(('20', LINK)) == [NEAR], 'a short name is looked for by broadcast too', run)
    ok('NETBIOS.NOT_IN_DNS' in findings(run), 'and DNS not knowing it is said', run)
    with background('client', NBNS, '%s,%s' % (CLIENT, LINK), 'SRV#20=' + CLIENT):
        run = netbios('srv')
        ok('NETBIOS.DNS_DIFFERS' in findings(run), 'DNS and NetBIOS lead to different hosts', run)
    ok('netbios' not in netbios('dc1.lab.test').json, 'a long one is not')
    eq(set(answers(netbios('srv')).values()), {'silent'}, 'nor is silence beside DNS a fault')
    ok(all(not x['id'].startswith('NETBIOS') for x in netbios('srv').json['findings']),
       'of which no finding speaks')


lab('netbios', 'on')
try:
    with_peers()
    domains()
    refusals()
    lies()
    lists()
    wrong_words()
    beside()
finally:
    lab('netbios', 'off')
done()

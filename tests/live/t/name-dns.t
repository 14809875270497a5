#!/usr/bin/python3 -B
"""msrpc name, DNS: against dig and nslookup record by record, on Samba's DNS and on servers that
lie, refuse, fail, are lame or silent; the hosts file, the search list, and no DNS at all."""
import contextlib
import re
import subprocess

from diagnosis import accused
from tap import *

DC, NAME, CLIENT = names['DC_IP'], names['DC_NAME'], names['NS_CLIENT']
LIAR, MORE, UNKNOWING, REFUSING, FAILING, LAME = (
    names[x + '_IP'] for x in ('LIAR', 'MORE', 'UNKNOWING', 'REFUSING', 'FAILING', 'LAME'))
BOGUS, SILENT, UNUSED = names['BOGUS_IP'], names['MUTE_IP'], names['UNUSED_IP']
QUICK = ['--timeout', '1', '--retries', '0']


def lab(*args):
    subprocess.run([names['LAB'], *args], check=True)


@contextlib.contextmanager
def host_file(name, text):
    """Another /etc/NAME of the client meanwhile, written in place."""
    path = '/etc/netns/%s/%s' % (CLIENT, name)
    with open(path) as file:
        before = file.read()
    try:
        with open(path, 'w') as file:
            file.write(text)
        yield
    finally:
        with open(path, 'w') as file:
            file.write(before)


def update(*lines):
    subprocess.run([names['LAB'], 'exec', 'client', 'nsupdate'], check=True, text=True,
                   input='\n'.join(['server ' + DC, 'zone lab.test',
                                    *('update ' + x for x in lines), 'send', '']))


def ask(*args):
    run = msrpc('name', '--json', *args)
    return run, run.json


def lower(kind, data):
    """Data as dig and msrpc write it alike: names without the final dot, in small letters."""
    words = [w.lower().rstrip('.') or '.' for w in data.split()]
    return data if kind == 'TXT' else ' '.join(words)


def dig(server, name, kind):
    """The status, and {(owner, type, ttl, data)} of the answer section."""
    out = on('client', 'dig', '+noall', '+comments', '+answer', '+tries=1', '+time=2', '@' + server,
             name, kind, check=False)
    status = re.search(r'status: (\w+)', out)
    rows = [line.split(None, 4) for line in out.splitlines() if line and line[0] != ';']
    return (status.group(1) if status else None,
            {(o.lower().rstrip('.'), k, int(ttl), lower(k, data)) for o, ttl, _, k, data in rows})


def records(query):
    return {(r['name'].lower(), r['type'], r['ttl'], lower(r['type'], r['data']))
            for r in query['records']}


def find(report, server, name, kind):
    for q in report['queries']:
        if (q['server'], q['name'].lower(), q['type']) == (server, name.lower(), kind):
            return q
    return {'outcome': None, 'rcode': None, 'records': []}


def same_as_dig(name, kind, *servers):
    run, report = ask(name + '.', '--type', kind, *QUICK, '--no-system', '--dns-server',
                      ','.join(servers))
    for server in servers:
        query = find(report, server, name, kind)
        eq((query['rcode'], records(query)), dig(server, name, kind),
           '%s %s at %s: what dig says' % (name, kind, server), run)


def found(name, args, wanted, code):
    run, report = ask(*args)
    eq((run.code, accused(report)), (code, set(wanted)), name, run)
    return report


lab('dns', 'on')
try:
    update('add gone.lab.test 900 CNAME nobody.lab.test',
           'add _odd._tcp.lab.test 900 SRV 0 5 99 nobody.lab.test',
           'add _odd._tcp.lab.test 900 SRV 7 5 99 dual.lab.test',
           'add mail.lab.test 900 MX 10 srv.lab.test',
           *('add many.lab.test 900 A 10.9.0.%d' % i for i in range(60)))

    # ---- record by record ----
    for name, kind in ((NAME, 'A'), (NAME, 'AAAA'), ('dual.lab.test', 'AAAA'),
                       ('dc6.lab.test', 'A'), ('alias.lab.test', 'A'), ('alias.lab.test', 'CNAME'),
                       ('lab.test', 'NS'),
                       ('lab.test', 'SOA'), ('noaddr.lab.test', 'TXT'), ('mail.lab.test', 'MX'),
                       ('_ldap._tcp.dc._msdcs.lab.test', 'SRV'), ('nosuch.lab.test', 'A')):
        same_as_dig(name, kind, DC, LIAR)
    same_as_dig(NAME, 'A', DC, LIAR, MORE, UNKNOWING, REFUSING, FAILING, LAME)
    same_as_dig('10.2.88.10.in-addr.arpa', 'PTR', MORE, UNKNOWING)
    same_as_dig('many.lab.test', 'A', DC)
    run, report = ask('many.lab.test', '--type', 'A')
    query = find(report, DC, 'many.lab.test', 'A')
    eq((query.get('tcp'), len(query['records'])), (True, 60), 'a long answer comes over TCP', run)
    out = on('client', 'nslookup', 'dual.lab.test', DC)
    run, report = ask('dual.lab.test')
    eq({r['data'] for q in report['queries'] if q['purpose'] == 'name' for r in q['records']},
       set(re.findall(r'Address: (\S+)', out.split('\n\n', 1)[1])),
       'the addresses of nslookup', out)

    # ---- every outcome, side by side ----
    servers = [LIAR, MORE, UNKNOWING, REFUSING, FAILING, LAME, SILENT]
    run, report = ask(NAME, *QUICK, *(x for s in servers for x in ('--dns-server', s)))
    eq([find(report, s, NAME, 'A')['outcome'] for s in [DC, *servers]],
       ['answer', 'answer', 'answer', 'nxdomain', 'refused', 'servfail', 'lame', 'timeout'],
       'eight servers, each with its own answer', run)
    eq([[(r['data'], r['agreed']) for r in find(report, s, NAME, 'A')['records']]
        for s in (DC, LIAR)], [[(DC, False)], [(BOGUS, False)]], 'no address that all give', run)
    eq((run.code, accused(report)),
       (1, {'NAME.SERVERS_DIFFER', 'NAME.SERVER_LACKS', 'NAME.SERVER_FAILING', 'NAME.SERVER_DEAD',
            'NAME.SERVER_LAME'}),
       'what follows: they differ, one lacks the name, two fail, one is lame, one dead', run)
    screen = msrpc('name', NAME, *QUICK, '--dns-server', ','.join(servers))
    ok(all(len(line) <= 80 for line in screen.out.splitlines() if not line.startswith('   ')),
       'a screen of 80 columns', screen)
    for word in (BOGUS + ' *', 'NXDOMAIN', 'REFUSED', 'SERVFAIL', 'lame', 'timeout', 'NODATA'):
        ok(word in screen.out, 'the screen shows ' + word, screen)

    # ---- findings ----
    found('a healthy name', [NAME], [], 0)
    found('two servers that agree', [NAME, '--dns-server', DC + ':53', '--authoritative'], [], 0)
    found('a liar', [NAME, '--dns-server', LIAR], ['NAME.SERVERS_DIFFER'], 1)
    found('one more address', [NAME, '--dns-server', MORE], ['NAME.SERVERS_DIFFER'], 1)
    found('one that lacks the name', [NAME, '--dns-server', UNKNOWING], ['NAME.SERVER_LACKS'], 1)
    for server, finding in ((UNKNOWING, 'NXDOMAIN'), (REFUSING, 'REFUSED'), (FAILING, 'SERVFAIL'),
                            (LAME, 'LAME'), (SILENT, 'TIMEOUT'), (names['SRV_IP'], 'NO_SERVICE')):
        found('alone: ' + finding, [NAME, *QUICK, '--no-system', '--dns-server', server],
              ['NAME.' + finding], 10)
    found('a name without an address', ['noaddr.lab.test'], ['NAME.NODATA'], 10)
    found('a record it has not', [NAME, '--type', 'MX'], ['NAME.NO_RECORD'], 10)
    found('an alias that leads nowhere', ['gone.lab.test'], ['NAME.ALIAS_DANGLING'], 10)
    found('a service on a host without address', ['_odd._tcp.lab.test'], ['NAME.TARGET_NOWHERE'], 1)
    found('an address, its name and back', [DC, '--no-system', '--dns-server', MORE], [], 0)
    found('another server knows a name for it', [DC, '--dns-server', MORE],
          ['NAME.RECORDS_DIFFER'], 1)
    report = found('a service', ['_ldap._tcp.lab.test'], [], 0)
    eq([r['data'] for q in report['queries'] if q['purpose'] == 'forward' and q['type'] == 'A'
        for r in q['records']], [DC], 'its target has an address')

    # ---- the zone's own name servers ----
    update('add ns-lame.lab.test 900 A ' + UNKNOWING, 'add ns-gone.lab.test 900 A ' + UNUSED,
           'add lab.test 900 NS ns-lame.lab.test', 'add lab.test 900 NS ns-gone.lab.test')
    report = found('two name servers that are none', [NAME, '--authoritative', *QUICK],
                   ['NAME.ZONE_LAME', 'NAME.ZONE_SILENT'], 1)
    eq({(s['address'], s['origin'], s['lame']) for s in report['servers']},
       {(DC, 'system', False), (UNKNOWING, 'zone', True), (UNUSED, 'zone', False)},
       'each is asked, the system\'s own once')

    # ---- the search list and the hosts file ----
    with host_file('resolv.conf', 'search corp.test lab.test\noptions ndots:2\n'
                                  'nameserver %s\nnameserver %s\n' % (DC, UNKNOWING)):
        run, report = ask('dc1')
        eq([(c['name'], c['searched'], c['asked']) for c in report['candidates']],
           [('dc1.corp.test', True, True), (NAME, True, True), ('dc1', False, False)],
           'a short name: the suffixes in order, an end where one gives an address', run)
        eq([s['settled'] for s in report['servers']], [NAME, None], 'each server for itself',
           run)
        run, report = ask('dc1.lab')
        eq(report['candidates'][0]['name'], 'dc1.lab.corp.test', 'fewer dots than ndots', run)
        run, report = ask('alias.lab.test')
        eq(report['candidates'][0]['name'], 'alias.lab.test', 'as many dots as ndots', run)
        run, report = ask(NAME + '.')
        eq([c['name'] for c in report['candidates']], [NAME], 'a final dot: that name alone', run)
    found('a short name that nobody has', ['nosuch'], ['NAME.SINGLE_LABEL'], 10)
    with host_file('hosts', '127.0.0.1 localhost\n# no\n%s other %s\n10.9.9.9 filed\n'
                   % (BOGUS, NAME.upper())):
        report = found('the hosts file says otherwise', [NAME], ['NAME.HOSTS_DIFFERS'], 1)
        eq(report['hosts'], [{'line': 3, 'address': BOGUS}], 'with the line it stands on')
        found('a name that only the hosts file has', ['filed'], [], 0)

    # ---- no DNS ----
    with host_file('resolv.conf', ''):
        found('no server is named', [NAME], ['NAME.NO_SERVER'], 10)
        found('no server but one that is given', [NAME, '--dns-server', DC], [], 0)
    on('client', 'ip', 'route', 'del', 'default')
    try:
        found('no network', [NAME], ['NAME.UNREACHABLE'], 10)
    finally:
        on('client', 'ip', 'route', 'add', 'default', 'via', names['MB_CLIENT_IP'])

    # ---- cut ----
    run, report = ask(NAME, '--dns-server', SILENT, '--timeout', '20', '--deadline', '1')
    eq((run.code, report['partial'], find(report, DC, NAME, 'A')['outcome'],
        find(report, SILENT, NAME, 'A')['outcome']), (75, True, 'answer', None),
       'past the deadline: what is known', run)
finally:
    update('delete ns-lame.lab.test', 'delete ns-gone.lab.test', 'delete many.lab.test')
    for server in ('ns-lame', 'ns-gone'):   # what Samba does not let an update remove
        on('client', '/usr/bin/python3', '/usr/bin/samba-tool', 'dns', 'delete', DC, 'lab.test',
           '@', 'NS', server + '.lab.test', '-U', 'Administrator%' + names['PASSWORD'], '-s',
           names['LAB_SMBCONF'], check=False)
    lab('dns', 'off')
done()

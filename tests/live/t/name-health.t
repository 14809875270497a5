#!/usr/bin/python3 -B
"""msrpc name --health against Samba and a second DNS server (dnsmasq on srv): every record that dig
finds, faults named where they are, and nothing changed by asking."""
import contextlib
import os
import subprocess
import time

from tap import *

LAB = os.environ['LAB']
DC, SRV, DOMAIN = names['DC_IP'], names['SRV_IP'], 'lab.test'
SAMBA_TOOL = ['/usr/bin/python3', '/usr/bin/samba-tool', 'dns']
ADMIN = ['-U', 'Administrator%' + names['PASSWORD'],
         '--configfile=%s/dc1/etc/smb.conf' % names['LAB_STATE']]
SITE = 'Default-First-Site-Name'
DEFAULT = 'DNS.INSECURE_UPDATES'      # the lab takes updates of strangers


@contextlib.contextmanager
def record(where, name, kind, data, there=True):
    """The DC's DNS with or without one record, and back again."""
    verbs = ('add', 'delete') if there else ('delete', 'add')
    on('dc1', *SAMBA_TOOL, verbs[0], DC, where, name, kind, data, *ADMIN)
    try:
        yield
    finally:
        on('dc1', *SAMBA_TOOL, verbs[1], DC, where, name, kind, data, *ADMIN)


@contextlib.contextmanager
def partner(*options):
    """dnsmasq on srv, a name server of the zone."""
    command = ' '.join(['dnsmasq', '-k', '--conf-file=/dev/null', '--no-resolv', '--no-hosts',
                        '--user=root', '--pid-file=', '--bind-interfaces',
                        '--listen-address=' + SRV, *options])
    with background('srv', 'sh', '-c', 'echo ready; exec ' + command):
        for _ in range(50):
            if 'status:' in on('client', 'dig', '@' + SRV, '+time=1', '+tries=1', DOMAIN, 'SOA',
                               check=False):
                break
            time.sleep(0.1)
        with record(DOMAIN, '@', 'NS', 'srv.lab.test'):
            yield


def health(*args):
    return msrpc('name', '--health', DOMAIN, '--json', '--timeout', '1', *args)


def found(run):
    return sorted(x['id'] for x in run.json.get('findings', [])
                  if x['explained_by'] is None and x['severity'] != 'info')


def row(run, host='dc1.lab.test'):
    for x in run.json['health']['hosts']:
        if x['name'] == host:
            return ' '.join(x['results'].values())
    return None


def notes(run, test, host='dc1.lab.test'):
    return [x['text'] for h in run.json['health']['hosts'] if h['name'] == host
            for x in h['notes'] if x['test'] == test]


def ill(name, run, findings, code, table, host='dc1.lab.test'):
    return ok((found(run), run.code, row(run, host)) == (sorted(findings), code, table), name,
              'wanted %s' % ((sorted(findings), code, table),),
              'got    %s' % ((found(run), run.code, row(run, host)),), run)


def everything():
    return [on('dc1', *SAMBA_TOOL, 'query', DC, where, '@', 'ALL', *ADMIN)
            for where in (DOMAIN, '_msdcs.' + DOMAIN)]


# a healthy domain, and nothing is changed by asking
with fault('secure-dns'):
    ill('a healthy domain', health(), [], 0, 'n/a PASS n/a PASS PASS PASS n/a')
before = everything()
run = health()
ill('updates of strangers are taken', run, [DEFAULT], 1, 'n/a PASS n/a PASS WARN PASS n/a')
eq(everything(), before, 'the zones are as they were, serial and all')

# the records, as dig has them
records = run.json['health']['hosts'][0]['records']
answers = {}
for x in records:
    answers[x['name'], x['type']] = on('client', 'dig', '+short', '@' + DC, x['name'], x['type'])
eq([x['name'] for x in records if not answers[x['name'], x['type']].strip()], [],
   'dig finds every one of them')
eq({y['state'] for x in records for y in x['servers']}, {'found'}, 'so do we')
eq(len(records), 21, 'A, CNAME, 17 SRV, the addresses of the domain and of global catalogues')
guid = [x['name'] for x in records if x['type'] == 'CNAME'][0]
ok('<GUID=%s>' % guid.split('.')[0] in on(
    'dc1', '/usr/bin/ldbsearch', '--extended-dn', '-H', names['LAB_STATE'] + '/dc1/private/sam.ldb',
    '-s', 'base', '-b', '', 'dsServiceName', check=False) or
   answers[guid, 'CNAME'].strip() == 'dc1.lab.test.', 'the GUID of the directory, told to a stranger')

# the screen ends as dcdiag's does
screen = msrpc('name', '--health', DOMAIN).out
ok('                                            Auth Basc Forw Del  Dyn  RReg Ext\n' in screen and
   '            Domain: lab.test\n' in screen and
   '               dc1                          n/a  PASS n/a  PASS WARN PASS n/a\n' in screen and
   'lab.test passed test DNS' in screen, 'the closing table', screen)

# records that are missing or lie
with record(DOMAIN, '_kerberos._tcp', 'SRV', 'dc1.lab.test 88 0 100', False):
    run = health()
    ill('a record that clients need', run, [DEFAULT, 'DNS.RECORD_MISSING'], 10,
        'n/a PASS n/a PASS WARN FAIL n/a')
    ok('missing at %s: SRV _kerberos._tcp.lab.test' % DC in notes(run, 'RReg'), 'it is named',
       notes(run, 'RReg'))
with record(DOMAIN, '_gc._tcp', 'SRV', 'dc1.lab.test 3268 0 100', False):
    ill('a record that clients can do without', health(), [DEFAULT, 'DNS.MINOR_MISSING'], 1,
        'n/a PASS n/a PASS WARN WARN n/a')
with record('_msdcs.lab.test', guid.split('.')[0], 'CNAME', 'dc1.lab.test', False):
    run = health()
    ill('the alias for replication', run, [DEFAULT, 'DNS.RECORD_MISSING'], 10,
        'n/a PASS n/a PASS WARN FAIL n/a')
    ok(any(guid in x for x in notes(run, 'RReg')), 'it is named', notes(run, 'RReg'))
with record('_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', 'dc1.lab.test 389 0 100', False):
    run = health('--dc', 'dc1')
    ok('LOCATOR.NO_SRV' in found(run) and 'DNS.RECORD_MISSING' in found(run) and run.code == 10 and
       row(run) == 'n/a PASS n/a PASS WARN FAIL n/a', 'the record that leads to it; --dc knows it '
       'all the same', run)
with record(DOMAIN, 'dc1', 'A', names['UNUSED_IP']):
    run = health()
    ill('an address that leads nowhere', run, [DEFAULT, 'DNS.STALE_ADDRESS'], 1,
        'n/a PASS n/a WARN WARN WARN n/a')
    ok(any(names['UNUSED_IP'] in x for x in notes(run, 'RReg')), 'it is named')

with record('_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', 'ghost.lab.test 389 0 100'):
    run = health()
    eq(run.json['verdict']['finding'], 'DNS.DC_UNUSABLE', 'a domain controller that is gone', run)
    eq((run.code, row(run, 'ghost.lab.test'), row(run)),
       (10, 'n/a FAIL n/a n/a n/a FAIL n/a', 'n/a PASS n/a PASS WARN PASS n/a'),
       'its row, and that of the other')
run = health('--dc', 'ghost.lab.test')
ok('DNS.RECORD_MISSING' in found(run) and 'DNS.DC_UNUSABLE' not in found(run) and run.code == 10,
   'one that only --dc names: DNS is not said to name it', run)
subprocess.run([LAB, 'netbios', 'on'], check=True)
with record(DOMAIN, 'dc1', 'A', SRV):
    run = health()
    ok('DNS.FOREIGN_ADDRESS' in found(run) and run.code == 1 and
       '%s is an address of SRV' % SRV in notes(run, 'RReg'),
       'an address of another host, by its NetBIOS name', run)
subprocess.run([LAB, 'netbios', 'off'], check=True)

# delegations
with record(DOMAIN, '@', 'NS', 'nowhere.lab.test'):
    ill('a name server without an address', health(), [DEFAULT, 'DNS.BROKEN_DELEGATION'], 10,
        'n/a PASS n/a FAIL WARN PASS n/a')
with record(DOMAIN, '@', 'NS', 'srv.lab.test'):
    run = health()
    ill('a name server that serves no DNS', run, [DEFAULT, 'DNS.SERVER_DOWN'], 10,
        'n/a PASS n/a FAIL WARN PASS n/a')
    eq(row(run, 'srv.lab.test'), 'n/a FAIL n/a n/a n/a n/a n/a', 'it has a row of its own')
with partner():
    ill('a name server that does not hold the zone', health(),
        [DEFAULT, 'DNS.FORWARDER_FAILS', 'DNS.LAME_DELEGATION'], 10,
        'n/a PASS n/a FAIL WARN PASS n/a')

# a partner with the same zone, then with an old copy
with partner('--server=' + DC):
    run = health()
    eq({len(x['servers']) for x in run.json['health']['hosts'][0]['records']}, {2},
       'every record is asked of both', run)
    eq(row(run), 'n/a PASS n/a PASS WARN PASS n/a', 'both have them', run)
with partner('--server=' + DC, '--local=/_ldap._tcp.lab.test/'):
    run = health()
    ok('DNS.PARTNER_LACKS' in found(run) and 'DNS.RECORD_MISSING' not in found(run) and
       run.code == 10, 'one server lacks what the other has', run)
    ok('missing at %s: SRV _ldap._tcp.lab.test' % SRV in notes(run, 'RReg'), 'it is named',
       notes(run, 'RReg'))
with partner('--server=' + DC, '--address=/dc1.lab.test/' + SRV):
    run = health()
    ok({'DNS.STALE_ADDRESS', 'DNS.FOREIGN_ADDRESS'} & set(found(run)),
       'an address that only one server gives', run)

# recursion and the world outside
with partner('--server=' + DC):
    run = health('--external', 'alias.lab.test')
    eq(row(run, 'srv.lab.test').split()[-1], 'PASS', 'an external name that resolves', run)
    run = health('--external', 'www.nosuch.example')
    ok('DNS.EXTERNAL_FAILS' in found(run) and run.code == 10, 'one that does not', run)

# the way, and the domain
with fault('drop-udp', '389'):
    ill('the ping is filtered', health(), [DEFAULT, 'LOCATOR.CLDAP_FILTERED'], 10,
        'n/a FAIL n/a PASS WARN PASS n/a')
run = msrpc('name', '--health', 'nosuch.test', '--json')
eq((run.code, found(run)), (10, ['LOCATOR.NO_SRV']), 'no such domain', run)
run = msrpc('name', '--health', 'LAB', '--json')
eq((run.code, found(run)), (10, ['LOCATOR.NO_SRV', 'LOCATOR.SINGLE_LABEL']), 'a single label', run)
run = health('--dc', DC)
eq((run.code, row(run)), (1, 'n/a PASS n/a PASS WARN PASS n/a'), '--dc by its address', run)
for args in (['--health', '10.1.0.1'], ['--health', DOMAIN, '--dc', 'a..b'],
             ['--health', DOMAIN, '--external', '.a']):
    run = msrpc('name', *args)
    ok(run.code == 64 and len(run.err.splitlines()) == 1, 'refused: %s' % ' '.join(args), run)
with fault('host-down', 'dc1'):
    run = health('--deadline', '0.5')
    eq((run.code, run.json['partial']), (75, True), 'the deadline: what is known, as JSON', run)
done()

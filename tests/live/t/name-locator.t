#!/usr/bin/python3 -B
"""msrpc name --dsgetdc against Samba: it locates what `net ads lookup` and dig tell, and names what
keeps a client from finding a domain controller."""
import re

from tap import *

DC, DOMAIN = names['DC_IP'], 'lab.test'
SITE = 'Default-First-Site-Name'
SAMBA_TOOL = ['/usr/bin/python3', '/usr/bin/samba-tool', 'dns']
ADMIN = ['-U', 'Administrator%' + names['PASSWORD'],
         '--configfile=%s/dc1/etc/smb.conf' % names['LAB_STATE']]


def zone(action, where, name, kind, data):
    return on('dc1', *SAMBA_TOOL, action, DC, where, name, kind, data, *ADMIN)


def locate(*args):
    return msrpc('name', '--dsgetdc', DOMAIN, '--json', '--timeout', '1', *args)


def found(run):
    return [x['id'] for x in run.json.get('findings', []) if x['explained_by'] is None]


def ill(name, run, finding, code):
    return ok(found(run) == [finding] and run.code == code, name,
              'wanted %s and exit %d, got %s' % (finding, code, found(run)), run)


# what Samba's own client sees
lookup = on('client', 'net', '-s', names['LAB_SMBCONF'], 'ads', 'lookup', '-S', 'dc1')
seen = dict(re.findall(r'^\s*([^:\n]+): *(.*)$', lookup, re.M))
run = locate()
chosen = run.json['locator']['chosen']
eq(run.code, 0, 'a domain controller is found', run)
for key, theirs in (('dc', 'Domain Controller'), ('domain', 'Domain'), ('forest', 'Forest'),
                    ('domain_guid', 'GUID'), ('netbios_domain', 'Pre-Win2k Domain'),
                    ('netbios_host', 'Pre-Win2k Hostname'), ('dc_site', 'Server Site Name'),
                    ('client_site', 'Client Site Name')):
    eq(chosen[key], seen[theirs], '%s as net ads lookup has it' % key)
flags = {'PDC': 'Is a PDC', 'GC': 'Is a GC of the forest', 'LDAP': 'Is an LDAP server',
         'DS': 'Supports DS', 'KDC': 'Is running a KDC', 'TIMESERV': 'Is running time services',
         'CLOSE_SITE': 'Is the closest DC', 'WRITABLE': 'Is writable',
         'GTIMESERV': 'Has a hardware clock',
         'NDNC': 'Is a non-domain NC serviced by LDAP server',
         'PARTIAL_SECRET': 'Is NT6 DC that has some secrets',
         'FULL_SECRET': 'Is NT6 DC that has all secrets',
         'WS': 'Runs Active Directory Web Services',
         'DS_8': 'Runs on Windows 2012 or later'}
eq({x for x in flags if x in chosen['flags']}, {x for x in flags if seen[flags[x]] == 'yes'},
   'flags as net ads lookup has them')

# what DNS has
srv = on('client', 'dig', '+short', '_ldap._tcp.dc._msdcs.' + DOMAIN, 'SRV').split()
candidate = run.json['locator']['candidates'][0]
eq([str(candidate[x]) for x in ('priority', 'weight', 'port')] + [candidate['name'] + '.'], srv,
   'the SRV record as dig has it')
eq([x['name'] for x in run.json['locator']['queries']],
   ['_ldap._tcp.dc._msdcs.' + DOMAIN, '_ldap._tcp.%s._sites.dc._msdcs.%s' % (SITE, DOMAIN)],
   'generic first, then in the site that the answer told')

# the screen ends as nltest's does
run = msrpc('name', '--dsgetdc', DOMAIN)
for line in (r'^           DC: \\\\dc1\.lab\.test$', r'^      Address: \\\\10\.88\.2\.10$',
             r'^     Dom Guid: [0-9a-f-]{36}$', r'^     Dom Name: lab\.test$',
             r'^  Forest Name: lab\.test$', r'^ Dc Site Name: Default-First-Site-Name$',
             r'^Our Site Name: Default-First-Site-Name$',
             r'^        Flags: PDC GC DS LDAP KDC TIMESERV GTIMESERV WRITABLE DNS_DC'):
    ok(re.search(line, run.out, re.M), 'the screen has %s' % line, run)

# flags
run = locate('--flags', 'PDC,/KDC', '--flags', 'writable,ds_6,force')
eq((run.code, run.json['locator']['queries'][0]['name']), (0, '_ldap._tcp.pdc._msdcs.lab.test'),
   'flags in nltest\'s spelling; the PDC has a name of its own', run)
for flag, name in (('gc', '_ldap._tcp.gc._msdcs.'), ('kdc', '_kerberos._tcp.dc._msdcs.'),
                   ('ldaponly', '_ldap._tcp.')):
    run = locate('--flags', flag)
    eq((run.code, run.json['locator']['queries'][0]['name']), (0, name + DOMAIN), flag, run)
run = locate('--flags', 'ds10')
ill('a flag that no domain controller has', run, 'LOCATOR.LACKS', 10)
eq(run.json['locator']['candidates'][0]['lacks'], ['ds10'], 'it says which', run)
for args in (['--flags', 'netbios'], ['--site', 'a.b'], ['--account', '']):
    run = msrpc('name', '--dsgetdc', DOMAIN, *args)
    ok(run.code == 64 and len(run.err.splitlines()) == 1, 'refused: %s' % ' '.join(args), run)

# accounts
eq(locate('--account', 'alice').code, 0, 'an account that exists')
eq(locate('--account', 'DC1$').code, 0, 'a computer that exists')
ill('an account that nobody has', locate('--account', 'nobody'), 'LOCATOR.NO_ACCOUNT', 10)

# sites
ill('a site without a domain controller', locate('--site', 'Nowhere'), 'LOCATOR.NO_SITE_DC', 1)

# names
ill('no such domain', msrpc('name', '--dsgetdc', 'nosuch.test', '--json'), 'LOCATOR.NO_SRV', 10)
run = msrpc('name', '--dsgetdc', 'LAB', '--json')
eq((run.code, found(run)), (10, ['LOCATOR.NO_SRV', 'LOCATOR.SINGLE_LABEL']),
   'a single label is named', run)
ill('a DNS server that is silent', msrpc('name', '--dsgetdc', DOMAIN, '--json', '--timeout', '1',
                                         '--dns-server', names['UNUSED_IP']), 'NAME.TIMEOUT', 10)

# records that lie
BAD = 'gone.lab.test 389 0 100'
zone('add', '_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', BAD)
run = locate()
ill('an SRV record without an address', run, 'LOCATOR.NO_ADDRESS', 1)
eq(run.json['locator']['chosen']['dc'], 'dc1.lab.test', 'the other one is chosen')
zone('delete', '_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', BAD)
BAD = 'ghost.lab.test 389 0 100'
zone('add', '_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', BAD)
ill('a domain controller that is gone', locate(), 'LOCATOR.CLDAP_SILENT', 1)
zone('delete', '_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', BAD)
BAD = 'srv.lab.test 389 0 100'
zone('add', '_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', BAD)
run = locate()
ok('LOCATOR.CLDAP_SILENT' in found(run) and run.code == 1, 'a host that is none', run)
zone('delete', '_msdcs.lab.test', '_ldap._tcp.dc', 'SRV', BAD)

# the way
with fault('drop-udp', '389'):
    run = locate()
    ill('the ping is filtered, LDAP is not', run, 'LOCATOR.CLDAP_FILTERED', 10)
    address = run.json['locator']['candidates'][0]['addresses'][0]
    eq((address['result'], address['over_tcp'], address['answer']['dc']),
       ('silent', True, 'dc1.lab.test'), 'over TCP the same is told')
    ok('1355' in msrpc('name', '--dsgetdc', DOMAIN, '--timeout', '1').out, 'nltest\'s 1355')
with fault('host-down', 'dc1'):
    run = msrpc('name', '--dsgetdc', DOMAIN, '--json', '--deadline', '1')
    eq((run.code, run.json['partial']), (75, True), 'the deadline: what is known, as JSON', run)
done()

#!/usr/bin/python3 -B
"""Encryption types of Kerberos that do not meet: what Samba's KDC says to a client, about an account
and about a service, and the finding that diagnose and trace make of it."""
import contextlib
import os
import struct
import time

from diagnosis import *

DC, NAME, MB, MB_IP = names['DC_IP'], names['DC_NAME'], names['MB_NAME'], names['MB_CLIENT_IP']
TMP, CONF = names['TEST_TMP'], os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
USER, PASSWORD = 'carol@LAB.TEST', 'Carol.Pw1'
CAROL = ['-u', USER, '-p', PASSWORD, '-k']
AES_ALONE = 'kdc supported enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96'
AES128, RC4 = 17, 23
ALL = 28            # of msDS-SupportedEncryptionTypes: RC4, AES128, AES256
CLIENT = '''[libdefaults]
    permitted_enctypes = arcfour-hmac
[realms]
    LAB.TEST = {
        kdc = %s
    }
'''
REMEDIES = ('msDS-SupportedEncryptionTypes', 'Set the password', 'NT hash', 'grep enctypes')


def samba_tool(*args):
    return on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', *args, '-s', CONF)


def types_of(account, types):
    """msDS-SupportedEncryptionTypes of an account; None takes it away."""
    code = ('import sys\nfrom samba.auth import system_session\nfrom samba.param import LoadParm\n'
            'from samba.samdb import SamDB\nlp = LoadParm()\nlp.load(sys.argv[1])\n'
            'db = SamDB(lp.samdb_url(), session_info=system_session(), lp=lp)\n'
            'dn = db.search(expression="(sAMAccountName=%s)" % sys.argv[2], attrs=[])[0].dn\n'
            'a = "msDS-SupportedEncryptionTypes"\n'
            'db.modify_ldif("dn: %s\\nchangetype: modify\\nreplace: %s\\n" % (dn, a) + '
            '("%s: %s\\n" % (a, sys.argv[3]) if sys.argv[3:] else ""))')
    on('dc1', '/usr/bin/python3', '-B', '-c', code, CONF, account,
       *([str(types)] if types is not None else []))


def keytab(source, name, *types):
    """A key table with the keys of these types alone."""
    with open(source, 'rb') as file:
        data = file.read()
    made, at = data[:2], 2
    while at < len(data):
        size = struct.unpack_from('>i', data, at)[0]
        entry, at = data[at:at + 4 + abs(size)], at + 4 + abs(size)
        if size <= 0:
            continue
        parts, p = struct.unpack_from('>H', entry, 4)[0], 6
        for _ in range(parts + 1):      # the realm, and the parts of the name
            p += 2 + struct.unpack_from('>H', entry, p)[0]
        if struct.unpack_from('>H', entry, p + 9)[0] in types:  # behind name type, time and version
            made += entry
    path = os.path.join(TMP, name)
    with open(path, 'wb') as file:
        file.write(made)
    return path


def refused(name, args, who, request):
    """By the KDC, for an encryption type; what is to be done about it."""
    ill(name, args, 'KRB.NO_ETYPE', 4, 40, 'pppf', None,
        ['KDC_ERR_ETYPE_NOSUPP', DC, who, request + ' request'])


def served(table):
    return background('mb', 'sh', '-c', 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 '
                      '--bind "$0" --keytab "$1"', MB_IP, table)


@contextlib.contextmanager
def recorded(path):
    """What the client says to KDCs and hears meanwhile."""
    with background('client', 'sh', '-c', 'exec tcpdump -Z root -U --immediate-mode -n -i eth0 '
                    '-w "$0" port 88 2>&1', path):
        yield
        time.sleep(0.3)


def error_codes(path):
    text = on('client', 'tshark', '-r', path, '-Y', 'kerberos.error_code', '-T', 'fields', '-e',
              'kerberos.error_code')
    return {int(x) for x in text.split()}


# ---- a KDC that takes every type ----
samba_tool('user', 'create', 'carol', PASSWORD)
types_of('carol', ALL)
samba_tool('user', 'setpassword', 'carol', '--newpassword=' + PASSWORD)
samba_tool('domain', 'exportkeytab', TMP + '/carol.keytab', '--principal=' + USER)
rc4, aes128 = (keytab(TMP + '/carol.keytab', name, types) for name, types in
               (('rc4.keytab', RC4), ('aes128.keytab', AES128)))
nt = on('client', 'klist', '-K', '-k', '-e', rc4).split('(0x')[1].split(')')[0]
for name, proof in (('a key table with RC4 alone', ['--keytab', rc4]),
                    ('... with AES128 alone', ['--keytab', aes128]), ('an NT hash', ['-H', nt])):
    healthy(name + ', and a KDC that takes every type', '-u', USER, *proof, '-k', NAME)
for types in ('arcfour-hmac', 'aes256-cts-hmac-sha1-96'):
    path = os.path.join(TMP, types + '.conf')
    with open(path, 'w') as file:
        file.write('[libdefaults]\n    permitted_enctypes = %s\n' % types)
    os.environ['KRB5_CONFIG'], kept = path, os.environ['KRB5_CONFIG']
    healthy('krb5.conf permits %s alone, which is nothing to us' % types, *CAROL, NAME)
    os.environ['KRB5_CONFIG'] = kept

# ---- a service whose key table lacks the type of the ticket ----
with served(keytab(names['MB_KEYTAB'], 'mb-rc4.keytab', RC4)):
    ill('a service without AES keys', [*CAROL, MB], 'KRB.TICKET_REFUSED', 4, 40, 'pppf', 1396,
        ['host/' + MB, 'encryption type'])

# ---- a KDC that takes no RC4 ----
with fault('dc-setting', AES_ALONE):
    path = TMP + '/as.pcap'
    with recorded(path):
        refused('an NT hash', ['-u', USER, '-H', nt, '-k', NAME], USER, 'AS')
    eq(error_codes(path), {14}, 'the KDC says KDC_ERR_ETYPE_NOSUPP to the AS-REQ')
    refused('a key table with RC4 alone', ['-u', USER, '--keytab', rc4, '-k', NAME], USER, 'AS')
    healthy('... with AES128 alone', '-u', USER, '--keytab', aes128, '-k', NAME)
    run = msrpc('diagnose', '--json', '-u', USER, '-H', nt, NAME)
    found = {x['id']: x for x in run.json['findings']}
    ok(run.code == 1 and 'KDC_ERR_ETYPE_NOSUPP' in found.get('AUTH.FALLBACK', {}).get('cause', ''),
       'Negotiate goes on with NTLM, and tells why', run)
    found = msrpc('diagnose', '--json', '-u', USER, '-H', nt, '-k', NAME).json['findings']
    text = str([x['remedies'] for x in found if x['id'] == 'KRB.NO_ETYPE'])
    eq([x for x in REMEDIES if x not in text], [], 'remedies: the account, the key, the KDC')

    # another client: MIT's kinit
    path = TMP + '/kinit.pcap'
    with open(TMP + '/kinit.conf', 'w') as file:
        file.write(CLIENT % DC)
    with recorded(path):
        on('client', 'sh', '-c', 'echo "$0" | KRB5_CONFIG="$1" kinit -c "$2" "$3"', PASSWORD,
           TMP + '/kinit.conf', TMP + '/none', USER, check=False)
    run = msrpc('trace', '--json', path)
    eq((run.code, accused(run.json)), (40, {'KRB.NO_ETYPE'}), "trace says it of kinit's request", run)

    with served(names['MB_KEYTAB']):
        types_of('mb$', 4)
        path = TMP + '/tgs.pcap'
        with recorded(path):
            refused('a service with RC4 alone', [*CAROL, MB], 'host/' + MB, 'TGS')
        eq(error_codes(path) - {25, 52}, {14}, 'the KDC says KDC_ERR_ETYPE_NOSUPP to the TGS-REQ')
        refused('... and NTLM in its place is not taken', ['-u', USER, '-p', PASSWORD, MB],
                'host/' + MB, 'TGS')
        types_of('mb$', 8)
        healthy('a service with AES128 alone', *CAROL, MB)
    on('dc1', 'pdbedit', '-s', CONF, '-u', 'carol', '--set-nt-hash=' + nt)
    refused('an account without AES keys', [*CAROL, NAME], USER, 'AS')
    samba_tool('user', 'setpassword', 'carol', '--newpassword=' + PASSWORD)
    healthy('... whose password is set again', *CAROL, NAME)
with fault('dc-setting', AES_ALONE, 'kdc default domain supported enctypes = arcfour-hmac-md5'), \
        served(names['MB_KEYTAB']):
    types_of('mb$', None)
    refused('a service without a word about types, for which the domain has RC4', [*CAROL, MB],
            'host/' + MB, 'TGS')
types_of('mb$', ALL)
samba_tool('user', 'delete', 'carol')
healthy('the domain controller afterwards', NAME)
done()

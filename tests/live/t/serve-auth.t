#!/usr/bin/python3 -B
"""msrpc serve with a key table and a file of accounts: Kerberos and Negotiate, at every level each
client has: one of the library, rpcclient, Samba's Python bindings and impacket; who the server says
they are; what becomes of tickets it has no key for."""
import concurrent.futures
import os
import re

from matrix import *
from tap import *

HERE, NAME, REALM = names['MB_CLIENT_IP'], names['MB_NAME'], names['REALM']
USER, PASSWORD = 'alice', names['ALICE_PASSWORD']
TMP = names['TEST_TMP']
USERS, LOG, CACHE = (os.path.join(TMP, x) for x in ('users', 'log', 'cache'))
PEERS = os.path.join(names['LIVE_DIR'], 'peers')
MECHS = ('krb5', 'krb5-rc4', 'spnego-ntlm', 'spnego-krb5')
RPCCLIENT = {'connect': 'connect', 'packet': 'packet', 'integrity': 'sign', 'privacy': 'seal'}
KERBEROS = 'env', 'KRB5_CONFIG=' + names['KRB5_CONFIG']


TICKET = ('--use-krb5-ccache=FILE:' + CACHE,)


def given(password):
    return '--use-kerberos=off', '-ULAB\\%s%%%s' % (USER, password)


def rpcclient(mech, level, *who):
    text = tried(*KERBEROS, 'KRB5CCNAME=FILE:' + CACHE, 'rpcclient', '-s', names['LAB_SMBCONF'], *who,
                 'ncacn_ip_tcp:%s[%s,%s]' % (NAME, mech, RPCCLIENT[level]), '-c',
                 'echoaddone 41; echodata 8; echodata 20000')
    return text.strip()


def peer(program, host, domain, *args, cache='FILE:' + CACHE):
    text = tried(*KERBEROS, 'KRB5CCNAME=' + cache, '/usr/bin/python3', '-B',
                 os.path.join(PEERS, program), host, USER, PASSWORD, domain, *args)
    return dict(line.split(': ', 1) if ': ' in line else (line, '') for line in text.splitlines())


def good(name, run, count):
    for cell, said in run.result().items():
        eq(said, 'good', '%s: %s' % (name, cell))
    eq(len(run.result()), count, name + ': every cell')


def served(*more, log='debug'):
    command = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --interface rpcecho@49152 '
               '--log %s --keytab "$MB_KEYTAB" %s 2>%s' % (log, ' '.join(more), LOG))
    return background('mb', 'sh', '-c', command)


def clients(pool):
    args = '-e', '-p', '49152', HERE, NAME, 'LAB\\' + USER, PASSWORD, names['DC_IP']
    own = pool.submit(logon, '-k', 'plain,small,large,unverified', *args, parts=MECHS)
    samba = pool.submit(peer, 'samba_echo.py', NAME, 'LAB', names['LAB_SMBCONF'], 'krb5',
                        'spnego-krb5', 'spnego-ntlm')
    impacket = pool.submit(peer, 'impacket_echo.py', NAME, REALM, 'spnego-krb5', cache=CACHE)
    tools = {(mech, level, who): pool.submit(rpcclient, mech, level, *who)
             for level in RPCCLIENT for mech, who in (('krb5', TICKET), ('spnego', TICKET),
                                                      ('spnego', given(PASSWORD)))}
    return own, samba, impacket, tools


def matrix():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        own, samba, impacket, tools = clients(pool)
        judge('msrpc serve', own.result(),
              expected(MECHS, ('plain', 'small', 'large', 'unverified')))
        for (mech, level, who), run in tools.items():
            eq(run.result(), '41 + 1 = 42', 'rpcclient: %s %s, %s' % (
                mech, level, 'a ticket' if who == TICKET else 'a password'))
        good("Samba's bindings", samba, 180)
        good('impacket', impacket, 12)


def logged(pattern):
    with open(LOG) as file:
        return re.search(pattern, file.read(), re.M)


def ticket():
    """A ticket in CACHE, of the service too: impacket's own way to it is not the KDC's."""
    text = tried(*KERBEROS, 'KRB5CCNAME=FILE:' + CACHE, 'sh', '-c',
                 'kinit %s@%s && kvno -q host/%s@%s' % (USER, REALM, NAME, REALM),
                 stdin=PASSWORD + '\n')
    ok(os.path.exists(CACHE), 'a ticket', text)


ticket()
with open(USERS, 'w') as file:
    file.write('LAB\\%s:%s\n' % (USER, PASSWORD))
with served('--users', USERS):
    matrix()
with served('--users', USERS):
    eq(rpcclient('krb5', 'privacy', *TICKET), '41 + 1 = 42', 'a call by Kerberos')
    ok(logged(r'as LAB\\alice S-1-5-21-\d+-\d+-\d+-\d{4} by kerberos$'),
       'its caller is known by account, domain and SID', open(LOG).read())
    rpcclient('spnego', 'privacy', *TICKET)
    ok(logged(r'as LAB\\alice S-1-5-21-\d+-\d+-\d+-\d{4} by Negotiate$'),
       '... by Negotiate too', open(LOG).read())
with served('--users', USERS, log='notice'):
    ok('STATUS' in rpcclient('spnego', 'privacy', *given('Wrong.Pw1')), 'a wrong password')
    ok(logged('not logged on: .*password'), '... of which the log tells', open(LOG).read())
with served(log='notice'):      # a key table alone
    eq(rpcclient('spnego', 'integrity', *TICKET), '41 + 1 = 42',
       'without accounts: Negotiate with a ticket')
    ok('STATUS' in rpcclient('spnego', 'integrity', *given(PASSWORD)),
       '... and not with a password')
OTHER = os.path.join(TMP, 'other.keytab')
with open(names['MB_KEYTAB'], 'rb') as file:
    keys = bytearray(file.read())
keys[-1] ^= 1       # of its last entry
for at in range(len(keys) - 40):
    if keys[at:at + 4] in (b'\x00\x12\x00\x20', b'\x00\x11\x00\x10'):
        keys[at + 4] ^= 1
with open(OTHER, 'wb') as file:
    file.write(keys)
os.environ['MB_KEYTAB'] = OTHER
with served(log='notice'):
    ok('STATUS' in rpcclient('krb5', 'privacy', *TICKET), 'a ticket for another key is refused')
    ok(logged('not logged on: Kerberos: .*kvno 2 .*cannot decrypt'), '... and the log says why',
       open(LOG).read())
done()

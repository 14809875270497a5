#!/usr/bin/python3 -B
"""Clients against msrpc serve, which checks passwords from a file and opens tickets with a key table:
one of the library, by every mechanism, and by NTLM rpcclient, Samba's Python bindings and impacket
(by Kerberos and Negotiate they are in serve-auth.t); every level, stubs of one fragment and several."""
import concurrent.futures
import os

from matrix import *
from tap import *

HERE, NAME, KDC = names['MB_CLIENT_IP'], names['MB_NAME'], names['DC_IP']
USER, PASSWORD = 'LAB\\alice', names['ALICE_PASSWORD']
USERS = os.path.join(names['TEST_TMP'], 'users')
PEERS = os.path.join(names['LIVE_DIR'], 'peers')
OWN = KINDS + ('ndr64',)
WRONG = [('ntlm * * * *', 'the server answered with fault 0x00000005',
          'a wrong password: auth3 has no answer, the first request has'),
         ('spnego-ntlm * * * *', 'the server answered with fault 0x0000[0-9]*',
          'a wrong password: the answer to the alter_context')]
# What each client calls a level; none of them has all.
RPCCLIENT = {'connect': 'connect', 'packet': 'packet', 'integrity': 'sign', 'privacy': 'seal'}
SIZES = ('8', '256', '20000')


def rpcclient(mech, level):
    """echodata compares what comes back and says only where it differs."""
    calls = '; '.join('echodata ' + size for size in SIZES)
    text = tried('rpcclient', '-s', names['LAB_SMBCONF'], '-U', USER + '%' + PASSWORD,
                 'ncacn_ip_tcp:%s[%s,%s]' % (HERE, mech, RPCCLIENT[level]), '-c',
                 'echoaddone 41; ' + calls)
    return text.strip()


def peer(program, *args):
    """A line per cell: "CELL: 42" """
    text = tried('/usr/bin/python3', '-B', os.path.join(PEERS, program), HERE, 'alice', PASSWORD,
                 'LAB', *args)
    return dict(line.split(': ', 1) if ': ' in line else (line, '') for line in text.splitlines())


with open(USERS, 'w') as file:
    file.write('# accounts\n%s:%s\n' % (USER, PASSWORD))
COMMAND = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --interface rpcecho@49152 '
           '--keytab "$MB_KEYTAB" --users ' + USERS)
OURS = '-e', '-p', '49152', HERE
with background('mb', 'sh', '-c', COMMAND), concurrent.futures.ThreadPoolExecutor(4) as pool:
    own = pool.submit(logon, '-k', ','.join(OWN), *OURS, NAME, USER, PASSWORD, KDC)
    wrong = pool.submit(logon, '-k', 'plain', *OURS, '-', USER, 'Wrong.Pw1',
                        parts=('ntlm', 'spnego-ntlm'))
    samba = pool.submit(peer, 'samba_echo.py', names['LAB_SMBCONF'], 'ntlm')
    impacket = pool.submit(peer, 'impacket_echo.py', 'ntlm')
    tools = {level: pool.submit(rpcclient, 'ntlm', level) for level in RPCCLIENT}
    judge('msrpc serve', own.result(), expected(kinds=OWN))
    judge('msrpc serve', wrong.result(), expected(('ntlm', 'spnego-ntlm'), ('plain',)), WRONG)
    for level, run in tools.items():
        eq(run.result(), '41 + 1 = 42', 'rpcclient: ntlm ' + level)
    for name, run, cells in (("Samba's bindings", samba, 60), ('impacket', impacket, 18)):
        for cell, said in run.result().items():
            eq(said, 'good', '%s: %s' % (name, cell))
        eq(len(run.result()), cells, name + ': every cell')
done()

#!/usr/bin/python3 -B
"""Clients against msrpc serve, which checks passwords from a file: one of the library, rpcclient,
Samba's Python bindings and impacket; every mechanism and level each of them has, stubs of one
fragment and of several."""
import concurrent.futures
import os

from matrix import *
from tap import *

HERE = names['MB_CLIENT_IP']
USER, PASSWORD = 'LAB\\alice', names['ALICE_PASSWORD']
USERS = os.path.join(names['TEST_TMP'], 'users')
PEERS = os.path.join(names['LIVE_DIR'], 'peers')
OWN = KINDS + ('ndr64',)
WRONG = [('* * * * *', 'the server answered with fault 0x00000005', 'a wrong password')]
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
           '--users ' + USERS)
OURS = '-e', '-p', '49152', HERE, '-', USER
with background('mb', 'sh', '-c', COMMAND), concurrent.futures.ThreadPoolExecutor(4) as pool:
    own = pool.submit(logon, '-k', ','.join(OWN), *OURS, PASSWORD, parts=('ntlm',))
    wrong = pool.submit(logon, '-k', 'plain', *OURS, 'Wrong.Pw1', parts=('ntlm',))
    samba = pool.submit(peer, 'samba_echo.py', names['LAB_SMBCONF'], 'ntlm')
    impacket = pool.submit(peer, 'impacket_echo.py', 'ntlm')
    tools = {level: pool.submit(rpcclient, 'ntlm', level) for level in RPCCLIENT}
    judge('msrpc serve', own.result(), expected(('ntlm',), OWN))
    judge('msrpc serve', wrong.result(), expected(('ntlm',), ('plain',)), WRONG)
    for level, run in tools.items():
        eq(run.result(), '41 + 1 = 42', 'rpcclient: ntlm ' + level)
    for name, run, cells in (("Samba's bindings", samba, 60), ('impacket', impacket, 18)):
        for cell, said in run.result().items():
            eq(said, 'good', '%s: %s' % (name, cell))
        eq(len(run.result()), cells, name + ': every cell')
done()

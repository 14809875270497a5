#!/usr/bin/python3 -B
"""msrpc serve on a member of the domain, whose winbindd judges who logs on."""
import os
import re
import subprocess

from tap import *

LOG = os.path.join(names['TEST_TMP'], 'log')
PORT = '49300'      # the member's own Samba has those below
SAMBA = r"""
import sys
from samba import NTSTATUSError
from samba.credentials import Credentials, DONT_USE_KERBEROS
from samba.dcerpc import echo
from samba.param import LoadParm
lp = LoadParm()
lp.load(sys.argv[1])
c = Credentials()
c.guess(lp)
c.set_username(sys.argv[3]), c.set_password(sys.argv[4]), c.set_domain('LAB')
c.set_kerberos_state(DONT_USE_KERBEROS)
try:
    print(echo.rpcecho('ncacn_ip_tcp:%s[%s]' % (sys.argv[2], sys.argv[5]), lp, c).AddOne(41))
except NTSTATUSError as error:
    print('%08x' % error.args[0])
"""


def asked(user, password, options):
    text = on('client', 'timeout', '30', '/usr/bin/python3', '-B', '-c', SAMBA,
              names['LAB_SMBCONF'], names['MEM_IP'], user, password, PORT + ',' + options)
    return text.split()[-1]


def logged(pattern):
    with open(LOG) as file:
        text = file.read()
    ok(re.search(pattern, text, re.M), 'the log: ' + pattern, text)


run = msrpc('serve', '--check-config', '--users', 'winbind:')
ok(run.code == 69 and 'winbind' in run.err, 'where there is no winbindd', run)
subprocess.run([names['LAB'], 'member', 'on'], check=True, stdout=subprocess.DEVNULL)
COMMAND = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 10135 --log debug --users winbind: '
           '--interface rpcecho@%s 2>%s' % (PORT, LOG))
with background('mem', 'sh', '-c', COMMAND):
    for mech in 'ntlm', 'spnego':
        for level in 'connect', 'packet', 'sign', 'seal':
            eq(asked('alice', names['ALICE_PASSWORD'], mech + ',' + level), '42',
               '%s, %s' % (mech, level))
    logged(r'as LAB\\alice S-1-5-21-\d+-\d+-\d+-\d{4} by NTLM$')
    eq(asked('alice', 'Wrong.Pw1', 'ntlm,seal'), 'c0000022', 'a wrong password')
    logged('not logged on: winbind: NT_STATUS_WRONG_PASSWORD')
    eq(asked('nobody', 'x', 'spnego,seal'), 'c000006d', 'an account that is not there')
    logged('not logged on: winbind: NT_STATUS_NO_SUCH_USER')
subprocess.run([names['LAB'], 'member', 'off'], check=True)
done()

#!/usr/bin/python3 -B
"""NTLM: a client of the library against Samba and msrpc serve, rpcclient, impacket and Samba's
Python bindings against msrpc serve, at every level."""
import os
import subprocess

from tap import *

LOGON = os.path.join(os.path.dirname(os.path.realpath(names['MSRPC'])), '../../tests/live/logon')
HERE = names['MB_CLIENT_IP']
USER, PASSWORD = 'LAB\\alice', names['ALICE_PASSWORD']
USERS = os.path.join(names['TEST_TMP'], 'users')
CELLS = [(level, sign, kind) for level in ('connect', 'call', 'packet', 'integrity', 'privacy')
         for sign in ('bare', 'sign') for kind in ('plain', 'small', 'large', 'unverified')]
IMPACKET = r"""
import sys
from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import ULONG
from impacket.dcerpc.v5.ndr import NDRCALL
from impacket.uuid import uuidtup_to_bin
class AddOne(NDRCALL):
    opnum = 0
    structure = (('in_data', ULONG),)
class AddOneResponse(NDRCALL):
    structure = (('out_data', ULONG),)
host, password, level, size = sys.argv[1:]
t = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[49152]' % host)
t.set_credentials('alice', password, 'LAB')
dce = t.get_dce_rpc()
dce.set_auth_level(int(level))
dce.connect()
dce.bind(uuidtup_to_bin(('60a15ec5-4de8-11d7-a637-005056a20182', '1.0')))
if int(size):
    dce.set_max_fragment_size(int(size))
call = AddOne()
call['in_data'] = 41
dce.call(0, call)
print(AddOneResponse(dce.recv())['out_data'])
"""
SAMBA = r"""
import sys
from samba.credentials import Credentials
from samba.dcerpc import echo
from samba.param import LoadParm
lp = LoadParm()
lp.load(sys.argv[1])
c = Credentials()
c.guess(lp)
c.set_username('alice'), c.set_password(sys.argv[3]), c.set_domain('LAB')
print(echo.rpcecho('ncacn_ip_tcp:%s[49152,ntlm,%s]' % (sys.argv[2], sys.argv[4]), lp, c).AddOne(41))
"""


def tried(*command):
    return subprocess.run([names['LAB'], 'exec', 'client', 'timeout', '30', *command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', check=False).stdout


def logon(host, port, password):
    text = tried(LOGON, host, port, USER, password)
    return dict(line.split(': ', 1) for line in text.splitlines() if ': ' in line)


def against(what, host, port, refused=None):
    """All cells but those of the level call, which Samba does not know, are good."""
    got = logon(host, port, PASSWORD)
    for cell in CELLS:
        want = refused if refused and cell[0] == 'call' else 'good'
        eq(got.get(' '.join(cell)), want, '%s: %s' % (what, ' '.join(cell)))


against('Samba DC', names['DC_IP'], '135', 'the server rejected the bind (reason 9)')
with open(USERS, 'w') as file:
    file.write('# accounts\n%s:%s\n' % (USER, PASSWORD))
COMMAND = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --interface rpcecho@49152 --users ' + USERS
with background('mb', 'sh', '-c', COMMAND):
    against('msrpc serve', HERE, '49152')
    got = logon(HERE, '49152', 'Wrong.Pw1')
    eq(set(got.values()), {'the server answered with fault 0x00000005'}, 'a wrong password')
    for level in 'connect', 'packet', 'sign', 'seal':
        text = tried('rpcclient', '-s', names['LAB_SMBCONF'], '-U', USER + '%' + PASSWORD,
                     'ncacn_ip_tcp:%s[ntlm,%s]' % (HERE, level), '-c', 'echoaddone 41')
        eq(text.strip(), '41 + 1 = 42', 'rpcclient: ' + level)
    for level in '2', '5', '6':  # of the levels between it sends no verifiers
        for size in '0', '8':
            text = tried('/usr/bin/python3', '-B', '-c', IMPACKET, HERE, PASSWORD, level, size)
            eq(text.strip(), '42', 'impacket: level %s, fragments of %s' % (level, size))
    for options in ('connect', 'packet', 'sign', 'seal', 'seal,bigendian', 'sign,padcheck'):
        text = tried('/usr/bin/python3', '-B', '-c', SAMBA, names['LAB_SMBCONF'], HERE, PASSWORD,
                     options)
        eq(text.strip(), '42', "Samba's bindings: " + options)
done()

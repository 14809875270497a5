#!/usr/bin/python3 -B
"""What a logon at Samba leaves in the memory of a run: nothing of the secret or of the keys made of
it, by every mechanism and proof."""
import os
import subprocess
import sys

from tap import *

sys.path.insert(0, os.path.join(os.environ['LIVE_DIR'], '..', 'cli'))
import remains

DC, IP, SECRET = names['DC_NAME'], names['DC_IP'], names['ALICE_PASSWORD']
MACHINE, MACHINE_NT = names['MB_PASSWORD'], 'a5789d4238cba3c0a4a61187986edf91'
KEYTAB = os.path.join(names['TEST_TMP'], 'alice.keytab')
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
SAM = os.path.join(names['LAB_STATE'], 'dc1', 'private', 'sam.ldb')
NETNS = os.path.join('/run/netns', names['NS_CLIENT'])
USER = ['-u', 'alice@LAB.TEST']
HERE = ['--target-ip', IP, '--dc-ip', IP]

on('dc1', 'samba-tool', 'domain', 'exportkeytab', KEYTAB, '--principal=alice@LAB.TEST', '-s', CONF)
listed = subprocess.run(['klist', '-K', '-e', '-k', KEYTAB], stdout=subprocess.PIPE, text=True,
                        check=True).stdout
keys = {}
for line in listed.splitlines():
    if '(0x' in line:
        keys[line.split('(')[1].split('-')[0].split(':')[-1]] = line.split('(0x')[1].rstrip(')')
aes, nt = keys['aes256'], keys['arcfour']
# the target's name does stay: the search finds what is there
needles = {DC: DC.encode(), 'the password': SECRET.encode(),
           'the password in UTF-16': SECRET.encode('utf-16-le'),
           "the machine's": MACHINE.encode(), "the machine's in UTF-16": MACHINE.encode('utf-16-le'),
           **remains.in_hexadecimal((*keys.values(), MACHINE_NT))}
for name in [name for name, value in os.environ.items() if SECRET in value or MACHINE in value]:
    del os.environ[name]  # the lab's own words
ok(len(keys) >= 3, 'the keys of alice', listed)


def leaves_nothing(name, *args):
    code, found, said = remains.find(names['MSRPC'], args, needles, netns=NETNS)
    secrets = [x for x in found if x[0] != DC]
    ok(code in (0, 1) and len(found) > len(secrets) and not secrets, 'nothing is left: ' + name,
       code, *secrets, said)


for name, proof in [('Kerberos, a password', ['-k', '-p', SECRET]),
                    ('Kerberos, an AES key', ['-k', '--aes-key', aes]),
                    ('Kerberos, a hash', ['-k', '-H', nt]),
                    ('Kerberos, a keytab', ['-k', '--keytab', KEYTAB]),
                    ('Negotiate, a password', ['-p', SECRET]),
                    ('NTLM, a password', ['--auth', 'ntlm', '-p', SECRET]),
                    ('NTLM, a hash', ['--auth', 'ntlm', '-H', nt])]:
    leaves_nothing(name, 'ping', *HERE, *USER, *proof, '--count', '1', '-i', 'samr', DC)
for command in 'map', 'interfaces', 'diagnose':
    leaves_nothing(command, command, *HERE, *USER, '-k', '-p', SECRET, DC)
leaves_nothing('Netlogon', 'ping', *HERE, '-u', 'LAB\\mb$', '-p', MACHINE, '--auth', 'netlogon', '--count', '1',
               '-i', 'netlogon', DC)
leaves_nothing('ping --matrix', 'ping', '--matrix', *HERE, *USER, '-p', SECRET, '-i', 'samr', DC)
done()

#!/usr/bin/python3 -B
"""What runs leave in their memory of secrets: nothing, whichever way these came in. Searched for is
each as it was given, in UTF-16, and as the keys made of it."""
import os
import signal
import socket
import struct
import tempfile
import threading

import remains
from cli import *

SECRET = 'Zeh.Geheim-77q'
NT = '8ca8fb0fdde34f12d92797ec97924028'  # of SECRET
# RFC 3962 of SECRET, salted with LAB.TESTkontrolle
AES = 'ed5492294032e037c27b774b3cf342687ec475f4e2cd0b64dce0267ec8ae14a2'
CONTROL = 'kontrolle'  # a user's name, which does stay: the search finds what is there
USER = 'LAB\\' + CONTROL
SEALED = os.path.join(SOURCE, 'tests/captures/sealed')

def leaves_nothing(name, codes, *args, hexes=(), control=CONTROL, **more):
    """@hexes: keys in hexadecimal, beside SECRET and what is made of it."""
    needles = {CONTROL: control.encode(), 'the password': SECRET.encode(),
               'the password in UTF-16': SECRET.encode('utf-16-le'),
               **remains.in_hexadecimal((NT, AES, *hexes))}
    code, found, said = remains.find(MSRPC, args, needles, **more)
    secrets = [x for x in found if x[0] != CONTROL]
    ok(code in codes and len(found) > len(secrets) and not secrets, 'nothing is left: ' + name,
       code, 'control found %d times' % (len(found) - len(secrets)), *secrets, said)


work = tempfile.TemporaryDirectory()


def put(name, text):
    path = os.path.join(work.name, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


# ---- accounts of commands that ask ----

users = put('users', '%s:%s\n' % (USER, SECRET))
file = put('password', SECRET + '\n')
line = SECRET.encode() + b'\n'
with Server('--users', users, '--interface', 'rpcecho') as server:
    at = '127.0.0.1:%d' % server.mapper
    word = '%s:%s@%s' % (USER.replace('\\', '/'), SECRET, at)
    targets = put('targets', word + '\n' + word + '\n')
    for name, args, more in [
            ('-p', ['map', '-u', USER, '-p', SECRET, at], {}),
            ('-p, said twice', ['map', '-u', USER, '-p', SECRET, '-p', SECRET, at], {}),
            ('--password=', ['map', '-u', USER, '--password=' + SECRET, at], {}),
            ('-U', ['map', '-U', '%s%%%s' % (USER, SECRET), at], {}),
            ('a target word', ['map', word], {}),
            ('two target words', ['map', word, word], {}),
            ('--targets', ['map', '--targets', targets], {}),
            ('--targets -', ['map', '--targets', '-'], {'stdin': word.encode()}),
            ('--password-file', ['map', '-u', USER, '--password-file', file, at], {}),
            ('--password-file -', ['map', '-u', USER, '--password-file', '-', at],
             {'stdin': line}),
            ('the prompt', ['map', '-u', USER, at], {'typed': line}),
            ('-p -', ['map', '-u', USER, '-p', '-', at], {'typed': line}),
            ('-H', ['map', '-u', USER, '-H', NT, at], {}),
            ('-hashes', ['map', '-u', USER, '-hashes', 'aad3b435b51404eeaad3b435b51404ee:' + NT,
                         at], {}),
            ('NTLM', ['map', '--auth', 'ntlm', '-u', USER, '-p', SECRET, at], {}),
            ('ping', ['ping', word, '--count', '1'], {}),
            ('call', ['call', word, 'mgmt.inq_if_ids'], {}),
            ('interfaces', ['interfaces', word], {}),
            ('range --of', ['range', '--of', word], {}),
            ('ping --matrix', ['ping', '--matrix', word], {}),
            ('rpcping', ['rpcping', '-s', '127.0.0.1', '-e', str(server.mapper), '-u', 'ntlm',
                         '-a', 'privacy', '-I', '%s,LAB,%s' % (CONTROL, SECRET)], {}),
            ('diagnose', ['diagnose', word], {})]:
        leaves_nothing(name, [0, 1], *args, **more)
    leaves_nothing('a hash that is refused', [40], 'map', '-u', USER, '-H', '5' * 32, at,
                   hexes=['5' * 32])
leaves_nothing('no server', [20], 'map', '-u', USER, '-p', SECRET, '127.0.0.1:9')
leaves_nothing('two proofs', [64], 'map', '-u', USER, '-p', SECRET, '-H', NT, at)
leaves_nothing('two hosts, one of them wrong', [64], 'map', '-u', USER, word, 'a/b')
leaves_nothing('a forgotten host', [64], 'map', '-u', USER, 'LAB/alice:' + SECRET)

# ---- Kerberos ----


def der(tag, *parts):
    octets = b''.join(parts)
    return bytes([tag]) + (bytes([len(octets)]) if len(octets) < 128 else
                           b'\x82' + struct.pack('>H', len(octets))) + octets


def number(field, value):
    return der(0xa0 + field, der(2, bytes([value])))


def text(field, value, tag=0x1b):
    return der(0xa0 + field, der(tag, value if isinstance(value, bytes) else value.encode()))


def krb_error(code, data=b''):
    """RFC 4120 5.9.1"""
    return der(0x7e, der(0x30, number(0, 5), number(1, 30), text(4, '20261122000000Z', 0x18),
                         number(5, 0), number(6, code), text(9, 'LAB.TEST'),
                         der(0xaa, der(0x30, number(0, 2), der(0xa1, der(
                             0x30, der(0x1b, b'krbtgt'), der(0x1b, b'LAB.TEST'))))),
                         text(12, data, 4) if data else b''))


# AES256 with this salt, and an encrypted time stamp (RFC 4120 5.2.7)
METHODS = der(0x30, der(0x30, number(1, 19), text(2, der(0x30, der(
    0x30, number(0, 18), text(1, 'LAB.TEST' + CONTROL))), 4)),
    der(0x30, number(1, 2), text(2, b'', 4)))


def kdc(sock):
    """Asks for proof, and refuses it."""
    for code, data in (25, METHODS), (24, b''):
        _, peer = sock.recvfrom(4096)
        sock.sendto(krb_error(code, data), peer)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    try:
        sock.bind(('127.8.8.88', 88))
    except OSError as error:
        skip('nothing is left: Kerberos', 'port 88: %s' % error)
    else:
        for name, args in [('-p', ['-p', SECRET]), ('--aes-key', ['--aes-key', AES])]:
            thread = threading.Thread(target=kdc, args=(sock,))
            thread.start()
            with Server('--interface', 'rpcecho') as server:
                leaves_nothing('Kerberos with ' + name, [40], 'map', '-k', '-u',
                               CONTROL + '@LAB.TEST', '--dc-ip', '127.8.8.88', *args,
                               'localhost:%d' % server.mapper)
            thread.join()

# ---- accounts of those who listen ----

for name, stop in ('serve --users', signal.SIGTERM), ('serve --users, read again', signal.SIGHUP):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]

    def visit(pid):
        while Run('map', '-u', USER, '-p', SECRET, '127.0.0.1:%d' % port).code:
            pass
        if stop == signal.SIGHUP:
            os.kill(pid, stop)
            Run('map', '-u', USER, '-p', SECRET, '127.0.0.1:%d' % port)
        os.kill(pid, signal.SIGTERM)
    leaves_nothing(name, [0], 'serve', '--users', users, '--mapper', '127.0.0.1:%d' % port,
                   '--bind', '127.0.0.1', meanwhile=visit)


def look(pid):
    """A stranger comes; then it is over."""
    while Run('map', '127.0.0.1:%d' % port).code not in (0, 30):
        pass
    os.kill(pid, signal.SIGTERM)


with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
keytab = os.path.join(SEALED, 'dc1.keytab')
# dc1's keys of the recordings
DC1 = ['7b065f8472047586fe0c1b038ea761d9f0422daa416adfc218a093170b22c8c6',
       'b82f0c3238b89dadeb7257bf6631f0bb', '7ca289daaf15141da7fecba41722bd56']
leaves_nothing('serve --keytab', [0], 'serve', '--keytab', keytab, '--mapper',
               '127.0.0.1:%d' % port, '--bind', '127.0.0.1', control=keytab, hexes=DC1,
               meanwhile=look)
# alice's password and hash, dc1's keys of the recordings
ALICE, ALICE_NT = 'Alice.Pw1', '2eda325cb2db9c0da925efa2e426385d'
for name, capture, args in [
        ('trace -H', 'ntlm', ['-H', 'LAB\\alice:' + ALICE_NT]),
        ('trace -p', 'ntlm', ['-u', 'LAB\\alice', '-p', ALICE]),
        ('trace --users', 'ntlm', ['--users', os.path.join(SEALED, 'accounts')]),
        ('trace --keytab', 'kerberos-aes256', ['--keytab', os.path.join(SEALED, 'dc1.keytab')]),
        ('trace, a machine', 'netlogon', ['--users', os.path.join(SEALED, 'accounts')])]:
    capture = os.path.join(SEALED, capture + '-privacy.pcap.gz')
    leaves_nothing(name, [0, 1], 'trace', capture, *args, control=capture,
                   hexes=[ALICE_NT, ALICE.encode().hex(), ALICE.encode('utf-16-le').hex(),
                          'a5789d4238cba3c0a4a61187986edf91', *DC1])
done()

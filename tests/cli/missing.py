#!/usr/bin/python3 -B
"""A machine without the libraries that logons need, and a ticket that no PDU can hold: each is told
as what it is, with an exit code of its own."""
import os
import struct
import tempfile
import time

from cli import *

USER, SECRET = 'LAB\\alice', 'Sec.ret1-kept'
ACCOUNT = ['-u', USER, '-p', SECRET]
work = tempfile.TemporaryDirectory()
users = os.path.join(work.name, 'users')
with open(users, 'w') as file:
    file.write('%s:%s\n' % (USER, SECRET))


def without(library):
    """A file of this name that is no library is found first."""
    folder = os.path.join(work.name, library)
    os.mkdir(folder)
    open(os.path.join(folder, library), 'w').close()
    return {'LD_LIBRARY_PATH': folder}


def text(octets):
    return struct.pack('>I', len(octets)) + octets


def principal(realm, *names):
    return struct.pack('>II', 2, len(names)) + b''.join(text(x.encode()) for x in (realm, *names))


def der(tag, octets):
    return bytes([tag, 0x84]) + struct.pack('>I', len(octets)) + octets


def ticket(realm, names, size):
    """RFC 4120 5.3; nobody but the service would open what is sealed in it."""
    number = lambda n: der(2, bytes([n]))
    strings = lambda *xs: b''.join(der(0x1b, x.encode()) for x in xs)
    name = der(0x30, der(0xa0, number(2)) + der(0xa1, der(0x30, strings(*names))))
    sealed = der(0x30, der(0xa0, number(18)) + der(0xa2, der(4, bytes(size))))
    return der(0x61, der(0x30, der(0xa0, number(5)) + der(0xa1, strings(realm)) + der(0xa2, name) +
                         der(0xa3, sealed)))


def cache(path, realm, names, size):
    """A file of version 4 with one service's ticket."""
    now = int(time.time())
    alice = principal(realm, 'alice')
    key = struct.pack('>H', 18) + text(bytes(32))
    times = struct.pack('>IIII', now - 60, now - 60, now + 3600, 0)
    with open(path, 'wb') as out:
        out.write(b'\x05\x04\0\0' + alice)
        for server in ('krbtgt', realm), names:
            out.write(alice + principal(realm, *server) + key + times + b'\0' + bytes(4) + bytes(8) +
                      text(ticket(realm, server, size)) + text(b''))


def commands(port):
    target = 'localhost:%d' % port
    return (('ping', ['ping', target, '-i', 'rpcecho']),
            ('call', ['call', target, 'rpcecho.echo_AddOne', '{"in_data":1}']))


with Server('--users', users) as server:
    port = Run('ping', '127.0.0.1', '--mapper-port', str(server.mapper), '-i', 'rpcecho', '--json').json()['port']
    crypto, kerberos = without('libcrypto.so.3'), without('libgssapi_krb5.so.2')
    for name, args in (*commands(port), ('map', ['map', 'localhost:%d' % server.mapper])):
        for auth in 'ntlm', 'negotiate':
            run = Run(*args, *ACCOUNT, '--auth', auth, env=crypto)
            ok(run.code == 69 and 'libssl3' in run.err, '%s by %s without libcrypto' % (name, auth), run)
        run = Run(*args, *ACCOUNT, '--auth', 'kerberos', '--realm', 'X.TEST', env=kerberos)
        ok(run.code == 69 and 'libgssapi-krb5-2' in run.err, name + ' by Kerberos without MIT krb5', run)
        run = Run(*args, '-k', env=kerberos)
        ok(run.code == 69 and 'libgssapi-krb5-2' in run.err and 'kinit' not in run.err,
           name + ' with a ticket without MIT krb5', run)
        eq(Run(*args, *ACCOUNT, '--auth', 'ntlm', env=kerberos).code, 0, name + ' by NTLM does without it')
        run = Run(*args, env={'LD_LIBRARY_PATH': ':'.join(x['LD_LIBRARY_PATH'] for x in (crypto, kerberos))})
        eq(run.code, 0, name + ' without an account needs neither', run)
    run = Run('ping', 'localhost:%d' % port, '-i', 'rpcecho', *ACCOUNT, '--auth', 'ntlm', '--json', env=crypto)
    eq((run.code, [f['id'] for f in valid(run, 'ping')['findings']]), (69, ['AUTH.MISSING']), 'the finding', run)
    for size, code in ((2000, 40), (66000, 40)):
        path = os.path.join(work.name, 'cache%d' % size)
        cache(path, 'X.TEST', ('host', 'localhost'), size)
        run = Run('ping', 'localhost:%d' % port, '-i', 'rpcecho', '-k', '--ccache', path, '--auth', 'kerberos',
                  '--realm', 'X.TEST', '--dc-ip', '127.0.0.1:9', '--json')
        found = [f['id'] for f in valid(run, 'ping')['findings']]
        eq((run.code, 'KRB.TOO_LARGE' in found), (code, size > 65000), 'a ticket of %d octets' % size, run)
done()

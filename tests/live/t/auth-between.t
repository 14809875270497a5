#!/usr/bin/python3 -B
"""Somebody between client and server who changes what they agree on or what they send: every way is
noticed, by Samba's server and by ours, and told as what it is, not as the account's fault."""
import os

from tap import *

NAME, DC, HERE, MB = names['DC_NAME'], names['DC_IP'], names['MB_CLIENT_IP'], names['MB_NAME']
PASSWORD, PORT = names['ALICE_PASSWORD'], '7777'
ALICE = ['-u', 'LAB\\alice', '-p', PASSWORD]
BETWEEN = os.path.join(names['LIVE_DIR'], 'peers', 'between.py')
MECHANISMS = ('kerberos', 'ntlm', 'negotiate')
SERVERS = ((NAME, DC, '135', []), (MB, HERE, '49152', ['-i', 'rpcecho']))
USERS = os.path.join(names['TEST_TMP'], 'users')


def between(address, port, *way):
    return background('client', BETWEEN, PORT, address, port, *way)


def ping(name, more, mechanism, level='privacy'):
    return msrpc('ping', name + ':' + PORT, '--target-ip', '127.0.0.1', '--dc-ip', DC, '--count', '2', *ALICE,
                 '--auth', mechanism, '--auth-level', level, *more, '--json')


def ids(run):
    return [f['id'] for f in run.json['findings'] if not f['explained_by']]


with open(USERS, 'w') as file:
    file.write('LAB\\alice:%s\n' % PASSWORD)
SERVE = ('exec "$MSRPC" serve --ready-fd 7 --mapper 135 --interface rpcecho@49152 --keytab "$MB_KEYTAB" --users '
         + USERS)
with background('mb', 'sh', '-c', 'exec 7>&1; ' + SERVE):
    for name, address, port, more in SERVERS:
        what = 'our server' if more else 'Samba'
        with between(address, port, 'nothing'):
            for mechanism in MECHANISMS:
                run = ping(name, more, mechanism)
                eq((run.code, ids(run)), (0, []), '%s, %s: nothing is changed' % (what, mechanism), run)
        for way in 'nohs', 'nohs_client':
            with between(address, port, way):
                for level in 'integrity', 'privacy':
                    run = ping(name, more, 'kerberos', level)
                    eq((run.code, run.json['calls'][0].get('fault')), (1, '0x00000005'),
                       '%s, kerberos, %s: %s is denied, and no health' % (what, level, way), run)
                    ok('AUTH.UNSIGNED' in ids(run), '... and it is said what may have been done to the bind', run)
                    run = ping(name, more, 'ntlm', level)
                    eq(run.code, 40, '%s, ntlm, %s: %s is denied' % (what, level, way), run)
        with between(address, port, 'nohs_server'):
            run = ping(name, more, 'kerberos')
            ok(run.code == 40, what + ', kerberos: the server signs headers, the client does not', run)
            run = ping(name, more, 'ntlm')
            eq((run.code, ids(run)), (0, []), what + ', ntlm: headers are signed anyhow, and nothing is lost', run)
        with between(address, port, 'repeat'):
            for mechanism in MECHANISMS:
                run = ping(name, more, mechanism)
                eq((run.code, ids(run)), (40, ['AUTH.TAMPERED']), '%s, %s: a response that comes twice'
                   % (what, mechanism), run)
                ok('came where' in run.json['calls'][1]['error'], '... and the call says it', run)
        with between(address, port, 'fault', '721'):
            run = ping(name, more, 'kerberos')
            eq((run.code, ids(run)), (40, ['AUTH.TAMPERED']), what + ': "cannot verify" in place of answers', run)
        with between(address, port, 'fault', '5'):
            run = ping(name, more, 'kerberos')
            eq((run.code, ids(run)), (1, ['RPC.ACCESS_DENIED']), what + ': denials that nobody signed', run)
with between(DC, '88', 'kdc'):
    run = msrpc('ping', NAME, '--dc-ip', '127.0.0.1:' + PORT, *ALICE, '--auth', 'kerberos', '--json')
    eq((run.code, ids(run)), (40, ['KRB.BAD_REPLY']), 'tickets that do not open are not this machine\'s fault', run)
    run = msrpc('diagnose', NAME, '--dc-ip', '127.0.0.1:' + PORT, *ALICE, '--auth', 'kerberos', '--json')
    eq((run.code, run.json['verdict']['finding']), (40, 'KRB.BAD_REPLY'), '... in diagnose', run)
done()

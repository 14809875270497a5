#!/usr/bin/python3 -B
"""Netlogon's secure channel as a client: with Samba's controller and with msrpc serve, both levels,
header signing, fragments of all sizes; every command; and each refusal with its finding."""
import json
import os
import time

from matrix import *
from tap import *

DC, DC_IP, MB, TMP = names['DC_NAME'], names['DC_IP'], names['MB_NAME'], names['TEST_TMP']
SECRET, HOST = names['MB_PASSWORD'], 'mb'
ACCOUNT = 'LAB\\mb$'
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
SAM = os.path.join(names['LAB_STATE'], 'dc1', 'private', 'sam.ldb')
USERS, PCAP, LIE, FILE = (os.path.join(TMP, x) for x in ('users', 'channel.pcap', 'lie.json', 'pw'))
LEVELS_OF = 'connect', 'call', 'packet'
SHORT = [('netlogon %s * * *' % level, "Netlogon's secure channel signs or seals: .*",
          'no such level') for level in LEVELS_OF]
CALL = ['netlogon.NetrLogonGetCapabilities', '{"QueryLevel":1}']
MACHINE = ['-u', ACCOUNT, '--password-file', FILE, '--auth', 'netlogon']
WRONG = ['-u', ACCOUNT, '-p', 'Wrong.Pw1', '--auth', 'netlogon']

with open(FILE, 'w') as file:
    file.write(SECRET + '\n')
with open(USERS, 'w') as file:
    file.write('%s:%s\n' % (ACCOUNT, SECRET))


def found(run):
    return [x['id'] for x in run.json.get('findings', []) if not x.get('explained_by')]


def capabilities(run):
    return [x['reply']['ServerCapabilities']['value'] for x in run.json.get('calls', []) if 'reply' in x]


def bad_count():
    text = on('dc1', 'samba-tool', 'computer', 'show', 'mb', '-H', SAM, '-s', CONF,
              '--attributes=badPwdCount')
    return int(text.split('badPwdCount:')[1].split()[0]) if 'badPwdCount:' in text else 0


# ---- a controller of Samba's ----

judge('Samba DC', logon('-k', ','.join(KINDS), DC_IP, DC, ACCOUNT, SECRET, parts=('netlogon',)),
      expected(('netlogon',)), SHORT)

with background('client', 'sh', '-c', 'exec tcpdump -Z root -U --immediate-mode -n -s 0 -i eth0 -w "$0" '
                'host %s 2>&1' % DC_IP, PCAP):
    run = msrpc('call', DC, *CALL, *CALL, *MACHINE, '--json')
    eq((run.code, capabilities(run)), (0, [0x612fffff] * 2), 'one authenticator after the other', run)
    time.sleep(0.3)
eq(run.json['vantage']['auth'], {'mechanism': 'Netlogon', 'negotiated': False, 'level': 'privacy',
                                 'fallback': None}, 'who asks', run)
run = msrpc('trace', '--json', '--stubs', PCAP, '-u', ACCOUNT, '-p', SECRET)
sealed = [x for x in run.json.get('stubs', []) if x['method'] == 'NetrLogonGetCapabilities']
ok(sealed and all(x['response'] and x['response']['result'] == 0 for x in sealed),
   "trace opens the channel with the machine's password", run)
run = msrpc('trace', '--json', '--stubs', PCAP)
ok(not any(x['response'] for x in run.json.get('stubs', [])
           if x['method'] == 'NetrLogonGetCapabilities'), '... and not without', run)

COMMANDS = {
    'ping': ['ping', DC, '-i', 'netlogon'],
    'ping at integrity': ['ping', DC, '-i', 'samr', '--auth-level', 'integrity'],
    'ping by address': ['ping', DC_IP, '-i', 'lsarpc'],
    'ping at another address': ['ping', 'ghost.lab.test', '--target-ip', DC_IP, '-i', 'netlogon'],
    'interfaces': ['interfaces', DC],
    'map': ['map', DC],
    'range': ['range', '--of', DC],
    'diagnose': ['diagnose', DC, '-i', 'netlogon'],
    'diagnose at another address': ['diagnose', 'ghost.lab.test', '--target-ip', DC_IP, '-i', 'netlogon'],
}
for name, command in COMMANDS.items():
    run = msrpc(*command, *MACHINE, '--json')
    vantage = run.json.get('vantage', {})
    eq((run.code, vantage.get('identity')), (0, ACCOUNT), name, run)
    if 'diagnose' in name:
        ok(any(c['id'] == 'AUTH.LOGON' and c['status'] == 'pass' and c['summary'].startswith('Netlogon')
               for c in run.json['checks']), name + ': logged on', run)
    else:
        eq(vantage.get('auth', {}).get('mechanism'), 'Netlogon', name + ': by the channel', run)

run = msrpc('ping', DC, '--matrix', '-i', 'netlogon', '-u', ACCOUNT, '--password-file', FILE, '--json')
eq({x['level']: x['result'] for x in run.json['security'] if x['mechanism'] == 'netlogon'},
   {'connect': 'untried', 'pkt': 'untried', 'integrity': 'accepted', 'privacy': 'accepted'},
   'ping --matrix has a row for it', run)
run = msrpc('ping', DC, '--matrix', '-i', 'netlogon', '-u', 'LAB\\alice', '-p', names['ALICE_PASSWORD'],
            '--json')
ok(not any(x['mechanism'] == 'netlogon' for x in run.json['security']), "... of a machine's account alone",
   run)

# ---- what it refuses ----

before = bad_count()
for name, targets in (('ping', ['ping', DC, 'dual.lab.test', '--jobs', '1', '-i', 'netlogon']),
                      ('map', ['map', DC]), ('call', ['call', DC, *CALL]),
                      ('diagnose', ['diagnose', DC, '-i', 'netlogon'])):
    run = msrpc(*targets, *WRONG, '--json')
    reports = run.json.get('results', [run.json])
    eq((run.code, [x['id'] for x in reports[0]['findings'] if x['severity'] == 'error']),
       (40, ['NETLOGON.PASSWORD']), name + ": the machine's password is another", run)
    if len(reports) > 1:
        ok('not tried again' in reports[1]['error'], '... which is not tried again', run)
print('# badPwdCount %d, then %d' % (before, bad_count()))
run = msrpc('diagnose', DC, '-i', 'netlogon', *WRONG)
ok('Windows shows 1789' in run.out and 'Test-ComputerSecureChannel' in run.out and
   'Reset-ComputerMachinePassword' in run.out, 'the famous words, and what mends it', run)
for name, user, password in (('a machine without an account', 'LAB\\nosuch$', 'x'),
                             ("a machine's account in lower case is the same", 'lab\\MB$', SECRET)):
    run = msrpc('ping', DC, '-i', 'netlogon', '-u', user, '-p', password, '--auth', 'netlogon', '--json')
    want = (0, []) if password == SECRET else (40, ['NETLOGON.NO_ACCOUNT'])
    eq((run.code, found(run)), want, name, run)
on('dc1', 'samba-tool', 'user', 'disable', 'mb$', '-H', SAM, '-s', CONF)
run = msrpc('ping', DC, '-i', 'netlogon', *MACHINE, '--json')
eq((run.code, found(run)), (40, ['NETLOGON.NO_ACCOUNT']), 'an account that is disabled', run)
on('dc1', 'samba-tool', 'user', 'enable', 'mb$', '-H', SAM, '-s', CONF)
run = msrpc('ping', DC, '-i', 'netlogon', '-u', 'OTHER\\mb$', '-p', SECRET, '--auth', 'netlogon', '--json')
ok(run.code == 40 and "OTHER is another domain's name" in run.json['error'], "another domain's name", run)
run = msrpc('call', DC, *CALL, *MACHINE, '--auth-level', 'integrity', '--json')
eq((run.json['calls'][0].get('symbol'), found(run)), ('STATUS_ACCESS_DENIED', ['RPC.NETLOGON_LEVEL']),
   'a channel that only signs (CVE-2022-38023)', run)
run = msrpc('ping', names['SRV_IP'], '-i', 'netlogon', *MACHINE, '--json')
eq((run.code, found(run)), (30, ['EPM.NOT_REGISTERED']), 'a host that is no controller', run)
run = msrpc('ping', names['UNUSED_IP'], '--timeout', '1', '-i', 'netlogon', *MACHINE, '--json')
eq((run.code, found(run)), (20, ['TCP.HOST_SILENT']), 'a host that does not answer', run)

for name, args in (('connect', ['-u', ACCOUNT, '-p', 'x', '--auth-level', 'connect']),
                   ('packet', ['-u', ACCOUNT, '-p', 'x', '--auth-level', 'pkt']),
                   ("a user's account", ['-u', 'LAB\\alice', '-p', 'x']), ('nobody', []),
                   ('a null session', ['-N']), ('a guest', ['--guest']),
                   ('no domain', ['-u', 'mb$', '-p', 'x']),
                   ('a DNS name of the domain', ['-u', 'mb$@lab.test', '-p', 'x']),
                   ('Kerberos too', ['-u', ACCOUNT, '-p', 'x', '-k']),
                   ('a key of Kerberos', ['-u', ACCOUNT, '--aes-key', '00' * 32])):
    run = msrpc('ping', DC, '--auth', 'netlogon', *args)
    eq((run.code, run.err.count('\n')), (64, 1), 'a mistake: ' + name, run)

# ---- a server of ours, and ones that lie ----

with background('mb', 'sh', '-c', 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --interface netlogon '
                '--interface rpcecho --users %s 2>/dev/null' % USERS):
    judge('msrpc serve', logon('-e', '-k', ','.join(KINDS), names['MB_CLIENT_IP'], MB, ACCOUNT, SECRET,
                               parts=('netlogon',)), expected(('netlogon',)),
          [*SHORT, ('netlogon integrity * * *', 'the server rejected the bind \\(reason 8\\)',
                    'only what is sealed')])
    run = msrpc('call', MB, *CALL, *CALL, *MACHINE, '--json')
    eq((run.code, capabilities(run)), (0, [0x41004000] * 2), 'its authenticators', run)
    run = msrpc('ping', MB, '-i', 'rpcecho', *MACHINE, '--auth-level', 'integrity', '--json')
    eq((run.code, found(run)), (40, ['RPC.NETLOGON_LEVEL']), 'it wants a seal', run)
    run = msrpc('ping', MB, '-i', 'rpcecho', *WRONG, '--json')
    eq((run.code, found(run)), (40, ['NETLOGON.PASSWORD']), 'a wrong password', run)
    run = msrpc('ping', MB, '-i', 'rpcecho', '-u', 'LAB\\nosuch$', '-p', 'x', '--auth', 'netlogon', '--json')
    eq((run.code, found(run)), (40, ['NETLOGON.NO_ACCOUNT']), 'no account', run)

for name, flags, status, finding in (('keys without AES', 0x600fffff & ~0x01000000, 0, 'NETLOGON.WEAK'),
                                     ('no sealing', 0x012fffff, 0, 'NETLOGON.WEAK'),
                                     ('a downgrade that it noticed', 0, 0xc0000388, 'NETLOGON.WEAK'),
                                     ('who knows no password', 0x612fffff, 0, 'NETLOGON.UNPROVEN'),
                                     ('another status', 0x612fffff, 0xc0000233, 'NETLOGON.REFUSED')):
    with open(LIE, 'w') as file:
        json.dump({'interface': 'netlogon', 'replies': {
            'NetrServerReqChallenge': {'ServerChallenge': {'data': '0102030405060708'}, 'result': 0},
            'NetrServerAuthenticate3': {'ServerCredential': {'data': '0000000000000000'},
                                        'NegotiateFlags': flags, 'AccountRid': 0, 'result': status}}}, file)
    with background('mb', 'sh', '-c', 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --mock %s '
                    '2>/dev/null' % LIE):
        run = msrpc('ping', MB, '-i', 'netlogon', *MACHINE, '--json')
    eq((run.code, found(run)), (40, [finding]), name, run)
done()

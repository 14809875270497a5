#!/usr/bin/python3 -B
"""Every refusal has its finding, in every command: the state of an account, of the way to a KDC, of
clocks, tickets and levels, and the id that ping, map and the others give it, as diagnose does."""
import json
import os
import subprocess

from tap import *

DC, SRV, NAME, PASSWORD = names['DC_IP'], names['SRV_IP'], names['DC_NAME'], names['ALICE_PASSWORD']
TMP = names['TEST_TMP']
ALICE, WRONG = ['-u', 'LAB\\alice', '-p', PASSWORD], ['-u', 'LAB\\alice', '-p', 'Wrong.Pw1']
KERBEROS, NTLM = ['--auth', 'kerberos'], ['--auth', 'ntlm']
COMMANDS = {
    'ping': ['ping', '--count', '1'],
    'map': ['map'],
    'interfaces': ['interfaces'],
    'call': ['call'],
    'range': ['range', '--of'],
}
OPEN = json.dumps({'SystemName': None, 'DesiredAccess': 1, 'ObjectAttributes': {
    'Length': 24, 'RootDirectory': None, 'ObjectName': None, 'Attributes': 0, 'SecurityDescriptor': None,
    'SecurityQualityOfService': None}})
CONNECT = json.dumps({'ServerName': None, 'DesiredAccess': 1 << 25, 'InRevisionInfo': {
    'case': 1, 'value': {'Revision': 3, 'SupportedFeatures': 0}}})
TICKETS = 'FILE:' + os.path.join(TMP, 'ccache')


def asked(command, target, args):
    """The words of a run; call has the method behind its target."""
    method = ['mgmt.is_server_listening'] if command == 'call' else []
    return [*COMMANDS[command], target, *method, *args]


def verdict(report):
    """What stands for itself."""
    return sorted(f['id'] for f in report['findings']
                  if not f['explained_by'] and f['severity'] == 'error')


def refused(name, target, args, finding, commands=('ping', 'map')):
    for command in commands:
        run = msrpc(*asked(command, target, args), '--json')
        eq((run.code, verdict(run.json)), (40, [finding]), '%s, %s: %s' % (name, command, finding), run)
        ok('Wrong.Pw1' not in run.out + run.err and PASSWORD not in run.out + run.err,
           '%s, %s: no secret is shown' % (name, command))
    run = msrpc(*asked(commands[0], target, args))
    lines = run.err.splitlines()
    told = [i for i, line in enumerate(lines) if line.startswith(finding + ': ')]
    ok(run.code == 40 and len(told) == 1 and any('not logged on' in line for line in lines[:told[0]]) and
       '  what to do: msrpc explain ' + finding in lines, name + ': the screen names it', run)
    ok(told and all(len(line) <= 80 for line in lines[told[0]:]), name + ': in 80 columns', run)


def shifted(by, *args):
    options = 'ASAN_OPTIONS=%s:verify_asan_link_order=0' % names.get('ASAN_OPTIONS', '')
    return json.loads(on('client', 'env', options, 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'faketime', '-f', by,
                         names['MSRPC'], *args, '--json', check=False))


samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=0')
on('client', 'sh', '-c', 'echo "$0" | kinit -c "$1" alice@LAB.TEST', PASSWORD, TICKETS)
on('client', 'kvno', '-c', TICKETS, 'host/' + NAME)

# ---- accounts ----

for command in COMMANDS:
    refused('a wrong password', NAME, WRONG, 'KRB.PREAUTH_FAILED', [command])
    refused('a wrong password by NTLM', NAME, [*WRONG, *NTLM], 'RPC.AUTH_FAILED', [command])
refused('an unknown user', NAME, ['-u', 'LAB\\nobody', '-p', 'x'], 'KRB.CLIENT_UNKNOWN')
refused('a realm that no DNS knows', NAME, ['-u', 'alice@WRONG.TEST', '-p', PASSWORD], 'KRB.NO_KDC')
refused('a local account', 'srv.lab.test', ['-u', 'root', '-p', 'x', *NTLM], 'RPC.AUTH_FAILED')
# what auth-samba.t and auth-member.t say of a standalone server, by its ids
SRV_NAME, ROOT = 'srv.lab.test', ['-u', 'root', '-p', names['PASSWORD']]
refused("a server's own user, by Kerberos", SRV_NAME, ['-u', 'root@LAB.TEST', *ROOT[2:], *KERBEROS],
        'KRB.CLIENT_UNKNOWN')
refused('a server of no domain, by Kerberos', SRV_NAME, [*ALICE, '--realm', 'LAB.TEST', *KERBEROS],
        'KRB.SERVICE_UNKNOWN')
accounts('on', PASSWORD)
for user, finding in (('disabled', 'KRB.DISABLED'), ('expired', 'KRB.EXPIRED'),
                      ('mustchange', 'KRB.MUST_CHANGE'), ('hours', 'KRB.RESTRICTED'),
                      ('locked', 'KRB.CLIENT_REVOKED')):
    who = ['-u', 'LAB\\' + user, '-p', PASSWORD]
    refused(user, NAME, who, finding)
    found = next(f for f in msrpc('ping', NAME, *who, '--json').json['findings'] if f['id'] == finding)
    same = next(f for f in msrpc('diagnose', NAME, *who, '--json').json['findings'] if f['id'] == finding)
    eq(found, same, user + ': word by word what diagnose finds')
refused('disabled, by NTLM', NAME, ['-u', 'LAB\\disabled', '-p', PASSWORD, *NTLM], 'RPC.AUTH_FAILED')
accounts('off')

# ---- one wrong password is one logon, at the level at which nothing proves it, too ----

samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=20')
before = bad_passwords()
for command in COMMANDS:
    run = msrpc(*asked(command, NAME, [*WRONG, *NTLM, '--auth-level', 'connect']))
    ok(run.code == 40 and 'RPC.AUTH_FAILED: ' in run.err and 'not tried again' in run.err,
       '%s at connect: the password is wrong' % command, run)
run = msrpc('rpcping', '-s', NAME, '-u', 'ntlm', '-a', 'connect', '-I', 'alice,LAB,Wrong.Pw1')
ok(run.code == 1 and 'RPC.AUTH_FAILED: ' in run.err and run.out.startswith('Exception '),
   'rpcping at connect: the same', run)
eq(bad_passwords() - before, len(COMMANDS) + 1, 'each of them is one logon')
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=0')

# ---- tickets ----

refused('an alias', 'alias.lab.test', [*ALICE, *KERBEROS], 'KRB.SERVICE_UNKNOWN')
refused("another host's key", NAME, [*ALICE, *KERBEROS, '--target-ip', SRV], 'KRB.OTHER_HOST')
subprocess.run(['ktutil'], input=('addent -password -p host/%s@LAB.TEST -k 1 -e aes256-cts-hmac-sha1-96\n'
                                  'Some.Other.Key1\nwkt %s/other.keytab\n' % (NAME, TMP)).encode(),
               stdout=subprocess.DEVNULL, check=True)
serve = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper "$0:135" --bind "$0" --keytab "$1"'
with background('mb', 'sh', '-c', serve, names['MB_SERVER_IP'], TMP + '/other.keytab'):
    refused('another key', NAME, [*ALICE, *KERBEROS, '--target-ip', names['MB_SERVER_IP']],
            'KRB.TICKET_REFUSED')
with fault('drop-port', '88'), fault('drop-udp', '88'):
    refused('no KDC answers', NAME, [*ALICE, *KERBEROS], 'KRB.KDC_UNREACHABLE', ['ping'])
with fault('drop-port', '88'):
    refused('UDP alone answers', NAME, [*ALICE, *KERBEROS], 'KRB.TCP_BLOCKED', ['map'])
for shift, words in ('+10m', 'ahead'), ('-10m', 'behind'):
    report = shifted(shift, 'ping', NAME, '-k', '--ccache', TICKETS, '--count', '1')
    found = {f['id']: f['cause'] for f in report['findings']}
    ok(report['exit'] == 40 and (words in found.get('KRB.SKEW', '') if words == 'ahead' else
                                 'not yet valid' in found.get('AUTH.LOCAL', '')),
       'a ticket under a clock %s' % shift, report)
    report = shifted(shift, 'map', NAME, *ALICE)
    ok(report['exit'] == 0 and [f['id'] for f in report['findings']] == ['CLOCK.DIFFERS'],
       'a clock %s that still does' % shift, report['findings'])
report = msrpc('ping', 'alias.lab.test', *ALICE, '--json').json
eq((report['exit'], [f['id'] for f in report['findings']]), (0, ['AUTH.FALLBACK']),
   'NTLM in place of Kerberos is a warning')
eq(msrpc('ping', NAME, *ALICE, '--json').json['findings'], [], 'who is let in has none')

# ---- levels and rights ----

for mechanism in KERBEROS, NTLM, ['--auth', 'negotiate']:
    for level in 'connect', 'pkt':
        run = msrpc('call', NAME, 'lsarpc.LsarOpenPolicy', OPEN, *ALICE, *mechanism, '--auth-level', level,
                    '--json')
        eq((run.code, verdict(run.json)), (40, ['RPC.LEVEL_LOW']),
           'lsarpc at %s by %s' % (level, mechanism[1]), run)
        eq(run.json['vantage']['auth']['level'], level, '... and the account is known', run.err)
run = msrpc('call', NAME, 'samr.SamrConnect5', CONNECT, *ALICE, *NTLM, '--auth-level', 'connect', '--json')
eq((run.code, verdict(run.json)), (40, ['RPC.LEVEL_LOW']), 'samr at connect', run)
run = msrpc('map', SRV_NAME, *ROOT, *NTLM, '--auth-level', 'connect', '--json')
eq((run.code, verdict(run.json)), (30, ['RPC.LEVEL_LOW']), 'the mapper of the standalone server at connect', run)
run = msrpc('ping', NAME, '-i', 'drsuapi', '--matrix', *ALICE, '--json')
eq({(c['mechanism'], c['inner'], c['level']): c.get('finding') for c in run.json['security']
    if c['level'] in ('none', 'connect', 'privacy')},
   {('none', None, 'none'): 'RPC.ANONYMOUS_DENIED',
    **{(m, i, l): 'RPC.LEVEL_LOW' if l == 'connect' else None for l in ('connect', 'privacy')
       for m, i in (('ntlm', None), ('kerberos', None), ('negotiate', 'ntlm'), ('negotiate', 'kerberos'))}},
   'the matrix: what each refused cell means', run)
eq([f['id'] for f in run.json['findings']], ['RPC.ANONYMOUS_DENIED', 'RPC.LEVEL_LOW'],
   'the matrix: each meaning once')
run = msrpc('ping', NAME, '-i', 'drsuapi', '--matrix', *ALICE)
ok('(RPC.LEVEL_LOW)' in run.out and run.out.count('\nRPC.LEVEL_LOW: ') == 1, 'the screen has a legend', run)
run = msrpc('ping', NAME, '-i', 'samr', '--matrix', '--json')
eq({(c['mechanism'], c['level']): c.get('finding') for c in run.json['security'] if c['result'] == 'refused'},
   {('ntlm', 'connect'): 'RPC.LEVEL_LOW', ('negotiate', 'connect'): 'RPC.LEVEL_LOW'},
   'the matrix of nobody: at connect it is the level, and no right of nobody', run)
run = msrpc('ping', 'alias.lab.test', '-i', 'drsuapi', '--matrix', *ALICE, '--json')
eq({c.get('finding') for c in run.json['security'] if c['mechanism'] == 'kerberos'}, {'KRB.SERVICE_UNKNOWN'},
   'the matrix: why Kerberos was not tried', run)
run = msrpc('ping', NAME, '-i', 'drsuapi', '--matrix', *WRONG, '--json')
eq((run.code, verdict(run.json)), (40, ['KRB.PREAUTH_FAILED']), 'the matrix with a wrong password', run)
run = msrpc('call', NAME, 'lsarpc.LsarOpenPolicy', OPEN, '--json')
eq((run.code, [f['id'] for f in run.json['findings']]), (40, ['RPC.ANONYMOUS_DENIED']), 'a stranger', run)
done()

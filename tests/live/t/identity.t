#!/usr/bin/python3 -B
"""The identity switches against Samba: every proof by every command, wrong passwords counted once,
who asks in every report, what a server accepts."""
import json
import os
import subprocess

from tap import *

DC, DC_IP, SRV = names['DC_NAME'], names['DC_IP'], 'srv.lab.test'
SECRET, ADMIN = names['ALICE_PASSWORD'], names['PASSWORD']
TMP = names['TEST_TMP']
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
SAM = os.path.join(names['LAB_STATE'], 'dc1', 'private', 'sam.ldb')
CCACHE, KEYTAB, FILE = (os.path.join(TMP, n) for n in ('alice.ccache', 'alice.keytab', 'password'))


def samba_tool(*args):
    return on('dc1', 'samba-tool', *args, '-s', CONF)


def bad_count(user):
    text = samba_tool('user', 'show', user, '-H', SAM, '--attributes=badPwdCount')
    return int(text.split('badPwdCount:')[1].split()[0]) if 'badPwdCount:' in text else 0


def run_as(*args):
    """A run of msrpc whose secrets must not come out again."""
    run = msrpc(*args)
    ok(not any(s in run.out or s in run.err for s in (SECRET, NT, AES, 'Wrong.Pw1') if s),
       'no secret in what %s says' % args[0], run)
    return run


# ---- what proves that alice is alice ----

samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=5', '-H', SAM)
samba_tool('domain', 'exportkeytab', KEYTAB, '--principal=alice@LAB.TEST')
listed = subprocess.run(['klist', '-K', '-e', '-k', KEYTAB], stdout=subprocess.PIPE, text=True,
                        check=True).stdout
keys = {line.split('(')[1].split(')')[0]: line.split('(0x')[1].split(')')[0]
        for line in listed.splitlines() if '(0x' in line}
NT = next((v for k, v in keys.items() if 'arcfour' in k), '')
AES = next((v for k, v in keys.items() if 'aes256' in k), '')
with open(FILE, 'w') as file:
    file.write(SECRET + '\n')
on('client', 'sh', '-c', 'echo "$0" | kinit -c "$1" alice@LAB.TEST', SECRET, CCACHE)
os.environ['KRB5CCNAME'] = 'FILE:' + CCACHE
ok(NT and AES, 'the DC gives keys', listed)

ALICE = '-u', 'LAB\\alice'
PROOFS = {
    'a password': ([*ALICE, '-p', SECRET], 'Kerberos', 'alice@LAB.TEST'),
    'a principal and a password': (['-u', 'alice@lab.test', '-p', SECRET], 'Kerberos',
                                   'alice@LAB.TEST'),
    "another domain's name": (['-u', 'NOSUCH\\alice', '-p', SECRET], 'Kerberos', 'alice@LAB.TEST'),
    'a password by NTLM': ([*ALICE, '-p', SECRET, '--auth', 'ntlm'], 'NTLM', 'LAB\\alice'),
    'a password file': ([*ALICE, '--password-file', FILE, '-k'], 'Kerberos', 'alice@LAB.TEST'),
    'a hash by NTLM': ([*ALICE, '-H', NT, '--auth', 'ntlm'], 'NTLM', 'LAB\\alice'),
    "impacket's hashes": ([*ALICE, '-hashes', ':' + NT, '-no-pass', '-dc-ip', DC_IP], None,
                          'alice@LAB.TEST'),
    'an AES key': ([*ALICE, '--aes-key', AES], 'Kerberos', 'alice@LAB.TEST'),
    'a key table': ([*ALICE, '--keytab', KEYTAB], 'Kerberos', 'alice@LAB.TEST'),
    'a ticket cache': (['--ccache', CCACHE], 'Kerberos', 'alice@LAB.TEST'),
    'the ticket at hand': (['-k'], 'Kerberos', 'alice@LAB.TEST'),
    'Samba -U': (['-U', 'LAB\\alice%' + SECRET], 'Kerberos', 'alice@LAB.TEST'),
}
COMMANDS = {
    'ping': ['ping', DC, '-i', 'lsarpc', '--count', '1'],
    'map': ['map', DC, '-i', 'samr'],
    'interfaces': ['interfaces', DC],
    'call': ['call', DC, 'dssetup.DsRolerGetPrimaryDomainInformation', '{"InfoLevel":1}'],
    'range': ['range', '--of', DC],
}
for what, (switches, mechanism, who) in PROOFS.items():
    run = run_as(*COMMANDS['ping'], *switches, '--json')
    vantage = (run.json or {}).get('vantage', {})
    auth = vantage.get('auth', {})
    ok(run.code == 0 and vantage.get('identity') == who and auth.get('level') == 'privacy' and
       (not mechanism or auth.get('mechanism') == mechanism), 'ping by ' + what, run)
for name, command in COMMANDS.items():
    for what in 'a password', 'a hash by NTLM', 'a key table', 'the ticket at hand':
        switches, mechanism, who = PROOFS[what]
        run = run_as(*command, *switches, '--json')
        vantage = (run.json or {}).get('vantage', {})
        ok(run.code <= 1 and vantage.get('identity') == who and
           vantage.get('auth', {}).get('mechanism') == mechanism, '%s by %s' % (name, what), run)
run = run_as('ping', DC_IP, *ALICE, '-p', SECRET, '--count', '1')
ok(run.code == 0 and 'NTLM in place of Kerberos' in run.err and '(NTLM, privacy)' in run.out,
   'an address has no ticket, which is told', run)
run = run_as('ping', DC, '--target-ip', DC_IP, *ALICE, '-p', SECRET, '--count', '1')
ok(run.code == 0 and '(Kerberos, privacy)' in run.out, 'a name with --target-ip has one', run)
run = run_as('ping', SRV, '-u', 'root', '-p', ADMIN, '--count', '1')
ok(run.code == 0 and 'as root (NTLM, privacy)' in run.out, 'a local account', run)
run = run_as('ping', DC, '-k', '-u', 'bob')
ok(run.code == 64 and 'not of bob' in run.err, "another's ticket is refused", run)
run = run_as('ping', DC, '-k', '-u', 'alice@OTHER.TEST')
ok(run.code == 64 and 'not of alice@OTHER.TEST' in run.err, "another realm's, too", run)
users = os.path.join(TMP, 'users')
with open(users, 'w') as file:
    file.write('LAB\\alice:%s\n' % SECRET)
SERVE = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper "$0:135" --bind "$0" --users "$1"'
with background('mb', 'sh', '-c', SERVE, names['MB_CLIENT_IP'], users):
    run = run_as('ping', names['MB_NAME'], *ALICE, '-p', SECRET, '--count', '1')
    ok(run.code == 0 and 'NTLM in place of Kerberos' in run.err and '(NTLM, privacy)' in run.out,
       'a server that knows no Kerberos chooses NTLM, which is told', run)
    run = run_as('map', names['MB_NAME'], *ALICE, '-p', SECRET, '--json')
    ok(run.json['vantage']['auth']['fallback'], '... in a report, too', run)
run = run_as('ping', DC, '--count', '1')
ok('your ticket alice@LAB.TEST is unused, add -k' in run.out, 'an unused ticket is told', run)
run = run_as('map', DC, '--json')
eq(run.json['vantage'].get('unused_ticket'), 'alice@LAB.TEST', 'in a report, too')
run = run_as('ping', DC, '--count', '1', '-N')
ok('unused' not in run.out, 'not to one who wants to be nobody', run)
run = run_as('audit', SRV, '--guest', '-q')
ok(run.code == 40 and 'guest is not logged on' in run.err, 'a guest is refused where there is none', run)
run = run_as('audit', SRV, '-N', '--auth', 'ntlm', '--json')
eq(((run.json or {}).get('vantage', {}).get('auth') or {}).get('mechanism'), 'NTLM',
   'an anonymous logon', run)

# ---- a wrong password is tried once ----

WRONG = [*ALICE, '-p', 'Wrong.Pw1']
for name, command in [*COMMANDS.items(), ('matrix', ['ping', DC, '--matrix', '-i', 'lsarpc']),
                      ('NTLM', [*COMMANDS['ping'], '--auth', 'ntlm']),
                      ('probe', ['map', DC, '--probe', '--auth', 'ntlm']),
                      ('address', ['interfaces', DC_IP]),
                      ('connect', ['interfaces', DC, '--auth', 'ntlm', '--auth-level', 'connect']),
                      ('connect, matrix', ['ping', DC, '--matrix', '-i', 'lsarpc', '--auth', 'ntlm',
                                           '--auth-level', 'connect']),
                      ('several', ['ping', DC_IP, DC, 'dc1.lab.test:49152', DC_IP, '--count', '1'])]:
    run_as(*COMMANDS['ping'], *ALICE, '-p', SECRET, '--auth', 'ntlm')  # the count begins anew
    before = bad_count('alice')
    run = run_as(*command, *WRONG)
    ok(run.code == 40 and 'not tried again' in run.err, name + ': a wrong password is 40', run)
    after = bad_count('alice')
    ok(after - before == 1, '%s: it was tried once' % name, before, after, run)
before = bad_count('alice')
run = run_as('ping', *['%s:Wrong.Pw1@%s' % (who, DC) for who in ('LAB/alice', 'alice', 'lab.test/alice')],
             '--count', '1')
eq((run.code, bad_count('alice') - before), (40, 1), 'one account of three spellings is tried once', run)

# ---- what a server accepts ----

run = run_as('ping', DC, '--matrix', '-i', 'lsarpc', *ALICE, '-p', SECRET, '--json')
eq({(c['mechanism'], c['inner']): 0 for c in run.json['security']}.keys(),
   {('none', None): 0, ('ntlm', None): 0, ('kerberos', None): 0, ('negotiate', 'ntlm'): 0,
    ('negotiate', 'kerberos'): 0}.keys(), 'the matrix has every mechanism')
ok(all(c['result'] == 'accepted' for c in run.json['security']),
   'the DC accepts every mechanism at every level', json.dumps(run.json['security'], indent=1))
run = run_as('ping', DC, '--matrix', '--json')
eq({(c['mechanism'], c['result']) for c in run.json['security']},
   {('none', 'accepted'), ('ntlm', 'accepted'), ('kerberos', 'untried'),
    ('negotiate', 'accepted'), ('negotiate', 'untried')}, 'without an account, anonymous logons')
run = run_as('rpcping', '-s', DC, '-u', '9', '-a', 'privacy', '-I', 'alice,LAB,' + SECRET)
ok(run.code == 0 and run.out.startswith('Completed 1 calls'), 'rpcping logs on', run)
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=0', '-H', SAM)
done()

#!/usr/bin/python3 -B
"""msrpc diagnose, phase 4 with an account: what a refusal means, and that it is the only one."""
import json
import os
import subprocess

from diagnosis import *

DC, SRV, NAME, PASSWORD = names['DC_IP'], names['SRV_IP'], names['DC_NAME'], names['ALICE_PASSWORD']
TMP = names['TEST_TMP']
ALICE = ['-u', 'LAB\\alice', '-p', PASSWORD]
ROOT = ['-u', 'root', '-p', names['PASSWORD']]
KERBEROS, NTLM = ['--auth', 'kerberos'], ['--auth', 'ntlm']
# NAME.WRONG_HOST and the like would be accusations of the way: it works in every case here
REFUSED = 'pppf'


def nt_hash(password):
    made = subprocess.run(['/usr/bin/python3', '-c', 'import sys; from samba import generate_random_bytes;'
                           'from samba.credentials import Credentials as C; c = C();'
                           'c.set_password(sys.argv[1]); print(c.get_nt_hash().hex())', password],
                          stdout=subprocess.PIPE, check=True)
    return made.stdout.decode().strip()


def shifted(by, *args):
    """What msrpc says where the clock is wrong; a sanitizer must not mind the preloaded library."""
    options = 'ASAN_OPTIONS=%s:verify_asan_link_order=0' % names.get('ASAN_OPTIONS', '')
    return json.loads(on('client', 'env', options, 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'faketime', '-f', by,
                         names['MSRPC'], 'diagnose', '--json', *args, check=False))


def logon(report):
    return [x for x in report.json['checks'] if x['id'] == 'AUTH.LOGON'][0]


def good(name, args, mechanism, who, code=0):
    run = msrpc('diagnose', '--json', *args)
    report = run.json
    eq((run.code, accused(report) - {'AUTH.FALLBACK', 'CLOCK.DIFFERS'}), (code, set()), name, run)
    seen = logon(run)['evidence']
    eq((seen.get('mechanism'), report['vantage']['identity']), (mechanism, who), name + ': as whom')
    auth = report['vantage']['auth']
    eq((auth['mechanism'], auth['level'], bool(auth['fallback'])), (mechanism, 'privacy', code == 1),
       name + ': how')
    ok(PASSWORD not in run.out and names['PASSWORD'] not in run.out, name + ': no secret is shown')
    return run


# ---- everything that proves who one is ----
subprocess.run([names['LAB'], 'exec', 'dc1', '/usr/bin/python3', '/usr/bin/samba-tool', 'domain',
                'exportkeytab', TMP + '/alice.keytab', '--principal=alice@LAB.TEST', '-s', DC_CONF],
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
cache = 'FILE:' + TMP + '/ccache'
on('client', 'sh', '-c', 'echo "$0" | kinit -c "$1" alice@LAB.TEST', PASSWORD, cache)
fresh = 'FILE:' + TMP + '/fresh'
on('client', 'cp', cache[5:], fresh[5:])
healthy('a password', *ALICE, NAME)
good('Negotiate', [*ALICE, NAME], 'Kerberos', 'alice@LAB.TEST')
good('NTLM', [*ALICE, *NTLM, NAME], 'NTLM', 'LAB\\alice')
good('an NT hash', ['-u', 'LAB\\alice', '-H', nt_hash(PASSWORD), NAME], 'Kerberos', 'alice@LAB.TEST')
good('a key table', ['-u', 'alice@LAB.TEST', '--keytab', TMP + '/alice.keytab', NAME], 'Kerberos',
     'alice@LAB.TEST')
good('a ticket', ['-k', '--ccache', cache, NAME], 'Kerberos', 'alice@LAB.TEST')
good('a local account', [*ROOT, *NTLM, 'srv.lab.test'], 'NTLM', 'root')
good('the account in the target', ['LAB/alice:%s@%s' % (PASSWORD, NAME)], 'Kerberos', 'alice@LAB.TEST')
run = msrpc('diagnose', *ALICE, NAME)
ok('[ok] Kerberos as alice@LAB.TEST, privacy' in run.out and 'as alice@LAB.TEST' in
   run.out.splitlines()[0], 'the screen says as whom', run)

# ---- a warning: NTLM in place of Kerberos ----
for name, args, reason in (('an alias', ['alias.lab.test'], 'KDC_ERR_S_PRINCIPAL_UNKNOWN'),
                           ('an address', [DC], "the server's name")):
    run = good('fallback, ' + name, [*ALICE, *args], 'NTLM', 'LAB\\alice', 1)
    found = [x for x in run.json['findings'] if x['id'] == 'AUTH.FALLBACK']
    ok(found and found[0]['severity'] == 'warning' and reason in found[0]['cause'],
       'fallback, %s: the reason' % name, run)
    commands = [x['command'] for x in found[0]['remedies']]
    eq((commands[0], any('setspn' in str(x) for x in commands)),
       ("msrpc diagnose NAME --target-ip %s -u 'LAB\\alice'" % DC, name != 'an address'),
       'fallback, %s: what to do' % name, commands)

# Kerberos that cannot begin here, though the KDC gives a ticket
conf = os.path.join(TMP, 'broken.conf')
with open(conf, 'w') as made:
    made.write('[libdefaults\n{{{{\n')
for name, why, report in (
        ('a broken krb5.conf', 'configuration', json.loads(on('client', 'env', 'KRB5_CONFIG=' + conf, names['MSRPC'],
                                                              'diagnose', '--json', *ALICE, NAME, check=False))),
        ('a clock 11 hours ahead', 'expired', shifted('+11h', *ALICE, NAME))):
    found = [x['cause'] for x in report['findings'] if x['id'] == 'AUTH.FALLBACK']
    ok(report['exit'] == 1 and found and why in found[0] and report['vantage']['auth']['mechanism'] == 'NTLM' and
       why in (report['vantage']['auth']['fallback'] or ''), 'fallback, %s: it is told' % name, report)
# nobody has no tickets to be missed
healthy('nobody, by Negotiate', '-N', '--auth', 'negotiate', NAME)
healthy('nobody, by NTLM', '-N', '--auth', 'ntlm', NAME)

# ---- refusals ----
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=20')  # else nobody counts
before = bad_passwords()
ill('a wrong password', ['-u', 'LAB\\alice', '-p', 'Wrong.Pw1', NAME], 'KRB.PREAUTH_FAILED', 4, 40,
    REFUSED, 1326, [DC, 'alice'], todo='Type the password again')
eq(bad_passwords(), before + 1, 'one wrong password is one logon: NTLM is not tried behind it')
ill('a wrong password, NTLM', ['-u', 'LAB\\alice', '-p', 'Wrong.Pw1', *NTLM, NAME], 'RPC.AUTH_FAILED',
    4, 40, REFUSED, 1825, [DC])
before = bad_passwords()
run = msrpc('diagnose', '--json', '-u', 'LAB\\alice', '-p', 'Wrong.Pw1', NAME, 'dual.lab.test', 'dc6.lab.test')
said = sorted(logon(type('', (), {'json': x}))['status'] for x in run.json['results'])
eq((run.code, said, bad_passwords()), (40, ['fail', 'skip', 'skip'], before + 1),
   'a refused account is not tried at the next target', run)
eq([x['verdict']['finding'] or x['exit'] for x in run.json['results'] if x['exit'] != 40], [1, 1],
   'who was not tried is not called healthy', run)
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=0')

accounts('on', PASSWORD)
for user, finding, win32 in (('disabled', 'KRB.DISABLED', 1331), ('expired', 'KRB.EXPIRED', 1793),
                             ('mustchange', 'KRB.MUST_CHANGE', 1907), ('hours', 'KRB.RESTRICTED', 1328),
                             ('locked', 'KRB.CLIENT_REVOKED', 1331)):
    ill('account: ' + user, ['-u', 'LAB\\' + user, '-p', PASSWORD, NAME], finding, 4, 40, REFUSED,
        win32, [DC, user])
run = msrpc('diagnose', '--json', '-u', 'LAB\\disabled', '-p', PASSWORD, *NTLM, NAME)
eq((run.code, accused(run.json)), (40, {'RPC.AUTH_FAILED'}),
   'over NTLM the server does not say why, and nobody guesses', run)
accounts('off')

for name, args, finding, win32, says in (
        ('unknown user', ['-u', 'LAB\\nobody', '-p', 'x', *KERBEROS, NAME], 'KRB.CLIENT_UNKNOWN',
         1317, [DC]),
        ('unknown user, Negotiate', ['-u', 'LAB\\nobody', '-p', 'x', NAME], 'KRB.CLIENT_UNKNOWN',
         1317, [DC]),
        ('wrong realm', ['-u', 'alice@WRONG.TEST', '-p', PASSWORD, NAME], 'KRB.NO_KDC', 1355,
         ['WRONG.TEST']),
        ('unknown SPN', [*ALICE, *KERBEROS, 'alias.lab.test'], 'KRB.SERVICE_UNKNOWN', 1396,
         ['host/alias.lab.test']),
        ("another host's key", [*ALICE, *KERBEROS, '--target-ip', SRV, NAME], 'KRB.OTHER_HOST', 1396,
         [SRV, 'SRV', 'host/' + NAME]),
        ('a local account, wrong password', ['-u', 'root', '-p', 'x', 'srv.lab.test'],
         'RPC.AUTH_FAILED', 1825, [SRV])):
    ill(name, args, finding, 4, 40, REFUSED, win32, says)
for args in [DC], [DC, '--keytab', TMP + '/alice.keytab', '-u', 'alice@LAB.TEST']:
    run = msrpc('diagnose', *args, *(ALICE if len(args) == 1 else ()), *KERBEROS)
    ok(run.code == 64 and 'NAME --target-ip ' + DC in run.err and not run.out,
       'Kerberos to an address is a mistake, which is told before anything is sent', run)
run = msrpc('diagnose', '--json', DC, NAME, *ALICE, *KERBEROS)
eq((run.code, [(x['target']['host'], x['exit']) for x in run.json['results']]), (64, [(NAME, 0)]),
   'among several it is the only one that fails', run)
for other in 'bob', 'alice@OTHER.TEST':
    run = msrpc('diagnose', NAME, '-k', '--ccache', cache, '-u', other)
    ok(run.code == 64 and 'is that of alice@LAB.TEST, not of ' + other in run.err and not run.out,
       "another's ticket than that of %s is a mistake" % other, run)
healthy('the ticket is his', '-k', '--ccache', cache, '-u', 'alice', NAME)
with fault('no-ntlm'):
    ill('NTLM is blocked', [*ROOT, *NTLM, 'srv.lab.test'], 'RPC.AUTH_FAILED', 4, 40, REFUSED, 1825,
        ['NTLM where a policy blocks it'])

# ---- levels and rights ----
for level in ('connect', 'integrity'):
    ill('drsuapi at ' + level, [*ALICE, '--auth-level', level, '--interface', 'drsuapi', NAME],
        'RPC.LEVEL_LOW', 4, 40, REFUSED, 5, ['drsuapi', DC])
healthy('drsuapi at privacy', *ALICE, '--auth-level', 'privacy', '--interface', 'drsuapi', NAME)
ill('drsuapi at connect, with NTLM', [*ALICE, *NTLM, '--auth-level', 'connect', '--interface', 'drsuapi', NAME],
    'RPC.LEVEL_LOW', 4, 40, REFUSED, 5, ['drsuapi', DC])
ill('lsarpc at connect, with NTLM inside Negotiate', [*ROOT, '--auth-level', 'connect', 'srv.lab.test'],
    'RPC.LEVEL_LOW', 4, 40, REFUSED, 5, ['lsarpc', SRV], ['AUTH.FALLBACK'])
# Samba serves mgmt at connect whatever the password was: nothing at that level proves it
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=20')
before = bad_passwords()
for iface in 'drsuapi', 'lsarpc':
    ill('%s at connect, with NTLM and a wrong password' % iface,
        ['-u', 'LAB\\alice', '-p', 'Wrong.Pw1', *NTLM, '--auth-level', 'connect', '--interface', iface, NAME],
        'RPC.AUTH_FAILED', 4, 40, REFUSED, 1825, [DC])
eq(bad_passwords(), before + 2, 'each is one logon')
before = bad_passwords()
run = msrpc('diagnose', '--json', '-u', 'LAB\\alice', '-p', 'Wrong.Pw1', *NTLM, '--auth-level', 'connect', NAME,
            'dual.lab.test', 'dc6.lab.test')
said = sorted(logon(type('', (), {'json': x}))['status'] for x in run.json['results'])
eq((run.code, said, bad_passwords()), (40, ['fail', 'skip', 'skip'], before + 1),
   'who is refused at connect is not tried at the next target', run)
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=0')

# ---- no KDC ----
with fault('drop-port', '88'), fault('drop-udp', '88'):
    ill('no KDC answers', [*ALICE, *KERBEROS, NAME], 'KRB.KDC_UNREACHABLE', 4, 40, REFUSED, 1311, [DC])
    run = good('no KDC, Negotiate', [*ALICE, NAME], 'NTLM', 'LAB\\alice', 1)
    ok('no KDC' in logon(run)['summary'], 'no KDC, Negotiate: the reason', run)

with fault('drop-port', '88'):
    ill('TCP 88 is blocked, UDP answers', [*ALICE, *KERBEROS, NAME], 'KRB.TCP_BLOCKED', 4, 40, REFUSED, 1311,
        [DC, 'over UDP'])
    run = msrpc('diagnose', '--json', '-k', '--ccache', fresh, NAME)
    found = [x for x in run.json['findings'] if x['id'] == 'KRB.KDC_UNREACHABLE']
    ok(found and 'UDP was not asked' in found[0]['cause'], 'only what was tried is claimed', run)
    run = msrpc('diagnose', *ALICE, *KERBEROS, NAME)
    ok('88 FILTERED' in run.out, 'the screen says that port 88 is silent', run)

# ---- clocks ----
for shift, words in (('+10m', 'ahead'), ('-10m', 'behind')):
    for args in ([], ALICE):
        report = shifted(shift, *args, NAME)
        found = [x for x in report['findings'] if x['id'] == 'CLOCK.DIFFERS']
        ok(report['exit'] == 1 and found and words in found[0]['cause'] and
           any(x in found[0]['cause'] for x in ('599', '600', '601')),
           'a clock %s, %s' % (shift, 'with an account' if args else 'without credentials'), report)

# a ticket that was had before the clock went wrong: nobody but the server can tell
on('client', 'kvno', '-c', cache, 'host/' + NAME)
report = shifted('+10m', '-k', '--ccache', cache, NAME)
found = [x for x in report['findings'] if x['id'] == 'KRB.SKEW']
ok(report['exit'] == 40 and report['verdict']['finding'] == 'KRB.SKEW' and 'ahead' in found[0]['cause'] and
   any(x in found[0]['cause'] for x in ('599', '600', '601')),
   "the server's own clock, in its refusal of a ticket", report)

# ---- a server of ours that has another key than the domain ----
subprocess.run(['ktutil'], input=('addent -password -p host/%s@LAB.TEST -k 1 -e '
                                         'aes256-cts-hmac-sha1-96\nSome.Other.Key1\nwkt %s/other.keytab\n'
                                         % (NAME, TMP)).encode(),
                      stdout=subprocess.DEVNULL, check=True)
serve = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper "$0:135" --bind "$0" --keytab "$1"'
with background('mb', 'sh', '-c', serve, names['MB_SERVER_IP'], TMP + '/other.keytab'):
    ill('another key', [*ALICE, '--target-ip', names['MB_SERVER_IP'], NAME], 'KRB.TICKET_REFUSED', 4, 40,
        REFUSED, 1396, ['host/' + NAME])

# ---- who answers ----
run = msrpc('diagnose', '--json', NAME)
seen = [x for x in run.json['checks'] if x['id'] == 'AUTH.CHALLENGE'][0]['evidence']
eq((seen['dns_computer'], seen['domain'], abs(seen['clock_ahead_s']) < 3), (NAME, 'LAB', True),
   "the challenge's names and clock, without an account", run)
ill('the wrong host', ['--interface', 'drsuapi', '--target-ip', SRV, NAME], 'NAME.WRONG_HOST', 1, 10,
    'fpfu', 1753, [SRV, 'SRV'])
run = msrpc('diagnose', '--json', *ALICE, '--skip', 'AUTH.LOGON', NAME)
eq((run.code, run.json['vantage']['identity']), (0, 'anonymous'), 'who did not log on is nobody', run)
healthy('the domain controller afterwards', NAME)
done()

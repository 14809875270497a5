#!/usr/bin/python3 -B
"""msrpc diagnose with an account where strangers are refused: at the endpoint mapper, at interfaces;
what a refusal there means, and that it is the only one."""
import json
import os
import re
import subprocess

from diagnosis import *

DC, NAME = names['DC_IP'], names['MB_NAME']
SERVER, TMP = names['MB_CLIENT_IP'], names['TEST_TMP']
PASSWORD = names['ALICE_PASSWORD']
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
ALICE, WRONG = ['-u', 'LAB\\alice', '-p', PASSWORD], ['-u', 'LAB\\alice', '-p', 'Wrong.Pw1']
MECHS = {'Kerberos': ['--auth', 'kerberos'], 'NTLM': ['--auth', 'ntlm'], 'Negotiate': []}
USERS, LOG, OTHER = (os.path.join(TMP, x) for x in ('users', 'log', 'other.keytab'))
PROXY = os.path.join(names['LIVE_DIR'], 'peers', 'no_strangers.py')
SETTINGS = '''[mapper]
listen = %s
[access]
RestrictRemoteClients = %d
users = %s
keytab = %s
[log]
level = info
rate = 0
'''


def save(name, text):
    path = os.path.join(TMP, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


def served(*args, more='', mapper='135', keytab=names['MB_KEYTAB'], log=LOG, restrict=2,
           users=USERS):
    """msrpc serve that lets no strangers in."""
    config = save('serve%s.conf' % mapper, SETTINGS % (mapper, restrict, users, keytab) + more)
    return background('mb', 'sh', '-c', 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --config "$@" 2>"$0"',
                      log, config, *args)


def refused_logons(log=LOG):
    with open(log) as file:
        return len(re.findall('not logged on', file.read()))


def bad_passwords():
    shown = on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', 'user', 'show', 'alice',
               '--attributes=badPwdCount', '-s', CONF)
    return int(re.search(r'badPwdCount: (\d+)', shown)[1])


def lockout(threshold):
    on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', 'domain', 'passwordsettings', 'set',
       '--account-lockout-threshold=%d' % threshold, '-s', CONF)  # 0: nobody counts


def check(run, name):
    return [x for x in run.json['checks'] if x['id'] == name][0]


def remarks(run):
    return accused(run.json, ('info',))


def admitted(name, args, target, who, extra=()):
    """Strangers are refused, the account is not: everything passes."""
    run = msrpc('diagnose', '--json', *args, target)
    eq((run.code, accused(run.json), run.json['verdict']['finding']), (0, set(), None),
       name + ': healthy', run)
    eq([x['status'] for x in run.json['phases']], ['pass'] * 4, name + ': every phase passes', run)
    eq({'EPM.ANONYMOUS_DENIED', *extra} - remarks(run), set(), name + ': the remarks', run)
    eq(run.json['vantage']['identity'], who, name + ': as whom')
    ok('the mapper refuses strangers, asked as ' + who in check(run, 'EPM.LOOKUP')['summary'],
       name + ': as whom the mapper was asked', run)
    ok(PASSWORD not in run.out, name + ': no secret is shown')
    return run


def who(mech):
    return 'LAB\\alice' if mech == 'NTLM' else 'alice@LAB.TEST'


# ---- a mapper for accounts only ----
def mapper_for_accounts():
    ill('a stranger', [NAME], 'EPM.ACCESS_DENIED', 3, 30, 'ppfu', 5, [SERVER])
    run = msrpc('diagnose', NAME)
    ok('msrpc diagnose %s -u DOMAIN' % NAME in run.out and 'msrpc map' not in
       run.out.split('NEXT')[1], 'a stranger is told to give an account', run)
    for mech, args in MECHS.items():
        run = admitted(mech, ALICE + args, NAME, who(mech), ['RPC.ANONYMOUS_DENIED', 'RPC.ADMITTED'])
        eq(run.json['vantage']['auth']['level'], 'privacy', mech + ': the level')
        admitted(mech + ', one interface', ALICE + args + ['--interface', 'rpcecho'], NAME, who(mech))
    for level in ('connect', 'integrity'):
        admitted('NTLM, ' + level, ALICE + MECHS['NTLM'] + ['--auth-level', level], NAME, 'LAB\\alice')
    run = msrpc('diagnose', *ALICE, NAME)
    ok('[ok] 2 interfaces registered; the mapper refuses strangers' in run.out and
       'what refuses anonymous calls' in run.out and 'NEXT' not in run.out, 'the screen', run)
    run = msrpc('diagnose', '--json', *ALICE, '--interface', 'drsuapi', NAME)
    eq((run.code, accused(run.json)), (30, {'EPM.NOT_REGISTERED'}), 'what is not registered', run)
    eq(refused_logons(), 0, 'nobody was refused so far')


def refusals():
    run = msrpc('diagnose', '--json', *ALICE, '--skip', 'AUTH.LOGON', NAME)
    eq((run.code, accused(run.json), run.json['vantage']['identity']),
       (30, {'EPM.ACCESS_DENIED'}, 'anonymous'), 'who left the logon out is a stranger', run)
    ill('NTLM, a wrong password', WRONG + MECHS['NTLM'] + [NAME], 'EPM.ACCOUNT_UNUSABLE', 3, 30, 'ppff', 5,
        [SERVER, 'LAB\\alice'], ['RPC.FIRST_CALL_DENIED'])
    eq(refused_logons(), 1, '... is shown once')
    ill('NTLM at connect, a wrong password', WRONG + MECHS['NTLM'] + ['--auth-level', 'connect', NAME],
        'EPM.ACCOUNT_UNUSABLE', 3, 30, 'ppff', 5, [SERVER], ['RPC.FIRST_CALL_DENIED'])
    eq(refused_logons(), 2, '... is shown once')
    run = msrpc('diagnose', '--json', '--phase', '3', *WRONG, *MECHS['NTLM'], NAME)
    eq((run.code, run.json['verdict']['finding'], check(run, 'AUTH.LOGON')['phase'], refused_logons()),
       (30, 'EPM.ACCOUNT_UNUSABLE', 3, 3), 'phase 3 alone: the logon belongs to it', run)
    run = msrpc('diagnose', '--json', '-N', *MECHS['NTLM'], NAME)
    eq((run.code, accused(run.json)), (30, {'EPM.ACCESS_DENIED'}), "a null session is a stranger's", run)
    lockout(20)
    before = bad_passwords()
    for mech in ('Kerberos', 'Negotiate'):
        ill(mech + ', a wrong password', WRONG + MECHS[mech] + [NAME], 'EPM.ACCOUNT_UNUSABLE', 3, 30, 'ppff',
            5, ['KDC_ERR_PREAUTH_FAILED', DC], ['KRB.PREAUTH_FAILED'])
        before += 1
        eq((bad_passwords(), refused_logons()), (before, 3), mech + ': ... is one logon, at the KDC')
    run = msrpc('diagnose', '--json', *WRONG, NAME, 'dc1.lab.test', SERVER)
    eq(bad_passwords() + refused_logons(), before + 3 + 1,
       'a refused account is not tried at the next target', run)
    logons = sorted(check(type('', (), {'json': x}), 'AUTH.LOGON')['status'] for x in run.json['results'])
    eq(logons, ['fail', 'skip', 'skip'], '... and they say so', run)
    for first, second in ((names['SRV_IP'], 'dc1.lab.test'), ('dc1.lab.test', names['SRV_IP']),
                          (SERVER, NAME)):
        run = msrpc('diagnose', '--json', '--jobs', '1', *WRONG, first, second)
        logons = [check(type('', (), {'json': x}), 'AUTH.LOGON')['status'] for x in run.json['results']]
        eq(logons, ['fail', 'skip'], 'refused at %s, and not tried at %s' % (first, second), run)
    lockout(0)
    with fault('drop-port', '88'), fault('drop-udp', '88'):
        run = msrpc('diagnose', '--json', *ALICE, *MECHS['Kerberos'], '--deadline', '1', NAME)
        eq((run.code, accused(run.json)), (75, {'EPM.ACCOUNT_UNUSABLE'}), 'the deadline came first', run)
        ill('no KDC answers', ALICE + MECHS['Kerberos'] + [NAME], 'EPM.ACCOUNT_UNUSABLE', 3, 30, 'ppff', 5,
            [SERVER, DC], ['KRB.KDC_UNREACHABLE'])
        run = msrpc('diagnose', '--json', *ALICE, NAME)
        eq((run.code, accused(run.json)), (1, {'AUTH.FALLBACK'}), 'no KDC answers, Negotiate', run)


def levels():
    for mech, args in MECHS.items():
        for level in ('connect', 'integrity'):
            ill('%s at %s' % (mech, level), ALICE + args + ['--auth-level', level, NAME], 'RPC.LEVEL_LOW', 4,
                40, 'pppf', 5, ['epmapper', '135'])
        admitted(mech + ' at privacy', ALICE + args, NAME, who(mech))


def denied():
    """A mapper that knows the account, and lists nothing to it."""
    mock = save('epm.json', json.dumps({'interface': 'epmapper', 'default': 5}))
    with served('--mock', mock + '@1135', mapper='2135'):
        for mech, args in MECHS.items():
            ill(mech + ', denied', ALICE + args + [NAME + ':1135'], 'EPM.ACCOUNT_DENIED', 3, 30, 'ppfu', 5,
                [SERVER, who(mech), 'the password is right'])
        eq(refused_logons(), 0, 'the account was good at each')


# ---- strangers may not even bind ----
def no_binds():
    with served('--register', 'samr@1153', '--interface', 'rpcecho@49152', mapper='2135'), \
            background('mb', PROXY, '1135', '2135'), background('mb', PROXY, '1152', '49152'):
        ill('a stranger may not bind', [NAME + ':1135'], 'EPM.NAK', 3, 30, 'ppfu', 1727, [SERVER])
        for mech, args in MECHS.items():
            run = msrpc('diagnose', '--json', *ALICE, *args, '--interface', 'rpcecho', NAME + ':1135')
            eq((run.code, accused(run.json)), (0, set()), mech + ': who is known may bind', run)
            eq(check(run, 'EPM.BIND.AS')['status'], 'pass', mech + ': as whom', run)
        ill('a wrong password', WRONG + MECHS['NTLM'] + [NAME + ':1135'], 'EPM.ACCOUNT_UNUSABLE', 3, 30, 'ppff',
            5, [SERVER], ['RPC.FIRST_CALL_DENIED'])
        given = 'ncacn_ip_tcp:%s[1152]' % NAME
        run = msrpc('diagnose', '--json', '--interface', 'rpcecho', given)
        eq((run.code, accused(run.json)), (40, {'RPC.NAK'}), 'an interface: a stranger may not bind', run)
        run = msrpc('diagnose', '--json', *ALICE, '--interface', 'rpcecho', given)
        eq((run.code, accused(run.json)), (0, set()), '... who is known may', run)
        ok('RPC.ADMITTED' in remarks(run), '... which is said', run)


def nobody_binds():
    """Whoever refuses everybody alike has not judged anybody."""
    hostile = os.path.join(names['LAB_DIR'], 'hostile.py')
    for mode in ('bind-nak', 'reject-context'):
        with background('mb', hostile, mode, '--value', '0', '--bind', '0.0.0.0', '--port', '1999',
                        '--seconds', '60'):
            for mech, args in MECHS.items():
                ill('%s for everybody, %s' % (mode, mech), ALICE + args + [NAME + ':1999'],
                    'EPM.ACCOUNT_UNUSABLE', 3, 30, 'ppff', 5, [SERVER, 'reason 0'])


# ---- a service with a key of its own ----
def other_keys():
    mock = save('samr.json', json.dumps({'interface': 'samr', 'replies': {}}))
    log = os.path.join(TMP, 'log2')
    for name, here, there in (
            ('beside the usual one', ['--mock', mock + '@49153', '--register', 'rpcecho@49152'],
             ['--interface', 'rpcecho@49152']),
            ('as the usual one', ['--interface', 'rpcecho@49152', '--register', 'samr@49153'],
             ['--mock', mock + '@49153'])):
        with served(*here), served(*there, mapper='2135', keytab=OTHER, log=log):
            run = msrpc('diagnose', '--json', *ALICE, *MECHS['Kerberos'], NAME)
            eq((run.code, accused(run.json)), (0, set()), 'another key, %s: no failure' % name, run)
            ok('AUTH.OTHER_KEY' in remarks(run), 'another key, %s: is said' % name, run)
            eq(run.json['vantage']['auth']['mechanism'], 'Kerberos', 'another key, %s: how' % name, run)
    everywhere = '--interface', 'rpcecho@49152', '--mock', mock + '@49153'
    with served(*everywhere, keytab=OTHER, restrict=1):
        run = msrpc('diagnose', '--json', *ALICE, *MECHS['Kerberos'], NAME)
        eq((run.code, accused(run.json)), (40, {'KRB.OTHER_HOST'}), 'another key everywhere', run)
        ok('AUTH.OTHER_KEY' not in remarks(run), '... is no remark', run)
    with served(*everywhere, keytab=OTHER):
        ill('another key at the mapper, too', ALICE + MECHS['Kerberos'] + [NAME], 'EPM.ACCOUNT_UNUSABLE', 3, 30,
            'ppff', 5, [SERVER], ['KRB.OTHER_HOST'])


def two_minds():
    """One service of the host knows the account, the others have another password for it."""
    others = save('others', 'LAB\\alice:Another.Pw1\n')
    mock = save('samr.json', json.dumps({'interface': 'samr', 'replies': {}}))
    log = os.path.join(TMP, 'log3')
    with served('--register', 'samr@49153', '--register', 'rpcecho@49152'), \
            served('--mock', mock + '@49153', '--interface', 'rpcecho@49152', mapper='2135', users=others,
                   log=log):
        run = msrpc('diagnose', '--json', *ALICE, *MECHS['NTLM'], NAME)
        eq((run.code, accused(run.json)), (40, {'RPC.FIRST_CALL_DENIED'}),
           'known at the mapper, refused behind it', run)
        eq((refused_logons(), refused_logons(log)), (0, 1), '... once, and not asked on', run)


# ---- Samba ----
def samba():
    run = msrpc('diagnose', '--json', *ALICE, 'dc1.lab.test')
    found = [x for x in run.json['findings'] if x['id'] == 'RPC.ADMITTED']
    ok(run.code == 0 and found and 'drsuapi' in found[0]['cause'], 'the DC: who is admitted', run)
    run = msrpc('diagnose', '--json', *ALICE, '--auth-level', 'connect', 'dc1.lab.test')
    found = [x for x in run.json['findings'] if x['id'] == 'RPC.NOT_ADMITTED']
    ok(run.code == 0 and found and 'drsuapi' in found[0]['cause'], 'the DC: who is not, at connect', run)
    run = msrpc('diagnose', '--json', 'dc1.lab.test')
    eq(remarks(run) & {'RPC.ADMITTED', 'RPC.NOT_ADMITTED', 'RPC.ANONYMOUS_DENIED'},
       {'RPC.ANONYMOUS_DENIED'}, 'the DC: a stranger', run)
    with fault('drop-port', '88'), fault('drop-udp', '88'):
        run = msrpc('diagnose', *ALICE, 'dc1.lab.test')
        ok(run.code == 1 and '88 FILTERED' in run.out and 'fell back' in run.out,
           'no KDC, NTLM instead: phase 2 says that its port is silent', run)


save('users', 'LAB\\alice:%s\n' % PASSWORD)
subprocess.run(['ktutil'], input=('addent -password -p host/%s@LAB.TEST -k 1 -e aes256-cts-hmac-sha1-96\n'
                                  'Some.Other.Key1\nwkt %s\n' % (NAME, OTHER)).encode(),
               stdout=subprocess.DEVNULL, check=True)
with served('--interface', 'rpcecho@49152', '--mock',
            save('samr.json', json.dumps({'interface': 'samr', 'replies': {}}))):
    mapper_for_accounts()
    refusals()
with served('--interface', 'rpcecho@49152', more='[interface epmapper]\nmin_auth_level = privacy\n'):
    levels()
denied()
no_binds()
nobody_binds()
other_keys()
two_minds()
samba()
done()

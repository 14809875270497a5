#!/usr/bin/python3 -B
"""Accounts that may not log on, or not so: what Samba's domain controller says of each by Kerberos
and by NTLM, and that a right password is never counted as a wrong one, a wrong one once."""
import os

from diagnosis import *

DC, NAME, PASSWORD = names['DC_IP'], names['DC_NAME'], 'State.Pw1'
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
ALICE = ['-u', 'LAB\\alice', '-p', names['ALICE_PASSWORD']]
KERBEROS, NTLM = ['--auth', 'kerberos'], ['--auth', 'ntlm']
# by Kerberos: finding, Windows' code, what the cause names; by NTLM over TCP a server tells nothing
STATES = {
    'disabled': ('KRB.DISABLED', 1331, 'STATUS_ACCOUNT_DISABLED'),
    'expired': ('KRB.EXPIRED', 1793, 'STATUS_ACCOUNT_EXPIRED'),
    'mustchange': ('KRB.MUST_CHANGE', 1907, 'STATUS_PASSWORD_MUST_CHANGE'),
    'locked': ('KRB.CLIENT_REVOKED', 1331, 'locked out'),
    'hours': ('KRB.RESTRICTED', 1328, 'STATUS_INVALID_LOGON_HOURS'),
    'elsewhere': ('KRB.RESTRICTED', 1329, 'STATUS_INVALID_WORKSTATION'),
}


def samba_tool(*args):
    return on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', *args, '-s', CONF)


def accounts(switch, *args):
    on('dc1', os.path.join(names['LAB_DIR'], 'accounts.py'), switch, CONF, *args)


def bad_passwords(user):
    shown = samba_tool('user', 'show', user, '--attributes=badPwdCount')
    return sum(int(x.split()[1]) for x in shown.splitlines() if x.startswith('badPwdCount'))


def account(user, password=PASSWORD):
    return ['-u', 'LAB\\' + user, '-p', password]


def nt_hash(password):
    return on('dc1', '/usr/bin/python3', '-c', 'import sys\nfrom samba.credentials import Credentials\n'
              'c = Credentials()\nc.set_password(sys.argv[1])\nprint(c.get_nt_hash().hex())',
              password).strip()


def blind(name, user, *args):
    """NTLM: the finding names what it may be, and the test that tells."""
    ill(name, [*account(user), *NTLM, *args, NAME], 'RPC.AUTH_FAILED', 4, 40, 'pppf', 1825,
        ['may not log on', 'Protected Users', 'does not say which'])


samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=20')
accounts('on', PASSWORD)
for user, (finding, win32, says) in STATES.items():
    ill(user + ', by Kerberos', [*account(user), *KERBEROS, NAME], finding, 4, 40, 'pppf', win32, [DC, user, says])
    ill(user + ', negotiated', [*account(user), NAME], finding, 4, 40, 'pppf', win32, [DC, user])
    blind(user + ', by NTLM', user)
    eq(bad_passwords(user), 0, user + ': no right password was counted as a wrong one')
    before = bad_passwords(user)
    run = msrpc('diagnose', '--json', *account(user, 'Wrong.Pw1'), NAME)
    ok(run.code == 40 and accused(run.json) <= {finding, 'KRB.PREAUTH_FAILED', 'KRB.CLIENT_REVOKED'},
       user + ', and a wrong password: one or the other', run)
    ok(bad_passwords(user) <= before + 1, user + ': a wrong one was counted once', run)
healthy('the one computer it may be used at, by Kerberos', *account('here'), *KERBEROS, NAME)
healthy('... by NTLM', *account('here'), *NTLM, NAME)

# ---- Protected Users ----
healthy('a protected account, by Kerberos', *account('protected'), NAME)
blind('a protected account, by NTLM', 'protected')
ill('a protected account, by an NT hash', ['-u', 'LAB\\protected', '-H', nt_hash(PASSWORD), NAME],
    'KRB.NO_ETYPE', 4, 40, 'pppf', None, ['Protected Users', 'protected'])
eq(bad_passwords('protected'), 0, 'a protected account: nothing was counted')

# ---- a password that is too old ----
on('dc1', 'faketime', '-f', '-60d', '/usr/bin/python3', '/usr/bin/samba-tool', 'user', 'create', 'old',
   PASSWORD, '-s', CONF)
ill('an expired password, by Kerberos', [*account('old'), *KERBEROS, NAME], 'KRB.KEY_EXPIRED', 4, 40,
    'pppf', 1330, [DC, 'old'])
ill('an expired password, negotiated', [*account('old'), NAME], 'KRB.KEY_EXPIRED', 4, 40, 'pppf', 1330,
    [DC, 'old'])
blind('an expired password, by NTLM', 'old')
samba_tool('user', 'delete', 'old')
accounts('off')
samba_tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=0')

# ---- a domain controller that takes no NTLM ----
with fault('dc-setting', 'ntlm auth = disabled'):
    healthy('no NTLM: Kerberos works', *ALICE, NAME)
    ill('no NTLM: NTLM does not', [*ALICE, *NTLM, NAME], 'RPC.AUTH_FAILED', 4, 40, 'pppf', 1825,
        ['NTLM where a policy blocks it'])
    ill('no NTLM: an address, which has no ticket', [*ALICE, DC], 'RPC.AUTH_FAILED', 4, 40, 'pppf', 1825,
        ['NTLM where a policy blocks it'])
    eq(bad_passwords('alice'), 0, 'no NTLM: nothing was counted')

# ---- a server of ours that takes no NTLM: what stood in the way of Kerberos is the matter ----
serve = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --bind "$0" --keytab "$MB_KEYTAB"'
with background('mb', 'sh', '-c', serve, names['MB_CLIENT_IP']):
    healthy('a server without NTLM', *ALICE, names['MB_NAME'])
    ill('a server without NTLM, an unknown name', [*ALICE, '--target-ip', names['MB_CLIENT_IP'],
                                                   'ghost.lab.test'],
        'KRB.SERVICE_UNKNOWN', 4, 40, 'pppf', 1396, ['host/ghost.lab.test'])
    ill('a server without NTLM, no KDC', [*ALICE, '--dc-ip', names['UNUSED_IP'], names['MB_NAME']],
        'KRB.KDC_DOWN', 4, 40, 'pppf', 1311, [names['UNUSED_IP'], 'host unreachable'],
        todo='msrpc port ' + names['UNUSED_IP'])
    ill('a server without NTLM, an address', [*ALICE, names['MB_CLIENT_IP']], 'RPC.NAK', 4, 40, 'pppf', 1727,
        [names['MB_CLIENT_IP']])
done()

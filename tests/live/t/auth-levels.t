#!/usr/bin/python3 -B
"""Levels of authentication that a server has as too low, those of the hardening updates above all:
the finding names the interface, the level and the update."""
import contextlib
import os
import time

from diagnosis import *

DC, NAME, MB, MB_IP = names['DC_IP'], names['DC_NAME'], names['MB_NAME'], names['MB_CLIENT_IP']
TMP = names['TEST_TMP']
ALICE = ['-u', 'alice@LAB.TEST', '-p', names['ALICE_PASSWORD']]
HARDENED = os.path.join(os.path.dirname(os.path.realpath(names['MSRPC'])),
                        '../../tests/live/hardened')
LEVELS = {'connect': 2, 'pkt': 4, 'integrity': 5, 'privacy': 6}
KB = {'RPC.LEVEL_LOW': ('KB3148527', 'KB4599464', 'KB5004442', 'KB5021130'),
      'RPC.DCOM_LEVEL': ('KB5004442',), 'RPC.PRINT_LEVEL': ('KB4599464',),
      'RPC.NETLOGON_LEVEL': ('KB5021130',)}
# a stranger's UUID of the interface, the level that servers have wanted since an update, the port,
# and what is said of a lower level
HARD = {
    'IRemoteSCMActivator': ('000001a0-0000-0000-c000-000000000046:0.0', 5, 'RPC.DCOM_LEVEL', 5),
    'IActivation': ('4d9f4ab8-7d1c-11cf-861e-0020af6e7c57:0.0', 5, 'RPC.DCOM_LEVEL', 5),
    'spoolss': ('12345678-1234-abcd-ef00-0123456789ab:1.0', 6, 'RPC.PRINT_LEVEL', 283),
    'IRemoteWinspool': ('76f03f96-cdfd-44fc-a22c-64950a001209:1.0', 6, 'RPC.PRINT_LEVEL', 283),
    'lsarpc': ('12345778-1234-abcd-ef00-0123456789ab:0.0', 5, 'RPC.LEVEL_LOW', 5),
}
# what Samba's domain controller wants of its own
SAMBA = {'samr': 4, 'netlogon': 4, 'dssetup': 4, 'lsarpc': 2, 'dnsserver': 4, 'drsuapi': 6, 'BackupKey': 6}
# a member whose channel only signs, as those did that the update of 2022 shut out
MEMBER = r"""
import sys
from samba import NTSTATUSError
from samba.credentials import Credentials, DONT_USE_KERBEROS
from samba.dcerpc import misc, netlogon
from samba.param import LoadParm
conf, host, account, password, how = sys.argv[1:]
lp = LoadParm()
lp.load(conf)
c = Credentials()
c.guess(lp)
c.set_workstation(account), c.set_username(account + '$'), c.set_password(password)
c.set_domain('LAB'), c.set_kerberos_state(DONT_USE_KERBEROS)
c.set_secure_channel_type(misc.SEC_CHAN_WKSTA)
try:
    client = netlogon.netlogon('ncacn_ip_tcp:%s[schannel,%s]' % (host, how), lp, c)
    sent, none = netlogon.netr_Authenticator(), netlogon.netr_Authenticator()
    step = c.new_client_authenticator()
    sent.cred.data, sent.timestamp = list(step['credential']), step['timestamp']
    client.netr_LogonGetCapabilities(host, account, sent, none, 1)
    print('good')
except NTSTATUSError as error:
    print('refused')
"""


@contextlib.contextmanager
def recorded(path):
    with background('client', 'sh', '-c', 'exec tcpdump -Z root -U --immediate-mode -n -i eth0 -s 0 '
                    '-w "$0" host %s 2>&1' % DC, path):
        yield
        time.sleep(0.3)


def named(report, finding):
    """The updates that its remedies and its references name."""
    for found in report['findings']:
        if found['id'] == finding:
            text = ' '.join(x['text'] for x in found['remedies'])
            eq([x for x in KB[finding] if x not in text or x not in found['reference']], [],
               finding + ': the update is named', found)


def probe(name, host, interface, want, finding, win32, address):
    """Every level: below @want it is @finding, from there on it works."""
    for level, number in LEVELS.items():
        what = '%s, %s at %s' % (name, interface, level)
        args = [*ALICE, '--auth-level', level, '--interface', interface, host]
        if number >= want:
            healthy(what, *args)
        else:
            ill(what, args, finding, 4, 40, 'pppf', win32, [address, 'level %d' % number])


# ---- Samba as it comes ----
for interface, want in SAMBA.items():
    probe('Samba', NAME, interface, want, 'RPC.LEVEL_LOW', 5, DC)
run = msrpc('diagnose', '--json', *ALICE, '--auth-level', 'connect', '--interface', 'samr', NAME)
named(run.json, 'RPC.LEVEL_LOW')

# ---- what Windows wants since its updates ----
registered = ' '.join('--register %s@%d' % (x, 49301 + i) for i, x in enumerate(HARD))
offered = ['%s=%d@%d' % (HARD[x][0], HARD[x][1], 49301 + i) for i, x in enumerate(HARD)]
mapper = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --bind "$0" ' + registered
with background('mb', 'sh', '-c', mapper, MB_IP), \
        background('mb', HARDENED, MB_IP, 'FILE:' + names['MB_KEYTAB'], *offered):
    for interface, (_, want, finding, win32) in HARD.items():
        probe('a hardened server', MB, interface, want, finding, win32, MB_IP)
        run = msrpc('diagnose', '--json', *ALICE, '--auth-level', 'connect', '--interface',
                    interface, MB)
        named(run.json, finding)

# ---- a right that is missing: refused at every level ----
with background('mb', 'sh', '-c', 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --bind "$0" '
                '--register IRemoteSCMActivator@49301 --register spoolss@49302', MB_IP), \
        background('mb', HARDENED, MB_IP, 'FILE:' + names['MB_KEYTAB'],
                   HARD['IRemoteSCMActivator'][0] + '=7@49301', HARD['spoolss'][0] + '=7@49302'):
    for interface, finding in (('IRemoteSCMActivator', 'RPC.DCOM_DENIED'), ('spoolss', 'RPC.ACCESS_DENIED')):
        ill(interface + ' is denied at privacy', [*ALICE, '--interface', interface, MB], finding, 4, 40, 'pppf',
            5, [MB_IP, 'level 6'])
        run = msrpc('diagnose', '--json', *ALICE, '--auth-level', 'connect', '--interface', interface, MB)
        eq((run.code, accused(run.json)), (40, {finding}),
           interface + ' at connect: nobody says that a higher level is enough', run)

# ---- the exception that Samba makes ----
with fault('dc-setting', 'allow dcerpc auth level connect:samr = yes'):
    healthy('Samba, samr at connect where it may', *ALICE, '--auth-level', 'connect', '--interface', 'samr', NAME)

# ---- Netlogon's secure channel (CVE-2022-38023) ----


def member(how):
    return on('client', '/usr/bin/python3', '-B', '-c', MEMBER, names['LAB_SMBCONF'], NAME, 'mb',
              names['MB_PASSWORD'], how, check=False).strip()


path = TMP + '/signed.pcap'
with recorded(path):
    eq((member('seal'), member('sign')), ('good', 'refused'), 'Samba takes sealed channels alone')
run = msrpc('trace', '--json', path)
eq((run.code, run.json['verdict'].get('finding'), accused(run.json)),
   (40, 'RPC.NETLOGON_LEVEL', {'RPC.NETLOGON_LEVEL'}), 'trace names the channel that only signs', run)
named(run.json, 'RPC.NETLOGON_LEVEL')
with fault('dc-setting', 'server schannel require seal = no'):
    path = TMP + '/excepted.pcap'
    with recorded(path):
        eq(member('sign'), 'good', 'one that does not insist takes it')
    run = msrpc('trace', '--json', path)
    eq((run.code, accused(run.json)), (0, set()), '... and nothing is wrong with that', run)
done()

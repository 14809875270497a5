#!/usr/bin/python3 -B
"""msrpc serve with accounts of machines: Samba's bindings set up Netlogon's secure channel and call
over it; what is refused, and what the server tells of it."""
import os
import re
import time

from tap import *

TMP = names['TEST_TMP']
USERS, LOG, PID = (os.path.join(TMP, x) for x in ('users', 'log', 'pid'))
HOST, PC, PASSWORD = names['MB_NAME'], 'PC7', 'Machine.Pw-77'
SAMBA = r"""
import sys
from samba import NTSTATUSError
from samba.credentials import Credentials, DONT_USE_KERBEROS
from samba.dcerpc import echo, misc, netlogon
from samba.param import LoadParm
lp = LoadParm()
conf, host, computer, account, password, kind, what = sys.argv[1:]
lp.load(conf)
c = Credentials()
c.guess(lp)
c.set_workstation(computer), c.set_username(account), c.set_password(password), c.set_domain('LAB')
c.set_kerberos_state(DONT_USE_KERBEROS)
c.set_secure_channel_type(getattr(misc, kind))


def challenge(client, octets):
    credential = netlogon.netr_Credential()
    credential.data = octets
    return client.netr_ServerReqChallenge(None, computer, credential)


def forged(challenge_octets, flags):
    client = netlogon.netlogon('ncacn_ip_tcp:%s[]' % host, lp)
    challenge(client, challenge_octets)
    credential = netlogon.netr_Credential()
    credential.data = [0] * 8
    client.netr_ServerAuthenticate3(None, account, c.get_secure_channel_type(), computer,
                                    credential, flags)


try:
    if what == 'zero':
        forged([0] * 8, 0x612fffff)
    elif what == 'weak':
        forged([1, 2, 3, 4, 5, 6, 7, 8], 0x600fffff & ~0x01000000)
    elif what == 'bare':
        a = netlogon.netr_Authenticator()
        netlogon.netlogon('ncacn_ip_tcp:%s[]' % host, lp).netr_LogonGetCapabilities(
            host, computer, a, a, 1)
    elif what == 'netlogon':
        client = netlogon.netlogon('ncacn_ip_tcp:%s[schannel,seal]' % host, lp, c)
        sent, none = netlogon.netr_Authenticator(), netlogon.netr_Authenticator()
        for turn in range(3):
            step = c.new_client_authenticator()
            sent.cred.data, sent.timestamp = list(step['credential']), step['timestamp']
            answer, flags = client.netr_LogonGetCapabilities(host, computer, sent, none, 1)
        print('%08x' % flags)
        client.netr_LogonGetCapabilities(host, computer, sent, none, 1)     # the same again
    else:
        print(echo.rpcecho('ncacn_ip_tcp:%s[schannel,%s]' % (host, what), lp, c).AddOne(41))
except NTSTATUSError as error:
    print('%08x' % (error.args[0] & 0xffffffff))
"""


def asked(what, computer=PC, account=PC + '$', password=PASSWORD, kind='SEC_CHAN_WKSTA'):
    text = on('client', 'timeout', '30', '/usr/bin/python3', '-B', '-c', SAMBA,
              names['LAB_SMBCONF'], HOST, computer, account, password, kind, what,
              check=False)
    return text.split()


def logged(pattern):
    with open(LOG) as file:
        text = file.read()
    ok(re.search(pattern, text, re.M), 'the log: ' + pattern, text)


def users(*lines):
    with open(USERS, 'w') as file:
        file.write('\n'.join(lines) + '\n')


users('LAB\\alice:x')
run = msrpc('serve', '--check-config', '--users', USERS, '--interface', 'netlogon')
ok(run.code == 64 and 'accounts of machines' in run.err, 'netlogon without machines', run)
users('LAB\\PC7$:' + PASSWORD, 'LAB\\alice:x')
COMMAND = ('echo $$ >%s; exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --interface netlogon '
           '--interface rpcecho --log debug --users %s 2>%s' % (PID, USERS, LOG))
with background('mb', 'sh', '-c', COMMAND):
    eq(asked('seal'), ['42'], 'a call over a sealed channel')
    logged(r'rpcecho opnum 0: .* as LAB\\PC7\$ by Netlogon$')
    eq(asked('seal', kind='SEC_CHAN_BDC'), ['42'], "... of a domain controller's kind")
    eq(asked('netlogon'), ['41004000', 'c0000022'],
       'one authenticator after the other; one that was there is refused')
    eq(asked('seal', password='Wrong.Pw1'), ['c0000022'], 'a wrong password')
    eq(asked('seal', computer='PC8', account='PC8$'), ['c000018b'], 'a machine without an account')
    eq(asked('seal', computer='alice', account='alice'), ['c000018b'], "a user's account")
    eq(asked('zero'), ['c0000022'], 'a challenge of zeros')
    eq(asked('weak'), ['c0000388'], 'keys without AES')
    eq(asked('bare'), ['c0000022'], 'an authenticator outside of any channel')
    ok(asked('sign') != ['42'], 'a channel that is not sealed')
    logged('not logged on: Netlogon: the channel is not to be sealed')
    users('PC7$:Another.Pw-78')
    on('mb', 'sh', '-c', 'kill -HUP $(cat %s)' % PID)
    until = time.monotonic() + 20
    while 'reloaded' not in open(LOG).read() and time.monotonic() < until:
        time.sleep(0.05)
    eq(asked('seal'), ['c0000022'], 'the old password after a reload')
    eq(asked('seal', password='Another.Pw-78'), ['42'], '... the new one')

# ---- a mapper of another port: the channel is set up through it ----

users('LAB\\PC7$:' + PASSWORD, 'CORP\\bob:Bob.Pw1')
COMMAND = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 21135 --interface netlogon --interface rpcecho@21149 '
           '--users %s 2>%s' % (USERS, LOG))
MACHINE, THERE, ELSEWHERE = ['-u', 'LAB\\PC7$', '-p', PASSWORD, '--auth', 'netlogon'], HOST + ':21135', '21135'
with background('mb', 'sh', '-c', COMMAND):
    for way in (['ping', HOST, '-i', 'rpcecho', '--mapper-port', ELSEWHERE, '--count', '1'],
                ['ping', HOST + ':21149', '-i', 'rpcecho', '--mapper-port', ELSEWHERE, '--count', '1'],
                ['call', HOST, 'netlogon.NetrLogonGetCapabilities', '{"QueryLevel":1}', '--mapper-port', ELSEWHERE],
                ['interfaces', HOST, '--mapper-port', ELSEWHERE, '--method', 'mgmt'],
                ['interfaces', HOST + ':21149', '--mapper-port', ELSEWHERE, '--method', 'mgmt'],
                ['map', THERE], ['diagnose', THERE]):
        run = msrpc(*way, *MACHINE)
        ok(run.code in (0, 1) and ':135' not in run.err, 'Netlogon through a mapper of another port: ' +
           ' '.join(way), run)

    # ---- a server of no domain, which names its own as one; its own name is asked for no ticket ----

    run = msrpc('diagnose', 'localhost:21135', '-u', 'CORP\\bob', '-p', 'Bob.Pw1', host='mb')
    ok('88 NOT LISTENING' not in run.out and 'guessed from the' in run.out and 'no KDC of CORP' in run.out,
       'no realm is guessed from a server outside of any domain', run)
    run = msrpc('ping', 'localhost:21135', '-u', 'bob', '-p', 'x', '-k', host='mb')
    ok('realm' in run.err and '--realm' in run.err, 'a user without a realm is told of --realm', run)
done()

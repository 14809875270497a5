#!/usr/bin/python3 -B
"""Delegation: nobody gets a ticket to act for the user unless that was asked for, and then only whom
the KDC trusts with it; seen on the wire, with the server's keys, and in Samba's log."""
import contextlib
import glob
import os
import time

from matrix import tried
from tap import *

NAME, MB, MB_IP = names['DC_NAME'], names['MB_NAME'], names['MB_CLIENT_IP']
PASSWORD, TMP = names['ALICE_PASSWORD'], names['TEST_TMP']
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
USERS, CACHE = os.path.join(TMP, 'users'), os.path.join(TMP, 'cache')
ALICE = ['-u', 'LAB\\alice', '-p', PASSWORD]
SECURE = ['-a', 'privacy', '-I', 'alice,LAB.TEST,' + PASSWORD]
ECHO = ['-s', MB, '-f', '60a15ec5-4de8-11d7-a637-005056a20182,1.0']
LSA = ['-s', NAME, '-f', '12345778-1234-abcd-ef00-0123456789ab,0.0']


def samba_tool(*args):
    on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', *args, '-s', CONF, check=False)


def trusted(switch):
    samba_tool('delegation', 'for-any-service', 'mb$', switch)


@contextlib.contextmanager
def recorded(path):
    with background('client', 'sh', '-c', 'exec tcpdump -Z root -U --immediate-mode -n -s 0 -i eth0 '
                    '-w "$0" 2>&1', path):
        yield
        time.sleep(0.3)


def fields(path, wanted, *names_of):
    text = on('client', 'tshark', '-r', path, '-o', 'kerberos.decrypt:TRUE', '-o',
              'kerberos.file:' + names['MB_KEYTAB'], '-Y', wanted, '-T', 'fields', '-E', 'separator=|',
              *(x for name in names_of for x in ('-e', name)))
    return [line.split('|') for line in text.splitlines()]


def seen(path):
    """How many binds said in their authenticators that no ticket comes with them, or that one does,
    and how many tickets to be handed over the KDC was asked for."""
    flags = [x[0] for x in fields(path, 'dcerpc.pkt_type == 11 && kerberos.gssapi.checksum.flags.deleg',
                                  'kerberos.gssapi.checksum.flags.deleg')]
    asked = fields(path, 'kerberos.msg_type == 12 && kerberos.KDCOptions.forwarded == 1', 'frame.number')
    return flags.count('0'), flags.count('1'), len(asked)


def rpcping(*args):
    return msrpc('rpcping', *args)


def refused(name, code, says, *args):
    run = rpcping(*args)
    ok(run.code == code and says in run.out + run.err and 'Completed' not in run.out, name, run)


with open(USERS, 'w') as file:
    file.write('LAB\\alice:%s\n' % PASSWORD)
serve = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --mapper 135 --bind "$0" '
         '--interface rpcecho@49152 --keytab "$MB_KEYTAB" --users "$1"')
with background('mb', 'sh', '-c', serve, MB_IP, USERS):
    trusted('on')   # the service might have a ticket; nobody asks that it gets one
    path = TMP + '/off.pcap'
    with recorded(path):
        runs = [msrpc(*words, *ALICE, *how) for how in (['-k'], []) for words in (
            ['ping', MB, '-i', 'rpcecho', '--count', '1'], ['map', MB], ['interfaces', MB],
            ['call', MB, 'rpcecho.echo_AddOne', '{"in_data":1}'], ['diagnose', MB])]
        runs.append(rpcping(*ECHO, '-u', '16', *SECURE, '-M', 'impersonate'))
    eq([run.code for run in runs], [0] * 11, 'every command gets through', *runs)
    without, with_one, asked = seen(path)
    ok(without >= 11, 'the authenticators of their binds were read: %d' % without)
    eq((with_one, asked), (0, 0), 'none hands over a ticket, none asks the KDC for one')
    eq(fields(path, 'kerberos.msg_type == 10 && kerberos.KDCOptions.forwardable == 1', 'frame.number'), [],
       'none asks for a ticket that may be forwarded')

    path = TMP + '/on.pcap'
    with recorded(path):
        runs = [rpcping(*ECHO, '-u', package, *SECURE, '-M', 'delegate') for package in ('16', '9')]
    eq([run.code for run in runs], [0, 0], 'rpcping -M delegate, by Kerberos and Negotiate', *runs)
    without, with_one, asked = seen(path)
    eq((without, with_one, asked), (0, 4, 4), 'each bind hands over a ticket of its own')

    # ---- where it cannot be ----
    trusted('off')
    path = TMP + '/untrusted.pcap'
    with recorded(path):
        for package in ('16', '9'):
            refused('a service that the KDC does not trust, package ' + package, 1,
                    'does not trust the service for delegation', *ECHO, '-u', package, *SECURE, '-M',
                    'delegate')
    eq(seen(path)[1:], (0, 0), '... gets nothing')
    trusted('on')
    samba_tool('user', 'sensitive', 'alice', 'on')
    path = TMP + '/sensitive.pcap'
    with recorded(path):
        refused('an account that is sensitive', 1, 'a sensitive account', *ECHO, '-u', '16', *SECURE, '-M',
                'delegate')
    eq(seen(path)[1], 0, '... is not handed over')
    samba_tool('user', 'sensitive', 'alice', 'off')
    refused('NTLM has nothing to hand over', 64, 'NTLM hands over no ticket', *ECHO, '-u', '10', *SECURE, '-M',
            'delegate')
    refused('an address, for which there is no ticket', 64, "server's name", *ECHO[2:], '-s', MB_IP, '-u', '9',
            *SECURE, '-M', 'delegate')
    os.environ['KRB5CCNAME'] = 'FILE:' + CACHE
    for switch, code, says in (('-F', 1, 'may not be forwarded'), ('-f', 0, 'Completed 1 calls')):
        tried('env', 'KRB5_CONFIG=' + names['KRB5_CONFIG'], 'kinit', switch, '-c', CACHE, 'alice@LAB.TEST',
              stdin=PASSWORD + '\n')
        run = rpcping(*ECHO, '-u', '16', '-a', 'privacy', '-M', 'delegate')
        ok(run.code == code and says in run.out + run.err, 'a ticket at hand, kinit ' + switch, run)
    del os.environ['KRB5CCNAME']
    trusted('off')

# ---- Samba's own word ----
with fault('dc-setting', 'log level = 10'):
    def told():
        text = ''
        for path in glob.glob(os.path.join(names['LAB_STATE'], 'dc1', 'log', 'log.*')):
            with open(path, errors='replace') as file:
                text += file.read()
        no = text.count(' NO delegated credentials supplied by client')
        return no, text.count('delegated credentials supplied by client') - no

    for name, more, want in (('off', [], (2, 0)), ('on', ['-M', 'delegate'], (0, 2))):
        before = told()
        run = rpcping(*LSA, '-u', '16', *SECURE, *more)
        after = told()
        ok(run.code == 0, 'Samba as the server, delegation ' + name, run)
        eq((after[0] - before[0], after[1] - before[1]), want, '... as it says itself')
done()

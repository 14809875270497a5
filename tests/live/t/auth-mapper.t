#!/usr/bin/python3 -B
"""A host whose policy refuses strangers (RestrictRemoteClients 1 and 2), served by msrpc serve: what
every command learns of its mapper with an account and without one, and others' clients too."""
import os

from diagnosis import *
from matrix import tried

MB, MB_IP, DC = names['MB_NAME'], names['MB_CLIENT_IP'], names['DC_IP']
TMP, PASSWORD = names['TEST_TMP'], names['ALICE_PASSWORD']
USERS, CONF, CACHE = (os.path.join(TMP, x) for x in ('users', 'conf', 'cache'))
ALICE = ['-u', 'LAB\\alice', '-p', PASSWORD]
ECHO = '60a15ec5-4de8-11d7-a637-005056a20182'
DENIED = {'0x00000005'}, {'RPC.ANONYMOUS_DENIED'}      # who is a stranger to an interface
ACCOUNTS = {
    'NTLM': [*ALICE, '--auth', 'ntlm'],
    'NTLM at connect': [*ALICE, '--auth', 'ntlm', '--auth-level', 'connect'],
    'Kerberos': [*ALICE, '-k'],
    'Kerberos at integrity': [*ALICE, '-k', '--auth-level', 'integrity'],
    'Negotiate': ALICE,
    'Negotiate, an address': ALICE,
}
COMMANDS = {
    'map': ['map'],
    'map --probe': ['map', '--probe'],
    'ping': ['ping', '-i', 'rpcecho', '--count', '1'],
    'ping --matrix': ['ping', '-i', 'rpcecho', '--matrix'],
    'ping --mapper-port': ['ping', '-i', 'rpcecho', '--count', '1', '--mapper-port', '1135'],
    'interfaces': ['interfaces'],
    'interfaces --mapper-port': ['interfaces', '--mapper-port', '1135'],
    'call': ['call', 'rpcecho.echo_AddOne', '{"in_data":41}'],
    'call --mapper-port': ['call', 'rpcecho.echo_AddOne', '{"in_data":41}', '--mapper-port', '1135'],
    'range': ['range', '--ports', '49152-49999', '--of'],
}
IMPACKET = """
import sys
from impacket.dcerpc.v5 import epm, rpcrt, transport
host, password, how, level = sys.argv[1:]
way = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[135]' % host)
client = way.get_dce_rpc()
if how == 'ticket':
    way.set_credentials('alice', '', 'LAB.TEST')
    way.set_kerberos(True)
    client.set_auth_type(rpcrt.RPC_C_AUTHN_GSS_NEGOTIATE)
elif how == 'password':
    way.set_credentials('alice', password, 'LAB')
if how != 'nobody':
    client.set_auth_level(int(level))
try:
    client.connect()
    print(len(epm.hept_lookup(None, dce=client)))
except Exception as error:
    print(error)
"""
SAMBA = """
import sys
from samba import NTSTATUSError, credentials
from samba.dcerpc import epmapper, misc
from samba.param import LoadParm
conf, host, password, how = sys.argv[1:]
lp = LoadParm()
lp.load(conf)
c = credentials.Credentials()
c.guess(lp)
c.set_kerberos_state(credentials.DONT_USE_KERBEROS)
if how:
    c.set_username('alice'), c.set_password(password), c.set_domain('LAB')
else:
    c.set_anonymous()
try:
    client = epmapper.epmapper('ncacn_ip_tcp:%s[135%s]' % (host, how and ',' + how), lp, c)
    print(len(client.epm_Lookup(0, None, None, 0, misc.policy_handle(), 500)[1]))
except NTSTATUSError as error:
    print('%08x' % (error.args[0] & 0xffffffff))
"""


def served(*lines):
    with open(CONF, 'w') as file:
        file.write('[mapper]\nlisten = %s\n[access]\nusers = %s\nkeytab = %s\n%s\n' % (
            served.listen, USERS, names['MB_KEYTAB'], '\n'.join(lines)))
    return background('mb', 'sh', '-c',
                      'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --config "$0"', CONF)


def host_of(name, target):
    """The words of a command, the target where it wants it."""
    words = COMMANDS[name]
    return [words[0], target, *words[1:]] if words[0] == 'call' else [*words, target]


def found(run):
    return {x['id'] for x in (run.json or {}).get('findings', [])}


def is_answered(name, run):
    """What a run that got through came to."""
    report = run.json or {}
    return {
        'map': lambda: report['total'] == 1 and report['endpoints'][0]['interface']['uuid'] == ECHO,
        'interfaces': lambda: ECHO in run.out,
        'call': lambda: report['calls'][0]['reply']['out_data'] == 42,
        'ping': lambda: report.get('lost') == 0 or any(
            x['result'] == 'accepted' for x in report.get('security', [])),
        'range': lambda: [x['port'] for x in report['ports']] == [49152],
    }[name.split()[0]]()


def admitted(name, who, *args):
    """Every command asks in the account's name and gets through."""
    target = MB_IP if 'address' in who else MB
    run = msrpc(*host_of(name, target), '--json', *args)
    ok(run.code == 0 and is_answered(name, run), '%s as alice, %s' % (name, who), run)


def refused(name):
    """Nobody is told nothing, by its name."""
    run = msrpc(*host_of(name, MB), '--json')
    ok(run.code in (30, 40) and 'EPM.ACCESS_DENIED' in found(run), name + ' as nobody: the mapper refuses',
       run)


def closed(name):
    """The mapper itself refuses strangers."""
    for command in COMMANDS:
        if 'mapper-port' in command:
            continue
        refused(command)
        admitted(command, 'Negotiate', *ALICE)
    for who, args in ACCOUNTS.items():
        for command in ('map', 'ping', 'interfaces'):
            admitted(command, who, *args)
    ill(name + ': diagnose as nobody', [MB], 'EPM.ACCESS_DENIED', 3, 30, 'ppfu', 5, [MB_IP])
    for who, args in ACCOUNTS.items():
        if 'address' not in who and 'connect' not in who:
            healthy('%s: diagnose, %s' % (name, who), *args, MB)
    run = msrpc('map', '--json', MB, '-u', 'LAB\\alice', '-p', 'Wrong.Pw1', '--auth', 'ntlm')
    ok(run.code == 40 and 'EPM.ACCESS_DENIED' not in found(run) and found(run),
       name + ': a wrong password is not the policy', run)


def others(admits):
    """rpcclient, Samba's bindings and impacket; strangers where @admits."""
    kerberos = 'env', 'KRB5_CONFIG=' + names['KRB5_CONFIG'], 'KRB5CCNAME=' + CACHE
    python = '/usr/bin/python3', '-B', '-c'
    for level in ('connect', 'packet', 'sign', 'seal'):
        for who, words in (('a password', ['--use-kerberos=off', '-ULAB\\alice%' + PASSWORD]),
                           ('a ticket', ['--use-krb5-ccache=FILE:' + CACHE])):
            text = tried(*kerberos, 'rpcclient', '-s', names['LAB_SMBCONF'], *words,
                         'ncacn_ip_tcp:%s[135,%s]' % (MB, level), '-c', 'epmlookup')
            ok('[49152,' in text, 'rpcclient asks with %s, %s' % (who, level), text)
        text = on('client', *python, SAMBA, names['LAB_SMBCONF'], MB, PASSWORD, level, check=False)
        eq(text.strip(), '1', "Samba's bindings ask, " + level)
    for level in ('2', '5', '6'):
        eq(on('client', *python, IMPACKET, MB, PASSWORD, 'password', level, check=False).strip(), '1',
           'impacket asks by NTLM, level ' + level)
    eq(on('client', *kerberos, *python, IMPACKET, MB, PASSWORD, 'ticket', '6', check=False).strip(),
       '1', 'impacket asks by Kerberos, level 6')
    text = tried('rpcclient', '-s', names['LAB_SMBCONF'], '-U%', 'ncacn_ip_tcp:' + MB, '-c', 'epmlookup')
    ok(('[49152,' if admits else 'ACCESS_DENIED') in text, "rpcclient as nobody: the policy's answer", text)
    text = on('client', *python, SAMBA, names['LAB_SMBCONF'], MB, PASSWORD, '', check=False).strip()
    eq(text, '1' if admits else 'c0000022', "Samba's bindings as nobody: the policy's answer")
    text = on('client', *python, IMPACKET, MB, PASSWORD, 'nobody', '1', check=False).strip()
    ok(text == '1' if admits else 'rpc_s_access_denied' in text, "impacket as nobody: the policy's answer",
       text)


with open(USERS, 'w') as file:
    file.write('LAB\\alice:%s\n' % PASSWORD)
on('client', 'env', 'KRB5_CONFIG=' + names['KRB5_CONFIG'], 'sh', '-c',
   'echo "$0" | kinit -c "$1" alice@LAB.TEST && kvno -q -c "$1" host/%s@LAB.TEST' % MB, PASSWORD, CACHE)
served.listen = '135'

# ---- 1, the default: the mapper asks for strangers, other interfaces do not ----
with served('RestrictRemoteClients = 1', '[interface rpcecho]', 'port = 49152'):
    for command in ('map', 'ping', 'call'):
        admitted(command, 'Negotiate', *ALICE)
    run = msrpc('map', '--json', MB)
    ok(run.code == 0 and is_answered('map', run), '1: strangers may ask the mapper', run)
    run = msrpc('ping', '-i', 'rpcecho', '--count', '1', '--json', MB)
    eq(({x.get('fault') for x in run.json.get('calls', [])}, found(run)), DENIED, '1: and not rpcecho', run)
    healthy('1: diagnose as nobody', MB)
    healthy('1: diagnose as alice', *ALICE, MB)
    others(True)
with served('RestrictRemoteClients = 1', '[interface rpcecho]', 'port = 49152', 'anonymous = yes'):
    run = msrpc('ping', '-i', 'rpcecho', '--count', '1', '--json', MB)
    eq(({x.get('fault') for x in run.json.get('calls', [])}, found(run)), ({None}, set()),
       '1: an interface that asks for strangers has them', run)

# ---- 1, and a mapper that does not ask for them ----
with served('RestrictRemoteClients = 1', '[interface rpcecho]', 'port = 49152', '[interface epmapper]',
            'anonymous = no'):
    closed('1, a closed mapper')

# ---- 2: nobody, whoever asks for them ----
with served('RestrictRemoteClients = 2', '[interface rpcecho]', 'port = 49152', 'anonymous = yes',
            '[interface epmapper]', 'anonymous = yes'):
    closed('2')
    others(False)
    run = msrpc('ping', '--count', '1', '--json', MB + ':49152', '-i', 'rpcecho')
    eq(({x.get('fault') for x in run.json.get('calls', [])}, found(run)), DENIED,
       '2: an interface that asks for strangers does not get them', run)

# ---- a mapper elsewhere ----
served.listen = '1135'
with served('RestrictRemoteClients = 2', '[interface rpcecho]', 'port = 49152'):
    for command in COMMANDS:
        if 'mapper-port' in command:
            refused(command)
            for who, args in ACCOUNTS.items():
                admitted(command, who, *args)
done()

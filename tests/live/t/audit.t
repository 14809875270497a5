#!/usr/bin/python3 -B
"""msrpc audit against Samba at `restrict anonymous` 0, 1 and 2: fact by fact what rpcclient is told
over TCP, beside what the pipes tell it; the table of doc/probe.md holds what comes out. Then hosts
that misbehave and networks that swallow: unknown and not reachable are no denial."""
import os
import re
import subprocess

from tap import *

HOSTS = (('dc1', names['DC_IP']), ('srv', names['SRV_IP']))
DOC = os.path.join(os.environ['LIVE_DIR'], '..', '..', 'doc', 'probe.md')
CONF = names['LAB_SMBCONF']

# fact: what rpcclient asks
ASKED = {
    'SAMR.DOMAINS': 'enumdomains', 'SAMR.USERS': 'enumdomusers', 'SAMR.GROUPS': 'enumdomgroups',
    'SAMR.BUILTIN': 'enumalsgroups builtin', 'SAMR.USER_DETAILS': 'querydispinfo',
    'SAMR.PREW2K': 'queryaliasmem builtin 554', 'SAMR.PASSWORD_HINT': 'getdompwinfo',
    'SAMR.PASSWORD_POLICY': 'querydominfo 1', 'SAMR.LOCKOUT': 'querydominfo 12',
    'LSA.WHOAMI': 'getusername', 'LSA.PRIMARY_DOMAIN': 'lsaquery',
    'LSA.SID_TO_NAME': 'lookupsids S-1-5-32-544', 'LSA.NAME_TO_SID': 'lookupnames Administrators',
    'LSA.PRIVILEGES': 'enumprivs', 'LSA.TRUSTS': 'enumtrust', 'DSSETUP.ROLE': 'dsroledominfo',
    'NETLOGON.TRUSTS': 'dsenumdomtrusts',
}
LETTERS = {'leaks': 'L', 'denied': 'D', 'not reachable': '-', 'unknown': '?'}


def rpcclient(binding, command):
    done = subprocess.run(['timeout', '20', names['LAB'], 'exec', 'client', 'rpcclient', '-s', CONF,
                           '-U%', binding, '-c', command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors='replace')


def state(said):
    if 'NO_SUCH_ALIAS' in said or 'NONE_MAPPED' in said:    # the question was answered
        return 'leaks'
    if 'ACCESS_DENIED' in said:
        return 'denied'
    if 'Could not initialise' in said:
        return 'not reachable'
    return 'unknown' if 'result was' in said or 'Error was' in said else 'leaks'


def told(fact, said):
    """What rpcclient was told, in the words of the audit's JSON; None: not compared."""
    pairs = re.findall(r'(?:user|group):\[(.*?)\] rid:\[(.*?)\]', said)
    if fact in ('SAMR.USERS', 'SAMR.GROUPS', 'SAMR.BUILTIN'):
        return {(name, int(rid, 16)) for name, rid in pairs}
    if fact == 'SAMR.DOMAINS':
        return set(re.findall(r'name:\[(.*?)\]', said))
    if fact == 'SAMR.USER_DETAILS':
        return {(name.strip(), int(rid, 16)) for rid, name in
                re.findall(r'RID: (\S+) .*?Account: (.*?)\tName', said)}
    if fact == 'SAMR.PREW2K':
        return set(re.findall(r'sid:\[(.*?)\]', said))
    if fact == 'SAMR.PASSWORD_HINT':
        return int(re.search(r'min_password_length: (\d+)', said)[1])
    if fact == 'SAMR.PASSWORD_POLICY':
        return tuple(int(x) for x in re.search(
            r'length:\s+(\d+)\n.*?passwords\):\s+(\d+)\n', said).groups())
    if fact == 'NETLOGON.TRUSTS':
        return set(re.findall(r'^(\S+) \(', said, re.M))
    return None


def ours(fact, f):
    items, values = f.get('items', []), f.get('values', {})
    if fact in ('SAMR.USERS', 'SAMR.GROUPS', 'SAMR.BUILTIN', 'SAMR.USER_DETAILS'):
        return {(i['name'], i['rid']) for i in items}
    if fact in ('SAMR.DOMAINS', 'NETLOGON.TRUSTS'):
        return {i['name'] for i in items}
    if fact == 'SAMR.PREW2K':
        return {i['sid'] for i in items}
    if fact == 'SAMR.PASSWORD_HINT':
        return values['min_password_length']
    if fact == 'SAMR.PASSWORD_POLICY':
        return values['min_password_length'], values['password_history']
    return None


def restrict(host, level):
    subprocess.run([names['LAB'], 'restrict', host, str(level)], check=True)


def finding(report, wanted):
    return next((f for f in report.get('findings', []) if f['id'] == wanted), None)


# ---- every fact, every level
measured = {}               # (fact, host): letters over TCP, letters over pipes
for host, address in HOSTS:
    for level in (2, 1, 0):
        restrict(host, level)
        run = msrpc('audit', address, '--json')
        where = '%s at %d' % (host, level)
        facts = {f['id']: f for f in run.json.get('facts', [])}
        wrong = []
        for fact, command in ASKED.items():
            tcp, pipe = rpcclient('ncacn_ip_tcp:' + address, command), rpcclient(address, command)
            got = facts.get(fact, {})
            if got.get('state') != state(tcp):
                wrong.append('%s: %s; rpcclient: %s' % (fact, got, tcp))
            elif got['state'] == 'leaks' and ours(fact, got) != told(fact, tcp):
                wrong.append('%s: %s; rpcclient: %s' % (fact, ours(fact, got), told(fact, tcp)))
            cell = measured.setdefault((fact, host), ['', ''])
            cell[0] = LETTERS[got.get('state', 'unknown')] + cell[0]
            cell[1] = LETTERS[state(pipe)] + cell[1]
        ok(not wrong, where + ': %d facts as rpcclient is told over TCP' % len(ASKED), *wrong)
        users = facts.get('SAMR.USERS', {}).get('state')
        leak = host == 'dc1' or level == 0
        eq((run.code, users), (2, 'leaks') if leak else (1, 'denied'), where + ': exit code')
        eq((run.json.get('verdict') or {}).get('finding'), 'AUDIT.USERS_LEAK' if leak else None,
           where + ': verdict', run)
        if leak:                # what Samba heeds first; its DC heeds none
            remedies = finding(run.json, 'AUDIT.USERS_LEAK')['remedies']
            commands = [x['command'] for x in remedies if x['command']]
            ok('Samba' in remedies[0]['text'] if host == 'srv' else not commands,
               where + ': remedies that fit the host', remedies)
        ok(bool(finding(run.json, 'AUDIT.TCP_BYPASS')) == leak, where + ': the other door is named')
        ok(finding(run.json, 'AUDIT.ROLE_LEAK'), where + ': the role leaks at every level')
        rungs = {r['interface']: r for r in run.json.get('rungs', [])}
        eq((rungs['lsarpc']['state'], rungs['lsarpc']['rung'], rungs['lsarpc'].get('code')),
           ('denied', 'call', {'kind': 'fault', 'value': '0x00000005'}), where + ': lsarpc denies')
ok(all(measured[fact, 'dc1'][1][2] == 'D' for fact in ASKED) and
   measured['SAMR.USERS', 'dc1'][0] == 'LLL',
   'the DC refuses strangers on pipes at 2 and lists its users to them over TCP')

with open(DOC) as file:
    rows = dict(re.findall(r'^\| `([A-Z0-9_.]+)` \| (.*) \|$', file.read(), re.M))
wrong = []
for fact in ASKED:
    row = ' | '.join(' '.join(measured[fact, host][i]) for host, _ in HOSTS for i in (0, 1))
    if rows.get(fact) != row:
        wrong.append('| `%s` | %s |' % (fact, row))
ok(not wrong, 'the table of doc/probe.md is what was measured', *wrong)

# ---- screens, masks, several targets
DC, SRV = names['DC_IP'], names['SRV_IP']
run = msrpc('audit', DC)
ok(run.code == 2 and not [x for x in run.out.splitlines() if len(x) > 80 and '   ' != x[:3]] and
   'from %s, anonymous, over TCP' % names['CLIENT_IP'] in run.out and 'masked' in run.out and
   'guest access' not in run.out, 'the screen: 80 columns, vantage, descriptions masked', run)
run = msrpc('audit', DC, '-v', '--show-descriptions')
ok('Built-in account for guest access' in ' '.join(run.out.split()), 'unmasked when asked', run)
run = msrpc('audit', SRV, '-v')
ok('undo:' in run.out, 'what undoes a remedy', run)
run = msrpc('audit', DC, '--json')
ok('guest access' not in run.out and '"description_masked": true' in run.out, 'JSON is masked', run)
run = msrpc('audit', DC, '--json', '--show-descriptions', '--rids', '1000-1300')
ok('guest access' in run.out and run.code == 2, 'JSON unmasked when asked', run)
run = msrpc('audit', SRV, DC, names['UNUSED_IP'], '--json', '--timeout', '1')
eq((run.code, [r['exit'] for r in run.json.get('results', [])]), (20, [2, 2, 20]),
   'several targets, the worst exit code', run)

# ---- networks
samr = next(r['port'] for r in run.json['results'][1]['rungs'] if r['interface'] == 'samr')
with fault('drop-port', str(samr)):
    run = msrpc('audit', DC, '--json', '--timeout', '1')
    facts = {f['id']: f for f in run.json.get('facts', [])}
    eq((run.code, facts['SAMR.USERS']['state'], facts['SAMR.USERS']['rung'],
        facts['DSSETUP.ROLE']['state']), (1, 'not reachable', 'connect', 'leaks'),
       'a filtered port: not reachable at connect, the rest is asked', run)
    eq({h['id']: h['status'] for h in run.json['hardening']}.get('RESTRICT_ANONYMOUS_SAM'), 'unknown',
       'what cannot be reached is not called hardened')
with fault('block-135'):
    run = msrpc('audit', DC, '--json', '--timeout', '1')
    eq((run.code, {f['state'] for f in run.json.get('facts', [])}), (20, {'not reachable'}),
       'no mapper: TCP', run)
with fault('hang-rpc'):
    run = msrpc('audit', DC, '--json', '--timeout', '1')
    eq((run.code, {f['state'] for f in run.json.get('facts', [])}), (30, {'unknown'}),
       'a host that hangs: unknown, not denied', run)

# ---- hosts that misbehave: mode, exit code, state of the mapper's list and of the users
for mode, code, mapper, users in (
        ('valid', 20, 'leaks', 'not reachable'), ('garbage', 30, 'unknown', 'unknown'),
        ('never-answer', 30, 'unknown', 'unknown'), ('drip', 30, 'unknown', 'unknown'),
        ('close-after-bind', 30, 'unknown', 'unknown'),
        ('close-mid-reply', 30, 'unknown', 'unknown'),
        ('bind-nak', 30, 'unknown', 'unknown'), ('bind-nak --value 8', 1, 'denied', 'unknown'),
        ('reject-context', 30, 'not reachable', 'not reachable'),
        ('fault', 30, 'unknown', None), ('fault --value 5', 1, 'denied', 'unknown'),
        ('lying-frag-len', 30, 'unknown', 'unknown'), ('wrong-call-id', 30, 'unknown', 'unknown'),
        ('huge-count', 30, 'unknown', None), ('endless-fragments', 30, 'unknown', 'unknown'),
        ('endless-list', 20, 'leaks', 'not reachable'), ('empty-list', 1, 'leaks', 'not reachable')):
    with background('client', names['LAB_DIR'] + '/hostile.py', *mode.split(), '--bind',
                    '127.0.0.88', '--port', '135'):
        run = msrpc('audit', '127.0.0.88', '--json', '--timeout', '1', '--deadline', '30')
    facts = {f['id']: f.get('state') for f in run.json.get('facts', [])}
    eq((run.code, facts.get('EPM.ENDPOINTS'), users and facts.get('SAMR.USERS')),
       (code, mapper, users), 'hostile ' + mode, run.err)
    ok(run.memory < MEMORY, 'hostile %s: memory is bounded' % mode)
done()

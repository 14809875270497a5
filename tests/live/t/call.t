#!/usr/bin/python3 -B
"""msrpc call, describe and ping against Samba: chains of handles, statuses, faults, the matrix."""
import json

from tap import *

DC, SRV = names['DC_IP'], names['SRV_IP']
MAXIMUM_ALLOWED = 0x02000000

# ---- a chain of handles over one connection, as rpcclient sees the same server
CONNECT = {'ServerName': None, 'DesiredAccess': MAXIMUM_ALLOWED,
           'InRevisionInfo': {'case': 1, 'value': {'Revision': 3, 'SupportedFeatures': 0}}}
CHAIN = [
    ('SamrConnect5', CONNECT),
    ('SamrEnumerateDomainsInSamServer', {'ServerHandle': '$1.ServerHandle', 'EnumerationContext': 0,
                                         'PreferedMaximumLength': 65536}),
    ('SamrLookupDomainInSamServer', {'ServerHandle': '$1.ServerHandle',
                                     'Name': '$2.Buffer.Buffer.0.Name'}),
    ('SamrOpenDomain', {'ServerHandle': '$1.ServerHandle', 'DesiredAccess': MAXIMUM_ALLOWED,
                        'DomainId': '$3.DomainId'}),
    ('SamrEnumerateUsersInDomain', {'DomainHandle': '$.DomainHandle', 'EnumerationContext': 0,
                                    'UserAccountControl': 0x10, 'PreferedMaximumLength': 65536}),
    ('SamrCloseHandle', {'SamHandle': '$4.DomainHandle'}),
]
for host, password in ((DC, 'LAB\\Administrator%' + names['PASSWORD']),
                       (SRV, 'root%' + names['PASSWORD'])):
    args = [x for method, given in CHAIN for x in ('samr.' + method, json.dumps(given))]
    run = msrpc('call', host, *args, '--json')
    replies = [c.get('reply', {}) for c in run.json['calls']]
    good = ok(run.code == 0 and all(r.get('result') in (0, 0x105) for r in replies),
              '%s: six calls, one connection' % host, run)
    users = {u['Name']['Buffer'] for u in replies[4]['Buffer']['Buffer']} if good else set()
    seen = on('client', 'rpcclient', '-U', password, host, '-c', 'enumdomusers')
    theirs = {line.split('[')[1].split(']')[0] for line in seen.splitlines() if 'rid' in line}
    ok(users and users == theirs, '%s: the users rpcclient lists' % host, users, theirs)

# ---- single calls
run = msrpc('call', DC, 'dssetup.DsRolerGetPrimaryDomainInformation', '{"InfoLevel":1}', '--json')
value = run.json['calls'][0].get('reply', {}).get('DomainInfo', {}).get('value', {})
eq((value.get('MachineRole'), value.get('DomainNameDns')),
   ('DsRole_RolePrimaryDomainController', names['REALM'].lower()), 'dssetup: the role', run)
run = msrpc('call', DC, 'netlogon.DsrGetDcName', '{"Flags":0}', '--json')
value = run.json['calls'][0].get('reply', {}).get('DomainControllerInfo') or {}
ok(value.get('DomainControllerAddress', '').endswith(DC), 'netlogon: the locator names the DC', run)
run = msrpc('call', DC, 'mgmt.inq_if_ids', '--json')
ids = run.json['calls'][0].get('reply', {}).get('if_id_vector', {}).get('if_id', [])
ok('e1af8308-5d1f-11c9-91a4-08002b14a0fa' in {i['uuid'] for i in ids},
   'mgmt: the mapper is behind the mapper\'s port', run)

# ---- what goes wrong
unknown = json.dumps({'DomainHandle': {'handle': '00000000' + '5a' * 16}, 'DesiredAccess': 1,
                      'UserId': 500})
run = msrpc('call', DC, 'samr.SamrOpenUser', unknown)
ok(run.code == 40 and '0x1c00001a' in run.err, 'a handle nobody gave: a fault', run)
wrong = json.dumps({'DomainHandle': '$1.ServerHandle', 'DesiredAccess': 1, 'UserId': 500})
run = msrpc('call', SRV, 'samr.SamrConnect5', json.dumps(CONNECT), 'samr.SamrOpenUser', wrong)
ok(run.code == 0 and 'STATUS_INVALID_HANDLE' in run.err, 'a handle of another kind: a status', run)
run = msrpc('call', SRV, 'netlogon.DsrGetDcName', '{"Flags":0}')
eq(run.code, 30, 'an interface that is not registered: discovery', run)

# ---- ping
for host in (DC, SRV):
    for interface in ('epmapper', 'samr', 'lsarpc'):
        run = msrpc('ping', host, '--interface', interface, '--count', '3', '--json')
        eq((run.code, len(run.json.get('calls', [])), run.json.get('lost')), (0, 3, 0),
           '%s: ping %s' % (host, interface), run)
    run = msrpc('ping', host, '--interface', 'samr', '--matrix', '--json')
    eq((run.code, [(c['bind'], c['result']) for c in run.json.get('matrix', [])]),
       (0, [('plain', 'bound'), ('windows', 'bound')]), '%s: both binds' % host, run)
with fault('drop-dyn'):
    run = msrpc('ping', DC, '--interface', 'samr', '--matrix', '--timeout', '1', '--json')
    eq((run.code, {c['result'] for c in run.json.get('matrix', [])}), (20, {'filtered'}),
       'a firewall: filtered', run)
with fault('rst-dyn'):
    run = msrpc('ping', DC, '--interface', 'samr', '--matrix', '--timeout', '1', '--json')
    eq((run.code, {c['result'] for c in run.json.get('matrix', [])}), (20, {'refused'}),
       'nobody listens: refused', run)
with fault('stall-request'):
    run = msrpc('ping', DC, '--count', '2', '--timeout', '0.5', '--json')
    eq((run.code, run.json.get('lost')), (40, 2), 'requests that never arrive: lost', run)
done()

#!/usr/bin/python3 -B
"""JSON: every command's report after the schema, several targets, and calls against our own server."""
import json
import socket

from cli import *

# ---- offline
for args in (['explain', '1722', '1219', 'tcp/135', 'samr', '--json'], ['describe', '--json'],
             ['describe', '-v', '--json'], ['describe', 'samr', '--json'],
             ['describe', 'drsuapi', '--json'], ['describe', 'drsuapi.0', '--json']):
    valid(Run(*args), ' '.join(args))
for name in [x['name'] for x in Run('describe', '--json').json()['interfaces']]:
    methods = [m for m in Run('describe', name, '--json').json()['interface']['methods']
               if m['compiled']]
    bad = []
    for method in methods:
        what = '%s.%s' % (name, method['name'])
        report = Run('describe', what, '--json').json()
        bad += schema_errors(report)
        example = json.dumps(report['method']['example'])
        run = Run('call', '127.0.0.1:1', what, example)
        if run.code != 20:  # understood, but nobody listens there
            bad.append(run)
    ok(not bad, 'describe and call agree about the %d methods of %s' % (len(methods), name), *bad)

# ---- several targets
run = Run('map', '127.0.0.1:1', '127.0.0.1:2', '--json')
report = valid(run, 'two targets')
eq([x['target']['input'] for x in report.get('results', [])], ['127.0.0.1:1', '127.0.0.1:2'],
   'two targets, two results')
eq(report.get('exit'), run.code, 'the worst code of them')
for command in ('map', 'ping', 'diagnose', 'port'):
    extra = ['--ports', '1'] if command == 'port' else []
    hosts = ['127.0.0.1', '127.0.0.2'] if command == 'port' else ['127.0.0.1:1', '127.0.0.1:2']
    run = Run(command, *hosts, *extra, '--jsonl')
    lines = run.out.splitlines()
    problems = [x for line in lines for x in schema_errors(json.loads(line))] if run.out else ['none']
    ok(len(lines) == 2 and not problems, command + ' --jsonl: a report a line', *problems, run)
    valid(Run(command, *hosts, *extra, '--json'), command + ' of two targets')

# ---- against our own server
closed = socket.socket()  # bound and not listening: refuses, and nobody else takes it
closed.bind(('127.0.0.1', 0))
with Server('--interface', 'rpcecho', '--register',
            'samr@%d' % closed.getsockname()[1]) as server:
    at = server.address
    run = Run('map', at, '--json')
    report = valid(run, 'map')
    names = {e['interface']['name'] for e in report['endpoints']}
    ok(run.code == 0 and {'rpcecho', 'samr'} <= names, 'map lists what is served', run)
    echo = [int(e['endpoint']) for e in report['endpoints']
            if e['interface']['name'] == 'rpcecho' and e['protseq'] == 'ncacn_ip_tcp']
    ok(len(echo) == 1, 'rpcecho has a port', run)
    run = Run('map', at, '--probe', '--json')
    report = valid(run, 'map --probe')
    eq({e['interface']['name']: e['probe'] for e in report['endpoints'] if 'probe' in e
        and e['interface']['name'] in ('rpcecho', 'samr')},
       {'rpcecho': 'bound', 'samr': 'not listening'}, 'map --probe tells them apart')
    eq(run.code, 20, 'map --probe: the TCP phase fails')
    for form in ('table', 'rpcdump', 'portqry', 'csv'):
        run = Run('map', at, '--format', form)
        ok(run.code == 0 and str(echo[0]) in run.out, 'map --format ' + form, run)

    for args in (['ping', at], ['ping', '127.0.0.1', '--mapper-port', str(server.mapper),
                                '--interface', 'rpcecho', '--stats'],
                 ['ping', '127.0.0.1:%d' % echo[0], '-i', 'rpcecho', '--count', '9'],
                 ['ping', 'ncacn_ip_tcp:127.0.0.1[%d]' % echo[0], '-i', 'mgmt', '--interval', '0.01']):
        run = Run(*args, '--json')
        report = valid(run, ' '.join(args[2:]) or 'ping')
        times = [c['ms'] for c in report['calls']]
        ok(run.code == 0 and report['lost'] == 0 and report['min'] == min(times)
           and report['max'] == max(times)
           and report['min'] <= report['median'] <= report['p99'] <= report['max'],
           'ping ' + ' '.join(args[2:]), run)
        ok(Run(*args).code == 0, 'its screen')
    matrix = ['ping', '127.0.0.1', '--mapper-port', str(server.mapper), '--matrix', '--json', '-i']
    run = Run(*matrix, 'rpcecho')
    report = valid(run, 'ping --matrix')
    eq([(c['bind'], c['result']) for c in report['matrix']],
       [('plain', 'bound'), ('windows', 'bound')], 'ping --matrix: both binds')
    eq([(c['mechanism'], c['result']) for c in report['security'] if c['level'] in ('none', 'pkt')],
       [('none', 'accepted'), ('ntlm', 'refused'), ('kerberos', 'untried'),
        ('negotiate', 'refused'), ('negotiate', 'untried')],
       'ping --matrix: a server without accounts takes nobody\'s logon')
    ok('opnum' in report['method'] and 'of an opnum' in ' '.join(
        Run(*(x for x in matrix if x != '--json'), 'rpcecho').out.split()),
       'ping --matrix says what it calls', run)
    run = Run(*matrix, 'samr')
    eq(({c['result'] for c in valid(run, 'ping --matrix samr')['matrix']}, run.code),
       ({'refused'}, 20), 'ping --matrix: refused')
    run = Run(*matrix, 'drsuapi')
    eq(run.code, 30, 'ping --matrix: not registered', run)
    run = Run('ping', '127.0.0.1:%d' % echo[0], '-i', 'samr', '--json')
    ok(run.code == 40 and valid(run, 'ping, rejected')['calls'] == [], 'ping: bind rejected', run)

    run = Run('call', '127.0.0.1', '--mapper-port', str(server.mapper), 'rpcecho.echo_AddOne',
              '{"in_data":41}', '--json')
    report = valid(run, 'call')
    ok(run.code == 0 and 42 in report['calls'][0]['reply'].values(), 'call rpcecho.AddOne', run)
    run = Run('call', at, 'mgmt.inq_if_ids')
    ok(run.code == 0 and 'e1af8308-5d1f-11c9-91a4-08002b14a0fa' in run.out, 'call mgmt', run)
    lookup = {'inquiry_type': 0, 'object': None, 'interface_id': None, 'vers_option': 1,
              'entry_handle': None, 'max_ents': 1}
    again = {**lookup, 'entry_handle': '$1.entry_handle'}
    run = Run('call', at, 'epmapper.ept_lookup', json.dumps(lookup), 'epmapper.ept_lookup',
              json.dumps(again), '--json')
    report = valid(run, 'two calls')
    replies = [c['reply']['entries'] for c in report['calls']]
    ok(run.code == 0 and len(replies) == 2 and replies[0] != replies[1],
       'a handle of the first reply serves the second call', run)
    run = Run('call', at, 'epmapper.ept_lookup', '-', stdin=json.dumps(lookup).encode())
    ok(run.code == 0 and '"num_ents": 1' in run.out, 'call: parameters from standard input', run)
    for json_text, place in (('{"inquiry_type":', 'JSON line 1'), ('[]', 'object'),
                             ('{"inquiry_type":"x"}', 'inquiry_type'),
                             (json.dumps({**lookup, 'interface_id': {'uuid': 'x'}}),
                              'interface_id.uuid'),
                             (json.dumps({**lookup, 'max_ents': 501}), 'max_ents'),
                             (json.dumps({**lookup, 'no_such': 1}), 'no_such'),
                             (json.dumps({**lookup, 'max_ents': '$1.x'}), '$1.x')):
        run = Run('call', at, 'epmapper.ept_lookup', json_text)
        ok(run.code == 64 and place in run.err, 'call: the mistake is at ' + place, run)
    run = Run('call', at, 'epmapper.ept_lookup', json.dumps({
        **lookup, 'entry_handle': {'handle': '00000000' + '11' * 16}}), '--json')
    ok(run.code in (0, 40), 'call: a handle the server does not know', run)
    valid(run, 'call with an unknown handle')
    valid(Run('diagnose', at, '--json'), 'diagnose')
    valid(Run('port', '127.0.0.1', '--ports', '%d,%d' % (server.mapper, echo[0]), '--json'), 'port')
    eq(server.stop(), 0, 'serve ends with 0')
closed.close()
done()

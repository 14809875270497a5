#!/usr/bin/python3 -B
"""msrpc interfaces against our own server: both ways, guesses of one's own, targets, bad files."""
import tempfile

from cli import *

ECHO = '60a15ec5-4de8-11d7-a637-005056a20182'
STRANGE = '0a7c1c5e-9f0b-4d0a-8b6b-1d3e5f7a9b01'


def there(endpoint):
    return {x['interface']['name']: (x['mgmt'], x['probe']) for x in endpoint['interfaces']
            if x['mgmt'] or x['probe'] == 'present'}


with Server('--interface', 'rpcecho') as server:
    at = server.address
    listing = Run('map', at, '--json').json()
    echo = [x['endpoint'] for x in listing['endpoints'] if x['interface']['name'] == 'rpcecho'][0]
    port = '127.0.0.1:' + echo

    run = Run('interfaces', port, '--json')
    report = valid(run, 'one endpoint')
    end = report['endpoints'][0]
    eq(run.code, 0, 'exit 0', run)
    eq((end['endpoint'], end['method'], end['mgmt'], end['pdus'], end['connections']),
       (echo, 'mgmt', 'listed', 1, 1), 'mgmt tells, nothing is probed for', run)
    eq(there(end), {'mgmt': (False, 'present'), 'rpcecho': (True, None)}, 'what is there', run)

    run = Run('interfaces', port, '--method', 'probe', '--json')
    end = valid(run, '--method probe')['endpoints'][0]
    eq(there(end), {'mgmt': (None, 'present'), 'rpcecho': (None, 'present')}, 'probing finds the same',
       run)
    ok(end['method'] == 'probe' and end['probed'] > 1000 and end['unknown'] == 0 and
       end['connections'] == 1 and end['pdus'] < 15, 'a thousand in a few PDUs on one connection', run)

    run = Run('interfaces', port, '-v', '--json')
    end = valid(run, '-v')['endpoints'][0]
    eq((end['method'], there(end)['rpcecho']), ('both', (True, 'present')), 'both ways, and agreed', run)
    ok(end['stats']['calls_in'] > 0 and end['principals'] == [], 'counters and principals', run)
    run = Run('interfaces', port, '-v')
    ok('rpcecho 1.0' in run.out and ECHO in run.out and 'calls in' in run.out, 'the screen', run)

    # without a port: every TCP endpoint that the mapper names, and its own
    run = Run('interfaces', '127.0.0.1', '--mapper-port', str(server.mapper), '--json')
    report = valid(run, 'a host')
    eq(sorted(x['endpoint'] for x in report['endpoints']), sorted([echo, str(server.mapper)]),
       'its endpoints', run)
    eq({name for x in report['endpoints'] for name in there(x)}, {'epmapper', 'mgmt', 'rpcecho'},
       'all that is behind them', run)
    run = Run('interfaces', 'ncacn_ip_tcp:127.0.0.1[%s]' % echo, '--json')
    eq(valid(run, 'string binding')['endpoints'][0]['endpoint'], echo, 'a string binding names a port')
    run = Run('interfaces', port, at, '--json')
    eq(len(valid(run, 'two targets')['results']), 2, 'two targets')

    # guesses
    probe = ['interfaces', port, '--method', 'probe', '--json']
    run = Run(*probe, '--uuid', STRANGE + ':3.0')
    more = valid(run, '--uuid')['endpoints'][0]['probed']
    less = Run(*probe).json()['endpoints'][0]['probed']
    eq(more, less + 1, '--uuid adds one')
    run = Run(*probe, '--uuid', ECHO)
    eq(run.json()['endpoints'][0]['probed'], less, 'a known one is asked for once')
    with tempfile.NamedTemporaryFile('w') as file:
        file.write('# two\n%s:1.0  echo\n\n%s # strange\n' % (ECHO, STRANGE))
        file.flush()
        run = Run(*probe, '--guess', file.name, '--only-guesses')
        end = valid(run, '--guess')['endpoints'][0]
        eq((end['probed'], there(end)), (3, {'mgmt': (None, 'present'), 'rpcecho': (None, 'present')}),
           '--only-guesses: those, and mgmt', run)
        run = Run(*probe, '--guess', file.name, '--only-guesses', '--batch', '1')
        eq(run.json()['endpoints'][0]['pdus'], 4, '--batch 1: one in a PDU, and one nobody has', run)
        file.write('nonsense\n')
        file.flush()
        run = Run(*probe, '--guess', file.name)
        ok(run.code == 66 and 'line 5' in run.err and not run.out, 'a bad line: 66', run)
    run = Run(*probe, '--uuid', '%s:2.0' % ECHO, '--only-guesses')
    eq([x['interface']['name'] for x in run.json()['endpoints'][0]['interfaces']], ['mgmt'],
       'another major version is another interface', run)

for args, code in ((['127.0.0.1:1'], 20), (['--guess', '/nonexistent', '127.0.0.1:1'], 66),
                   (['--only-guesses', '127.0.0.1:1'], 64), (['--uuid', 'nosuch', '127.0.0.1:1'], 64),
                   (['--batch', '0', '127.0.0.1:1'], 64), (['--method', 'guess', 'x'], 64),
                   (['ncacn_np:x[\\pipe\\lsass]'], 64), (['a..b'], 10)):
    run = Run('interfaces', *args)
    ok(run.code == code and run.err.startswith('msrpc interfaces: '),
       'interfaces %s: %d' % (' '.join(args), code), run)
run = Run('interfaces', '127.0.0.1:1', '--json')
report = valid(run, 'a closed port')
eq(report['endpoints'][0]['state'], 'not listening', 'a closed port is said to be closed', run)
done()

"""`msrpc diagnose` of a host with 60 endpoints of which 20 are filtered, against the same host with
one filtered: both must cost one probe timeout."""
import json
import subprocess

from common import serve

PORT = '20135'
LIVE, FILTERED = range(50100, 50140), range(50200, 50220)
TIMEOUT = 3.0  # the default of --timeout
TURNS = 3


def verdict(bench, target):
    done = subprocess.run(bench.lab.on('client', bench.msrpc, 'diagnose', '--json', target),
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout)['verdict'].get('finding')


def diagnose(bench, target, ports):
    bench.lab.command('fault', 'drop-port', 'on', ','.join(map(str, ports)))
    try:
        found = verdict(bench, target)
        if found != 'TCP.DYNAMIC_FILTERED':
            raise RuntimeError('diagnose found %s' % found)
        return bench.rounds(1, TURNS + 1, [[bench.msrpc, 'diagnose', target]], 'client')[0]
    finally:
        bench.lab.command('fault', 'drop-port', 'off')


def run(bench):
    lab = bench.lab
    lab.up()
    options = []
    for port in LIVE:
        options += ['--interface', 'rpcecho@%d' % port]
    for port in FILTERED:
        options += ['--register', '11111111-2222-3333-4444-%012x:1.0@%d' % (port, port)]
    with serve(bench, 'dc1', lab['DC_IP'], PORT, options):
        target = '%s:%s' % (lab['DC_IP'], PORT)
        many = diagnose(bench, target, FILTERED)
        one = diagnose(bench, target, FILTERED[:1])
    bench.row('diagnose, 60 endpoints, 20 filtered', '%.2f s' % (many.median / 1e3),
              '1 filtered: %.2f s' % (one.median / 1e3),
              '%.2fx' % (many.median / one.median),
              '1 timeout (%g s)' % TIMEOUT, many.median / 1e3 < TIMEOUT * 1.2)
    bench.raw['filtered'] = {'twenty': many.raw(), 'one': one.raw(), 'timeout_s': TIMEOUT}

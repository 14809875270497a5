"""`msrpc interfaces` against the brute force of impacket's rpcmap over the same interfaces: whole
processes, one endpoint of a real domain controller; and what is found in both."""
import os
import re
import tempfile

from common import Skip, output

RPCMAP = '/usr/share/doc/python3-impacket/examples/rpcmap.py'
TURNS, RUNS = 4, 4
LIST = ('from impacket.examples import rpcdatabase\n'
        'for uuid, version in sorted(rpcdatabase.uuid_database): print(uuid + ":" + version)')


def busiest(bench, host):
    """The port with the most interfaces behind it."""
    text = output(bench.lab.on('client', bench.msrpc, 'interfaces', host))
    return max(re.findall(r'^ (\d+)  (\d+) interface', text, re.M), key=lambda x: int(x[1]))[0]


def run(bench):
    if not os.path.exists(RPCMAP):
        raise Skip('no rpcmap.py of impacket')
    bench.lab.up()
    host = bench.lab['DC_IP']
    with tempfile.NamedTemporaryFile('w', suffix='.guesses') as file:
        text = output(['/usr/bin/python3', '-c', LIST])
        file.write(text)
        file.flush()
        port = busiest(bench, host)
        ours = [bench.msrpc, 'interfaces', '--method', 'probe', '--only-guesses', '--guess',
                file.name, '%s:%s' % (host, port)]
        peer = ['/usr/bin/python3', RPCMAP, '-auth-level', '1', '-brute-uuids',
                'ncacn_ip_tcp:%s[%s]' % (host, port)]
        everything = [bench.msrpc, 'interfaces', '--method', 'probe', '%s:%s' % (host, port)]
        found = set(re.findall(r' ([0-9a-f-]{36})$', output(bench.lab.on('client', *ours)), re.M))
        theirs = {x.lower() for x in re.findall(r'^UUID: (\S+)',
                                                output(bench.lab.on('client', *peer)), re.M)}
        if not found or found != theirs:
            raise RuntimeError('rpcmap finds %d interfaces, msrpc %d' % (len(theirs), len(found)))
        mine, other, whole = bench.rounds(TURNS, RUNS, [ours, peer, everything], 'client')
    count = len(text.splitlines())
    bench.faster('interfaces: %d probed for, whole process' % count, (mine.median, mine.least),
                 (other.median, other.least), 'rpcmap', 50)
    bench.row('interfaces: every known one probed for', '%.1f ms' % whole.median)
    bench.row('interfaces, peak memory', '%.1f MB' % (max(whole.rss) / 1024),
              'rpcmap %.1f MB' % (max(other.rss) / 1024))
    bench.raw['interfaces'] = {'msrpc': mine.raw(), 'rpcmap': other.raw(), 'all': whole.raw()}

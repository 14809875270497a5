"""`msrpc map NET/24` with a mapper behind each of the 254 addresses, against what an administrator
would do: nmap's msrpc-enum over the same block, and a shell loop of rpcclient. Also its memory, which
must not grow with the number of hosts."""
import contextlib
import json
import re
import subprocess

from common import output

HOSTS = 254
JOBS = '8'  # one Samba answers for all, and lets ten connections wait
TURNS = 2


@contextlib.contextmanager
def block(lab):
    """The router sends a whole block to the DC while it runs; gives the block's first octets."""
    net = '.'.join(lab['DC_IP'].split('.')[:2]) + '.77'
    nft = lab.on('mb', 'nft')
    output([*nft, 'add', 'table', 'ip', 'sweep'])
    try:
        output([*nft, 'add chain ip sweep pre { type nat hook prerouting priority -100; }'])
        output([*nft, 'add rule ip sweep pre ip daddr %s.0/24 dnat to %s' % (net, lab['DC_IP'])])
        yield net
    finally:
        subprocess.run([*nft, 'delete', 'table', 'ip', 'sweep'], capture_output=True, check=False)


def entries(line, pattern):
    return len(re.findall(pattern, output(line), re.M))


def same_lists(lab, ours, peers):
    """Everybody must have listed what the DC registers, for every address."""
    report = json.loads(output(lab.on('client', *ours, '--json')))
    counts = {x['total'] for x in report['results']}
    if len(report['results']) != HOSTS or len(counts) != 1:
        raise RuntimeError('msrpc lists %d hosts, %s entries' % (len(report['results']), counts))
    total = HOSTS * counts.pop()
    for name, pattern, line in peers:
        found = entries(lab.on('client', *line), pattern)
        if found != total:
            raise RuntimeError('%s lists %d entries of %d' % (name, found, total))


def run(bench):
    lab = bench.lab
    lab.up()
    with block(lab) as net:
        loop = ('for i in $(seq %d); do rpcclient -s "$0" -U%% ncacn_ip_tcp:%s.$i -c epmlookup; done'
                % (HOSTS, net))
        ours = [bench.msrpc, 'map', net + '.0/24', '--jobs', JOBS]
        peers = [
            ('nmap', r'uuid: ', ['nmap', '-n', '-Pn', '-p135,445', '--script', 'msrpc-enum',
                                 '--exclude', '%s.0,%s.255' % (net, net), net + '.0/24']),
            ('rpcclient in a loop', r'abstract_syntax=',
             ['/bin/sh', '-c', loop, lab['LAB_SMBCONF']]),
        ]
        same_lists(lab, ours, peers)
        runs = bench.rounds(1, TURNS + 1, [ours, *(peer[2] for peer in peers)], 'client')
        one, few = bench.rounds(1, TURNS + 1, [
            [bench.msrpc, 'map', net + '.1'],
            [bench.msrpc, 'map', net + '.0/28', '--jobs', JOBS]], 'client')
    if runs[0].failed or one.failed or few.failed:
        raise RuntimeError('msrpc map failed')
    for (name, _, _), peer in zip(peers, runs[1:]):
        bench.faster('map of a /24, 254 hosts', (runs[0].median / 1e3, runs[0].least / 1e3),
                     (peer.median / 1e3, peer.least / 1e3), name, 20, 's')
        bench.raw['sweep_' + name.split()[0]] = peer.raw()
    bench.raw['sweep_msrpc'], bench.raw['sweep_one'] = runs[0].raw(), one.raw()
    peaks = [max(x.rss) / 1024 for x in (runs[0], few, one)]
    bench.row('the same, peak memory', '%.1f MB' % peaks[0],
              '14 hosts %.1f MB, one %.1f MB' % tuple(peaks[1:]),
              '%.2fx' % (peaks[0] / peaks[1]), 'flat: <= 1.25x', peaks[0] <= peaks[1] * 1.25)

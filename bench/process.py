"""`msrpc map` of a real domain controller, whole process, against three tools that do the same;
its peak memory; and what starting the program costs alone."""
import os
import re
import statistics

from common import HERE, output

TURNS, RUNS = 12, 6


def lists(line, pattern):
    """How many entries a peer's output shows: a peer that fails is no peer."""
    return len(re.findall(pattern, output(line), re.M))


def cold(runs):
    return statistics.median(runs.cold), min(runs.cold)


def run_map(bench):
    lab = bench.lab
    lab.up()
    host = lab['DC_IP']
    peers = [
        ('rpcclient', 8, r'abstract_syntax=',
         ['rpcclient', '-s', lab['LAB_SMBCONF'], '-U%', 'ncacn_ip_tcp:' + host, '-c',
          'epmlookup']),
        ('impacket', 50, r'',
         ['/usr/bin/python3', os.path.join(HERE, 'impacket_lookup.py'), host]),
        ('nmap', 60, r'uuid: ', ['nmap', '-n', '-Pn', '-p135,445', '--script', 'msrpc-enum', host]),
    ]
    for name, _, pattern, line in peers:
        if not lists(lab.on('client', *line), pattern):
            raise RuntimeError(name + ' lists nothing')
    ours = [bench.msrpc, 'map', host]
    floor = [bench.tool('raw'), host, '135', 'lookup', '0']
    runs = bench.rounds(TURNS, RUNS, [ours, *(peer[3] for peer in peers), floor], 'client')
    if runs[0].failed:
        raise RuntimeError('msrpc map failed %d times' % runs[0].failed)
    for (name, times, _, _), peer in zip(peers, runs[1:]):
        bench.faster('map of the DC, whole process', (runs[0].median, runs[0].least),
                     (peer.median, peer.least), name, times)
    for (name, _, _, _), peer in zip(peers, runs[1:]):
        bench.faster('the same, after another program', cold(runs[0]), cold(peer), name, None)
        bench.raw['map_' + name] = peer.raw()
    bench.faster('the same', (runs[0].median, runs[0].least), (runs[-1].median, runs[-1].least),
                 'raw C, no decoding', None)
    bench.raw['map_msrpc'], bench.raw['map_raw'] = runs[0].raw(), runs[-1].raw()
    peak = max(runs[0].rss) / 1024
    bench.row('map of the DC, peak memory', '%.1f MB' % peak,
              'rpcclient %.1f MB' % (max(runs[1].rss) / 1024), '', '< 10 MB', peak < 10)


def run_start(bench):
    ours, empty = bench.rounds(TURNS * 2, RUNS * 4, [[bench.msrpc, '--version'], [bench.tool('empty')]])
    ratio = ours.median / empty.median
    bench.row('msrpc --version', '%.2f ms' % ours.median, 'empty program %.2f ms' % empty.median,
              '%.2f (best %.2f)' % (ratio, ours.least / empty.least), '<= 1.5', ratio <= 1.5)
    bench.raw['start'] = {'msrpc': ours.raw(), 'empty': empty.raw()}

"""`msrpc trace` of large captures that bench/traffic makes of the recordings in tests/captures: how
fast, against `tshark -q -z expert` and `tcpdump -r FILE -w /dev/null`, on one core and on two; and
its memory, as the file grows and with connections that stay open, a million of them bare and some
hundred thousand with a bound association at rest."""
import os
import re
import shutil
import subprocess
import tempfile

from common import HERE, Skip, output

SIZES = (250, 500, 1000)  # MB; a smaller file is the beginning of a larger one
TSHARK = SIZES[0]         # what tshark reads, for it takes 2 GB of memory for a GB
SAMPLE = 40               # MB that tshark looks into for what packets there are
TURNS = 3
# connections that stay open: what they are, how many, frames of each, of which recording
OPEN = (('open connections', 1000000, 3, 'map-dc'),
        ('open connections with a bound association', 200000, 15, 'lookup-dc'))
ROOM = 3 << 30            # octets of disk that are wanted
# what a day in a domain is made of: packets of about 500 octets, most of them RPC, SMB, Kerberos
RECORDINGS = ('impacket', 'ipv6', 'kerberos', 'kerberos-tcp', 'locator', 'lookup-dc', 'lookup-srv',
              'lsa-pipe', 'many-calls', 'many-lookups', 'many-pipe', 'map-dc', 'pipe-null',
              'pipe-smb1', 'samr-ntlm', 'samr-sealed', 'samr-tcp', 'smb-file', 'srvsvc-pipe')
CAPTURES = os.path.join(HERE, '..', 'tests', 'captures')
PROTOCOLS = 'dcerpc or smb or smb2 or kerberos'
FLOW = 2 / 1024           # MB of memory for an open connection
BASE = 64                 # and MB for everything else


def on(cores, *command):
    return ['taskset', '-c', cores, *command]


def rate(megabytes, runs):
    """MB/s by the clock and by processor time."""
    return megabytes / runs.median * 1e3, megabytes / runs.cpu_median * 1e3


def told(rates):
    return '%.0f MB/s (%.0f of processor time)' % rates


def megabytes_of(path):
    return os.path.getsize(path) / 1e6


def make(bench, folder):
    """The captures, and what they are like: they must be what the targets speak of."""
    recordings = [os.path.join(CAPTURES, 'healthy-%s.client.pcap.gz' % name)
                  for name in RECORDINGS]
    paths = {}
    for size in SIZES:
        paths[size] = os.path.join(folder, '%d.pcap' % size)
        made = output([bench.tool('traffic'), paths[size], str(size * 1000000), *recordings])
    packets, octets = map(int, re.match(r'(\d+) packets, (\d+) octets', made).groups())
    sample = os.path.join(folder, 'sample.pcap')
    output([bench.tool('traffic'), sample, str(SAMPLE * 1000000), *recordings])
    counted = output(['tshark', '-n', '-r', sample, '-q', '-z', 'io,stat,0,' + PROTOCOLS,
                      '-z', 'io,stat,0'])
    share = shares(counted)
    bench.row('%d MB of %d recordings' % (SIZES[-1], len(recordings)), '%d packets' % packets,
              '', '%d octets each' % octets, '450 to 550', 450 <= octets <= 550)
    bench.row('packets that are RPC, SMB, Kerberos', '', 'tshark', '%.0f%%' % (share * 100), '>= 50%',
              share >= 0.5)
    bench.raw['trace_file'] = {'packets': packets, 'octets': octets, 'share': share}
    os.unlink(sample)
    return paths


def shares(counted):
    """Of two tables of tshark's io,stat: the frames of the one by those of the other."""
    frames = [int(row.group(1)) for row in
              re.finditer(r'^\|[^|]*<>[^|]*\|\s*(\d+) \|', counted, re.M)]
    if len(frames) != 2:
        raise RuntimeError('tshark counts otherwise: ' + counted[-400:])
    return min(frames) / max(frames)


def report(bench, cores, path):
    """What trace says, but for the time it took."""
    done = subprocess.run(on(cores, bench.msrpc, 'trace', path, '--json'), capture_output=True,
                          text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError('msrpc trace: status %d: %s' % (done.returncode, done.stderr[-400:]))
    return re.sub(r'^  "ms": .*$', '', done.stdout, flags=re.M)


def check(runs):
    for one in runs:
        if one.failed:
            raise RuntimeError('%s failed' % ' '.join(one.command))


def run_speed(bench, paths, two):
    ours = [bench.msrpc, 'trace']
    slice_, whole = paths[TSHARK], paths[SIZES[-1]]
    one, both, dump = bench.rounds(1, TURNS + 1, [
        on('0', *ours, whole), on(two, *ours, whole),
        on('0', 'tcpdump', '-n', '-Z', 'root', '-r', whole, '-w', '/dev/null')])
    small, shark = bench.rounds(1, TURNS, [
        on('0', *ours, slice_), on('0', 'tshark', '-n', '-q', '-z', 'expert', '-r', slice_)])
    check((one, both, dump, small, shark))
    size, part = megabytes_of(whole), megabytes_of(slice_)
    speed = rate(size, one)
    bench.row('trace of %.0f MB, one core' % size, told(speed),
              'tcpdump -w /dev/null ' + told(rate(size, dump)),
              '%.2fx' % (dump.median / one.median), '>= 500 MB/s', speed[0] >= 500)
    ratio = shark.median / small.median
    bench.row('trace of %.0f MB, one core' % part, told(rate(part, small)),
              'tshark -z expert ' + told(rate(part, shark)), '%.1fx' % ratio, '>= 10x, 20x aimed at',
              ratio >= 10)
    bench.row('tshark, peak memory', '%.0f MB' % (max(small.rss) / 1024),
              '%.0f MB' % (max(shark.rss) / 1024), '')
    if two != '0':
        faster = one.median / both.median
        bench.row('trace of %.0f MB, two cores' % size, told(rate(size, both)),
                  'one core ' + told(speed), '%.2fx' % faster, '> 1x', faster > 1)
        same = report(bench, '0', whole) == report(bench, two, whole)
        bench.row('output on one core and on two', 'identical' if same else 'differs', '', '',
                  'identical', same)
    for name, runs in (('one', one), ('two', both), ('tcpdump', dump), ('small', small),
                       ('tshark', shark)):
        bench.raw['trace_' + name] = runs.raw()


def run_memory(bench, paths, two):
    peaks = {}
    for cores in sorted({'0', two}):
        runs = bench.rounds(1, 2, [on(cores, bench.msrpc, 'trace', paths[size]) for size in SIZES])
        check(runs)
        peaks[cores] = [max(x.rss) / 1024 for x in runs]
    for cores, peak in peaks.items():
        name = 'trace, peak memory, ' + ('one core' if cores == '0' else 'two cores')
        bench.row(name, '%.0f MB' % peak[-1], '', '', '< %d MB' % BASE, peak[-1] < BASE)
        bench.row('of files of %s MB' % ', '.join(map(str, SIZES)),
                  ', '.join('%.0f' % x for x in peak) + ' MB', '', '%.2fx, %.2fx' % (
                      peak[-1] / peak[-2], peak[-1] / peak[0]),
                  'flat: <= 1.1x of half of it', peak[-1] <= peak[-2] * 1.1)
    bench.raw['trace_memory_mb'] = peaks


def run_open(bench, folder):
    for what, count, frames, recording in OPEN:
        path = os.path.join(folder, 'open.pcap')
        output([bench.tool('traffic'), '--open', str(count), str(frames), path,
                os.path.join(CAPTURES, 'healthy-%s.client.pcap.gz' % recording)])
        runs = bench.rounds(1, 2, [[bench.msrpc, 'trace', path]])[0]
        check([runs])
        peak = max(runs.rss) / 1024
        bench.row('trace of %d %s' % (count, what),
                  '%.1f s, %.0f MB' % (runs.median / 1e3, peak), '',
                  '%.2f KB each' % (peak * 1024 / count), '< %d MB + 2 KB each' % BASE,
                  peak < BASE + count * FLOW)
        bench.raw['trace_open_%d' % count] = runs.raw()


def run(bench):
    if not bench.has('trace'):
        raise Skip('no trace')
    missing = [tool for tool in ('tshark', 'tcpdump', 'taskset') if not shutil.which(tool)]
    if missing:
        raise Skip('no ' + ', '.join(missing))
    with tempfile.TemporaryDirectory(prefix='msrpc-bench-') as folder:
        if shutil.disk_usage(folder).free < ROOM:
            raise Skip('3 GB of disk are wanted in ' + os.path.dirname(folder))
        two = '0,1' if len(os.sched_getaffinity(0)) > 1 else '0'
        paths = make(bench, folder)
        run_speed(bench, paths, two)
        run_memory(bench, paths, two)
        run_open(bench, folder)

"""The endpoint mapper under load: ours, Samba's two and a bare echo server that moves messages of the
same sizes, all asked by the same client (load.c) from the lab's client."""
import contextlib
import os
import statistics
import subprocess
import tempfile

from common import output, serve

PORT, ECHO = '20137', '20138'
CALLS, ONCES, TURNS = 30000, 1500, 7
LISTS = (('1', 2000), ('8', 10000), ('32', 10000))  # connections, listings
PROCESSORS = os.sched_getaffinity(0)
FIRST = min(PROCESSORS)  # the client's, whomever it asks


class Figure:
    """Turns of one measurement: questions a second, median and 99th percentile in us."""

    def __init__(self):
        self.rates, self.p50, self.p99, self.sizes = [], [], [], ''

    def add(self, line, alone):
        """One question at a time: the median says how many fit in a second, whatever else ran."""
        count, whole, median, late, self.sizes, _ = line.split()
        self.rates.append(1e9 / int(median) if alone else int(count) * 1e9 / int(whole))
        self.p50.append(int(median) / 1e3)
        self.p99.append(int(late) / 1e3)

    @property
    def rate(self):
        return statistics.median(self.rates)

    @property
    def median(self):
        return statistics.median(self.p50)

    def raw(self):
        return {'rates': self.rates, 'p50_us': self.p50, 'p99_us': self.p99, 'sizes': self.sizes}


@contextlib.contextmanager
def running(command):
    """A helper that says ready."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != 'ready\n':
                raise RuntimeError(command[-1] + ' did not start')
            yield
        finally:
            process.terminate()


def place(lab, processors):
    """Every process of the hosts that serve runs on these processors from now on."""
    for host in ('NS_DC1', 'NS_SRV'):
        for pid in output(['ip', 'netns', 'pids', lab[host]]).split():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(pid), processors)


def measure(bench, mode, what, count, shape, peers):
    """Every peer in turn, the limit last with the sizes that ours had just moved. Where client and
    server only ever wait for each other they share a processor, which then never sleeps; else the
    servers run where they like."""
    lab = bench.lab
    alone = shape in ((), ('1', '1'))
    place(lab, {FIRST} if alone else PROCESSORS)
    figures = {name: Figure() for name in (*peers, 'echo')}
    for _ in range(TURNS):
        for name, figure in figures.items():
            host, port = peers.get(name, (lab['DC_IP'], ECHO))
            asked = figures['ours'].sizes if name == 'echo' else what
            number = str(count if name in ('ours', 'echo') else count // 10)
            figure.add(output(lab.on('client', 'taskset', '-c', str(FIRST), bench.tool('load'), mode,
                                     host, port, asked, number, *shape)), alone)
    return figures


def compare(bench, what, figures, targets):
    ours = figures['ours']
    for name, least in targets.items():
        peer = figures[name]
        ratio = ours.rate / peer.rate
        best = max(ours.rates) / max(peer.rates)
        bench.row(what, '%.0f/s' % ours.rate, '%s %.0f/s' % (name, peer.rate),
                  '%.2fx (best %.2fx)' % (ratio, best), '>= %gx' % least if least else '',
                  ratio >= least if least else None)
    bench.raw['mapper'][what] = {name: figure.raw() for name, figure in figures.items()}


def run(bench):
    lab = bench.lab
    lab.up()
    bench.raw['mapper'] = {}
    samba = {'Samba DC': (lab['DC_IP'], '135'), 'Samba': (lab['SRV_IP'], '135')}
    peers = {'ours': (lab['DC_IP'], PORT), **samba}
    with tempfile.TemporaryDirectory() as folder:
        socket = os.path.join(folder, 'mapper')
        options = ['--register', 'lsarpc@50300', '--interface', 'rpcecho@50310', '--socket', socket]
        with serve(bench, 'dc1', lab['DC_IP'], PORT, options), \
                running(lab.on('dc1', bench.tool('load'), 'echo', lab['DC_IP'], ECHO)):
            run_maps(bench, peers)
            with running([bench.tool('entries'), socket, '51']):
                # the DC has as many, the standalone server 38
                run_lists(bench, 53, peers, {'Samba DC': 10, 'Samba': None, 'echo': None})
            with running([bench.tool('entries'), socket, '498']):
                run_lists(bench, 500, {'ours': peers['ours']}, {'echo': 0.7})


def run_lists(bench, entries, peers, targets):
    for connections, count in LISTS:
        figures = measure(bench, 'calls', 'lookup', count, (connections, '1'), peers)
        compare(bench, 'mapper: listing of %d, connections: %s' % (entries, connections), figures,
                targets)


def run_maps(bench, peers):
    many = measure(bench, 'calls', 'map', CALLS, ('32', '1'), peers)
    compare(bench, 'mapper: ept_map, 32 connections', many,
            {'Samba DC': 5, 'Samba': 5, 'echo': 0.8})
    deep = measure(bench, 'calls', 'map', CALLS, ('32', '8'), {'ours': peers['ours']})
    unpiped = {'ours': deep['ours'], 'echo': many['echo']}
    compare(bench, 'mapper: the same, 8 in flight on each, against 1 on each', unpiped, {'echo': 1})
    one = measure(bench, 'calls', 'map', CALLS // 3, ('1', '1'), peers)
    ratio = one['ours'].median / one['echo'].median
    bench.row('mapper: ept_map, p50, one connection', '%.1f us' % one['ours'].median,
              'echo %.1f us' % one['echo'].median, '%.2f' % ratio, '<= 1.2', ratio <= 1.2)
    bench.raw['mapper']['one'] = {name: figure.raw() for name, figure in one.items()}
    once = measure(bench, 'once', 'map', ONCES, (), peers)
    compare(bench, 'mapper: connect, bind, ept_map, close', once,
            {'Samba DC': 1.5, 'Samba': 1.5, 'echo': 0.7})

"""What the parts of the benchmark share: the lab, running things, figures and their table."""
import contextlib
import os
import shlex
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, '..', 'tests', 'live', 'lab', 'lab.sh')


class Skip(Exception):
    """A part cannot run here; its text says why."""


def output(command):
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError('%s: status %d: %s' % (' '.join(command), done.returncode,
                                                  done.stderr.strip()[-400:]))
    return done.stdout


class Lab:
    """The live tests' lab, under a state of its own; taken down again if it was brought up here."""

    def __init__(self):
        os.environ.setdefault('MSRPC_LAB_STATE', os.path.join(
            os.environ.get('TMPDIR', '/tmp'), 'msrpc-bench-lab-%d' % os.getuid()))
        self.ours = False
        self.names = {}

    def up(self):
        if self.names:
            return
        running = 'down' not in self.command('status').split('\n')
        self.ours = not running
        done = subprocess.run([LAB, 'up'], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skip('no lab: ' + (done.stderr.strip() or '?').split('\n')[-1])
        for line in self.command('env').split('\n'):
            word = shlex.split(line)
            if word:
                name, _, value = word[-1].partition('=')
                self.names[name] = value

    def down(self):
        if self.ours:
            subprocess.run([LAB, 'down'], capture_output=True, check=False)

    @staticmethod
    def command(*words):
        return output([LAB, *words])

    def __getitem__(self, name):
        return self.names[name]

    def on(self, host, *command):
        """The command line that runs a command on a host of the lab."""
        return ['ip', 'netns', 'exec', self['NS_' + host.upper()], *command]


class Runs:
    """The runs of one command: wall clock in ms, peak memory in KiB, processor time in ms. The first
    run of a turn is cold: another program ran before it. A command's figure is the median of the
    others."""

    def __init__(self, command):
        self.command, self.walls, self.cold, self.rss, self.cpu = command, [], [], [], []
        self.failed = 0

    def add(self, turn, status, wall, rss, cpu):
        self.failed += status != 0
        self.rss.append(rss)
        if turn == 0:
            self.cold.append(wall / 1e6)
        else:
            self.walls.append(wall / 1e6)
            self.cpu.append(cpu / 1e3)

    @property
    def median(self):
        return statistics.median(self.walls)

    @property
    def least(self):
        return min(self.walls)

    @property
    def cpu_median(self):
        return statistics.median(self.cpu)

    def raw(self):
        return {'command': self.command, 'runs': len(self.walls), 'failed': self.failed,
                'cold_median_ms': statistics.median(self.cold), 'median_ms': self.median,
                'min_ms': self.least, 'max_ms': max(self.walls),
                'cpu_ms': self.cpu_median, 'peak_rss_kib': max(self.rss)}


@contextlib.contextmanager
def serve(bench, host, address, port, options):
    """Our own server on a host of the lab while the block runs."""
    if not bench.has('serve'):
        raise Skip('no serve')
    ready, write = os.pipe()
    line = bench.lab.on(host, bench.msrpc, 'serve', '--mapper', '%s:%s' % (address, port),
                        '--bind', address, '--ready-fd', str(write), *options)
    process = subprocess.Popen(line, pass_fds=(write,), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    os.close(write)
    try:
        if not os.read(ready, 1):
            raise RuntimeError('serve: ' + process.stderr.read())
        yield
    finally:
        os.close(ready)
        process.terminate()
        process.communicate()


class Bench:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.msrpc = os.path.join(self.build, 'src', 'apps', 'msrpc')
        self.lab = Lab()
        self.rows = []
        self.raw = {}

    def tool(self, name):
        return os.path.join(self.build, 'bench', name)

    def has(self, command):
        return subprocess.run([self.msrpc, command, '--help'], capture_output=True,
                              check=False).returncode == 0

    def rounds(self, count, turn, commands, host=None):
        """Gives every command count turns of so many runs; on a host of the lab if one is named."""
        line = [self.tool('rounds'), str(count), str(turn)]
        for command in commands:
            line += ['--', *command]
        runs = [Runs(command) for command in commands]
        for row in output(self.lab.on(host, *line) if host else line).split('\n'):
            if row:
                number, *figures = map(int, row.split())
                runs[number].add(*figures)
        return runs

    def row(self, what, ours, peer='', ratio='', target='', met=None):
        self.rows.append((what, ours, peer, ratio, target,
                          '' if met is None else 'met' if met else 'MISSED'))

    def faster(self, what, ours, peer, name, times, unit='ms'):
        """A row that wants ours to be so many times faster than the peer: (median, least) each."""
        ratio = peer[0] / ours[0]
        self.row(what, '%s %s' % (short(ours[0]), unit), '%s %s %s' % (name, short(peer[0]), unit),
                 '%.1fx (best %.1fx)' % (ratio, peer[1] / ours[1]),
                 '>= %gx' % times if times else '', ratio >= times if times else None)

    def table(self):
        head = ('', 'msrpc', 'peer', 'ratio', 'target', '')
        lines = [head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        return '\n'.join('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                         for line in lines)


def short(value):
    return '%.0f' % value if value >= 100 else '%.1f' % value if value >= 10 else '%.2f' % value

"""What the tests of the command line share: TAP, runs of msrpc, its own server, the schema."""
import copy
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

MSRPC, SOURCE = map(os.path.abspath, sys.argv[1:3])
os.environ['KRB5CCNAME'] = 'FILE:/nowhere/tickets'  # whoever runs the tests
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'golden')
GUARD = 60  # seconds after which a run is taken for hung

_count = _failed = 0
_validator = None


def ok(good, name, *diagnostics):
    global _count, _failed
    _count += 1
    print('%sok %d - %s' % ('' if good else 'not ', _count, name.replace('#', '')))
    if not good:
        _failed += 1
        for text in diagnostics:
            for line in str(text).splitlines():
                print('#', line)
    sys.stdout.flush()
    return bool(good)


def eq(got, want, name, *diagnostics):
    return ok(got == want, name, 'got:    %r' % (got,), 'wanted: %r' % (want,), *diagnostics)


def skip(name, reason):
    global _count
    _count += 1
    print('ok %d - %s # SKIP %s' % (_count, name, reason), flush=True)


def done():
    print('1..%d' % _count)
    sys.exit(1 if _failed else 0)


class Run:
    """A finished run: code, out, err."""

    def __init__(self, *args, env=None, stdout=subprocess.PIPE, stdin=None, close_stdout=False):
        self.args = args
        command = [MSRPC, *args]
        if close_stdout:
            command = ['/bin/sh', '-c', 'exec "$@" >&-', 'sh', *command]
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, timeout=GUARD,
                              check=False, input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                              env={**os.environ, **(env or {})})
        self.code = done.returncode
        self.out = (done.stdout or b'').decode()
        self.err = done.stderr.decode()

    def json(self):
        """Its report, or None where the output is not one JSON value."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    def __str__(self):
        return '$ msrpc %s\nexit %d\n%s%s' % (' '.join(self.args), self.code, self.err,
                                              self.out[:4000])


def terminal(*args, stdout=None, stderr=None, **env):
    """A run on a terminal of 80 columns and 24 lines: (code, what it wrote there); stdout and
    stderr may be elsewhere."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    child = subprocess.Popen([MSRPC, *args], stdin=slave, stdout=stdout or slave,
                             stderr=stderr or slave,
                             env={**os.environ, 'NO_COLOR': '', 'TERM': 'xterm', **env})
    os.close(slave)
    text = b''
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        text += more
    os.close(master)
    return child.wait(timeout=GUARD), text.decode()


def golden(name, got, title, *diagnostics):
    """Whether that is what golden/NAME.txt holds, but for the version in JSON;
    MSRPC_GOLDEN=write renews it."""
    path = os.path.join(GOLDEN, name + '.txt')
    if os.environ.get('MSRPC_GOLDEN') == 'write':
        with open(path, 'w') as file:
            file.write(got)
    with open(path) as file:
        want = file.read()
    if want.startswith('{'):
        version = Run('--version').out.split()[1]
        got, want = got.replace(version, 'VERSION'), want.replace(version, 'VERSION')
    differing = [pair for pair in zip(got.splitlines(), want.splitlines()) if pair[0] != pair[1]]
    return ok(got == want, title, *differing[:5], *diagnostics,
              'renew with MSRPC_GOLDEN=write if this is meant')


def commands():
    with open(os.path.join(SOURCE, 'src/apps/commands.list')) as file:
        return file.read().split()


def _strict(schema):
    """The schema for ourselves: a member it does not name is one it forgot."""
    schema = copy.deepcopy(schema)

    def close(node, name=None):
        if isinstance(node, dict):
            if node.get('type') == 'object' and 'properties' in node:
                node['unevaluatedProperties'] = False
            for key, value in node.items():
                close(value, key)
        elif isinstance(node, list):
            for value in node:
                close(value)
    close(schema)
    return schema


def schema_errors(report):
    """What of a report is not as doc/schema says."""
    global _validator
    if _validator is None:
        import jsonschema
        with open(os.path.join(SOURCE, 'doc/schema/msrpc-1.json')) as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        _validator = jsonschema.Draft202012Validator(_strict(schema))
    if report is None:
        return ['no JSON value']

    def leaves(error):
        inner = [x for c in error.context or () for x in leaves(c)]
        return inner or ['/%s: %s' % ('/'.join(map(str, error.absolute_path)), error.message)]
    return [x for error in _validator.iter_errors(report) for x in leaves(error)][:12]


def valid(run, name):
    """The run's output is one report after the schema; returns it."""
    report = run.json()
    problems = schema_errors(report)
    ok(not problems, name + ': JSON after the schema', *problems, run)
    return report or {}


class Server:
    """msrpc serve on loopback: a context manager with .mapper, the mapper's port; @popen goes to
    subprocess.Popen."""
    places = '--mapper', '127.0.0.1:%d', '--bind', '127.0.0.1'

    def __init__(self, *args, **popen):
        self.args, self.popen = args, popen

    def __enter__(self):
        import socket
        with socket.socket() as probe:  # a port that is free now
            probe.bind(('127.0.0.1', 0))
            self.mapper = probe.getsockname()[1]
        ready, told = os.pipe()
        self.child = subprocess.Popen(
            [MSRPC, 'serve', *(x.replace('%d', str(self.mapper)) for x in self.places),
             '--ready-fd', str(told), *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=[told], **self.popen)
        os.close(told)
        with os.fdopen(ready) as file:
            if not file.readline():
                raise SystemExit('Bail out! msrpc serve: %s' % self.child.stderr.read().decode())
        self.address = '127.0.0.1:%d' % self.mapper
        return self

    def stop(self):
        """Asks it to end; its exit code."""
        self.child.terminate()
        self.child.communicate(timeout=GUARD)
        return self.child.returncode

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.stop()

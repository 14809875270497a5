"""TAP for live tests in Python, and msrpc run as a host of the lab.

    from tap import *
    ...
    done()
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

__all__ = ['accounts', 'background', 'bad_passwords', 'DC_CONF', 'done', 'eq', 'fault', 'MEMORY', 'msrpc',
           'names', 'ok', 'on', 'samba_tool', 'skip']

LAB, MSRPC = os.environ['LAB'], os.environ['MSRPC']
SCHEMA = os.path.join(os.environ['LIVE_DIR'], '..', '..', 'doc', 'schema', 'msrpc-1.json')
GUARD = 90                  # seconds after which msrpc is taken for hung
MEMORY = 512 << 20          # bytes: bounded, with room for what the sanitizers need themselves

names = os.environ          # DC_IP, SRV_IP ...
_count = _failed = 0
_reports, _bad_reports = 0, []
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
    if _reports:
        ok(not _bad_reports, '%d reports are JSON after the schema' % _reports, *_bad_reports)
    print('1..%d' % _count)
    sys.exit(1 if _failed else 0)


def on(host, *command, check=True):
    """Standard output of a command that runs as client, mb, dc1 or srv."""
    result = subprocess.run([LAB, 'exec', host, *command], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if check and result.returncode:
        raise SystemExit('Bail out! %s: %s' % (' '.join(command), result.stderr.decode()))
    return result.stdout.decode(errors='replace')


@contextlib.contextmanager
def fault(name, *args):
    subprocess.run([LAB, 'fault', name, 'on', *args], check=True)
    try:
        yield
    finally:
        subprocess.run([LAB, 'fault', name, 'off'], check=True)


@contextlib.contextmanager
def background(host, *command):
    """A command that runs meanwhile; yields it when it has written its first line, as `.ready`.
    Afterwards its exit status to a SIGTERM is `.returncode`."""
    child = subprocess.Popen([LAB, 'exec', host, *command], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    try:
        child.ready = child.stdout.readline().decode().strip()
        if not child.ready:
            raise SystemExit('Bail out! %s does not start' % ' '.join(command))
        yield child
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()


DC_CONF = os.path.join(names.get('LAB_STATE', ''), 'dc1', 'etc', 'smb.conf')  # none without a lab


def samba_tool(*args):
    """On the domain controller; what it says."""
    return on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', *args, '-s', DC_CONF)


def accounts(switch, *args):
    """Makes or changes the lab's special accounts (lab/accounts.py)."""
    on('dc1', os.path.join(names['LAB_DIR'], 'accounts.py'), switch, DC_CONF, *args)


def bad_passwords(user='alice'):
    shown = samba_tool('user', 'show', user, '--attributes=badPwdCount')
    return int([x.split()[1] for x in shown.splitlines() if x.startswith('badPwdCount')][0])


def _validate(report, what):
    global _validator, _reports
    _reports += 1
    if _validator is None and os.path.exists(SCHEMA):
        import jsonschema
        with open(SCHEMA) as file:
            schema = json.load(file)
        kind = jsonschema.validators.validator_for(schema)
        _validator = kind(schema)
    for error in _validator.iter_errors(report) if _validator else ():
        _bad_reports.append('%s: %s at /%s' % (what, error.message,
                                               '/'.join(map(str, error.absolute_path))))


class Run:
    """What a run of msrpc came to: code, out, err, and the report(s) where JSON was asked for."""

    def __init__(self, args, host, stdin):
        command = ['timeout', '-k', '5', str(GUARD), LAB, 'exec', host, MSRPC, *args]
        self.args = ' '.join(args)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(command, stdout=out, stderr=err,
                                     stdin=stdin or subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.code, self.memory = child.returncode, usage.ru_maxrss << 10
            out.seek(0)
            err.seek(0)
            self.out, self.err = (x.read().decode(errors='replace') for x in (out, err))
        self.json = self._report() if '--json' in args else None
        self.lines = [json.loads(x) for x in self.out.splitlines()] if '--jsonl' in args else None
        for report in self.lines or ():
            _validate(report, self.args)

    def _report(self):
        global _reports
        try:
            report = json.loads(self.out)
        except ValueError as why:
            _reports += 1
            _bad_reports.append('%s: %s in %r' % (self.args, why, self.out[:200]))
            return {}
        _validate(report, self.args)
        return report

    def __str__(self):
        return '$ msrpc %s\nexit %d\n%s%s' % (self.args, self.code, self.err, self.out[:4000])


def msrpc(*args, host='client', stdin=None):
    return Run(args, host, stdin)

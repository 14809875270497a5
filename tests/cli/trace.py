#!/usr/bin/python3 -B
"""msrpc trace on the recorded captures: verdicts, screens, reports, the files it makes, and input
that is broken."""
import glob
import gzip
import html.parser
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

from browser import Browser
from cli import *

CAPTURES = os.path.join(SOURCE, 'tests/captures')
DYNAMIC = os.path.join(CAPTURES, 'tcp-dyn-filtered.client.pcap.gz')
HEALTHY = os.path.join(CAPTURES, 'healthy-samr-tcp.client.pcap.gz')
OTHERS = os.path.join(CAPTURES, 'healthy-lookup-srv.client.pcap.gz')
PHASES = {1: 10, 2: 20, 3: 30, 4: 40}


def scenes():
    """{name: the finding that must come of it, or "healthy"}"""
    with open(os.path.join(CAPTURES, 'scenes.sh')) as file:
        return {words[1]: words[2] for words in
                (shlex.split(x.split('#')[0] if x.startswith('#') else x)
                 for x in file if x.startswith('scene '))}


def too_long(text):
    """Lines beyond 80 columns that are no command or filter to be copied."""
    return [x for x in text.splitlines() if len(x) > 80 and not
            re.match(r'(   | NEXT     |          verify: |          undo: )\S', x)]


def lines(run):
    """What --jsonl wrote, or None."""
    try:
        return [json.loads(x) for x in run.out.splitlines()]
    except ValueError:
        return None


def tshark(path, *args):
    return subprocess.run(['tshark', '-r', path, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=GUARD, check=False).stdout.decode()


class Page(html.parser.HTMLParser):
    """What a test asks of a page: its tags balance, what it would load, anchors and their goals."""
    VOID = ('meta', 'link', 'img', 'br', 'rect', 'path', 'line')
    OPTIONAL = ('th', 'li', 'p')

    def __init__(self, text):
        super().__init__()
        self.open, self.bad, self.loads, self.ids, self.goals = [], [], [], set(), set()
        self.feed(text)
        self.bad += self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ('script', 'link', 'img', 'iframe', 'object') or 'src' in attrs or any(
                re.match('https?:|//', v or '') for v in attrs.values()):
            self.loads.append((tag, attrs))
        if 'id' in attrs:
            if attrs['id'] in self.ids:
                self.bad.append('twice ' + attrs['id'])
            self.ids.add(attrs['id'])
        if attrs.get('href', '').startswith('#'):
            self.goals.add(attrs['href'][1:])
        if tag not in self.VOID and tag not in self.OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag in self.OPTIONAL:
            return
        if not self.open or self.open.pop() != tag:
            self.bad.append('/' + tag)


def verdicts():
    for name, expected in sorted(scenes().items()):
        path = os.path.join(CAPTURES, name + '.client.pcap.gz')
        if not os.path.exists(path):
            continue
        run = Run('trace', path, '--json')
        report = run.json()
        problems = schema_errors(report)
        ok(report and not problems, name + ': its report is as the schema says', *problems, run)
        if not report:
            continue
        verdict = report['verdict']
        if expected == 'healthy':
            ok(run.code == 0 and not verdict['finding'], name + ': nothing wrong', verdict, run.err)
        else:
            severities = {f['id']: f['severity'] for f in report['findings']
                          if not f['explained_by']}
            ok(expected in severities, '%s: %s' % (name, expected), verdict, severities)
            code = PHASES[verdict['phase']] if verdict['finding'] else \
                1 if 'warning' in severities.values() else 0
            eq(run.code, code, name + ': its exit code')


def screens():
    for path in sorted(glob.glob(os.path.join(CAPTURES, '*.client.pcap.gz')))[::4]:
        name = os.path.basename(path).split('.')[0]
        for args in [], ['-v'], ['--calls'], ['--stubs']:
            run = Run('trace', path, *args)
            ok(not too_long(run.out) and '\033' not in run.out and run.out and not run.err,
               ' '.join([name, *args, 'fits 80 columns']), *too_long(run.out)[:3], run.err)
    run = Run('trace', DYNAMIC)
    ok(all(x in run.out for x in (' 1 NAMES ', ' 2 TCP ', ' 3 DISCOVER ', ' 4 CALL ', ' VERDICT ',
                                  ' CAUSE ', ' REMEDY ', ' PACKETS ', ' FILTER ', 'tcp.port',
                                  ' exit 20')), 'the screen has all its parts', run)
    run = Run('trace', DYNAMIC, '-q')
    ok(run.out.count('\n') == 1 and run.code == 20, '--quiet: one line', run)


def reports():
    for path in DYNAMIC, HEALTHY:
        for args in ['--jsonl'], ['--jsonl', '--stubs'], ['--json', '--stubs']:
            run = Run('trace', path, *args)
            found = lines(run) if '--jsonl' in args else [run.json()]
            problems = [p for line in found or [None] for p in schema_errors(line)]
            ok(found and not problems and found[-1]['exit'] == run.code,
               'trace %s: as the schema says' % ' '.join(args), *problems[:5], run)
    whole, found = Run('trace', DYNAMIC, '--json').json(), lines(Run('trace', DYNAMIC, '--jsonl'))
    eq([x['finding']['id'] for x in found if 'finding' in x], [f['id'] for f in whole['findings']],
       '--jsonl tells the findings of --json')
    eq(sum(x['conversation']['count'] for x in found if 'conversation' in x),
       sum(x['count'] for x in whole['conversations']), '--jsonl tells every conversation')
    stubs = Run('trace', HEALTHY, '--json', '--stubs').json()['stubs']
    ok(any(s['request'] and s['response'] and s['interface']['name'] == 'samr' for s in stubs),
       '--stubs decodes requests and responses in clear', stubs[:1])
    calls = Run('trace', HEALTHY, '--json').json()['calls']
    ok(any(c['method'].startswith('samr.') and c['count'] and c['median'] is not None
           for c in calls), 'calls are counted and timed by method', calls)
    several = Run('trace', DYNAMIC, OTHERS, '--json')
    ok(several.json()['packets'] > whole['packets'] and several.code == 20 and
       not schema_errors(several.json()), 'two files are one run', several.err)
    only = Run('trace', DYNAMIC, '--filter', 'udp port 53', '--json').json()
    ok(0 < only['packets'] < whole['packets'] and not only['conversations'],
       '--filter leaves packets out', only['packets'])


def input_forms(folder):
    with gzip.open(DYNAMIC) as file:
        plain = file.read()
    want = Run('trace', DYNAMIC, '-q')
    run = Run('trace', '-', '-q', stdin=plain)
    eq((run.code, run.out), (want.code, want.out), 'standard input')
    forms = [('plain.pcap', plain)]
    if shutil.which('zstd'):
        forms.append(('x.zst', subprocess.run(['zstd', '-q', '-c'], input=plain, check=True,
                                              stdout=subprocess.PIPE).stdout))
    for name, octets in forms:
        path = os.path.join(folder, name)
        with open(path, 'wb') as file:
            file.write(octets)
        run = Run('trace', path, '-q')
        eq((run.code, run.out), (want.code, want.out), name)
    return os.path.join(folder, 'plain.pcap'), plain


def broken(folder, plain):
    for name, octets in (('empty', b''), ('garbage', b'no capture at all\n' * 9),
                         ('short', plain[:20])):
        path = os.path.join(folder, name)
        with open(path, 'wb') as file:
            file.write(octets)
        run = Run('trace', path)
        ok(run.code == 66 and not run.out and path in run.err and 'octet' in run.err and
           run.err.count('\n') == 1, name + ': 66, and where', run)
    for path in folder, os.path.join(folder, 'nosuch'):
        run = Run('trace', path)
        ok(run.code == 66 and path in run.err and not run.out, 'no file: 66', run)
    path = os.path.join(folder, 'cut')
    with open(path, 'wb') as file:
        file.write(plain[:-7])
    run = Run('trace', path, '--json')
    ok(run.code == 66 and re.search(r'cut: ends .* octet [0-9]+', run.err) and
       run.json()['partial'] and run.json()['packets'] and not schema_errors(run.json()),
       'cut in a record: 66, where, and what came before', run)
    for args in ([], ['-i', 'lo', path], ['-', '-'], ['--extract', '1', path],
                 ['--calls', '--stubs', path], ['--filter', '((', path],
                 ['--extract', '99999', '--to', os.path.join(folder, 'out'), path]):
        run = Run('trace', *args)
        ok(run.code == 64 and run.err and not run.out, 'usage: ' + ' '.join(args)[:40], run)
    run = Run('trace', '-i', 'nosuch0')
    ok(run.code == 69 and run.err.count('\n') == 1, 'no such interface: 69', run)


def edited(folder, plain_path):
    out = os.path.join(folder, 'out.pcapng')
    for path in DYNAMIC, plain_path:
        report = Run('trace', path, '--json', '--annotate', out).json()
        if not shutil.which('tshark'):
            skip('--annotate', 'tshark is not installed')
            continue
        shown = tshark(out, '-Y', 'pkt_comment', '-T', 'fields', '-e', 'frame.number', '-e',
                       'frame.comment')
        told = {int(x.split('\t')[0]): x.split('\t')[1] for x in shown.splitlines()}
        packets = {p['number'] for f in report['findings'] if f['severity'] != 'info'
                   for p in f['packets']}
        eq(set(told), packets, '--annotate: Wireshark shows the findings in place')
        ok(any(report['verdict']['finding'] in x for x in told.values()),
           '--annotate: the verdict among them', told)
        eq(tshark(out, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len'),
           tshark(path, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len'),
           '--annotate: nothing else is changed')
    # what was annotated can be annotated
    eq(Run('trace', out, '-q', '--annotate', out + '2').code, 20, '--annotate: of pcapng')
    same = os.path.join(folder, 'same')
    os.symlink(plain_path, same)
    before = os.path.getsize(plain_path)
    run = Run('trace', plain_path, '--annotate', same)
    ok(run.code == 64 and not run.out and os.path.getsize(plain_path) == before,
       '--annotate: never the capture itself', run)
    for args in (['--annotate'], ['--extract', '1', '--to'], ['--html']):
        run = Run('trace', plain_path, *args, '/dev/full')
        ok(run.code == 73 and '/dev/full' in run.err, args[0] + ': full disk: 73', run)

    failed = report['conversations'][0]
    eq(Run('trace', DYNAMIC, '-q', '--extract', str(failed['id']), '--to', out).code, 20,
       '--extract')
    if shutil.which('tshark'):
        shown = tshark(out, '-T', 'fields', '-e', 'tcp.port', '-e', 'dns.qry.name', '-e',
                       'frame.protocols')
        ports = set(re.findall(r'\d+,\d+', shown))
        ok(any(str(failed['server_port']) in p for p in ports) and 'dns' in shown and
           any('135' in p.split(',') for p in ports),
           '--extract: the conversation, its look-ups and its mapper', shown)
        locator = os.path.join(CAPTURES, 'healthy-locator.client.pcap.gz')
        Run('trace', locator, '-q', '--extract', '2', '--to', out)
        shown = tshark(out, '-Y', 'dns', '-T', 'fields', '-e', 'dns.qry.type', '-e', 'dns.id', '-e',
                       'dns.flags.response').split('\n')
        asked, told = ([x.split('\t')[:2] for x in shown if x.endswith(ends)]
                       for ends in (('\t0', '\tFalse'), ('\t1', '\tTrue')))
        ok(asked and asked == told and any(x[0] == '33' for x in told),
           '--extract: an answer has its question, though that has another name', shown)


def page(folder):
    out = os.path.join(folder, 'out.html')
    for path in DYNAMIC, HEALTHY:
        run = Run('trace', path, '-q', '--html', out)
        with open(out, encoding='utf-8') as file:
            text = file.read()
        seen = Page(text)
        ok(not seen.bad and not seen.loads, '--html: whole, and asks for nothing', seen.bad,
           seen.loads)
        ok(seen.goals <= seen.ids, '--html: links lead somewhere', seen.goals - seen.ids)
    Run('trace', DYNAMIC, '-q', '--html', out)
    with open(out, encoding='utf-8') as file:
        text = file.read()
    ok(all(x in text for x in ('prefers-color-scheme: dark', ':focus-visible', '<svg', '<details',
                               '<summary>', 'TCP.', '<table>')), '--html: its parts', text[:500])
    sides = [os.path.join(CAPTURES, 'pair-syn-lost.%s.pcap.gz' % x) for x in ('client', 'server')]
    Run('trace', '--client', sides[0], '--server', sides[1], '-q', '--html', out)
    with open(out, encoding='utf-8') as file:
        text = file.read()
    ok(all(x in text for x in (*sides, 'was lost on the way there', 'connections in both')) and
       not Page(text).bad, '--html: both sides', text[:500])
    ok('holds no connection of these addresses' in text, '--html: what the server never saw')
    sides = [x.replace('syn-lost', 'answer-lost') for x in sides]
    Run('trace', '--client', sides[0], '--server', sides[1], '-q', '--html', out)
    with open(out, encoding='utf-8') as file:
        text = file.read()
    near, far = text.find('never arrived</text>'), text.find('bind_ack, accepted</text>')
    seen = Page(text)
    ok(0 < near < text.find('In the server\'s capture') < far and not seen.bad and
       seen.goals <= seen.ids, '--html: a ladder of each side', near, far, seen.bad)
    evil = os.path.join(folder, '<img src=x onerror=alert(1)>&".pcap')
    shutil.copyfile(DYNAMIC, evil)
    Run('trace', evil, '-q', '--html', out)
    with open(out, encoding='utf-8') as file:
        ok(not Page(file.read()).loads, '--html: what it is told is escaped')
    browser = shutil.which('chromium') or shutil.which('chromium-browser')
    if not browser:
        skip('--html: in a browser', 'chromium is not installed')
        return
    Run('trace', DYNAMIC, '-q', '--html', out)
    with Browser(browser, os.path.join(folder, 'browser'), GUARD) as seen:
        in_browser(seen, out)


def in_browser(seen, path):
    """By keyboard, light and dark, without a request."""
    seen.open(path)
    ok(seen.evaluate('document.body.innerText.includes("Verdict") && '
                     'document.querySelectorAll("svg").length > 0'), '--html: in a browser')
    goals = seen.evaluate('document.querySelectorAll("a[href], summary").length')
    focus, toggled = [], 0
    for _ in range(4 * goals):  # what scrolls has the focus, too
        if len({x for x in focus if x >= 0}) == goals:
            break
        seen.press('Tab')
        focus.append(seen.evaluate(
            '[...document.querySelectorAll("a[href], summary")].indexOf(document.activeElement)'))
        if not seen.evaluate('document.activeElement.tagName == "SUMMARY"'):
            continue
        before = seen.evaluate('document.activeElement.parentElement.open')
        seen.press('Enter')
        toggled += seen.evaluate('document.activeElement.parentElement.open') != before
        if not before:
            continue
        seen.press('Enter')  # what was open is so again, with what lies in it
    ok(goals and sorted({x for x in focus if x >= 0}) == list(range(goals)), '--html: Tab reaches each link and part',
       focus, goals)
    ok(toggled == seen.evaluate('document.querySelectorAll("summary").length'),
       '--html: Enter opens and closes', toggled)
    color = 'getComputedStyle(document.body).backgroundColor'
    seen.scheme('light')
    light = seen.evaluate(color)
    seen.scheme('dark')
    ok(light != seen.evaluate(color), '--html: light and dark', light)
    ok(all(x.startswith('file://') for x in seen.requests) and len(seen.requests) == 1,
       '--html: one request, its own', seen.requests)


def stopped():
    for what, args, code in ((signal.SIGINT, [], 130), (None, ['--deadline', '0.3'], 75)):
        child = subprocess.Popen([MSRPC, 'trace', '-', '--json', *args], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with gzip.open(DYNAMIC) as file:
            child.stdin.write(file.read()[:-7])
        child.stdin.flush()
        if what:
            while True:
                with open('/proc/%d/status' % child.pid) as file:
                    caught = int(re.search(r'^SigCgt:\s*([0-9a-f]+)', file.read(), re.M).group(1),
                                 16)
                if caught >> (what - 1) & 1:
                    break
                time.sleep(0.01)
            time.sleep(0.2)
            child.send_signal(what)
        child.wait(timeout=GUARD)
        out = child.stdout.read().decode()
        child.stdin.close()
        try:
            report = json.loads(out)
        except ValueError:
            report = None
        problems = schema_errors(report)
        ok(child.returncode == code and not problems and report['partial'] and
           report['exit'] == code, 'stopped: %d, and valid JSON' % code, *problems, out[:300])


def both_sides():
    for name, expected, exit_code in (('healthy-samr-tcp', None, 0),
                                      ('pair-syn-lost', 'TCP.LOST_THERE', 20),
                                      ('pair-answer-lost', 'TCP.DATA_LOST_BACK', 20),
                                      ('rpc-swallowed', 'TCP.DATA_LOST_THERE', 20),
                                      ('tcp-dyn-forged', 'TCP.FORGED_RESET', 20)):
        sides = [os.path.join(CAPTURES, '%s.%s.pcap.gz' % (name, at))
                 for at in ('client', 'server')]
        args = ['trace', '--client', sides[0], '--server', sides[1]]
        run = Run(*args, '--json')
        report = run.json()
        problems = schema_errors(report)
        ok(report and not problems, name + ' from both sides: the report is as the schema says',
           *problems, run)
        eq((report['verdict']['finding'], run.code), (expected, exit_code),
           name + ' from both sides: ' + (expected or 'nothing wrong'))
        ok(report['pair']['matched'] + report['pair']['client']['alone'] > 0 and
           bool(report['pair']['differences']) == bool(expected),
           name + ' from both sides: what differs', report['pair'])
        run = Run(*args)
        ok(not too_long(run.out) and ' BOTH ' in run.out and ' CLOCKS ' in run.out,
           name + ' from both sides: the screen', *too_long(run.out)[:3], run)
    run = Run('trace', '--client', HEALTHY)
    eq(run.code, 64, 'one side alone is refused')
    run = Run('trace', '--client', HEALTHY, '--server', os.path.join(CAPTURES, 'nosuch'))
    ok(run.code == 66 and 'nosuch' in run.err, 'a side that cannot be read is named', run)


def ring():
    """A connection over two files of a ring: what its end cites is in the first."""
    whole = os.path.join(CAPTURES, 'tcp-135-filtered.client.pcap.gz')
    with gzip.open(whole) as file:
        octets = file.read()
    want = Run('trace', whole, '--json').json()['findings'][0]['packets']
    cut, at = want[-1]['number'], 24
    for _ in range(cut):
        at += 16 + int.from_bytes(octets[at + 8:at + 12], 'little')
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ('1', '2')]
        for path, part in zip(paths, (octets[:at], octets[:24] + octets[at:])):
            with open(path, 'wb') as file:
                file.write(part)
        run = Run('trace', *paths, '--json')
        eq(run.json()['findings'][0]['packets'], want, 'files of a ring: packets of the first')


def records(path):
    """The header of a pcap, and [(seconds, rest of the record's head, octets)]."""
    with gzip.open(path) as file:
        data = file.read()
    found, place = [], 24
    while place < len(data):
        seconds, fraction, size, whole = struct.unpack('<IIII', data[place:place + 16])
        found.append((seconds, struct.pack('<III', fraction, size, whole),
                      data[place + 16:place + 16 + size]))
        place += 16 + size
    return data[:24], found


def write_at(path, scene, second):
    """The scene as if it had begun at that second."""
    head, packets = records(scene)
    with open(path, 'wb') as file:
        file.write(head + b''.join(struct.pack('<I', s - packets[0][0] + second) + rest + octets
                                   for s, rest, octets in packets))
    return path


def in_sequence(folder):
    """Two captures of the same hosts, one of which works: what lasts to the end counts."""
    well, ill = (os.path.join(folder, x) for x in ('well.pcap', 'ill.pcap'))
    for first, code, past in ((HEALTHY, 20, False), (DYNAMIC, 1, True)):
        write_at(well, HEALTHY, 1000000000 if first == HEALTHY else 1000000600)
        write_at(ill, DYNAMIC, 1000000300)
        for files in (well, ill), (ill, well):
            run = Run('trace', *files, '--json')
            report = run.json()
            problems = schema_errors(report)
            findings = report['findings']
            ok(run.code == code and not problems and findings and
               findings[0]['id'] == 'TCP.RANGE_FILTERED' and
               ('works_again' in findings[0]) == past and
               {p['file'] for p in findings[0]['packets']} >= {files.index(ill) + 1},
               'in sequence: works, %s' % ('again' if past else 'and no longer'), *problems, run)
        if past:
            eq(findings[0]['works_again']['file'], files.index(well) + 1,
               'in sequence: where it works again')
    run = Run('trace', well, ill)
    ok('past, phase 2:' in run.out and ' NOW      it works again since packet 1#' in run.out and
       '[x]  dc1' not in run.out and not too_long(run.out), 'in sequence: the screen',
       *too_long(run.out)[:3], run)


def never_written(folder):
    """No output goes where an input comes from, by whatever name."""
    source = os.path.join(folder, 'source.pcap.gz')
    shutil.copyfile(DYNAMIC, source)
    with open(source, 'rb') as file:
        before = file.read()
    names = [source, os.path.join(folder, 'soft'), os.path.join(folder, 'hard')]
    os.symlink(source, names[1])
    os.link(source, names[2])
    for args in (['-o'], ['--html'], ['--annotate'], ['--extract', '2', '--to']):
        for name in names:
            for command in (['trace', source], ['trace', HEALTHY, source],
                            ['trace', '--client', HEALTHY, '--server', source]):
                run = Run(*command, *args, name)
                ok(run.code == 64 and run.err and not run.out and os.path.getsize(source) ==
                   len(before), 'never written: %s of %d' % (args[0], len(command)), run)
        with open(source, 'rb') as file:
            done = subprocess.run([MSRPC, 'trace', '-', *args, source], stdin=file,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=GUARD,
                                  check=False)
        ok(done.returncode == 64 and b'the capture itself' in done.stderr,
           'never written: %s of standard input' % args[0], done)
    with open(source, 'rb') as file:
        eq(file.read() == before, True, 'never written: the capture is what it was')
    run = Run('trace', source, '--html', source + '.out', '-o', source + '.out')
    ok(run.code == 64 and 'two things' in run.err, 'two outputs want two files', run)
    run = Run('trace', source, HEALTHY, '--annotate', source + '.out')
    ok(run.code == 64 and 'mergecap' in run.err, '--annotate of two: what to do instead', run)


def of_input(folder):
    """Standard input can be annotated and extracted from."""
    out, out_of_file = (os.path.join(folder, x) for x in ('stdin.pcapng', 'file.pcapng'))
    with open(DYNAMIC, 'rb') as file:
        octets = file.read()
    for args in (['--annotate'], ['--extract', '2', '--to']):
        eq((Run('trace', '-', '-q', *args, out, stdin=octets).code,
            Run('trace', DYNAMIC, '-q', *args, out_of_file).code), (20, 20),
           args[0] + ' of standard input')
        with open(out, 'rb') as one, open(out_of_file, 'rb') as other:
            eq(one.read().replace(b'of -', b''), other.read().replace(
                b'of ' + DYNAMIC.encode(), b''), args[0] + ' of standard input: the same copy') \
                if args[0] == '--annotate' else None
    piped = ['bash', '-c', '"$0" trace <(zcat "$1") -q "${@:2}"', MSRPC, DYNAMIC]
    for args in [], ['--annotate', out]:
        eq(subprocess.run([*piped, *args], stdout=subprocess.DEVNULL, timeout=GUARD,
                          check=False).returncode, 20, ' '.join(['of a pipe', *args[:1]]))
    run = Run('trace', '-', '--annotate', out, stdin=b'no capture')
    ok(run.code == 66 and '/proc' not in run.err and ' -: ' in run.err,
       '--annotate of an input that is none', run)


def large(folder):
    """Many clients in 50 MB, and in the end one scene that fails."""
    path, copies = os.path.join(folder, 'large.pcap'), 0
    head, packets = records(HEALTHY)
    client = bytes((10, 88, 1, 20))
    begin = packets[0][0]
    with open(path, 'wb') as file:
        file.write(head)
        while file.tell() < 50e6:
            own = bytes((10, 90 + (copies >> 16), copies >> 8 & 255, copies & 255))
            file.write(b''.join(struct.pack('<I', s - begin + 1000000000 + copies) + rest +
                                octets.replace(client, own) for s, rest, octets in packets))
            copies += 1
        for s, rest, octets in records(DYNAMIC)[1]:
            file.write(struct.pack('<I', s - begin + 1000000000 + copies) + rest + octets)
    run = Run('trace', path, '--json')
    report = run.json()
    ok(run.code == 20 and not run.err and report['verdict']['finding'] == 'TCP.RANGE_FILTERED' and
       report['packets'] == copies * len(packets) + len(records(DYNAMIC)[1]) and
       sum(c['count'] for c in report['conversations']) + report['left_out'] >= 2 * copies + 2,
       '50 MB: the one failure among %d clients' % copies, run.code, run.err, run.out[:300])
    code, text = terminal('trace', path)
    shown = re.findall(r'\r\x1b\[K([^\r]*)', text)
    ok(code == 20 and all(not x or re.match(r'[ 0-9]+% of 50 MB, \d+ packets, \d+ s$', x) or
                          x.startswith('msrpc trace') for x in shown) and
       text.splitlines()[-1].startswith(' exit 20'), '50 MB: on a terminal', code, text[:300])


def progress(folder):
    """What takes long tells on a terminal how far it is, and wipes it."""
    pipe = os.path.join(folder, 'slow')
    os.mkfifo(pipe)
    with open(os.path.join(folder, 'large.pcap'), 'rb') as file:
        octets = file.read()
    piece = 1 + len(octets) // 4

    def feed():
        with open(pipe, 'wb', buffering=0) as file:
            for i in range(0, len(octets), piece):
                time.sleep(0.5)
                rest = memoryview(octets)[i:i + piece]
                while rest:
                    rest = rest[file.write(rest):]

    for stderr in None, subprocess.PIPE:
        feeder = threading.Thread(target=feed)
        feeder.start()
        code, text = terminal('trace', pipe, stderr=stderr)
        feeder.join()
        seen = re.search(r'\r\x1b\[K\d+ packets, \d+ s', text) is not None
        ok(code == 20 and seen == (stderr is None), 'progress: %s on a terminal' %
           ('told' if stderr is None else 'not told: standard error is not'), text[:300])
        ok(re.search(r'(^|\r\x1b\[K)msrpc trace ', text) and '\r\x1b' not in
           text[text.index('msrpc trace '):], 'progress: wiped', text[:300])


both_sides()
ring()
verdicts()
screens()
reports()
with tempfile.TemporaryDirectory() as place:
    capture, text_of = input_forms(place)
    broken(place, text_of)
    edited(place, capture)
    page(place)
    in_sequence(place)
    never_written(place)
    of_input(place)
    large(place)
    progress(place)
stopped()
# ---- what stays closed is told with the calls, too
SEALED = os.path.join(SOURCE, 'tests', 'captures', 'sealed')
for form in '--stubs', '--calls':
    run = Run('trace', os.path.join(SEALED, 'pipe-encrypted.pcap.gz'), form)
    ok('SMB 3 encrypts' in run.out, form + ': why no call is seen', run)
run = Run('trace', os.path.join(SEALED, 'ntlm-privacy.pcap.gz'), '-u', 'LAB\\alice', '-p', 'wrong',
          '--stubs')
ok(' KEYS\n' in run.out and 'does not fit' in run.out, '--stubs: what came of the keys', run)

done()

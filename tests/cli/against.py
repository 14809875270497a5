#!/usr/bin/python3 -B
"""diagnose --against: what changed since a saved result, and only that."""
import json
import os
import re
import tempfile

from cli import *

PORTS = '20300-20900'  # none that the kernel gives away by itself


def changes(run, name):
    return valid(run, name).get('against', {}).get('changes')


with tempfile.TemporaryDirectory() as folder:
    saved = os.path.join(folder, 'saved.json')

    def save(name, text):
        path = os.path.join(folder, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    with Server('--interface', 'rpcecho', '--ports', PORTS) as server:
        target = server.address
        before = Run('diagnose', target, '--json', '--output', saved)
        eq(before.code, 0, 'a healthy run is saved', before)
        run = Run('diagnose', target, '--against', saved, '--json')
        eq(changes(run, 'the same again'), [], 'the same again: nothing changed', run)
        eq(run.code, 0, 'the same again: exit 0')
        text = Run('diagnose', target, '--against', saved)
        ok(re.search(r'^ SINCE    \S+Z \(%s\): nothing changed$' % re.escape(saved), text.out, re.M),
           'on the screen: nothing changed', text)
        lines = Run('diagnose', target, 'localhost:%d' % server.mapper, '--jsonl')
        two = save('two.jsonl', lines.out)
        run = Run('diagnose', target, '--against', two, '--json')
        eq(changes(run, 'a result a line'), [], 'a result a line: nothing changed')
        many = save('many.json', Run('diagnose', target, target, '--json').out)
        eq(changes(Run('diagnose', target, '--against', many, '--json'), 'several results'), [],
           'several results: nothing changed')
        run = Run('diagnose', '127.0.0.2:%d' % server.mapper, target, '--against', saved, '--json')
        report = run.json() or {'results': [{}, {}]}
        eq([r.get('against', {}).get('started') is None for r in report['results']], [True, False],
           'a target that was not saved says so', run)

        # another dynamic port, and fewer interfaces than then
        old = json.load(open(saved))
        for check in old['checks']:
            for kind in 'TCP', 'RPC':
                if re.fullmatch(kind + r'\.20[3-9]\d\d', check['id']):
                    check['id'] = kind + '.51234'
                    check['summary'] = check['summary'].replace(check['summary'][:5], '51234')
            if check['id'] == 'EPM.LOOKUP':
                check['summary'] = '7 interfaces registered'
        run = Run('diagnose', target, '--against', save('moved.json', json.dumps(old)), '--json')
        found = changes(run, 'a service that moved') or []
        eq([(c['kind'], c['id'], c['trend']) for c in found],
           [('check', 'EPM.LOOKUP', 'other'), ('ports', None, 'other')],
           'a service that moved is no fault', run)
        eq((found[1]['before'], bool(re.fullmatch(r'20\d\d\d', found[1]['after']))), ('51234', True),
           'a service that moved: from where to where')

    run = Run('diagnose', target, '--against', saved, '--json')
    found = changes(run, 'the mapper is gone') or []
    ok(any(c['kind'] == 'verdict' and c['trend'] == 'worse' and c['id'] == 'TCP.MAPPER_REFUSED'
           for c in found), 'the mapper is gone: the verdict', run)
    ok(any(c['kind'] == 'finding' and c['before'] is None and c['trend'] == 'worse'
           for c in found), 'the mapper is gone: a new finding')
    ok(any(c['kind'] == 'check' and c['id'] == 'TCP.%d' % server.mapper and c['trend'] == 'worse'
           for c in found), 'the mapper is gone: its check')
    eq(run.code, 20, 'the exit code is that of the diagnosis')
    text = Run('diagnose', target, '--against', saved)
    ok('[x]  TCP.MAPPER_REFUSED' in text.out and all(len(x) <= 80 for x in text.out.splitlines()
                                                     if x.startswith('          [')),
       'the mapper is gone: on the screen', text)

    broken = save('broken.json', '{"schema": 1,\n"results": [}')
    for path, why in ((os.path.join(folder, 'nowhere'), 'No such file'),
                      (broken, 'line 2'), (save('empty', ''), ''),
                      (save('other.json', Run('explain', '5', '--json').out), 'no report'),
                      (save('line.jsonl', lines.out + '{"schema"\n'), 'line 3')):
        run = Run('diagnose', target, '--against', path)
        ok(run.code == 66 and path in run.err and why in run.err and run.err.count('\n') == 1,
           'unreadable: ' + os.path.basename(path), run)
    run = Run('diagnose', '192.0.2.1', '--against', saved)
    ok(run.code == 66 and 'no diagnosis of 192.0.2.1' in run.err, 'the wrong file', run)
done()

"""What the live tests of msrpc diagnose share: a whole report held against what must be in it.

A case names the verdict and every finding that stands by itself; any other error or warning that
nothing explains is a false accusation and fails it.
"""
from tap import *

PHASES = ('names', 'tcp', 'discovery', 'communication')
WORDS = {'p': 'pass', 'w': 'warn', 'f': 'fail', 's': 'skip', 'u': 'unknown'}
REMEDY = {'text', 'run_on', 'shell', 'command', 'risk', 'undo', 'verify'}


def accused(report, severities=('error', 'warning')):
    """The ids of the findings that are not explained by another."""
    return {x['id'] for x in report.get('findings', [])
            if x['severity'] in severities and not x.get('explained_by')}


def complete(finding, report):
    """What is missing of a finding that a person is to act on."""
    missing = [x for x in ('cause', 'evidence', 'confidence', 'reference') if not finding.get(x)]
    checks = {x['id'] for x in report['checks']}
    missing += ['check ' + x for x in finding['evidence'] if x not in checks]
    if not finding['remedies'] and not finding.get('next'):
        missing.append('what to do, or the next test')
    for remedy in finding['remedies']:
        missing += ['remedy.' + x for x in REMEDY - set(remedy)]
        missing += ['remedy.' + x for x in ('text', 'run_on') if not remedy[x]]
        if remedy['shell'] != 'none':
            missing += ['remedy.command'] if not remedy['command'] else []
        if remedy['undo']:      # it changes something
            missing += ['remedy.' + x for x in ('risk', 'verify') if not remedy[x]]
    return missing


def healthy(name, *args):
    run = msrpc('diagnose', '--json', *args)
    report = run.json
    eq((run.code, accused(report)), (0, set()), name + ': healthy', run)
    eq([x['status'] for x in report.get('phases', [])], ['pass'] * 4, name + ': every phase passes')
    eq(report.get('verdict', {}).get('finding'), None, name + ': no finding is the verdict')


def ill(name, args, finding, phase, code, phases, win32=1722, says=(), others=(), todo=''):
    """@phases: a letter each, see WORDS. @says: words of the cause. @others: what may stand beside.
    @todo: words of the first remedy."""
    run = msrpc('diagnose', '--json', *args)
    report = run.json
    verdict = report.get('verdict', {})
    eq((run.code, verdict.get('finding'), verdict.get('phase'), verdict.get('win32')),
       (code, finding, phase, win32), '%s: %s' % (name, finding), run)
    eq(accused(report), {finding, *others}, name + ': nothing else is accused', run)
    eq(''.join(x['status'][0] for x in report.get('phases', [])), phases, name + ': the phases',
       'letters of %s; phases %s' % (WORDS, PHASES))
    eq(run.err, '', name + ': nothing on standard error')
    for found in report.get('findings', []):
        if found['id'] == finding:
            eq(complete(found, report), [], name + ': the finding can be acted on', found)
            eq([x for x in says if x not in found['cause']], [], name + ': the cause names it',
               found['cause'])
            first = (found['remedies'] or [{'text': '', 'command': ''}])[0]
            if todo:
                ok(todo in first['text'] + ' ' + str(first['command']), name + ': what to do first', first)
            break

"""The matrix of authentication: what logon (logon.c) says of its cells, held against what a peer
refuses and why.

    got = logon('-m', 'ntlm,krb5', address, host, user, password)
    judge('Samba DC', got, expected(MECHS, KINDS), [('* connect * [!8]*', 'pattern', 'reason')])
"""
import fnmatch
import os
import re
import subprocess

from tap import names, ok, eq

__all__ = ['expected', 'judge', 'KINDS', 'LEVELS', 'logon', 'LOGON', 'MECHS', 'tried']

LOGON = os.path.join(os.path.dirname(os.path.realpath(names['MSRPC'])), '../../tests/live/logon')
MECHS = ('ntlm', 'krb5', 'krb5-rc4', 'spnego-ntlm', 'spnego-krb5')
LEVELS = ('connect', 'call', 'packet', 'integrity', 'privacy')
KINDS = ('plain', 'small', 'large', 'unverified', 'bytes')
SIZES = ('8', '256', 'full')


def tried(*command, host='client', stdin=None):
    """What a command says, on both channels, whatever it ends with."""
    return subprocess.run([names['LAB'], 'exec', host, 'timeout', '50', *command], input=stdin,
                          stdin=None if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', check=False).stdout


def logon(*args, parts=MECHS, host='client'):
    """Runs it once per part of its mechanisms, at the same time; cell -> outcome."""
    children = [subprocess.Popen([names['LAB'], 'exec', host, 'timeout', '50', LOGON, '-m', part,
                                  *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors='replace')
                for part in parts]
    lines = [line for child in children for line in child.communicate()[0].splitlines()]
    return dict(line.split(': ', 1) if ': ' in line else (line, '') for line in lines)


def expected(mechs=MECHS, kinds=KINDS):
    return [' '.join(cell) for cell in
            ((mech, level, sign, kind, size) for mech in mechs for level in LEVELS
             for sign in ('bare', 'sign') for kind in kinds for size in SIZES)]


def judge(what, got, cells, refusals=()):
    """Every cell is good, but for those that a refusal names: (cells as a shell pattern, outcome as
    a regular expression, reason); a refusal that no cell meets is a failure, too."""
    met, good = set(), 0
    for cell in cells:
        rule = next((r for r in refusals if fnmatch.fnmatchcase(cell, r[0])), None)
        said = got.get(cell, 'nothing')
        if rule:
            met.add(rule)
            ok(re.fullmatch(rule[1], said), '%s: %s: %s' % (what, cell, rule[2]), said)
        else:
            good += eq(said, 'good', '%s: %s' % (what, cell))
    for rule in refusals:
        if rule not in met:
            ok(False, '%s: %s refuses nothing' % (what, rule[0]))
    eq(sorted(set(got) - set(cells)), [], '%s: nothing else was said' % what)
    print('# %s: %d cells are good, %d refused as they have to be' % (
        what, good, len(cells) - good))

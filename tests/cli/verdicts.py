#!/usr/bin/python3 -B
"""What a denied call means, in the commands that make calls: the level, the right, the account or
that nobody asked by name; against a server of our own that wants privacy and knows alice, by NTLM."""
import os
import tempfile

from cli import *

USER, SECRET, WRONG = 'LAB\\alice', 'Sec.ret1-kept', 'Wrong.2-kept'
NAMES = {'connect': 2, 'pkt': 4, 'integrity': 5, 'privacy': 6}

work = tempfile.TemporaryDirectory()
users, config = (os.path.join(work.name, n) for n in ('users', 'serve.conf'))
with open(users, 'w') as file:
    file.write('%s:%s\n' % (USER, SECRET))


def serve(*sections):
    with open(config, 'w') as file:
        file.write('[access]\nusers = %s\n[interface rpcecho]\n%s' % (users, '\n'.join(sections)))
    return Server('--config', config)


def as_alice(password, auth, level):
    return '-u', USER, '-p', password, '--auth', auth, '--auth-level', level


def standing(report):
    return [f['id'] for f in report['findings'] if not f['explained_by'] and f['severity'] != 'warning']


def told(run, finding):
    lines = run.err.splitlines()
    at = [i for i, line in enumerate(lines) if line.startswith(finding + ': ')]
    return len(at) == 1 and all(len(line) <= 80 for line in lines[at[0]:]) and \
        '  what to do: msrpc explain ' + finding in lines


# ---- a level that is too low ----

with serve('min_auth_level = privacy') as server:
    at = ['ping', '127.0.0.1', '--mapper-port', str(server.mapper), '-i', 'rpcecho', '--count', '2']
    for auth in 'ntlm', 'negotiate':
        for level in NAMES:
            name = 'ping by %s at %s' % (auth, level)
            run = Run(*at, *as_alice(SECRET, auth, level), '--json')
            report = valid(run, name)
            low = level != 'privacy'
            eq((run.code, standing(report), report['vantage']['auth']['level']),
               (0, ['RPC.LEVEL_LOW'] if low else [], level), name, run)
            ok(not low or 'level %d' % NAMES[level] in report['findings'][0]['cause'], name + ': which one', run)
            ok(not low or '--auth-level privacy' in report['findings'][0]['remedies'][0]['command'],
               name + ': what raises the level comes first', run)
            ok('not logged on' not in run.err, name + ': the account is good', run)
    run = Run(*at, *as_alice(SECRET, 'ntlm', 'connect'))
    ok(told(run, 'RPC.LEVEL_LOW') and 'an answer too' in run.out, 'the screen names it, once', run)
    run = Run(*at, *as_alice(SECRET, 'ntlm', 'connect'), '-q')
    ok(run.code == 0 and not run.err, 'not with --quiet', run)
    port = valid(Run(*at, '--json'), 'ping of a stranger')['port']
    call = ['call', '127.0.0.1:%d' % port, 'rpcecho.echo_AddOne', '{"in_data":1}']
    run = Run(*call, *as_alice(SECRET, 'ntlm', 'integrity'), '--json')
    eq((run.code, standing(valid(run, 'call'))), (40, ['RPC.LEVEL_LOW']), 'call', run)
    run = Run(*call, '--json')
    eq((run.code, standing(valid(run, 'call of a stranger'))), (40, ['RPC.ANONYMOUS_DENIED']),
       'call of a stranger', run)
    run = Run('rpcping', '-s', '127.0.0.1', '-e', str(port), '-u', 'ntlm', '-a', 'connect', '-I',
              'alice,LAB,' + WRONG)
    ok(run.code == 1 and 'not tried again' in run.out and told(run, 'RPC.FIRST_CALL_DENIED'),
       'rpcping with a wrong password', run)
    # at connect nothing proves a password: it is tried at privacy, and then no more
    for level in NAMES:
        run = Run(*at, *as_alice(WRONG, 'ntlm', level))
        ok(run.code == 40 and 'not logged on' in run.err and 'not tried again' in run.err and
           told(run, 'RPC.FIRST_CALL_DENIED'), 'a wrong password by NTLM at ' + level, run)
    run = Run(*at, '--matrix', *as_alice(SECRET, 'negotiate', 'privacy'), '--json')
    eq({(c['mechanism'], c['inner'], c['level'], c.get('finding'))
        for c in valid(run, 'matrix')['security'] if c['result'] == 'refused'},
       {('none', None, 'none', 'RPC.ANONYMOUS_DENIED'),
        *((m, i, l, 'RPC.LEVEL_LOW') for m, i in (('ntlm', None), ('negotiate', 'ntlm'))
          for l in ('connect', 'pkt', 'integrity'))}, 'the matrix names what each cell means', run)
    eq(standing(run.json()), ['RPC.ANONYMOUS_DENIED', 'RPC.LEVEL_LOW'], 'and each once', run)
    run = Run(*at, '--matrix', *as_alice(SECRET, 'negotiate', 'privacy'))
    ok('(RPC.LEVEL_LOW)' in run.out and run.out.count('\nRPC.LEVEL_LOW: ') == 1 and
       all(len(line) <= 80 for line in run.out.splitlines()), 'its screen has a legend', run)

# ---- an anonymous logon is nobody, whatever protects it ----

with serve('min_auth_level = packet') as server:
    run = Run('ping', '127.0.0.1', '--mapper-port', str(server.mapper), '-i', 'rpcecho', '--count', '1',
              '--matrix', '--json')
    eq({c.get('finding') for c in valid(run, 'matrix of nobody')['security'] if c['result'] == 'refused'},
       {'RPC.ANONYMOUS_DENIED'}, 'the matrix of nobody: no caller is known', run)

# ---- a mapper that refuses strangers ----

with serve('[interface epmapper]', 'min_auth_level = packet') as server:
    at = '127.0.0.1:%d' % server.mapper
    ping = ['ping', '127.0.0.1', '--mapper-port', str(server.mapper), '-i', 'rpcecho']
    for name, args in (('map', ['map', at]), ('range', ['range', '--of', at]), ('ping', ping),
                       ('interfaces', ['interfaces', '127.0.0.1', *ping[2:4]])):
        run = Run(*args)
        ok(run.code == 30 and 'the endpoint mapper: ' in run.err and '-u ' in run.err and
           told(run, 'EPM.ACCESS_DENIED'), name + ': the mapper is named, and what helps', run)
        run = Run(*args, '--json')
        report = valid(run, name)
        eq((run.code, standing(report)), (30, ['EPM.ACCESS_DENIED']), name + ': the finding', run)
        ok('the endpoint mapper' in report['error'], name + ': the error', run)
        eq(report['findings'][0]['next']['command'], 'msrpc diagnose %s -u DOMAIN\\USER' % at,
           name + ': the command to run next asks the same mapper')
    ok('0 endpoints' not in Run('map', at).out, 'a list that is refused is not an empty one')
    run = Run('audit', at, '--json')
    states = {f['id']: f['state'] for f in valid(run, 'audit')['facts']}
    eq((run.code, states['EPM.ENDPOINTS'], {s for i, s in states.items() if i[:4] in ('SAMR', 'LSA.')}),
       (1, 'denied', {'unknown'}), 'audit: what was not asked is not passed', run)
    run = Run('audit', at)
    ok(run.code == 1 and ' VERDICT  the endpoint mapper refuses strangers; ' in run.out and
       run.out.count('0x00000005') <= 2 and all(len(line) <= 80 for line in run.out.splitlines()),
       'its verdict says so, and the reason is told once', run)
    run = Run('map', at, '-N', '--auth', 'ntlm', '--auth-level', 'connect')
    ok(run.code == 30 and 'not logged on' not in run.err and told(run, 'EPM.ACCESS_DENIED'),
       'an anonymous logon is a stranger', run)
    run = Run('map', at, *as_alice(SECRET, 'ntlm', 'connect'))
    ok(run.code == 30 and told(run, 'RPC.LEVEL_LOW'), 'a mapper that wants a higher level', run)
    eq(Run('map', at, *as_alice(SECRET, 'ntlm', 'pkt')).code, 0, 'which helps')

# ---- a mapper that takes no logon is asked without, and nothing is wrong with that ----

with Server('--interface', 'rpcecho') as server:
    at = '127.0.0.1:%d' % server.mapper
    for name, args in ('map', ['map', at]), ('range', ['range', '--of', at]):
        run = Run(*args, '-u', USER, '-p', SECRET, '--json')
        stranger = Run(*args, '--json')
        eq((run.code, standing(valid(run, name))), (stranger.code, standing(valid(stranger, name))),
           name + ' with an account says what it says to strangers', run)
        ok('asked without' in run.err, name + ': that it was asked without is told', run)
done()

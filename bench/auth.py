"""Authentication: what protecting a stub costs beside the ciphers themselves and MIT's library, and
calls a second and MB/s on one connection at integrity and privacy, by NTLM and Kerberos, against
Samba's client library and impacket."""
import contextlib
import os
import statistics
import subprocess
import tempfile

from common import HERE, Skip, output, serve, short

PORT = '20139'
STUB = 1 << 20
TURNS, CALLS, BIG, SLOW, SLOW_BIG = 5, 1500, 20, 60, 2
CIPHERS = (('AES256-SHA1', 'aes256sha1'), ('AES256-SHA384', 'aes256sha384'), ('NTLM', 'ntlm'))
PEERS = (('openssl', 'cipher and MAC alone', 0.5), ('mit', 'libk5crypto alone', 1.5))
MECHANISMS = (('ntlm', 'NTLM'), ('krb5', 'Kerberos'))
LEVELS = ('integrity', 'privacy')


def compare(bench, what, ours, name, peer, unit, least=None):
    """A row that wants ours to be so many times the peer's: (median, best) each."""
    ratio = ours[0] / peer[0]
    bench.row(what, '%s %s' % (short(ours[0]), unit), '%s %s %s' % (name, short(peer[0]), unit),
              '%.2fx (best %.2fx)' % (ratio, ours[1] / peer[1]), '>= %gx' % least if least else '',
              ratio >= least if least else None)


def run_protection(bench):
    """MB of stub per second of processor time."""
    lines = [line.split() for line in output([bench.tool('auth')]).split('\n') if line]
    octets = int(lines[0][1])
    speeds = {name: (octets * 1e3 / float(median), octets * 1e3 / float(least))
              for name, least, median in lines[1:]}
    for title, what in CIPHERS:
        for verb in ('protect', 'open'):
            for peer, name, least in PEERS:
                key = '%s_%s_%s' % (what, peer, verb)
                if key in speeds:
                    compare(bench, '%s a stub of 1 MB, %s' % (verb, title),
                            speeds['%s_ours_%s' % (what, verb)], name, speeds[key], 'MB/s', least)
    bench.raw['auth_mb_s'] = speeds


def clients(bench, server, mechanism, level, what):
    """The command lines that ask the same of a server: (address, port, name)."""
    lab, (address, port, name) = bench.lab, server
    user = 'LAB\\alice' if mechanism == 'ntlm' else 'alice@' + lab['REALM']
    password = lab['ALICE_PASSWORD']
    big = what.isdigit()
    lines = {
        'ours': [bench.tool('auth_calls'), address, port, mechanism, level, user, password, name,
                 lab['DC_IP'], what, str(BIG if big else CALLS)],
        'libdcerpc': [bench.tool('samba_auth'), address, port, mechanism, level, user, password,
                      name, lab['LAB_SMBCONF'], what, str(BIG if big else CALLS)]}
    if what != 'map' and (mechanism, level) != ('krb5', 'integrity'):  # impacket breaks off
        domain = lab['DOMAIN'] if mechanism == 'ntlm' else lab['REALM']
        lines['impacket'] = [os.path.join(HERE, 'impacket_auth.py'), name, port, mechanism, level,
                             'alice', password, domain, lab['DC_IP'], what,
                             str(SLOW_BIG if big else SLOW)]
    return lines


def middle(rates):
    return {name: (statistics.median(all_), max(all_)) for name, all_ in rates.items()}


def ask(bench, server, mechanism, level, what):
    """Calls a second of each client, by the clock and by its own processor time, (median, best) of
    its turns; the clients take turns."""
    lines = clients(bench, server, mechanism, level, what)
    rates, own = {name: [] for name in lines}, {name: [] for name in lines}
    for _ in range(TURNS):
        for name, line in lines.items():
            count, _, median, spent = map(int, output(bench.lab.on('client', *line)).split())
            rates[name].append(1e9 / median)
            own[name].append(1e9 * count / spent)
    return middle(rates), middle(own)


def scaled(rates):
    """MB/s of so many stubs a second."""
    return {name: (a * STUB / 1e6, b * STUB / 1e6) for name, (a, b) in rates.items()}


def rows(bench, what, rates, unit, least):
    """Ours against each peer; the target is for impacket."""
    for peer in list(rates)[1:]:
        compare(bench, what, rates['ours'], peer, rates[peer], unit,
                least if peer == 'impacket' else None)


def run_calls(bench, server, mechanisms, questions):
    for what, title in questions:
        big = what.isdigit()
        for mechanism, shown in mechanisms:
            for level in LEVELS:
                rates, own = ask(bench, server, mechanism, level, what)
                key = '%s, %s, %s' % (title, shown, level)
                bench.raw['auth_calls'][key] = {'clock': rates, 'processor': own}
                if not big:
                    rows(bench, key, rates, '/s', 20)
                    continue
                rows(bench, key, scaled(rates), 'MB/s', None)
                rows(bench, "the same, the client's processor", scaled(own), 'MB/s', 20)


@contextlib.contextmanager
def users(bench):
    """A file of the accounts that our server knows. impacket gets its ticket from a cache: Samba's
    KDC takes none of its requests for one."""
    lab = bench.lab
    with tempfile.TemporaryDirectory(prefix='msrpc-bench-') as folder:
        cache, accounts = os.path.join(folder, 'cache'), os.path.join(folder, 'users')
        with open(accounts, 'w', encoding='utf-8') as file:
            file.write('%s\\alice:%s\n' % (lab['DOMAIN'], lab['ALICE_PASSWORD']))
        os.environ['KRB5CCNAME'] = cache
        subprocess.run(lab.on('client', 'kinit', 'alice@' + lab['REALM']), check=True, text=True,
                       input=lab['ALICE_PASSWORD'] + '\n', stdout=subprocess.DEVNULL)
        output(lab.on('client', 'kvno', 'host/' + lab['MB_NAME']))
        yield accounts


def run(bench):
    run_protection(bench)
    lab = bench.lab
    lab.up()
    os.environ['KRB5_CONFIG'] = lab['KRB5_CONFIG']
    if not os.path.exists(bench.tool('samba_auth')):
        raise Skip('no samba-dev')
    bench.raw['auth_calls'] = {}
    run_calls(bench, (lab['DC_IP'], '135', lab['DC_NAME']), MECHANISMS,
              [('map', "ept_map, Samba's DC")])
    with users(bench) as accounts:
        options = ['--interface', 'rpcecho@' + PORT, '--users', accounts, '--keytab',
                   lab['MB_KEYTAB']]
        with serve(bench, 'mb', lab['MB_CLIENT_IP'], '20140', options):
            run_calls(bench, (lab['MB_CLIENT_IP'], PORT, lab['MB_NAME']), MECHANISMS,
                      [('add', 'a sum, our server'),
                       (str(STUB), '1 MB there and back, our server')])

#!/usr/bin/python3 -B
"""A client of the library against Samba, a domain controller and a standalone server: every
mechanism, level, kind of connection and size of stub; and everything that they refuse, with the
reason."""
import concurrent.futures

from matrix import *
from tap import *

DC, SRV = names['DC_IP'], names['SRV_IP']

# Both: samr takes no context of level connect (Samba: "allow dcerpc auth level connect").
CONNECT = ('* connect * * [!8]*', 'the server answered with fault 0x00000005',
           'samr wants more than connect')
REFUSED = {
    'DC': [CONNECT],
    'srv, a user of its own': [
        ('krb5* * * * *', ".*'root@LAB.TEST' not found in Kerberos database",
         'a realm does not know the accounts of a standalone server'),
        ('spnego-krb5 connect * * [!8]*', CONNECT[1], CONNECT[2]),
        ('spnego-krb5 * * * *', "good without Kerberos: .*'root@LAB.TEST' not found in Kerberos.*",
         'Negotiate goes on with NTLM, and says so'),
        CONNECT],
    'srv, a user of the domain': [
        ('krb5* * * * *', '.*Server not found in Kerberos database',
         'no account of the realm has the name of a standalone server')],
    "srv, another server's ticket": [
        ('* * * * *', 'the server rejected the bind \\(reason 8\\)',
         'a standalone server has no key to open a ticket with')],
}

with concurrent.futures.ThreadPoolExecutor() as pool:
    runs = {
        'DC': pool.submit(logon, '-k', ','.join(KINDS), DC, names['DC_NAME'], 'LAB\\alice',
                          names['ALICE_PASSWORD']),
        'srv, a user of its own': pool.submit(logon, '-k', ','.join(KINDS), SRV, 'srv.lab.test',
                                              'root', names['PASSWORD'], DC),
        'srv, a user of the domain': pool.submit(logon, '-k', 'plain', SRV, 'srv.lab.test',
                                                 'alice@LAB.TEST', names['ALICE_PASSWORD'], DC,
                                                 parts=('krb5',)),
        "srv, another server's ticket": pool.submit(logon, '-k', 'plain', '-s', 'host/dc1.lab.test',
                                                    SRV, 'srv.lab.test', 'alice@LAB.TEST',
                                                    names['ALICE_PASSWORD'], DC, parts=('krb5',)),
    }
for what, run in runs.items():
    only = what.startswith('srv, a user of the d') or what.startswith('srv, another')
    judge(what, run.result(), expected(('krb5',), ('plain',)) if only else expected(),
          REFUSED[what])
done()

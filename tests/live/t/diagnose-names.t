#!/usr/bin/python3 -B
"""msrpc diagnose, phase 1: what can be wrong with a name, told apart."""
from diagnosis import *

DC, UNUSED, ROUTER = names['DC_IP'], names['UNUSED_IP'], names['MB_CLIENT_IP']
NAME = names['DC_NAME']

healthy('a full name', NAME)
healthy('a short name', 'dc1')
healthy('an alias', 'alias.lab.test')
healthy('both families', 'dual.lab.test')
healthy('a name with IPv6 only', 'dc6.lab.test')
healthy('an address', DC)
healthy('a chosen DNS server', '--dns-server', DC, NAME)

for fault_name, finding, win32, says in (
        ('dns-nxdomain', 'NAME.NXDOMAIN', 11001, (NAME, ROUTER)),
        ('dns-nodata', 'NAME.NODATA', 11004, (NAME,)),
        ('dns-servfail', 'NAME.SERVFAIL', 1722, (NAME, ROUTER)),
        ('dns-refused', 'NAME.REFUSED', 1722, (NAME, 'The DNS server ' + ROUTER, '(REFUSED)')),
        ('dns-lame', 'NAME.LAME', 1722, (NAME, ROUTER)),
        ('dns-timeout', 'NAME.TIMEOUT', 1722, (DC,))):
    with fault(fault_name):
        ill(fault_name, [NAME], finding, 1, 10, 'fuuu', win32, says)
ill('a name that nobody has', ['nosuch.lab.test'], 'NAME.NXDOMAIN', 1, 10, 'fuuu', 11001,
    ['nosuch.lab.test', DC])
ill('a name without an address', ['noaddr.lab.test'], 'NAME.NODATA', 1, 10, 'fuuu', 11004,
    ['noaddr.lab.test'])
ill('a short name that nobody has', ['nosuch'], 'NAME.SINGLE_LABEL', 1, 10, 'fuuu', 11001,
    ['nosuch'])
with fault('hosts-file'):
    ill('hosts-file', [NAME], 'NAME.HOSTS_STALE', 1, 10, 'ffuu', says=[UNUSED, DC, 'hosts file'])
with fault('wrong-dns'):
    ill('wrong-dns', [NAME], 'TCP.HOST_SILENT', 2, 20, 'pfuu', says=[UNUSED, 'DNS record is stale'])
    ok('msrpc name ' + NAME in msrpc('diagnose', NAME).out, 'wrong-dns: how to compare')
    ill('wrong-dns, the address alone', [UNUSED], 'TCP.HOST_SILENT', 2, 20, 'pfuu', says=[UNUSED])
ill('a DNS server that does not answer', ['--dns-server', UNUSED, NAME], 'NAME.TIMEOUT', 1, 10,
    'fuuu', says=[UNUSED])
done()

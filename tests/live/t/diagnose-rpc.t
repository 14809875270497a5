#!/usr/bin/python3 -B
"""msrpc diagnose, phases 3 and 4: the mapper, and the endpoints it names."""
from diagnosis import *

DC, SRV, NAME = names['DC_IP'], names['SRV_IP'], names['DC_NAME']
DYNAMIC = '49152-65535'

healthy('the domain controller', NAME)
healthy('the server', 'srv.lab.test')
healthy('one interface', '--interface', 'samr', 'srv.lab.test')

for name, args, target, finding, win32, says in (
        ('rst-mid-bind', [], NAME, 'EPM.RESET_ON_BIND', 1727, [DC, '135']),
        ('rst-mid-request', [], NAME, 'EPM.LOST', 1726, [DC, '135']),
        ('stall-bind', [], NAME, 'EPM.SWALLOWED', 1722, [DC, 'never acknowledged']),
        ('stall-request', [], NAME, 'EPM.SWALLOWED', 1722, [DC, 'never acknowledged']),
        ('hang-rpc', [], NAME, 'EPM.HUNG', 1722, [DC, 'acknowledged every byte']),
        ('hang-epm', [], 'srv.lab.test', 'EPM.HUNG', 1722, [SRV, 'acknowledged every byte']),
        ('pmtu-hole', [], NAME, 'EPM.LARGE_LOST', 1726, [DC])):
    with fault(name, *args):
        ill(name, [target], finding, 3, 30, 'ppfu', win32, says)
ill('no such service', ['--interface', 'drsuapi', 'srv.lab.test'], 'EPM.NOT_REGISTERED', 3, 30,
    'ppfu', 1753, ['srv.lab.test', 'drsuapi'])

for name, finding, win32 in (('rst-mid-bind', 'RPC.RESET_ON_BIND', 1727),
                             ('rst-mid-request', 'RPC.RESET_IN_CALL', 1726),
                             ('stall-bind', 'RPC.SWALLOWED', 1726),
                             ('stall-request', 'RPC.SWALLOWED', 1726)):
    with fault(name, DYNAMIC):
        ill(name + ' behind the mapper', [NAME], finding, 4, 40, 'pppf', win32, [DC])
with fault('hang-lsa'):
    ill('hang-lsa', ['srv.lab.test'], 'RPC.HUNG', 4, 40, 'pppf', 1818, [SRV, 'samr', 'lsarpc'])
    healthy('a service beside the one that hangs', '--interface', 'winreg', 'srv.lab.test')
# one connection on which every packet was lost is nobody's fault, nor is a path that loses many
with fault('lose-binds', '7'):
    run = msrpc('diagnose', '--json', NAME)
    eq((run.code, accused(run.json)), (1, set()), 'one swallowed bind accuses nobody', run)
    ok([x for x in run.json['checks'] if x['id'] == 'EPM.BIND' and x['status'] == 'warn'],
       'it is told all the same', run)
with fault('lose-binds', '7', '49152-49154'):
    run = msrpc('diagnose', '--json', '--interface', 'samr', NAME)
    eq((run.code, accused(run.json)), (1, set()), 'nor does one behind the mapper', run)
for percent in ('20', '40'):
    with fault('loss', percent):
        run = msrpc('diagnose', '--json', '--skip', 'NAME.PTR', DC)
        wrong = accused(run.json) - {'TCP.LOSSY_PATH', 'TCP.HEAVY_LOSS'}
        ok(not [x for x in wrong if x.startswith('EPM.')], 'loss of %s%%' % percent, wrong, run)
healthy('the server afterwards', 'srv.lab.test')
healthy('the domain controller afterwards', NAME)
done()

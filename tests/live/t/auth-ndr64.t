#!/usr/bin/python3 -B
"""NDR64 by Samba's own NDR code, octet for octet: Samba's servers take no NDR64, but its bindings
pack and unpack it. Random values of every method of the compiled interfaces, requests and responses.
On the wire auth-serve.t has Samba's bindings call in NDR64, protected."""
import collections
import os
import subprocess

from matrix import LOGON
from tap import *

SEEDS = '60'
# What Samba cannot judge: a value that it reads and writes differently in NDR20 already, or refuses
# (random towers, lengths below their maximum), or a method that it does not know.
NOT_JUDGED = ('another NDR20', 'no NDR20', 'not known')
# Samba's IDL says something else than the specification: the lengths of the object attributes are
# uint3264 (unsigned long: MS-LSAD 2.2.9), offset and length of an annotation two uint32 (a varying
# string: C706 appendix O).
DIFFERENT = ('lsarpc LsarOpenPolicy ', 'lsarpc LsarOpenPolicy2 ', 'epmapper ept_insert ',
             'epmapper ept_delete ', 'epmapper ept_lookup out')

made = subprocess.run([os.path.join(os.path.dirname(LOGON), 'ndr64'), SEEDS],
                      stdout=subprocess.PIPE, check=True).stdout
peer = os.path.join(names['LIVE_DIR'], 'peers', 'samba_ndr64.py')
said = subprocess.run(['/usr/bin/python3', '-B', peer], input=made, stdout=subprocess.PIPE,
                      stderr=subprocess.DEVNULL, check=True).stdout.decode()
outcomes = collections.defaultdict(list)
for line in said.splitlines():
    call, _, outcome = line.partition(': ')
    if not outcome.startswith(NOT_JUDGED):
        outcomes[call].append(outcome)
good = 0
for call, got in sorted(outcomes.items()):
    if call.startswith(DIFFERENT):
        continue
    good += len(got)
    eq([x for x in got if x != 'good'], [], '%s: %d values' % (call, len(got)))
ok(len(outcomes) >= 180, 'nearly every method is judged', len(outcomes))
print('# %d methods, requests and responses apart; %d values are the same octets' % (
    len(outcomes), good))
done()

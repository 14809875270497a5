#!/usr/bin/python3 -B
"""A client of the library against Samba as a member of the domain, which has winbindd judge NTLM and
opens tickets with its machine account: every mechanism, level, kind of connection and size of stub.
It is told to allow the level connect, and refuses nothing."""
import subprocess

from matrix import *
from tap import *

subprocess.run([names['LAB'], 'member', 'on'], check=True)
try:
    got = logon('-k', ','.join(KINDS), names['MEM_IP'], 'mem.lab.test', 'LAB\\alice',
                names['ALICE_PASSWORD'], names['DC_IP'])
    judge('member', got, expected())
finally:
    subprocess.run([names['LAB'], 'member', 'off'], check=True)
done()

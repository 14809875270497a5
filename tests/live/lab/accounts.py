#!/usr/bin/python3 -B
"""accounts.py on|off SMBCONF [PASSWORD]: accounts of the domain that may not log on, each for one
reason.

Runs on dc1, beside Samba. They are named for what is wrong with them: disabled, expired (the
account, not its password), mustchange, locked, hours (it has none), elsewhere (another computer's
only). Two may, not everywhere and not in every way: here (at this computer) and protected (in the
group Protected Users, that is, not by NTLM or RC4)."""
import os
import sys
import time

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

NT_EPOCH = 11644473600


def filetime(seconds):
    return str(int((seconds + NT_EPOCH) * 10000000))


now = time.time()
STATES = {
    'disabled': {'userAccountControl': '514'},
    'expired': {'accountExpires': filetime(now - 86400)},
    'mustchange': {'pwdLastSet': '0'},
    'locked': {'lockoutTime': filetime(now)},
    'hours': {'logonHours': bytes(21)},
    'elsewhere': {'userWorkstations': 'ELSEWHERE,NOWHERE'},
    'here': {'userWorkstations': 'ELSEWHERE,' + os.uname().nodename.split('.')[0][:15]},
    'protected': {},
}
GROUPS = {'protected': 'Protected Users'}
lp = LoadParm()
lp.load(sys.argv[2])
sam = SamDB(session_info=system_session(), lp=lp)
for name, values in STATES.items():
    for found in sam.search(expression='(sAMAccountName=%s)' % name, attrs=[]):
        sam.delete(found.dn)
    if sys.argv[1] != 'on':
        continue
    sam.newuser(name, sys.argv[3])
    message = ldb.Message(sam.search(expression='(sAMAccountName=%s)' % name, attrs=[])[0].dn)
    for key, value in values.items():
        message[key] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, key)
    if values:
        sam.modify(message)
    if name in GROUPS:
        sam.add_remove_group_members(GROUPS[name], [name])

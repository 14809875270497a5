#!/usr/bin/python3 -B
"""accounts.py SMBCONF PASSWORD: accounts of the domain that may not log on, each for one reason.

Runs on dc1, beside Samba. They are named for what is wrong with them: disabled, expired (the
account), oldpassword, mustchange, locked, station (only from ELSEWHERE), hours (never), rc4 (no
keys but RC4's)."""
import base64
import sys
import time

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

NT_EPOCH = 11644473600


def filetime(seconds):
    return str(int((seconds + NT_EPOCH) * 10000000))


lp = LoadParm()
lp.load(sys.argv[1])
sam = SamDB(session_info=system_session(), lp=lp)
now = time.time()
long_ago = filetime(now - 400 * 86400)
states = {
    'disabled': {'userAccountControl': '514'},
    'expired': {'accountExpires': filetime(now - 86400)},
    'oldpassword': {'pwdLastSet': '0'},
    'mustchange': {'pwdLastSet': '0'},
    'locked': {'lockoutTime': filetime(now)},
    'station': {'userWorkstations': 'ELSEWHERE'},
    'hours': {'logonHours': bytes(21)},
    'rc4': {'msDS-SupportedEncryptionTypes': '4'},
}
for name, values in states.items():
    if not sam.search(expression='(sAMAccountName=%s)' % name, attrs=[]):
        sam.newuser(name, sys.argv[2])
    found = sam.search(expression='(sAMAccountName=%s)' % name, attrs=[])[0]
    message = ldb.Message(found.dn)
    for key, value in values.items():
        message[key] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, key)
    try:
        sam.modify(message)
    except ldb.LdbError as error:
        print(name, error)

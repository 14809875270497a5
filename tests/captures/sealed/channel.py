#!/usr/bin/python3 -B
"""A machine's secure channel, and calls in it: channel.py SMB.CONF PASSWORD."""
import sys

from samba.credentials import Credentials
from samba.dcerpc import netlogon
from samba.dcerpc.misc import SEC_CHAN_WKSTA
from samba.param import LoadParm

conf, password = sys.argv[1:]
lp = LoadParm()
lp.load(conf)
machine = Credentials()
machine.guess(lp)
machine.set_username('mb$')
machine.set_password(password)
machine.set_domain('LAB')
machine.set_workstation('MB')
machine.set_secure_channel_type(SEC_CHAN_WKSTA)
dc = netlogon.netlogon('ncacn_ip_tcp:dc1.lab.test[schannel,seal]', lp, machine)
print(dc.netr_DsRGetDCNameEx2('dc1.lab.test', None, 0, 'lab.test', None, None, 0).dc_unc)
print(dc.netr_GetDcName('dc1.lab.test', 'LAB'))

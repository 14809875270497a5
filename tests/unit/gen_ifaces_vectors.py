#!/usr/bin/env python3
"""Writes ifaces_vectors.h: calls as Samba's NDR code packs them (needs python3-samba).

Run by hand when an interface gains a call worth a vector:
    python3 gen_ifaces_vectors.py > ifaces_vectors.h
"""
import os
import sys

from samba.dcerpc import echo, epmapper, lsa, misc, mgmt, netlogon, samr, security

calls = []


def packed(obj, side, big, ndr64):
    """The octets in hex; made in a child, for some of the bindings crash."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        pack = obj.__ndr_pack_in__ if side == "in" else obj.__ndr_pack_out__
        os.write(writer, pack(bigendian=big, ndr64=ndr64).hex().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as f:
        text = f.read()
    os.waitpid(child, 0)
    return text


def call(iface, opnum, obj, *sides, forms=((False, False), (False, True), (True, False))):
    # not NDR64 big-endian: Samba declares some enumerations as 16-bit integers, which only there
    # differ
    for side in sides:
        for ndr64, big in forms:
            text = packed(obj, side, big, ndr64)
            if text:
                calls.append((iface, opnum, side == "out", ndr64, big, text))
            else:
                print("no vector for", iface, opnum, side, ndr64, big, file=sys.stderr)


def lsa_string(text, cls=None):
    s = (cls or lsa.String)()
    s.string = text
    return s


def handle():
    h = misc.policy_handle()
    h.handle_type = 0
    h.uuid = misc.GUID("12345678-1234-5678-9abc-def012345678")
    return h


SID = security.dom_sid("S-1-5-21-1004336348-1177238915-682003330")

r = echo.AddOne()
r.in_in_data = 41
r.out_out_data = 42
call("rpcecho", 0, r, "in", "out")

r = echo.EchoData()
r.in_len = 5
r.in_in_data = [1, 2, 3, 4, 5]
r.out_out_data = [5, 4, 3, 2, 1]
call("rpcecho", 1, r, "in", "out")

r = echo.TestCall()
r.in_s1 = "hello"
r.out_s2 = "world"
call("rpcecho", 4, r, "in", "out")

r = echo.TestCall2()
r.in_level = 3
info = echo.info3()
info.v = 10
r.out_info = info
call("rpcecho", 5, r, "in", "out")

r = echo.TestSurrounding()
s = echo.Surrounding()
s.x = 3
s.surrounding = [7, 8, 9]
r.in_data = s
r.out_data = s
call("rpcecho", 8, r, "in", "out")

r = epmapper.epm_Lookup()
r.in_inquiry_type = 0
r.in_object = misc.GUID("99fdc8c2-4b2a-4d5a-8a4c-0a4a5d1a6c2b")
r.in_interface_id = None
r.in_vers_option = 1
r.in_entry_handle = handle()
r.in_max_ents = 500
call("epmapper", 2, r, "in")

# mgmt.inq_stats has a parameter more in Samba than in C706 appendix Q

r = mgmt.inq_princ_name()
r.in_authn_proto = 9
r.in_princ_name_size = 64
r.out_princ_name = "host/dc01"
call("mgmt", 4, r, "in")

r = samr.Connect2()
r.in_system_name = "\\\\DC01"
r.in_access_mask = 0x31
r.out_connect_handle = handle()
call("samr", 57, r, "in", "out")

r = samr.EnumDomains()
r.in_connect_handle = handle()
r.in_resume_handle = 0
r.in_buf_size = 8192
a = samr.SamArray()
entries = []
for i, name in enumerate(("CORP", "Builtin")):
    e = samr.SamEntry()
    e.idx = i
    e.name = lsa_string(name)
    entries.append(e)
a.count = 2
a.entries = entries
r.out_resume_handle = 0
r.out_sam = a
r.out_num_entries = 2
call("samr", 6, r, "in", "out")

r = samr.OpenDomain()
r.in_connect_handle = handle()
r.in_access_mask = 0x304
r.in_sid = SID
r.out_domain_handle = handle()
call("samr", 7, r, "in", "out")

r = samr.LookupNames()
r.in_domain_handle = handle()
r.in_num_names = 2
r.in_names = [lsa_string("admin"), lsa_string("guest")]
call("samr", 17, r, "in")

r = samr.QueryDomainInfo2()
r.in_domain_handle = handle()
r.in_level = 1
i1 = samr.DomInfo1()
i1.min_password_length = 7
i1.password_history_length = 24
i1.password_properties = 1
i1.max_password_age = -36288000000000
i1.min_password_age = -864000000000
r.out_info = i1
call("samr", 46, r, "in", "out")

r = samr.Connect5()
r.in_system_name = "\\\\DC01"
r.in_access_mask = 0x31
r.in_level_in = 1
c = samr.ConnectInfo1()
c.client_version = 3
c.supported_features = 0
r.in_info_in = c
r.out_level_out = 1
r.out_info_out = c
r.out_connect_handle = handle()
call("samr", 64, r, "in", "out")

r = lsa.OpenPolicy2()
r.in_system_name = "\\\\DC01"
attr = lsa.ObjectAttribute()
attr.len = 24
attr.attributes = 0
qos = lsa.QosInfo()
qos.len = 12
qos.impersonation_level = 2
qos.context_mode = 1
qos.effective_only = 0
attr.sec_qos = qos
r.in_attr = attr
r.in_access_mask = 0x2000000
r.out_handle = handle()
# NDR20 only: the lengths of these attributes are uint3264 in Samba, unsigned long in MS-LSAD
call("lsarpc", 44, r, "in", "out", forms=((False, False), (False, True)))

r = lsa.QueryInfoPolicy2()
r.in_handle = handle()
r.in_level = lsa.LSA_POLICY_INFO_DNS
dns = lsa.DnsDomainInfo()
dns.name = lsa_string("CORP", lsa.StringLarge)
dns.dns_domain = lsa_string("corp.example", lsa.StringLarge)
dns.dns_forest = lsa_string("corp.example", lsa.StringLarge)
dns.domain_guid = misc.GUID("99fdc8c2-4b2a-4d5a-8a4c-0a4a5d1a6c2b")
dns.sid = SID
r.out_info = dns
call("lsarpc", 46, r, "in", "out")

r = lsa.LookupSids()
r.in_handle = handle()
array = lsa.SidArray()
ptr = lsa.SidPtr()
ptr.sid = SID
array.num_sids = 1
array.sids = [ptr]
r.in_sids = array
names = lsa.TransNameArray()
r.in_names = names
r.in_level = 1
r.in_count = 0
call("lsarpc", 15, r, "in")

r = netlogon.netr_DsRGetDCNameEx2()
r.in_server_unc = "\\\\DC01"
r.in_client_account = None
r.in_mask = 0
r.in_domain_name = "corp.example"
r.in_domain_guid = None
r.in_site_name = "Default-First-Site-Name"
r.in_flags = 0x40000000
d = netlogon.netr_DsRGetDCNameInfo()
d.dc_unc = "\\\\dc01.corp.example"
d.dc_address = "\\\\10.1.0.10"
d.dc_address_type = 1
d.domain_guid = misc.GUID("99fdc8c2-4b2a-4d5a-8a4c-0a4a5d1a6c2b")
d.domain_name = "corp.example"
d.forest_name = "corp.example"
d.dc_flags = 0xE003F3FD
d.dc_site_name = "Default-First-Site-Name"
d.client_site_name = None
r.out_info = d
call("netlogon", 34, r, "in", "out")

r = netlogon.netr_LogonControl2Ex()
r.in_logon_server = "\\\\DC01"
r.in_function_code = netlogon.NETLOGON_CONTROL_TC_QUERY
r.in_level = 2
r.in_data = "CORP"
call("netlogon", 18, r, "in")

r = netlogon.netr_DsrEnumerateDomainTrusts()
r.in_server_name = "\\\\DC01"
r.in_trust_flags = 0x3F
trusts = netlogon.netr_DomainTrustList()
t = netlogon.netr_DomainTrust()
t.netbios_name = "CORP"
t.dns_name = "corp.example"
t.trust_flags = 0x1D
t.parent_index = 0
t.trust_type = 2
t.trust_attributes = 0
t.sid = SID
t.guid = misc.GUID("99fdc8c2-4b2a-4d5a-8a4c-0a4a5d1a6c2b")
trusts.count = 1
trusts.array = [t]
r.out_trusts = trusts
call("netlogon", 40, r, "in", "out")

print("/* Calls as Samba's NDR code packs them; made by gen_ifaces_vectors.py. */")
print("typedef struct vector {")
print("    const char *iface;")
print("    uint16_t opnum;")
print("    bool response, ndr64, big;")
print("    const char *hex;")
print("} vector;")
print()
print("static const vector vectors[] = {")
for iface, opnum, response, ndr64, big, text in calls:
    flags = ", ".join(str(x).lower() for x in (response, ndr64, big))
    print('    {"%s", %d, %s,' % (iface, opnum, flags))
    for at in range(0, max(len(text), 1), 80):
        print('        "%s"' % text[at:at + 80], end="")
        print("" if at + 80 < len(text) else "},")
print("};")

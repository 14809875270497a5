/* The wire floor in one include: pure codecs of DCE/RPC, without I/O and without state. */
#ifndef MSRPC_WIRE_H
#define MSRPC_WIRE_H

#include <msrpc/wire/ber.h>
#include <msrpc/wire/binding.h>
#include <msrpc/wire/ccache.h>
#include <msrpc/wire/dns.h>
#include <msrpc/wire/http.h>
#include <msrpc/wire/krb.h>
#include <msrpc/wire/ldap.h>
#include <msrpc/wire/nbt.h>
#include <msrpc/wire/nl_auth.h>
#include <msrpc/wire/ntlmssp.h>
#include <msrpc/wire/ntp.h>
#include <msrpc/wire/pac.h>
#include <msrpc/wire/pdu.h>
#include <msrpc/wire/protseq.h>
#include <msrpc/wire/rdp.h>
#include <msrpc/wire/rts.h>
#include <msrpc/wire/smb1.h>
#include <msrpc/wire/smb2.h>
#include <msrpc/wire/smb_negotiate.h>
#include <msrpc/wire/spnego.h>
#include <msrpc/wire/syntax.h>
#include <msrpc/wire/tls.h>
#include <msrpc/wire/tls_hello.h>
#include <msrpc/wire/tower.h>
#include <msrpc/wire/verification.h>

#endif

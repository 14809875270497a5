/* The floor `auth` in one include: who is asking, and providers behind the engine's security
 * vtable. */
#ifndef MSRPC_AUTH_H
#define MSRPC_AUTH_H

#include <msrpc/auth/identity.h>
#include <msrpc/auth/krb5.h>
#include <msrpc/auth/netlogon.h>
#include <msrpc/auth/ntlm.h>
#include <msrpc/auth/observer.h>
#include <msrpc/auth/spnego.h>

#endif

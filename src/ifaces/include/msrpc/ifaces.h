/*
 * The compiled interfaces: tables made by idlc from the .idl files of this floor. Each has a
 * header of its own, <msrpc/ifaces/STEM.h>, with its structures, and STEM_client.h and
 * STEM_server.h with its typed calls and handlers. What is known of other interfaces by name only
 * stands in names.h.
 */
#ifndef MSRPC_IFACES_H
#define MSRPC_IFACES_H

#include <msrpc/ndr.h>

/* All of them, in the order of interfaces.list; NULL past the last. */
extern const mr_iface *const mr_ifaces[];

/* The interface with that UUID and major version (C706 12.6.3.1: minor versions are compatible);
 * NULL when there is none. */
const mr_iface *mr_ifaces_find(const mr_syntax *syntax);
/* The interface of that name, in any case; NULL when there is none. */
const mr_iface *mr_ifaces_find_name(mr_slice name);

#endif

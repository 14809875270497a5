/*
 * Ticket caches in files: whose tickets one holds and how long the ticket-granting ticket is good.
 * The format is MIT Kerberos' documented one ("Credential cache file format"), versions 3 and 4,
 * whose integers are big-endian. Only what needs no key is read; the keys in the file are passed
 * over.
 */
#ifndef MSRPC_WIRE_CCACHE_H
#define MSRPC_WIRE_CCACHE_H

#include <msrpc/base.h>

#define MR_CCACHE_NAME 256

typedef struct mr_ccache {
    char client[MR_CCACHE_NAME]; /* "alice@LAB.TEST"; parts of a name are joined by / */
    uint32_t tgt_end;            /* when the ticket for krbtgt/REALM@REALM ends, Unix seconds; of
                                  * several the latest; 0: there is none */
} mr_ccache;

/* Returns 0, MR_ERR_UNSUPPORTED (another version), MR_ERR_TRUNCATED or MR_ERR_MALFORMED (a name
 * that is too long or has octets of no text). */
int mr_ccache_decode(mr_slice bytes, mr_ccache *ccachep, mr_error *err);

#endif

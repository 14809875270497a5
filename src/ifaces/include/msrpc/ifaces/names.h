/*
 * The names of the interfaces and operations that are met on Windows networks, far beyond those
 * that are compiled from IDL: which service stands behind a UUID, which document describes it, what
 * its operations are called. Read-only tables made from names.list and ops.list; nothing is
 * initialised, every pointer returned lives as long as the program, every text is ASCII and
 * non-NULL ("" when nothing is known) unless its comment says otherwise. Numbers and names are
 * those of the MS-* protocol documents and of C706.
 */
#ifndef MSRPC_IFACES_NAMES_H
#define MSRPC_IFACES_NAMES_H

#include <msrpc/base/uuid.h>

enum {
    MR_IFACE_COM = 1,      /* a COM interface: calls carry ORPCTHIS, its object exporter listens */
    MR_IFACE_TRANSFER = 2, /* a transfer syntax, no interface */
    MR_IFACE_TYPES = 4,    /* data types only: never bound */
    MR_IFACE_OBJECT = 8,   /* an object or class UUID, no interface */
    MR_IFACE_GAPS = 16,    /* between the known operations some numbers have no name */
};

typedef struct mr_iface_name {
    mr_uuid uuid;
    uint16_t major, minor; /* the highest version known */
    uint16_t name, doc, service, pipes, module, exposure; /* offsets, private */
    uint16_t first_op, op_count;                          /* private */
    uint8_t flags;                                        /* MR_IFACE_* */
} mr_iface_name;

/* The row of an interface, transfer syntax or object UUID whatever its version, or NULL. */
const mr_iface_name *mr_name_find(const mr_uuid *uuid);
/* The row with that name or alias in any case ("samr", "LSA", "drsr"), or NULL. */
const mr_iface_name *mr_name_find_text(const char *name);
/* All rows, sorted by UUID. */
const mr_iface_name *mr_name_all(size_t *countp);

/* The canonical name ("samr"); where none is known the module that serves it ("audiosrv.dll"), or
 * else its document. Never empty. */
const char *mr_name_text(const mr_iface_name *iface);
/* Whether mr_name_text is a name, by which mr_name_find_text finds the row again. */
bool mr_name_is_known(const mr_iface_name *iface);
const char *mr_name_doc(const mr_iface_name *iface);      /* "MS-SAMR", "C706" */
const char *mr_name_service(const mr_iface_name *iface);  /* "Spooler" */
/* The service where a remedy may tell to restart it, or NULL: neither those that a running Windows
 * cannot stop nor what is no service's name ("lsass", "samba"). */
const char *mr_name_restartable(const mr_iface_name *iface);
const char *mr_name_pipes(const mr_iface_name *iface);    /* "lsass,protected_storage", no \pipe\ */
const char *mr_name_module(const mr_iface_name *iface);   /* "spoolsv.exe" */
const char *mr_name_exposure(const mr_iface_name *iface); /* where met, what a stranger gets */
/* The next alias of @iface: start with *@iterp 0, ends with NULL. */
const char *mr_name_alias_next(const mr_iface_name *iface, size_t *iterp);

/* The name of operation @opnum, or NULL when it is not known. */
const char *mr_op_find(const mr_iface_name *iface, uint16_t opnum);
/* The number of the operation called @name in any case: 0, or MR_ERR_NOT_FOUND. */
int mr_op_find_text(const mr_iface_name *iface, const char *name, uint16_t *opnump);
/* How many operations have a name, and the @i-th of them in the order of their numbers. */
size_t mr_op_count(const mr_iface_name *iface);
const char *mr_op_get(const mr_iface_name *iface, size_t i, uint16_t *opnump);

#endif

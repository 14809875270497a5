/*
 * What is known of the numbers an RPC administrator meets: error codes of every layer, TCP and UDP
 * ports, Windows events. Read-only tables, compiled in from codes.def, ports.def and events.def;
 * nothing is initialised, nothing needs a network, every pointer returned lives as long as the
 * program and every text is non-NULL UTF-8 ("" when there is none).
 *
 * "Phase" is the phase of a diagnosis in which the fact belongs: 1 names, 2 TCP, 3 discovery,
 * 4 communication, 0 none or any.
 */
#ifndef MSRPC_BASE_CODES_H
#define MSRPC_BASE_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The spaces of numbers, in the order of the table: X(SPACE, name, what a person calls it). */
#define MR_CODE_SPACES(X)                                                                          \
    X(WIN32, "win32", "Win32 error")                                                               \
    X(NTSTATUS, "ntstatus", "NTSTATUS")                                                            \
    X(HRESULT, "hresult", "HRESULT")                                                               \
    X(NCA, "nca", "RPC fault status")                                                              \
    X(BIND_NAK, "bind_nak", "bind_nak reject reason")                                              \
    X(CONTEXT_RESULT, "context_result", "presentation context result")                             \
    X(CONTEXT_REASON, "context_reason", "presentation context reason")                             \
    X(EPT, "ept", "endpoint mapper status")                                                        \
    X(KRB, "krb", "Kerberos error")                                                                \
    X(DNS_RCODE, "dns_rcode", "DNS response code")                                                 \
    X(NBNS_RCODE, "nbns_rcode", "NetBIOS name service response code")                              \
    X(TLS_ALERT, "tls_alert", "TLS alert")                                                         \
    X(LDAP, "ldap", "LDAP result code")                                                            \
    X(WSA, "wsa", "Winsock error")                                                                 \
    X(ERRNO, "errno", "Linux errno")

enum mr_code_space {
#define MR_CODE_SPACE_ENUM(space, name, title) MR_SPACE_##space,
    MR_CODE_SPACES(MR_CODE_SPACE_ENUM)
#undef MR_CODE_SPACE_ENUM
};

/* One row of the table. The texts are reached by the functions below. */
typedef struct mr_code_info {
    uint32_t value;
    uint32_t symbol; /* offsets into the string pool, private */
    uint32_t text;
    uint8_t space; /* enum mr_code_space */
    uint8_t phase;
} mr_code_info;

/* "win32", "bind_nak", ...; and "Win32 error", "bind_nak reject reason", ... */
const char *mr_code_space_name(enum mr_code_space space);
const char *mr_code_space_title(enum mr_code_space space);

/* The row of @value in @space, or NULL. */
const mr_code_info *mr_code_find(enum mr_code_space space, uint32_t value);
/* The row of a fault PDU's status: an nca status, else a Win32 number (MS-RPCE 2.2.2.8); or
 * NULL. */
const mr_code_info *mr_code_find_fault(uint32_t status);
/* The next meaning of @value in the order of the spaces: start with NULL, ends with NULL. */
const mr_code_info *mr_code_next(uint32_t value, const mr_code_info *after);
/* The next row whose symbol is @symbol in any case: start with NULL, ends with NULL. */
const mr_code_info *mr_code_find_symbol(const char *symbol, const mr_code_info *after);
/* All rows, sorted by space and value. */
const mr_code_info *mr_code_all(size_t *countp);

const char *mr_code_symbol(const mr_code_info *code);  /* RPC_S_SERVER_UNAVAILABLE */
const char *mr_code_text(const mr_code_info *code);    /* one sentence of ours */
const char *mr_code_shown(const mr_code_info *code);   /* the words on a Windows screen */
const char *mr_code_meaning(const mr_code_info *code); /* what it means for the administrator */
const char *mr_code_try(const mr_code_info *code);     /* next command; HOST, NAME ... stand in */

/* The Win32 number Windows shows for @value (MS-RPCE 3.1.1.5.5 for NCA), or 0 when it shows none
 * or the number itself is not a Win32 one. WSA numbers are Win32 numbers. The row need not exist:
 * wrapped HRESULT and NTSTATUS values and plain Win32 numbers in a fault are computed. */
uint32_t mr_code_win32(enum mr_code_space space, uint32_t value);
/* The Win32 number inside an HRESULT made by HRESULT_FROM_WIN32 (0x8007xxxx), else 0. */
uint32_t mr_code_split_hresult(uint32_t hresult);
/* The next row that names the same failure in another space, in either direction: start with
 * *@iterp 0, ends with NULL. */
const mr_code_info *mr_code_same_next(const mr_code_info *code, size_t *iterp);

enum {
    MR_PORT_TCP = 1,
    MR_PORT_UDP = 2,
};

typedef struct mr_port_info {
    uint16_t first, last; /* one port: equal */
    uint8_t protocols;    /* MR_PORT_TCP | MR_PORT_UDP */
    uint16_t name, service, use, note; /* offsets into the string pool, private */
} mr_port_info;

/* The first row for @port over one of @protocols (0: any), exact rows before ranges; or NULL. */
const mr_port_info *mr_port_find(uint16_t port, unsigned protocols);
/* The next row that covers @port: start with NULL, ends with NULL. */
const mr_port_info *mr_port_next(uint16_t port, const mr_port_info *after);
/* All rows: single ports sorted, then ranges. */
const mr_port_info *mr_port_all(size_t *countp);

const char *mr_port_name(const mr_port_info *port);    /* the protocol: "RPC endpoint mapper" */
const char *mr_port_service(const mr_port_info *port); /* the Windows service: "RpcEptMapper" */
const char *mr_port_use(const mr_port_info *port);     /* what it is needed for */
const char *mr_port_note(const mr_port_info *port);

typedef struct mr_winevent_info {
    uint32_t id;
    uint8_t phase;
    uint16_t source, log, text, next; /* offsets into the string pool, private */
} mr_winevent_info;

/* The first row with that event id, or NULL; ids are shared by sources, so go on with next. */
const mr_winevent_info *mr_winevent_find(uint32_t id);
const mr_winevent_info *mr_winevent_next(uint32_t id, const mr_winevent_info *after);
/* All rows, sorted by id and source. */
const mr_winevent_info *mr_winevent_all(size_t *countp);

const char *mr_winevent_source(const mr_winevent_info *event); /* "NETLOGON" */
const char *mr_winevent_log(const mr_winevent_info *event);    /* "System" */
const char *mr_winevent_text(const mr_winevent_info *event);   /* one sentence of ours */
const char *mr_winevent_try(const mr_winevent_info *event);    /* what to do next */

#endif

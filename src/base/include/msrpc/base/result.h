/*
 * Results. Every function that can fail returns an int: 0 is done, negative is fatal (one of enum
 * mr_result, forwarded untouched), positive is an outcome its own comment documents. The detail
 * goes into an mr_error that the caller owns and may leave out (NULL). The codes, their symbols
 * and their sentences stand together in results.def.
 */
#ifndef MSRPC_BASE_RESULT_H
#define MSRPC_BASE_RESULT_H

#include <stddef.h>
#include <stdint.h>

enum mr_result {
    MR_OK = 0,
#define MR_RESULT(number, symbol, sentence) symbol = -(number),
#include <msrpc/base/results.def>
#undef MR_RESULT
};

/* Where an error was found: the floor that speaks. */
enum mr_floor {
    MR_FLOOR_BASE,
    MR_FLOOR_WIRE,
    MR_FLOOR_NDR,
    MR_FLOOR_IDL,
    MR_FLOOR_DIAG,
    MR_FLOOR_ENGINE,
    MR_FLOOR_AUTH,
    MR_FLOOR_IO,
    MR_FLOOR_CAPTURE,
    MR_FLOOR_RPC,
    MR_FLOOR_PROBE,
    MR_FLOOR_SERVE,
    MR_FLOOR_APP,
};

/* What kind of number mr_error.peer is. */
enum mr_peer_kind {
    MR_PEER_NONE,
    MR_PEER_FAULT,    /* status of a fault PDU (nca_s_* or a Win32 code, C706 appendix E) */
    MR_PEER_BIND_NAK, /* p_reject_reason_t, C706 12.6.3.1 */
    MR_PEER_CONTEXT,  /* p_cont_def_result_t << 16 | p_provider_reason_t */
    MR_PEER_WIN32,
    MR_PEER_NTSTATUS,
    MR_PEER_ERRNO,
    MR_PEER_DNS_RCODE,
};

#define MR_ERROR_NO_OFFSET SIZE_MAX

typedef struct mr_error {
    int code;            /* enum mr_result, 0 when nothing failed */
    enum mr_floor floor;
    size_t offset;       /* octets from the start of the input, or MR_ERROR_NO_OFFSET */
    enum mr_peer_kind peer_kind;
    uint32_t peer;       /* the peer's own status */
    char text[200];      /* one sentence for a person, no newline, UTF-8 */
} mr_error;

#define MR_ERROR_INIT ((mr_error){.offset = MR_ERROR_NO_OFFSET})

/* Fills @err (may be NULL) with @code, the floor, the octet offset and a formatted sentence, and
 * returns @code, so that a failure is one statement: return mr_fail(err, ...). An error that is
 * already there is replaced. */
int mr_fail(mr_error *err, int code, enum mr_floor floor, size_t offset, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* As mr_fail, with the peer's status; the offset is MR_ERROR_NO_OFFSET. */
int mr_fail_peer(mr_error *err, int code, enum mr_floor floor, enum mr_peer_kind kind,
                 uint32_t peer, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The symbol ("MR_ERR_TRUNCATED") and the sentence of a result; never NULL. */
const char *mr_result_symbol(int code);
const char *mr_result_text(int code);
const char *mr_floor_name(enum mr_floor floor);

/* Writes "floor: sentence (at octet N)" NUL-terminated into @out of @size octets. */
void mr_error_text(const mr_error *err, char *out, size_t size);

#endif

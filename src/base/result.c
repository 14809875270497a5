/* Results and errors: the table of results.def, and the one way an error is filled in. */
#include <msrpc/base/result.h>

#include <stdarg.h>
#include <stdio.h>

static const char *const symbols[] = {
    [0] = "MR_OK",
#define MR_RESULT(number, symbol, sentence) [number] = #symbol,
#include <msrpc/base/results.def>
#undef MR_RESULT
};
static const char *const sentences[] = {
    [0] = "done",
#define MR_RESULT(number, symbol, sentence) [number] = sentence,
#include <msrpc/base/results.def>
#undef MR_RESULT
};

static const char *entry(const char *const *table, size_t count, int code, const char *none) {
    if (code > 0)
        return none;
    size_t i = (size_t)-(long)code;
    return i < count && table[i] ? table[i] : none;
}

const char *mr_result_symbol(int code) {
    return entry(symbols, sizeof symbols / sizeof symbols[0], code, "MR_UNKNOWN");
}

const char *mr_result_text(int code) {
    return entry(sentences, sizeof sentences / sizeof sentences[0], code, "unknown result");
}

const char *mr_floor_name(enum mr_floor floor) {
    switch (floor) {
    case MR_FLOOR_BASE: return "base";
    case MR_FLOOR_WIRE: return "wire";
    case MR_FLOOR_NDR: return "ndr";
    case MR_FLOOR_IDL: return "idl";
    case MR_FLOOR_DIAG: return "diag";
    case MR_FLOOR_ENGINE: return "engine";
    case MR_FLOOR_AUTH: return "auth";
    case MR_FLOOR_IO: return "io";
    case MR_FLOOR_CAPTURE: return "capture";
    case MR_FLOOR_RPC: return "rpc";
    case MR_FLOOR_PROBE: return "probe";
    case MR_FLOOR_SERVE: return "serve";
    case MR_FLOOR_APP: return "msrpc";
    }
    return "?";
}

static void fill(mr_error *err, int code, enum mr_floor floor, size_t offset,
                 enum mr_peer_kind kind, uint32_t peer, const char *fmt, va_list ap) {
    err->code = code;
    err->floor = floor;
    err->offset = offset;
    err->peer_kind = kind;
    err->peer = peer;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
}

int mr_fail(mr_error *err, int code, enum mr_floor floor, size_t offset, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        fill(err, code, floor, offset, MR_PEER_NONE, 0, fmt, ap);
        va_end(ap);
    }
    return code;
}

int mr_fail_peer(mr_error *err, int code, enum mr_floor floor, enum mr_peer_kind kind,
                 uint32_t peer, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        fill(err, code, floor, MR_ERROR_NO_OFFSET, kind, peer, fmt, ap);
        va_end(ap);
    }
    return code;
}

void mr_error_text(const mr_error *err, char *out, size_t size) {
    const char *text = err->text[0] ? err->text : mr_result_text(err->code);

    if (err->offset == MR_ERROR_NO_OFFSET)
        snprintf(out, size, "%s: %s", mr_floor_name(err->floor), text);
    else
        snprintf(out, size, "%s: %s (at octet %zu)", mr_floor_name(err->floor), text, err->offset);
}

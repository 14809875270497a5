/* Any octets as a stub that may end in a verification trailer; the first octet says where its
 * parameters end. What was read and written again reads as the same. */
#include <msrpc/base.h>
#include <msrpc/wire/verification.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool so) {
    if (!so)
        __builtin_trap();
}

static bool same(const mr_verification *a, const mr_verification *b) {
    return a->has_bitmask == b->has_bitmask && a->header_sign == b->header_sign &&
           a->has_context == b->has_context && mr_syntax_eq(&a->abstract, &b->abstract) &&
           mr_syntax_eq(&a->transfer, &b->transfer) && a->has_header == b->has_header &&
           a->ptype == b->ptype && memcmp(a->drep, b->drep, sizeof a->drep) == 0 &&
           a->call_id == b->call_id && a->context_id == b->context_id && a->opnum == b->opnum;
}

static void write_again(const mr_verification *v, size_t before) {
    uint8_t room[256 + MR_VERIFICATION_MAX] = {0};
    mr_verification again;
    size_t call_id;
    bool found;
    mr_buf buf;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    mr_buf_write_zero(&buf, before);
    int rc = mr_verification_encode(&buf, 0, v, &call_id);
    if (!v->has_bitmask && !v->has_context && !v->has_header) {
        must(rc == MR_ERR_ARGUMENT);
        return;
    }
    must(rc == 0 && buf.len <= before + MR_VERIFICATION_MAX);
    must(mr_verification_decode(mr_buf_slice(&buf), before, &found, &again, NULL) == 0 && found);
    must(same(v, &again) && (call_id != 0) == v->has_header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice stub = {data + (size > 0), size > 0 ? size - 1 : 0};
    size_t at = size > 0 ? data[0] : 0;
    mr_error err = MR_ERROR_INIT;
    mr_verification v;
    bool found;

    int rc = mr_verification_decode(stub, at, &found, &v, &err);
    must(rc == 0 || (rc < 0 && err.code == rc && err.text[0] && found));
    if (rc == 0 && !found)
        must(same(&v, &(mr_verification){0}));
    if (rc == 0 && found)
        write_again(&v, at);
    return 0;
}

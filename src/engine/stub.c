/* Collects stub chunks; see stub.h. Invariant: @bytes shows either the one borrowed chunk (buf is
 * empty) or the whole of @buf. */
#include <msrpc/engine/stub.h>

void mr_stub_init(mr_stub *stub, size_t cap) {
    *stub = (mr_stub){0};
    mr_buf_init(&stub->buf, NULL, 0, cap);
}

void mr_stub_deinit(mr_stub *stub) {
    mr_buf_deinit(&stub->buf);
    *stub = (mr_stub){0};
}

void mr_stub_reset(mr_stub *stub) {
    mr_buf_reset(&stub->buf);
    stub->bytes = MR_SLICE_NULL;
    stub->damaged = false;
    stub->done = false;
}

static bool is_borrowed(const mr_stub *stub) {
    return stub->bytes.len > 0 && stub->buf.len == 0;
}

int mr_stub_keep(mr_stub *stub) {
    if (!is_borrowed(stub))
        return mr_buf_error(&stub->buf);
    mr_buf_write(&stub->buf, stub->bytes);
    stub->bytes = mr_buf_slice(&stub->buf);
    return mr_buf_error(&stub->buf);
}

int mr_stub_feed(mr_stub *stub, const mr_event_chunk *chunk) {
    if (chunk->first)
        mr_stub_reset(stub);
    else if (stub->done)
        return MR_ERR_STATE;
    stub->damaged |= chunk->damaged;
    if (stub->bytes.len == 0 && chunk->last) {
        if (chunk->bytes.len > stub->buf.cap)
            return MR_ERR_LIMIT;
        stub->bytes = chunk->bytes;
    } else if (chunk->bytes.len > 0) {
        if (stub->bytes.len == 0) {
            size_t hint = chunk->alloc_hint < MR_STUB_HINT ? chunk->alloc_hint : MR_STUB_HINT;
            if (hint > chunk->bytes.len && hint <= stub->buf.cap) {
                int rc = mr_buf_reserve(&stub->buf, hint);
                if (rc < 0)
                    return rc;
            }
        }
        mr_buf_write(&stub->buf, chunk->bytes);
        if (mr_buf_error(&stub->buf))
            return mr_buf_error(&stub->buf);
        stub->bytes = mr_buf_slice(&stub->buf);
    }
    stub->done = chunk->last;
    if (!chunk->last)
        return 0;
    return stub->damaged ? MR_STUB_DAMAGED : MR_STUB_COMPLETE;
}

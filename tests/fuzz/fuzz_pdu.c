/* Fuzzes PDU decoding, and holds that encoding what was decoded is a fixed point: the PDU encoded
 * from it decodes, and encodes to the very same octets. */
#include "wire_reencode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const mr_error *err, int r, size_t size) {
    if (err->code != r || err->floor != MR_FLOOR_WIRE || err->offset > size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t first_array[MR_PDU_FRAG_MAX], second_array[MR_PDU_FRAG_MAX];
    mr_error err = MR_ERROR_INIT;
    mr_buf first, second;
    mr_pdu pdu, again;
    size_t length;

    int framed = mr_pdu_frag_length(mr_slice_of(data, size), &length, &err);
    if (framed < 0)
        check_error(&err, framed, size);
    int r = mr_pdu_decode(mr_slice_of(data, size), &pdu, &err);
    if (r < 0) {
        check_error(&err, r, size);
        return 0;
    }
    if (framed != 0 || length != size)
        abort();
    mr_buf_init(&first, first_array, sizeof first_array, sizeof first_array);
    mr_buf_init(&second, second_array, sizeof second_array, sizeof second_array);
    r = reencode(&pdu, &first);
    if (r == MR_ERR_LIMIT) /* padding that the original did not have */
        return 0;
    if (r != 0 || mr_pdu_decode(mr_buf_slice(&first), &again, NULL) != 0 ||
        reencode(&again, &second) != 0 || !mr_slice_eq(mr_buf_slice(&first), mr_buf_slice(&second)))
        abort();
    return 0;
}

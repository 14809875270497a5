/* Fuzzes port ranges: what is read of a list stays within its bounds, says which entry is bad, and
 * reads the same when it is written again; netsh's start and num likewise. */
#include <msrpc/base.h>

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const mr_ranges *ranges) {
    char text[MR_RANGES_MAX * 12];
    size_t len = 0;
    mr_ranges again;

    for (size_t i = 0; i < ranges->count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%u-%u,", ranges->items[i].first,
                                ranges->items[i].last);
    if (mr_ranges_decode(mr_slice_of(text, len), &again) != 0 ||
        again.count != ranges->count || mr_ranges_count(&again) != mr_ranges_count(ranges))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice text = mr_slice_of(data, size);
    mr_ranges ranges;
    uint32_t start, num;
    mr_error err = MR_ERROR_INIT;

    int r = mr_ranges_decode(text, &ranges);
    if (r != 0 && r != MR_ERR_SYNTAX && r != MR_ERR_LIMIT)
        abort();
    for (size_t i = 0; r == MR_ERR_SYNTAX && i < ranges.bad_count; i++) {
        const mr_range_bad *bad = &ranges.bad[i];
        if (bad->number == 0 || bad->offset > size || bad->fault == MR_RANGE_GOOD ||
            bad->entry.len > size)
            abort();
    }
    if (r != MR_ERR_LIMIT) {
        if (ranges.count > MR_RANGES_MAX || mr_ranges_count(&ranges) > 65535)
            abort();
        for (size_t i = 0; i < ranges.count; i++) {
            mr_port_range one = ranges.items[i];
            if (one.first == 0 || one.last < one.first || !mr_ranges_find(&ranges, one.last))
                abort();
            mr_netsh_encode(one, &start, &num);
            if (start < MR_NETSH_START_MIN || num < MR_NETSH_NUM_MIN || start + num - 1 > 65535)
                abort();
        }
        if (ranges.count)
            check_again(&ranges);
    }
    r = mr_netsh_decode(text, &start, &num, &err);
    if (r != 0 && (r != MR_ERR_SYNTAX || err.offset > size))
        abort();
    return 0;
}

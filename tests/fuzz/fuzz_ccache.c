/* Any octets as a ticket cache: the owner's name ends within its room, and is text. */
#include <string.h>

#include <msrpc/wire/ccache.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_error err = MR_ERROR_INIT;
    mr_ccache cache;
    int rc = mr_ccache_decode(mr_slice_of(data, size), &cache, &err);

    if (rc < 0 ? err.code != rc || !err.text[0]
               : !memchr(cache.client, 0, sizeof cache.client) || !strchr(cache.client, '@'))
        __builtin_trap();
    return 0;
}

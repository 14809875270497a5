/* pcapng files: sections, interfaces, blocks and options. */
#include "capture_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return capture_walk(data, size);
}

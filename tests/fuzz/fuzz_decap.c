/* Any octets as packets of one link type: the first two octets choose it, then come records of a
 * length, a cut and the packet. A segment's payload lies within what was captured, and the caps of
 * the decap hold. */
#include <msrpc/capture/decap.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_lost(void *ctx, const mr_fragments_lost *lost) {
    (void)ctx;
    if (lost->fragments == 0 || (lost->total && lost->octets > lost->total))
        abort();
}

static void check(const mr_packet *packet, const mr_segment *seg) {
    const uint8_t *start = packet->bytes.data, *end = start + packet->bytes.len;
    unsigned sum = 0;

    if (seg->payload.len > seg->payload_len || seg->first > packet->number)
        abort();
    if (!seg->fragments && seg->payload.len > 0 &&
        (seg->payload.data < start || seg->payload.data + seg->payload.len > end))
        abort();
    for (size_t i = 0; i < seg->payload.len; i++)
        sum += seg->payload.data[i]; /* the sanitizer looks */
    if (sum > 255 * seg->payload.len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_packet packet = {.timed = true};
    mr_segment seg;
    mr_decap decap;

    if (size < 2)
        return 0;
    packet.link = (uint16_t)(data[0] | (data[1] & 1) << 8);
    mr_decap_init(&decap, &(mr_decap_config){.checksums = data[1] & 2, .datagrams = 8,
                                             .octets = 100000, .lost = on_lost});
    for (size_t at = 2; at + 2 <= size;) {
        size_t len = data[at], cut = data[at + 1];
        at += 2;
        len = len < size - at ? len : size - at;
        uint8_t *exact = malloc(len + 1);
        if (!exact)
            break;
        memcpy(exact, data + at, len);
        packet.number++;
        packet.time += cut * MR_SEC / 8;
        packet.len = (uint32_t)(len + cut);
        packet.bytes = mr_slice_of(exact, len);
        if (mr_decap_feed(&decap, &packet, &seg) == 0)
            check(&packet, &seg);
        free(exact);
        at += len;
    }
    mr_decap_expire(&decap, packet.time);
    mr_decap_end(&decap);
    mr_decap_deinit(&decap);
    return 0;
}

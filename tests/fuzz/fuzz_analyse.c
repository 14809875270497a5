/*
 * Any packets through the whole way: taken apart, put in order, recognised, read by every tap. The
 * input is a row of segments between two hosts on ports that taps know: what they carry is in order
 * unless an octet says otherwise, so that the taps see long conversations. What always holds:
 * records come in order, they name hosts, texts end, and every connection that began ends.
 */
#include <msrpc/capture.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 4, ETHER = 14, IP = 20, TCP = 20, ROOM = 1500 };

/* The input on its way. */
typedef struct source {
    const uint8_t *data;
    size_t size;
    uint64_t number;
    uint32_t seq[4][2];
    uint8_t frame[ROOM];
    uint64_t order, flow;
    uint64_t began, ended;
} source;

static void put(uint8_t *at, uint32_t value, int octets) {
    for (int i = octets; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static size_t ip(uint8_t *at, uint8_t proto, bool back, size_t len) {
    at[0] = 0x45;
    put(at + 2, (uint32_t)(IP + len), 2);
    at[8] = 64;
    at[9] = proto;
    put(at + 12, back ? 0x0a000002 : 0x0a000001, 4);
    put(at + 16, back ? 0x0a000001 : 0x0a000002, 4);
    return IP;
}

/* Octets: kind and connection, flags, length (two), then the payload. */
static int read_packet(void *ctx, mr_packet *packetp, mr_error *err) {
    static const uint16_t ports[] = {135, 445, 139, 88, 53, 80, 443, 49152, 593, 389, 137, 5355};
    source *s = ctx;
    (void)err;

    if (s->size < HEAD)
        return MR_CAPTURE_END;
    uint8_t kind = s->data[0], flags = s->data[1];
    size_t len = ((size_t)s->data[2] << 8 | s->data[3]) % (ROOM - ETHER - IP - TCP);
    bool back = kind & 1, udp = (kind & 0x0e) == 0x0e;
    uint16_t port = ports[(kind >> 4) % MR_COUNT(ports)];
    unsigned lane = (kind >> 1) & 3;
    uint16_t client = (uint16_t)(50000 + lane);
    s->data += HEAD;
    s->size -= HEAD;
    if (len > s->size)
        len = s->size;
    uint8_t *at = s->frame;
    memset(at, 0, ETHER + IP + TCP);
    put(at + 12, 0x0800, 2);
    at += ETHER;
    at += ip(at, udp ? MR_IP_UDP : MR_IP_TCP, back, (udp ? 8 : TCP) + len);
    put(at, back ? port : client, 2);
    put(at + 2, back ? client : port, 2);
    if (udp) {
        put(at + 4, (uint32_t)(8 + len), 2);
        at += 8;
    } else {
        uint32_t *seq = s->seq[lane];
        if (flags & 0x80) /* a hole */
            seq[back] += flags & 0x7c;
        put(at + 4, seq[back], 4);
        put(at + 8, seq[!back], 4);
        at[12] = TCP / 4 << 4;
        at[13] = MR_TCP_ACK | (flags & 3); /* FIN, SYN */
        put(at + 14, 8192, 2);
        seq[back] += (uint32_t)len + (flags & 1) + ((flags >> 1) & 1);
        at += TCP;
    }
    if (len > 0)
        memcpy(at, s->data, len);
    s->data += len;
    s->size -= len;
    size_t all = (size_t)(at - s->frame) + len;
    *packetp = (mr_packet){
        .number = ++s->number,
        .time = s->number * MR_MSEC * (flags & 4 ? 1000 : 1),
        .timed = true,
        .bytes = mr_slice_of(s->frame, all),
        .len = (uint32_t)all,
        .link = MR_LINK_ETHERNET,
    };
    return 0;
}

static size_t length(const char *text) {
    return text ? strlen(text) : 0;
}

static int on_seen(void *ctx, const mr_seen *seen) {
    source *s = ctx;
    volatile size_t sum = length(seen->pipe) + length(mr_seen_kind_name(seen->kind));

    if (seen->order < s->order || (seen->order == s->order && seen->flow < s->flow))
        abort();
    s->order = seen->order;
    s->flow = seen->flow;
    s->began += seen->kind == MR_SEEN_BEGIN;
    s->ended += seen->kind == MR_SEEN_END;
    if (seen->kind == MR_SEEN_MAP)
        for (uint32_t i = 0; i < seen->u.map.count; i++)
            sum += length(seen->u.map.endpoints[i].pipe);
    if (seen->kind == MR_SEEN_SMB)
        sum += length(seen->u.smb.text);
    if (seen->kind == MR_SEEN_BIND || seen->kind == MR_SEEN_BOUND)
        for (uint16_t i = 0; i < seen->u.bind.count; i++)
            sum += seen->u.bind.contexts[i].ndr;
    if (seen->kind == MR_SEEN_FAULT || seen->kind == MR_SEEN_NAK)
        for (uint32_t i = 0; seen->kind == MR_SEEN_FAULT && i < seen->u.call.eerr_count; i++)
            sum += length(seen->u.call.eerr[i].computer);
    if (seen->kind == MR_SEEN_STUB)
        for (size_t i = 0; i < seen->u.stub.bytes.len; i++)
            sum += seen->u.stub.bytes.data[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    source s = {.data = data, .size = size};
    mr_analysis_config config = {.read = read_packet, .seen = on_seen, .ctx = &s,
                                 .stubs = size % 2};
    mr_totals totals;

    if (mr_analysis_run(&config, &totals, NULL) != 0 || s.began != s.ended ||
        totals.flows != s.began || totals.packets != s.number)
        abort();
    mr_totals_deinit(&totals);
    return 0;
}

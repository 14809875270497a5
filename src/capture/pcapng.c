/*
 * pcapng files (draft-ietf-opsawg-pcapng): blocks that carry their length at both ends. Sections
 * may differ in byte order; interfaces are numbered within their section there, over the whole file
 * here. A block that is whole gives a safe place to go on from, so a packet whose own lengths lie
 * is skipped and counted, where a lying block ends the reading.
 */
#include "pcapng.h"

#include "reader.h"

enum { GO_ON = 100 }; /* of a block's function: this was no packet to hand out */

mr_option_walk mr_option_walk_of(bool big, const uint8_t *from, const uint8_t *end) {
    return (mr_option_walk){.big = big, .at = from, .next = from, .end = end};
}

bool mr_option_next(mr_option_walk *w) {
    uint16_t code, len;

    w->at = w->next;
    if (w->end - w->next < 4)
        return false;
    memcpy(&code, w->next, 2);
    memcpy(&len, w->next + 2, 2);
    if (w->big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) {
        code = __builtin_bswap16(code);
        len = __builtin_bswap16(len);
    }
    size_t padded = ((size_t)len + 3) & ~(size_t)3;
    if (code == MR_OPT_END || padded > (size_t)(w->end - w->next - 4))
        return false;
    w->code = code;
    w->value = mr_slice_of(w->next + 4, len);
    w->next += 4 + padded;
    return true;
}

/* A time stamp in the interface's units as nanoseconds since 1970; what does not fit is clamped. */
static mr_nsec time_of(const mr_capture_iface *iface, uint64_t stamp) {
    unsigned __int128 ns = stamp;
    unsigned power = iface->tsresol & 0x7f;

    if (iface->tsresol & 0x80) {
        uint64_t sec = power < 64 ? stamp >> power : 0;
        uint64_t rest = power < 64 ? stamp - (sec << power) : stamp;
        ns = power < 64 ? ((unsigned __int128)rest * MR_SEC) >> power : 0;
        ns += (unsigned __int128)sec * MR_SEC;
    } else {
        for (; power < 9; power++)
            ns *= 10;
        for (; power > 9 && ns > 0; power--)
            ns /= 10;
    }
    __int128 whole = (__int128)ns + (__int128)iface->tsoffset * (__int128)MR_SEC;
    return whole < 0 ? 0 : whole >= (__int128)MR_NSEC_NEVER ? MR_NSEC_NEVER - 1 : (mr_nsec)whole;
}

static int skip_packet(mr_capture_reader *r) {
    if (r->stats.skipped++ == 0)
        r->stats.skipped_at = r->octets.at;
    r->stats.packets++;
    return GO_ON;
}

static void read_packet_options(mr_capture_reader *r, mr_capture_iface *iface, const uint8_t *from,
                                const uint8_t *end, mr_packet *packet) {
    mr_option_walk w = mr_option_walk_of(r->big, from, end);

    while (mr_option_next(&w)) {
        if (w.code == MR_OPT_COMMENT && !packet->comment.data)
            packet->comment = w.value;
        if (w.code == MR_OPT_EPB_FLAGS && w.value.len == 4 &&
            (mr_reader_u32(r, w.value.data) >> 5 & 0xf) != 0)
            packet->fcs = mr_reader_u32(r, w.value.data) >> 5 & 0xf;
        if (w.code == MR_OPT_EPB_DROPCOUNT && w.value.len == 8) {
            uint64_t lost = mr_reader_u64(r, w.value.data);
            iface->dropped += lost;
            r->stats.dropped += lost;
        }
    }
}

/* Enhanced packet block (4.3) and the packet block before it (appendix A): one layout but for the
 * width of the interface's number. */
static int read_enhanced(mr_capture_reader *r, const uint8_t *p, uint32_t total, bool old,
                         mr_packet *packetp) {
    if (total < 32)
        return skip_packet(r);
    size_t id = old ? mr_reader_u16(r, p + 8) : mr_reader_u32(r, p + 8);
    uint32_t captured = mr_reader_u32(r, p + 20), len = mr_reader_u32(r, p + 24);
    if (id >= r->iface_count - r->u.ng.first || captured > total - 32)
        return skip_packet(r);
    mr_capture_iface *iface = &r->ifaces[r->u.ng.first + id];
    uint64_t stamp = (uint64_t)mr_reader_u32(r, p + 12) << 32 | mr_reader_u32(r, p + 16);
    if (len < captured) {
        r->stats.short_len++;
        len = captured;
    }
    mr_packet packet = {
        .number = ++r->stats.packets + r->stats.others,
        .time = time_of(iface, stamp),
        .bytes = {p + 28, captured},
        .len = len,
        .link = iface->link,
        .iface = (uint16_t)(r->u.ng.first + id),
        .fcs = iface->fcs,
        .timed = true,
    };
    size_t options = 28 + (((size_t)captured + 3) & ~(size_t)3);
    if (options + 4 < total)
        read_packet_options(r, iface, p + options, p + total - 4, &packet);
    if (old && mr_reader_u16(r, p + 10) != 0xffff) {
        iface->dropped += mr_reader_u16(r, p + 10);
        r->stats.dropped += mr_reader_u16(r, p + 10);
    }
    *packetp = packet;
    return 0;
}

/* Simple packet block (4.4): no time, the section's first interface, and how much was captured
 * follows from that interface's limit. */
static int read_simple(mr_capture_reader *r, const uint8_t *p, uint32_t total,
                       mr_packet *packetp) {
    if (total < 16 || r->iface_count == r->u.ng.first)
        return skip_packet(r);
    const mr_capture_iface *iface = &r->ifaces[r->u.ng.first];
    uint32_t len = mr_reader_u32(r, p + 8);
    uint32_t captured = iface->snaplen && len > iface->snaplen ? iface->snaplen : len;
    if (captured > total - 16)
        return skip_packet(r);
    *packetp = (mr_packet){
        .number = ++r->stats.packets + r->stats.others,
        .bytes = {p + 12, captured},
        .len = len,
        .link = iface->link,
        .iface = (uint16_t)r->u.ng.first,
        .fcs = iface->fcs,
    };
    return 0;
}

/* Interface description block (4.2). if_fcslen is in bits by the draft, in octets by what writers
 * do: no check sequence has more than 8 octets or fewer than 16 bits. */
static int read_iface(mr_capture_reader *r, const uint8_t *p, uint32_t total, mr_error *err) {
    mr_capture_iface *iface;

    if (total < 20)
        return mr_reader_bad(r->octets.at, err, "an interface description of %u octets is too "
                             "short", total);
    int result = mr_reader_add_iface(r, &iface, err);
    if (result != 0)
        return result;
    iface->link = mr_reader_link(mr_reader_u16(r, p + 8));
    iface->snaplen = mr_reader_u32(r, p + 12);
    iface->tsresol = 6;
    mr_option_walk w = mr_option_walk_of(r->big, p + 16, p + total - 4);
    while (mr_option_next(&w)) {
        if (w.code == MR_OPT_IF_NAME)
            iface->name = mr_reader_text(r, w.value);
        if (w.code == MR_OPT_IF_DESCRIPTION)
            iface->description = mr_reader_text(r, w.value);
        if (w.code == MR_OPT_IF_TSRESOL && w.value.len == 1)
            iface->tsresol = w.value.data[0];
        if (w.code == MR_OPT_IF_TSOFFSET && w.value.len == 8)
            iface->tsoffset = (int64_t)mr_reader_u64(r, w.value.data);
        if (w.code == MR_OPT_IF_FCSLEN && w.value.len == 1)
            iface->fcs = w.value.data[0] <= 8 ? w.value.data[0] : w.value.data[0] / 8;
    }
    return GO_ON;
}

/* Interface statistics block (4.6): the counts replace what the packets' own added up to. */
static int read_statistics(mr_capture_reader *r, const uint8_t *p, uint32_t total) {
    uint64_t dropped = 0;
    bool said = false;

    if (total < 24 || mr_reader_u32(r, p + 8) >= r->iface_count - r->u.ng.first)
        return GO_ON;
    mr_capture_iface *iface = &r->ifaces[r->u.ng.first + mr_reader_u32(r, p + 8)];
    mr_option_walk w = mr_option_walk_of(r->big, p + 20, p + total - 4);
    while (mr_option_next(&w))
        if ((w.code == MR_OPT_ISB_IFDROP || w.code == MR_OPT_ISB_OSDROP) && w.value.len == 8) {
            dropped += mr_reader_u64(r, w.value.data);
            said = true;
        }
    if (said) {
        r->stats.dropped += dropped - iface->dropped;
        iface->dropped = dropped;
    }
    return GO_ON;
}

/* Section header block (4.1). */
static int read_section(mr_capture_reader *r, const uint8_t *p, uint32_t total, mr_error *err) {
    uint16_t major = mr_reader_u16(r, p + 12);

    if (major != 1)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, (size_t)r->octets.at,
                       "pcapng version %u.%u is not known, only 1.x is", major,
                       mr_reader_u16(r, p + 14));
    if (!r->u.ng.begun) {
        mr_option_walk w = mr_option_walk_of(r->big, p + 24, p + total - 4);
        while (mr_option_next(&w)) {
            const char **textp = w.code == MR_OPT_SHB_HARDWARE ? &r->about.hardware
                                 : w.code == MR_OPT_SHB_OS      ? &r->about.os
                                 : w.code == MR_OPT_SHB_APP     ? &r->about.app
                                 : w.code == MR_OPT_COMMENT     ? &r->about.comment
                                                                : NULL;
            if (textp && !**textp)
                *textp = mr_reader_text(r, w.value);
        }
    }
    r->u.ng.begun = true;
    r->u.ng.first = r->iface_count;
    return GO_ON;
}

static int read_block(mr_capture_reader *r, uint32_t type, uint32_t total, mr_packet *packetp,
                      mr_error *err) {
    const uint8_t *p = mr_octets_data(&r->octets);

    switch (type) {
    case MR_BLOCK_ENHANCED: return read_enhanced(r, p, total, false, packetp);
    case MR_BLOCK_PACKET: return read_enhanced(r, p, total, true, packetp);
    case MR_BLOCK_SIMPLE: return read_simple(r, p, total, packetp);
    case MR_BLOCK_JOURNAL:
    case MR_BLOCK_CUSTOM:
    case MR_BLOCK_CUSTOM_LOCAL:
        r->stats.others++;
        return GO_ON;
    case MR_BLOCK_SECTION: return read_section(r, p, total, err);
    case MR_BLOCK_IFACE: return read_iface(r, p, total, err);
    case MR_BLOCK_STATISTICS: return read_statistics(r, p, total);
    }
    return GO_ON;
}

/* The head of the next block: type and length, in the byte order of its section, which a section
 * header brings itself. *havep: how much of the file is left when that is not enough. */
static int read_head(mr_capture_reader *r, uint32_t *typep, uint32_t *totalp, mr_error *err) {
    const uint8_t *p = mr_octets_data(&r->octets);
    uint32_t type = mr_reader_u32(r, p);
    uint32_t least = 12;

    if (type == MR_BLOCK_SECTION) {
        if (memcmp(p + 8, "\x1a\x2b\x3c\x4d", 4) != 0 && memcmp(p + 8, "\x4d\x3c\x2b\x1a", 4) != 0)
            return mr_reader_bad(r->octets.at, err, "a section header without byte order");
        r->big = p[8] == 0x1a;
        least = 28;
    }
    uint32_t total = mr_reader_u32(r, p + 4);
    if (total < least || total % 4 != 0 || total > MR_OCTETS_MAX)
        return mr_reader_bad(r->octets.at, err, "a block of type %u claims %u octets", type, total);
    *typep = type;
    *totalp = total;
    return 0;
}

static int read_packet(mr_capture_reader *r, mr_packet *packetp, mr_error *err) {
    mr_octets *o = &r->octets;
    uint32_t type = 0, total = 0;

    for (;;) {
        int result = mr_octets_need(o, 12, err);
        if (result != 0)
            return result;
        if (mr_octets_have(o) < 12)
            return mr_reader_end(r, mr_octets_have(o));
        if ((result = read_head(r, &type, &total, err)) != 0 ||
            (result = mr_octets_need(o, total, err)) != 0)
            return result;
        if (mr_octets_have(o) < total)
            return mr_reader_end(r, mr_octets_have(o));
        uint32_t again = mr_reader_u32(r, mr_octets_data(o) + total - 4);
        if (again != total)
            return mr_reader_bad(o->at, err, "a block of type %u claims %u octets at its "
                                 "beginning and %u at its end", type, total, again);
        result = read_block(r, type, total, packetp, err);
        r->pending = total;
        if (result != GO_ON)
            return result;
        if (r->u.ng.aside) {
            mr_slice block = mr_slice_of(mr_octets_data(o), total);
            if ((result = r->u.ng.aside(r->u.ng.user, type, r->big, block, err)) != 0)
                return result;
        }
        mr_reader_pass(r);
    }
}

int mr_pcapng_open(mr_capture_reader *r, mr_error *err) {
    int result = mr_octets_need(&r->octets, 28, err);
    if (result != 0)
        return result;
    if (mr_octets_have(&r->octets) < 28)
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_CAPTURE, mr_octets_have(&r->octets),
                       "the pcapng file ends within its header");
    if (memcmp(mr_octets_data(&r->octets) + 8, "\x1a\x2b\x3c\x4d", 4) != 0 &&
        memcmp(mr_octets_data(&r->octets) + 8, "\x4d\x3c\x2b\x1a", 4) != 0)
        return mr_reader_bad(8, err, "a section header without byte order");
    r->read = read_packet;
    return 0;
}

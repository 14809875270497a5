/*
 * Microsoft Network Monitor captures, 1.x and 2.x (the format of 2.x is described in Network
 * Monitor 3's help): a header of 128 octets that leads to a table of frame offsets. Frames are read
 * in the table's order. Times count from the capture's start, a local time without zone that is
 * taken as UTC; 2.3 gives every frame a UTC time of its own.
 */
#include "reader.h"

#include <stdlib.h>
#include <time.h>

enum { HEADER_READ = 32, TABLE_PART = 1024 };
enum { LINK_FROM_PCAP = 0xe000, LINK_PCAP_END = 0xf000 }; /* pcap's number + 0xe000 */

/* SYSTEMTIME (MS-DTYP 2.3.13) as if it were UTC. */
static mr_nsec system_time(const mr_capture_reader *r, const uint8_t *p) {
    struct tm tm = {
        .tm_year = mr_reader_u16(r, p) - 1900,
        .tm_mon = mr_reader_u16(r, p + 2) - 1,
        .tm_mday = mr_reader_u16(r, p + 6),
        .tm_hour = mr_reader_u16(r, p + 8),
        .tm_min = mr_reader_u16(r, p + 10),
        .tm_sec = mr_reader_u16(r, p + 12),
    };
    time_t sec = timegm(&tm);
    return sec < 0 || sec > UINT32_MAX ? 0
                                       : (mr_nsec)sec * MR_SEC + mr_reader_u16(r, p + 14) * MR_MSEC;
}

static uint16_t link_of(uint16_t network) {
    switch (network) {
    case 0: /* unknown: Ethernet in practice */
    case 1:
        return MR_LINK_ETHERNET;
    case 2: return 6;  /* Token Ring */
    case 3: return 10; /* FDDI */
    case 7: /* tunnels, wireless wide area networks */
    case 8:
    case 9:
        return MR_LINK_RAW;
    }
    if (network >= LINK_FROM_PCAP && network < LINK_PCAP_END)
        return mr_reader_link(network - LINK_FROM_PCAP);
    return MR_LINK_UNKNOWN;
}

/* The frame's offset out of the table, of which a part is held. */
static int frame_offset(mr_capture_reader *r, uint32_t frame, uint32_t *offsetp, mr_error *err) {
    if (frame < r->u.netmon.from || frame - r->u.netmon.from >= r->u.netmon.count) {
        size_t count = r->u.netmon.frames - frame < TABLE_PART ? r->u.netmon.frames - frame
                                                                : TABLE_PART;
        int result = mr_octets_seek(&r->octets, r->u.netmon.table + 4ull * frame, err);
        if (result == 0)
            result = mr_octets_need(&r->octets, 4 * count, err);
        if (result != 0)
            return result;
        count = mr_octets_have(&r->octets) / 4 < count ? mr_octets_have(&r->octets) / 4 : count;
        if (count == 0)
            return mr_reader_end(r, 1);
        r->u.netmon.from = frame;
        r->u.netmon.count = count;
        for (size_t i = 0; i < count; i++)
            r->u.netmon.offsets[i] = mr_reader_u32(r, mr_octets_data(&r->octets) + 4 * i);
    }
    *offsetp = r->u.netmon.offsets[frame - r->u.netmon.from];
    return 0;
}

static size_t trailer_size(const mr_capture_reader *r) {
    if (r->u.netmon.major < 2 || r->u.netmon.minor == 0)
        return 0;
    return r->u.netmon.minor == 1 ? 2 : r->u.netmon.minor == 2 ? 6 : 15;
}

/* What follows a frame since 2.1: its network type; since 2.3 its time as FILETIME. */
static void read_trailer(const mr_capture_reader *r, const uint8_t *p, size_t size,
                         mr_packet *packet) {
    int64_t sec;
    uint32_t nsec;

    if (size >= 2)
        packet->link = link_of(mr_reader_u16(r, p));
    if (size >= 15 && mr_reader_u64(r, p + 6) != 0) {
        mr_time_unix(mr_reader_u64(r, p + 6), &sec, &nsec);
        if (sec >= 0 && sec <= UINT32_MAX)
            packet->time = (mr_nsec)sec * MR_SEC + nsec;
    }
}

static int read_packet(mr_capture_reader *r, mr_packet *packetp, mr_error *err) {
    mr_octets *o = &r->octets;
    size_t header = r->u.netmon.major == 1 ? 8 : 16, trailer = trailer_size(r);
    uint32_t offset = 0, len, captured;

    if (r->u.netmon.next == r->u.netmon.frames)
        return mr_reader_end(r, 0);
    int result = frame_offset(r, r->u.netmon.next, &offset, err);
    if (result != 0 || (result = mr_octets_seek(o, offset, err)) != 0 ||
        (result = mr_octets_need(o, header, err)) != 0)
        return result;
    if (mr_octets_have(o) < header)
        return mr_reader_end(r, 1);
    const uint8_t *p = mr_octets_data(o);
    mr_nsec since = r->u.netmon.major == 1 ? mr_reader_u32(r, p) * MR_MSEC
                                           : mr_reader_u64(r, p) * 1000;
    len = r->u.netmon.major == 1 ? mr_reader_u16(r, p + 4) : mr_reader_u32(r, p + 8);
    captured = r->u.netmon.major == 1 ? mr_reader_u16(r, p + 6) : mr_reader_u32(r, p + 12);
    if (captured > MR_CAPTURE_PACKET_MAX)
        return mr_reader_bad(o->at, err, "frame %u claims %u captured octets, which is more than "
                             "any frame has", r->u.netmon.next + 1, captured);
    if ((result = mr_octets_need(o, header + captured + trailer, err)) != 0)
        return result;
    if (mr_octets_have(o) < header + captured)
        return mr_reader_end(r, mr_octets_have(o));
    p = mr_octets_data(o);
    r->u.netmon.next++;
    r->stats.short_len += len < captured;
    mr_packet packet = {
        .number = ++r->stats.packets,
        .time = r->u.netmon.start + since,
        .bytes = {p + header, captured},
        .len = len < captured ? captured : len,
        .link = r->link,
        .timed = true,
    };
    if (mr_octets_have(o) >= header + captured + trailer)
        read_trailer(r, p + header + captured, trailer, &packet);
    *packetp = packet;
    return 0;
}

int mr_netmon_open(mr_capture_reader *r, mr_error *err) {
    mr_capture_iface *iface;
    int result = mr_octets_need(&r->octets, HEADER_READ, err);
    if (result != 0)
        return result;
    if (mr_octets_have(&r->octets) < HEADER_READ)
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_CAPTURE, mr_octets_have(&r->octets),
                       "the Network Monitor file ends within its header");
    if (!r->octets.seekable || r->octets.top)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, 0, "a Network Monitor capture "
                       "cannot be read from a pipe or packed: unpack it into a file");
    const uint8_t *p = mr_octets_data(&r->octets);
    r->u.netmon.minor = p[4];
    r->u.netmon.major = p[5];
    if (p[5] != (p[0] == 'R' ? 1 : 2))
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, 4,
                       "Network Monitor version %u.%u is not known, only 1.x and 2.x are", p[5],
                       p[4]);
    r->link = link_of(mr_reader_u16(r, p + 6));
    r->u.netmon.start = system_time(r, p + 8);
    r->u.netmon.table = mr_reader_u32(r, p + 24);
    r->u.netmon.frames = mr_reader_u32(r, p + 28) / 4;
    r->u.netmon.offsets = malloc(TABLE_PART * sizeof *r->u.netmon.offsets);
    if (!r->u.netmon.offsets)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    if ((result = mr_reader_add_iface(r, &iface, err)) != 0)
        return result;
    iface->link = r->link;
    iface->tsresol = r->u.netmon.major == 1 ? 3 : r->u.netmon.minor >= 3 ? 7 : 6;
    r->read = read_packet;
    return 0;
}

/*
 * pcap files (draft-ietf-opsawg-pcap): a header of 24 octets, then packets, each behind 16 octets
 * of time and lengths, or 24 in the form that Red Hat's and SuSE's libpcap once wrote (magic
 * 0xa1b2cd34). There is nothing to find a packet by but the length of the one before, so a length
 * that cannot be ends the reading.
 */
#include "reader.h"

enum { FILE_HEADER = 24, HEADER = 16, HEADER_LONG = 24 };
enum { LENGTHS_RIGHT, LENGTHS_SWAPPED, LENGTHS_PERHAPS };

static int read_packet(mr_capture_reader *r, mr_packet *packetp, mr_error *err) {
    mr_octets *o = &r->octets;
    size_t header = r->u.pcap.header;
    int result = mr_octets_need(o, header, err);

    if (result != 0)
        return result;
    if (mr_octets_have(o) < header)
        return mr_reader_end(r, mr_octets_have(o));
    const uint8_t *p = mr_octets_data(o);
    uint32_t sec = mr_reader_u32(r, p), fraction = mr_reader_u32(r, p + 4);
    uint32_t captured = mr_reader_u32(r, p + 8), len = mr_reader_u32(r, p + 12);
    if (r->u.pcap.lengths == LENGTHS_SWAPPED ||
        (r->u.pcap.lengths == LENGTHS_PERHAPS && captured > len)) {
        uint32_t other = captured;
        captured = len;
        len = other;
    }
    if (captured > MR_CAPTURE_PACKET_MAX)
        return mr_reader_bad(o->at, err, "packet %llu claims %u captured octets, which is more "
                             "than any packet has", (unsigned long long)r->stats.packets + 1,
                             captured);
    result = mr_octets_need(o, header + captured, err);
    if (result != 0)
        return result;
    if (mr_octets_have(o) < header + captured)
        return mr_reader_end(r, mr_octets_have(o));
    r->pending = header + captured;
    r->stats.packets++;
    if (len < captured) {
        r->stats.short_len++;
        len = captured;
    }
    *packetp = (mr_packet){
        .number = r->stats.packets,
        .time = sec * MR_SEC + (mr_nsec)fraction * r->u.pcap.unit,
        .bytes = {mr_octets_data(o) + header, captured},
        .len = len,
        .link = r->link,
        .fcs = r->fcs,
        .timed = true,
    };
    return 0;
}

int mr_pcap_open(mr_capture_reader *r, mr_error *err) {
    int result = mr_octets_need(&r->octets, FILE_HEADER, err);
    if (result != 0)
        return result;
    if (mr_octets_have(&r->octets) < FILE_HEADER)
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_CAPTURE, mr_octets_have(&r->octets),
                       "the pcap file ends within its header");
    const uint8_t *p = mr_octets_data(&r->octets);
    uint32_t magic = mr_reader_u32(r, p), link = mr_reader_u32(r, p + 20);
    uint16_t major = mr_reader_u16(r, p + 4), minor = mr_reader_u16(r, p + 6);
    if (major != 2)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, 4,
                       "pcap version %u.%u is not known, only 2.x is", major, minor);
    mr_capture_iface *iface;
    if ((result = mr_reader_add_iface(r, &iface, err)) != 0)
        return result;
    /* the upper half: bit 26 says that the four highest bits count the frame check sequence in
     * units of 16 bits */
    r->fcs = link & 0x04000000 ? (uint8_t)((link >> 28) * 2) : 0;
    r->link = mr_reader_link(link & 0xffff);
    iface->link = r->link;
    iface->fcs = r->fcs;
    iface->snaplen = mr_reader_u32(r, p + 16);
    iface->tsresol = magic == 0xa1b23c4d ? 9 : 6;
    r->u.pcap.unit = magic == 0xa1b23c4d ? 1 : 1000;
    r->u.pcap.header = magic == 0xa1b2cd34 ? HEADER_LONG : HEADER;
    /* before 2.3 the two lengths stood the other way round; writers of 2.3 did as they liked */
    r->u.pcap.lengths = minor < 3 ? LENGTHS_SWAPPED : minor == 3 ? LENGTHS_PERHAPS : LENGTHS_RIGHT;
    r->pending = FILE_HEADER;
    r->read = read_packet;
    return 0;
}

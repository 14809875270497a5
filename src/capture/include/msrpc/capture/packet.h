/*
 * A packet as a capture holds it, whatever the file's format. Readers (file.h, live.h) fill it,
 * everything above them (decap, flows, taps) reads it. Nothing here owns: @bytes and @comment are
 * *borrowed* from the reader until its next read.
 */
#ifndef MSRPC_CAPTURE_PACKET_H
#define MSRPC_CAPTURE_PACKET_H

#include <stdbool.h>

#include <msrpc/base/slice.h>
#include <msrpc/base/time.h>

/* Link types as files number them (the LINKTYPE_ registry of tcpdump.org), those that decap knows
 * and a few more that need a name. */
enum mr_linktype {
    MR_LINK_NULL = 0,       /* BSD loopback: address family in the writer's byte order */
    MR_LINK_ETHERNET = 1,
    MR_LINK_PPP = 9,
    MR_LINK_PPP_HDLC = 50,
    MR_LINK_RAW = 101,      /* IPv4 or IPv6, told by the first nibble */
    MR_LINK_WLAN = 105,     /* IEEE 802.11 */
    MR_LINK_LOOP = 108,     /* OpenBSD loopback: address family in network order */
    MR_LINK_SLL = 113,      /* Linux cooked, version 1 */
    MR_LINK_RADIOTAP = 127, /* IEEE 802.11 behind a radiotap header */
    MR_LINK_IPV4 = 228,
    MR_LINK_IPV6 = 229,
    MR_LINK_SLL2 = 276,     /* Linux cooked, version 2 */
    MR_LINK_UNKNOWN = 0xffff, /* the file's own kind has no number there */
};

typedef struct mr_packet {
    uint64_t number;  /* from 1, per file, as Wireshark counts */
    mr_nsec time;     /* since 1970-01-01 UTC; 0 when not @timed */
    mr_slice bytes;   /* what was captured; *borrowed* */
    uint32_t len;     /* octets on the wire, never less than bytes.len */
    uint16_t link;    /* enum mr_linktype, or another number of the registry */
    uint16_t iface;   /* index for mr_capture_file_get_iface, over all sections of the file */
    uint16_t file;    /* index of the file in a merge, else 0 */
    uint8_t fcs;      /* octets of frame check sequence at the end of the frame, 0: none known */
    bool timed;       /* a pcapng simple packet has no time */
    mr_slice comment; /* the first comment of the packet, UTF-8, or empty; *borrowed* */
} mr_packet;

#endif

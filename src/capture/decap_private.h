/*
 * Inside decap: the walk over one packet, shared by its layers.
 */
#ifndef MSRPC_CAPTURE_DECAP_PRIVATE_H
#define MSRPC_CAPTURE_DECAP_PRIVATE_H

#include <msrpc/base/cursor.h>
#include <msrpc/capture/decap.h>

enum ethertype {
    ETHER_IPV4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_8021Q = 0x8100,
    ETHER_IPV6 = 0x86dd,
    ETHER_MPLS = 0x8847,
    ETHER_MPLS_UPSTREAM = 0x8848,
    ETHER_PPPOE = 0x8864,
    ETHER_8021AD = 0x88a8,
    ETHER_QINQ = 0x9100,
};

static inline uint16_t be16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline mr_host host4(const uint8_t *p) {
    mr_host host = {{0}};
    memcpy(host.octets, p, 4);
    return host;
}
static inline mr_host host6(const uint8_t *p) {
    mr_host host;
    memcpy(host.octets, p, 16);
    return host;
}

/* Reads the link layer and everything up to the network layer: *@typep is the EtherType of what
 * begins at the cursor. 0 or an enum mr_decap_outcome. */
int mr_decap_link(mr_cursor *c, const mr_packet *packet, mr_segment *seg, uint16_t *typep);

/* Reads what IP carries: @seg->proto says what; @len octets of it were on the wire, those at the
 * cursor were captured. 0 or an enum mr_decap_outcome. */
int mr_decap_transport(mr_cursor *c, uint32_t len, bool checksums, mr_segment *seg);

/* Skips the extension headers of IPv6 (RFC 8200 4) and AH (RFC 4302), which IPv4 has too. @protop:
 * the protocol of what is at the cursor, renewed; @lenp: octets on the wire, renewed. Stops before
 * a fragment header, whose number *@protop then is. 0 or an enum mr_decap_outcome. */
#define IPV6_FRAGMENT 44
int mr_decap_extensions(mr_cursor *c, uint8_t *protop, uint32_t *lenp);

/* Where a fragment belongs. */
typedef struct mr_fragment {
    uint32_t id;
    uint32_t offset; /* octets */
    uint32_t len;    /* on the wire */
    bool more;
    mr_slice bytes;  /* captured */
} mr_fragment;

/* Keeps a fragment of @seg (addresses, protocol, packet). 0: the datagram is whole: *@bytesp is
 * what was captured of it from its start on, *@lenp its octets on the wire, @seg's fragment fields
 * are set; MR_DECAP_HELD; MR_DECAP_MALFORMED; MR_ERR_MEMORY. */
int mr_fragments_feed(mr_decap *decap, const mr_fragment *fragment, mr_segment *seg,
                      mr_slice *bytesp, uint32_t *lenp);
void mr_fragments_free(mr_fragment_set *set);

#endif

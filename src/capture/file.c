/*
 * Names of link types for messages and lists (the LINKTYPE_ registry of tcpdump.org).
 */
#include <msrpc/capture/file.h>

const char *mr_link_name(uint16_t link) {
    switch (link) {
    case MR_LINK_NULL: return "BSD loopback";
    case MR_LINK_ETHERNET: return "Ethernet";
    case MR_LINK_PPP: return "PPP";
    case MR_LINK_PPP_HDLC: return "PPP in HDLC framing";
    case MR_LINK_RAW: return "raw IP";
    case MR_LINK_WLAN: return "IEEE 802.11";
    case MR_LINK_LOOP: return "OpenBSD loopback";
    case MR_LINK_SLL: return "Linux cooked";
    case MR_LINK_RADIOTAP: return "IEEE 802.11 with radiotap";
    case MR_LINK_IPV4: return "raw IPv4";
    case MR_LINK_IPV6: return "raw IPv6";
    case MR_LINK_SLL2: return "Linux cooked v2";
    }
    return "a link type without decoder";
}

/*
 * Live capture and packet filters through libpcap, which is loaded only when one of these begins
 * (MR_ERR_UNSUPPORTED with the library's name when it is missing). Filters are written as
 * pcap-filter(7) has them and work on files too.
 */
#ifndef MSRPC_CAPTURE_LIVE_H
#define MSRPC_CAPTURE_LIVE_H

#include <msrpc/capture/file.h>

typedef struct mr_capture_filter {
    struct mr_capture_filter_state *state; /* private */
} mr_capture_filter;

/* Compiles @expression (*borrowed* until deinit) for Ethernet, so that what is wrong with it is
 * said now (MR_ERR_SYNTAX); other link types follow when they come along. */
int mr_capture_filter_init(mr_capture_filter *filter, const char *expression, mr_error *err);
void mr_capture_filter_deinit(mr_capture_filter *filter);
/* Whether the packet passes: *passp. MR_ERR_SYNTAX when the expression has no meaning on the
 * packet's link type. Not for two threads at once. */
int mr_capture_filter_match(mr_capture_filter *filter, const mr_packet *packet, bool *passp,
                            mr_error *err);

typedef struct mr_capture_live {
    struct mr_capture_live_state *state; /* private */
} mr_capture_live;

typedef struct mr_live_options {
    const char *filter;   /* NULL or "": everything */
    uint32_t snaplen;     /* 0: 262144 */
    uint32_t buffer;      /* octets of the kernel's ring, 0: 16 MiB */
    uint32_t wait_msec;   /* most time between a packet and its delivery, 0: 100 */
    bool promiscuous;
} mr_live_options;

typedef struct mr_live_stats {
    uint64_t received;     /* seen by the filter */
    uint64_t dropped;      /* lost because the ring was full */
    uint64_t dropped_card; /* lost by the interface or its driver */
} mr_live_stats;

/* Begins to capture on @iface ("any" for all); @options NULL for the defaults. MR_ERR_NOT_FOUND (no
 * such interface), MR_ERR_AUTH (it needs root or CAP_NET_RAW), MR_ERR_SYNTAX (the filter),
 * MR_ERR_UNSUPPORTED, MR_ERR_SYSTEM, each with libpcap's own sentence. */
int mr_capture_live_init(mr_capture_live *live, const char *iface, const mr_live_options *options,
                         mr_error *err);
void mr_capture_live_deinit(mr_capture_live *live);
/* The next packet: 0; MR_CAPTURE_WAIT when none came for a while, so that the caller can look
 * around; MR_CAPTURE_END after mr_capture_live_stop; MR_ERR_SYSTEM (the interface went away). The
 * packet borrows until the next read. */
int mr_capture_live_read(mr_capture_live *live, mr_packet *packetp, mr_error *err);
/* Ends the present or next read with MR_CAPTURE_END; may be called from a signal handler. */
void mr_capture_live_stop(mr_capture_live *live);
/* Counts since the beginning; of "any" the card's are not known and 0. */
int mr_capture_live_get_stats(mr_capture_live *live, mr_live_stats *statsp, mr_error *err);

/* Gives root up for good, once everything that needs it is open: becomes the user who called sudo
 * (SUDO_UID and SUDO_GID), else nobody (65534), without other groups, without a way back (a saved
 * id or a set-uid program). Files made later belong to that user, and it must be allowed to make
 * them. 0 (also when it was not root to begin with), or MR_ERR_SYSTEM: the caller should then not
 * go on. */
int mr_capture_drop_root(mr_error *err);

#endif

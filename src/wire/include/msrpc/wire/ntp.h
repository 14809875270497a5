/* NTP (RFC 5905 7.3) as a client asks it once: mode 3 out, mode 4 back. */
#ifndef MSRPC_WIRE_NTP_H
#define MSRPC_WIRE_NTP_H

#include <msrpc/base.h>

#define MR_NTP_OCTETS 48

typedef struct mr_ntp {
    uint8_t leap;      /* 3: the server's clock is not set */
    uint8_t version;
    uint8_t mode;
    uint8_t stratum;   /* 0: a kiss of death, see @refid */
    int8_t poll;       /* log2 seconds */
    int8_t precision;  /* log2 seconds */
    uint32_t root_delay, root_dispersion; /* 16.16 seconds */
    uint8_t refid[4];
    uint64_t reference, origin, receive, transmit; /* 32.32 seconds from 1900 */
} mr_ntp;

/* Appends a client's request with @transmit as its time stamp, which the server sends back as the
 * origin. 0 or the buffer's error. */
int mr_ntp_encode_request(uint64_t transmit, mr_buf *out);
/* MR_ERR_TRUNCATED; MR_ERR_MALFORMED when it is no server's answer. */
int mr_ntp_decode(mr_slice bytes, mr_ntp *ntpp, mr_error *err);

/* Unix time as an NTP time stamp. */
uint64_t mr_ntp_time(int64_t unix_sec, uint32_t nsec);
/* Seconds from @a to @b, right as long as they lie within 68 years (era changes included). */
double mr_ntp_diff(uint64_t a, uint64_t b);
/* The server's clock minus ours (RFC 5905 8), seconds, when the answer arrived at @now. */
double mr_ntp_offset(const mr_ntp *ntp, uint64_t now);

#endif

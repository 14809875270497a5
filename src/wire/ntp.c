/* The 48 octets of NTP (RFC 5905 7.3) and the arithmetic of an exchange (RFC 5905 8). */
#include <msrpc/wire/ntp.h>

#define MODE_CLIENT 3
#define MODE_SERVER 4
#define EPOCH 2208988800u /* 1970 in seconds from 1900 */

int mr_ntp_encode_request(uint64_t transmit, mr_buf *out) {
    bool big = out->big;

    out->big = true;
    mr_buf_write_u8(out, 3 << 3 | MODE_CLIENT); /* version 3 is what Windows speaks */
    mr_buf_write_zero(out, MR_NTP_OCTETS - 9);
    mr_buf_write_u64(out, transmit);
    out->big = big;
    return mr_buf_error(out);
}

int mr_ntp_decode(mr_slice bytes, mr_ntp *ntpp, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_ntp n = {0};

    c.big = true;
    uint8_t first = mr_cursor_read_u8(&c);
    n.leap = first >> 6;
    n.version = first >> 3 & 7;
    n.mode = first & 7;
    n.stratum = mr_cursor_read_u8(&c);
    n.poll = (int8_t)mr_cursor_read_u8(&c);
    n.precision = (int8_t)mr_cursor_read_u8(&c);
    n.root_delay = mr_cursor_read_u32(&c);
    n.root_dispersion = mr_cursor_read_u32(&c);
    mr_slice refid = mr_cursor_read(&c, 4);
    n.reference = mr_cursor_read_u64(&c);
    n.origin = mr_cursor_read_u64(&c);
    n.receive = mr_cursor_read_u64(&c);
    n.transmit = mr_cursor_read_u64(&c);
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c.bad_at,
                       "NTP: the answer ends too early");
    if (n.mode != MODE_SERVER)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                       "NTP: mode %u is no server's answer", n.mode);
    memcpy(n.refid, refid.data, sizeof n.refid);
    *ntpp = n;
    return 0;
}

uint64_t mr_ntp_time(int64_t unix_sec, uint32_t nsec) {
    uint64_t fraction = ((uint64_t)nsec << 32) / 1000000000u;

    return ((uint64_t)unix_sec + EPOCH) << 32 | (fraction & UINT32_MAX);
}

double mr_ntp_diff(uint64_t a, uint64_t b) {
    return (double)(int64_t)(b - a) / 4294967296.0;
}

double mr_ntp_offset(const mr_ntp *ntp, uint64_t now) {
    return (mr_ntp_diff(ntp->origin, ntp->receive) + mr_ntp_diff(now, ntp->transmit)) / 2;
}

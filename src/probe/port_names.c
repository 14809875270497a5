/* Who are you, and what time is it: DNS, the NetBIOS node status, NTP. */
#include "port_private.h"

#include <stdio.h>

#include <msrpc/wire/dns.h>
#include <msrpc/wire/nbt.h>
#include <msrpc/wire/ntp.h>

/* ---- DNS ---- */

/* The host's own name without recursion: a controller is an authority for it, any other server says
 * what it thinks of strangers. Nothing is looked up elsewhere because of us. */
int port_ask_dns_udp(mr_port_probe *p, mr_buf *out) {
    const char *name = port_host_name(p);
    uint16_t id = (uint16_t)port_random(p, 0);

    if (name && mr_dns_encode_query(id, name, MR_DNS_A, false, out) == 0)
        return 0;
    return mr_dns_encode_query(id, ".", MR_DNS_NS, false, out);
}

/* Over TCP a length of two octets stands before the message (RFC 1035 4.2.2). */
int port_ask_dns_tcp(mr_port_probe *p, mr_buf *out) {
    mr_buf_write_zero(out, 2);
    int r = port_ask_dns_udp(p, out);

    out->big = true;
    mr_buf_set_u16(out, 0, (uint16_t)(out->len - 2));
    return r ? r : mr_buf_error(out);
}

enum port_reading port_answer_dns_udp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_dns_message m;
    char code[16], type[16];

    (void)ended;
    if (mr_dns_decode(bytes, &p->arena, &m, NULL) != 0 || !m.response ||
        m.id != (uint16_t)port_random(p, 0))
        return PORT_FOREIGN;
    const char *rcode = mr_dns_rcode_name(m.rcode, code);
    port_add_str(p, "rcode", mr_slice_str(rcode));
    port_add_int(p, "answers", (int64_t)m.answer_count);
    port_add_bool(p, "authoritative", m.authoritative);
    port_add_bool(p, "recursion", m.recursion_available);
    port_say(p, "%s", rcode);
    if (m.question)
        port_say(p, "%zu %s of %.80s", m.answer_count, mr_dns_type_name(m.question_type, type),
                 m.question);
    if (m.authoritative)
        port_say(p, "authoritative");
    port_say(p, m.recursion_available ? "offers recursion" : "no recursion");
    return PORT_DONE;
}

enum port_reading port_answer_dns_tcp(mr_port_probe *p, mr_slice bytes, bool ended) {
    if (bytes.len < 2)
        return PORT_MORE;
    size_t len = (size_t)bytes.data[0] << 8 | bytes.data[1];
    if (bytes.len - 2 < len)
        return PORT_MORE;
    return port_answer_dns_udp(p, mr_slice_sub(bytes, 2, len), ended);
}

/* ---- NTP ---- */

static uint64_t ntp_now(void) {
    int64_t sec;
    uint32_t nsec;

    mr_clock_get_wall(&sec, &nsec);
    return mr_ntp_time(sec, nsec);
}

int port_ask_ntp(mr_port_probe *p, mr_buf *out) {
    (void)p;
    return mr_ntp_encode_request(ntp_now(), out);
}

enum port_reading port_answer_ntp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_ntp ntp;
    uint64_t now = ntp_now();

    (void)ended;
    if (mr_ntp_decode(bytes, &ntp, NULL) != 0)
        return PORT_FOREIGN;
    port_add_int(p, "version", ntp.version);
    port_add_int(p, "stratum", ntp.stratum);
    port_add_bool(p, "synchronized", ntp.leap != 3 && ntp.stratum > 0 && ntp.stratum < 16);
    if (ntp.stratum == 0) {
        port_say_slice(p, "refuses: kiss of death ", mr_slice_of(ntp.refid, 4));
        port_add_str(p, "kiss", mr_slice_of(ntp.refid, 4));
        return PORT_DONE;
    }
    double offset = mr_ntp_offset(&ntp, now);
    port_say(p, "stratum %u", ntp.stratum);
    if (ntp.leap == 3 || ntp.stratum >= 16)
        port_say(p, "its clock is not set");
    port_say(p, "clock %+.3f s", offset);
    port_add_real(p, "clock_offset", offset);
    return PORT_DONE;
}

/* ---- NetBIOS node status ---- */

int port_ask_nbt_status(mr_port_probe *p, mr_buf *out) {
    return mr_nbt_encode_status((uint16_t)port_random(p, 0), out);
}

/* The unit id that stands behind the names. Zeros say nothing, and Samba's controller, known by a
 * name of its own, leaves whatever was in its memory. */
static void say_mac(mr_port_probe *p, const mr_nbt_status *s) {
    static const uint8_t none[6];

    if (!s->has_mac || memcmp(s->mac, none, sizeof none) == 0)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (mr_slice_eq(s->names[i].name, MR_SLICE_LIT("__SAMBA__")))
            return;
    port_say(p, "MAC %02x:%02x:%02x:%02x:%02x:%02x", s->mac[0], s->mac[1], s->mac[2], s->mac[3],
             s->mac[4], s->mac[5]);
    port_add_fmt(p, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", s->mac[0], s->mac[1], s->mac[2],
                 s->mac[3], s->mac[4], s->mac[5]);
}

static void say_name(mr_port_probe *p, const mr_nbt_name *name) {
    bool group = name->flags & MR_NBT_GROUP;
    const char *what = mr_nbt_suffix_text(name->suffix, group);

    port_say(p, "%.*s<%02x>%s%s", (int)name->name.len, (const char *)name->name.data, name->suffix,
             *what ? " " : "", what);
}

enum port_reading port_answer_nbt_status(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_nbt_status s;
    char text[64];

    (void)ended;
    if (mr_nbt_status_decode(bytes, &p->arena, &s, NULL) != 0 ||
        s.id != (uint16_t)port_random(p, 0))
        return PORT_FOREIGN;
    if (s.rcode)
        port_say(p, "answers with code %u", s.rcode);
    for (size_t i = 0; i < s.count; i++) {
        say_name(p, &s.names[i]);
        snprintf(text, sizeof text, "%.*s<%02x>%s", (int)s.names[i].name.len,
                 (const char *)s.names[i].name.data, s.names[i].suffix,
                 s.names[i].flags & MR_NBT_GROUP ? " group" : "");
        port_add_item(p, "names", mr_slice_str(text));
    }
    say_mac(p, &s);
    if (s.count == 0 && s.rcode == 0)
        port_say(p, "has no names");
    return PORT_DONE;
}

/*
 * DNS messages: RFC 1035 4 (header, question, records, name compression), RFC 2782 (SRV), RFC 3596
 * (AAAA), RFC 6891 6.1.3 (extended rcode), RFC 2136 2 (updates). A compression pointer must point
 * before the name part it stands in, so following them ends. A record is only looked at when its
 * fixed part can be there: counts are held against the octets left before anything is allocated.
 */
#include <msrpc/wire/dns.h>

#include <stdio.h>

#define NAME_MAX_OCTETS 255
#define LABEL_MAX_OCTETS 63
#define QUESTION_MIN 5 /* root name, type, class */
#define RECORD_MIN 11  /* root name, type, class, ttl, length */

struct decoder {
    mr_slice message;
    mr_arena *arena;
    mr_error *err;
};

/* Appends one label in presentation form; returns the new length. */
static size_t put_label(char *out, size_t len, const uint8_t *label, size_t n) {
    if (len > 0)
        out[len++] = '.';
    for (size_t i = 0; i < n; i++) {
        uint8_t ch = label[i];
        if (ch <= ' ' || ch >= 0x7f) {
            out[len++] = '\\';
            out[len++] = (char)('0' + ch / 100);
            out[len++] = (char)('0' + ch / 10 % 10);
            out[len++] = (char)('0' + ch % 10);
        } else {
            if (ch == '.' || ch == '\\')
                out[len++] = '\\';
            out[len++] = (char)ch;
        }
    }
    return len;
}

static int bad_name(const struct decoder *d, size_t at, const char *why) {
    return mr_fail(d->err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, at, "DNS name: %s", why);
}

static int cut_short(const struct decoder *d, size_t at, const char *what) {
    return mr_fail(d->err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, at, "DNS %s ends too early", what);
}

/* Reads a name at @c, which must lie in the cursor's window up to its first pointer, into an
 * arena string. */
static int decode_name(const struct decoder *d, mr_cursor *c, const char **namep) {
    const uint8_t *m = d->message.data;
    char text[MR_DNS_NAME_TEXT];
    size_t at = c->pos, start = c->pos, end = c->end, len = 0, octets = 1;
    bool jumped = false;

    for (;;) {
        if (at >= end)
            return cut_short(d, at, "name");
        uint8_t n = m[at++];
        if (n == 0)
            break;
        if ((n & 0xc0) == 0xc0) {
            if (at >= end)
                return cut_short(d, at, "name");
            size_t target = ((size_t)(n & 0x3f) << 8) | m[at++];
            if (target >= start)
                return bad_name(d, at - 2, "a compression pointer that does not point back");
            if (!jumped)
                c->pos = at;
            jumped = true;
            at = start = target;
            end = d->message.len;
            continue;
        }
        if (n > LABEL_MAX_OCTETS)
            return bad_name(d, at - 1, "an unknown kind of label");
        if (n > end - at)
            return cut_short(d, at, "name");
        octets += n + 1u;
        if (octets > NAME_MAX_OCTETS)
            return bad_name(d, at, "longer than 255 octets");
        len = put_label(text, len, m + at, n);
        at += n;
    }
    if (!jumped)
        c->pos = at;
    const char *name = mr_arena_add_str(d->arena, len ? mr_slice_of(text, len)
                                                       : MR_SLICE_LIT("."));
    if (!name)
        return mr_fail(d->err, MR_ERR_MEMORY, MR_FLOOR_WIRE, at, "no memory for a DNS name");
    *namep = name;
    return 0;
}

static int decode_soa(const struct decoder *d, mr_cursor *c, mr_dns_record *record) {
    int r = decode_name(d, c, &record->u.soa.primary);

    if (r == 0)
        r = decode_name(d, c, &record->u.soa.mailbox);
    record->u.soa.serial = mr_cursor_read_u32(c);
    record->u.soa.refresh = mr_cursor_read_u32(c);
    record->u.soa.retry = mr_cursor_read_u32(c);
    record->u.soa.expire = mr_cursor_read_u32(c);
    record->u.soa.minimum = mr_cursor_read_u32(c);
    return r;
}

/* Reads the data of the types we know from the window @c, which they must fill. */
static int decode_data(const struct decoder *d, mr_cursor c, mr_dns_record *record) {
    size_t at = c.pos;
    int r = 0;

    if (record->class != MR_DNS_CLASS_IN)
        return 0;
    switch (record->type) {
    case MR_DNS_A:
        if (record->data.len == 4)
            memcpy(record->u.ipv4, mr_cursor_take(&c, 4), 4);
        break;
    case MR_DNS_AAAA:
        if (record->data.len == 16)
            memcpy(record->u.ipv6, mr_cursor_take(&c, 16), 16);
        break;
    case MR_DNS_NS:
    case MR_DNS_CNAME:
    case MR_DNS_PTR:
        r = decode_name(d, &c, &record->u.target);
        break;
    case MR_DNS_MX:
        record->u.mx.preference = mr_cursor_read_u16(&c);
        r = decode_name(d, &c, &record->u.mx.target);
        break;
    case MR_DNS_SRV:
        record->u.srv.priority = mr_cursor_read_u16(&c);
        record->u.srv.weight = mr_cursor_read_u16(&c);
        record->u.srv.port = mr_cursor_read_u16(&c);
        r = decode_name(d, &c, &record->u.srv.target);
        break;
    case MR_DNS_SOA:
        r = decode_soa(d, &c, record);
        break;
    default: /* kept raw */
        return 0;
    }
    if (r == MR_ERR_MEMORY)
        return r;
    if (r != 0 || !mr_cursor_ok(&c) || mr_cursor_left(&c) != 0)
        return mr_fail(d->err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, at,
                       "the data of a DNS record of type %u breaks its form", record->type);
    return 0;
}

static int decode_record(const struct decoder *d, mr_cursor *c, mr_dns_record *record) {
    int r = decode_name(d, c, &record->name);

    if (r != 0)
        return r;
    record->type = mr_cursor_read_u16(c);
    record->class = mr_cursor_read_u16(c);
    record->ttl = mr_cursor_read_u32(c);
    uint16_t len = mr_cursor_read_u16(c);
    mr_cursor window = mr_cursor_window(c, len);
    if (!mr_cursor_ok(c))
        return cut_short(d, c->bad_at, "record");
    record->data = mr_slice_of(d->message.data + window.pos, len);
    return decode_data(d, window, record);
}

/* Reads one section. With @partial the section may end early: complete records are kept. */
static int decode_section(const struct decoder *d, mr_cursor *c, size_t count, bool partial,
                          mr_dns_record **recordsp, size_t *countp) {
    if (count > mr_cursor_left(c) / RECORD_MIN) {
        if (!partial)
            return cut_short(d, c->pos, "section");
        count = mr_cursor_left(c) / RECORD_MIN;
    }
    mr_dns_record *records = mr_arena_get(d->arena, count, sizeof *records);
    if (!records)
        return mr_fail(d->err, MR_ERR_MEMORY, MR_FLOOR_WIRE, c->pos, "no memory for DNS records");
    size_t done = 0;
    int r = 0;
    while (done < count && (r = decode_record(d, c, &records[done])) == 0)
        done++;
    if (r == MR_ERR_TRUNCATED && partial) {
        mr_cursor_poison(c);
        r = 0;
    }
    *recordsp = records;
    *countp = done;
    return r;
}

static int decode_questions(const struct decoder *d, mr_cursor *c, size_t count,
                            mr_dns_message *message) {
    if (count > mr_cursor_left(c) / QUESTION_MIN)
        return cut_short(d, c->pos, "question");
    for (size_t i = 0; i < count; i++) {
        const char *name;
        int r = decode_name(d, c, &name);
        if (r != 0)
            return r;
        uint16_t type = mr_cursor_read_u16(c);
        mr_cursor_skip(c, 2);
        if (i == 0) {
            message->question = name;
            message->question_type = type;
        }
    }
    return mr_cursor_ok(c) ? 0 : cut_short(d, c->bad_at, "question");
}

int mr_dns_decode(mr_slice bytes, mr_arena *arena, mr_dns_message *messagep, mr_error *err) {
    const struct decoder d = {bytes, arena, err};
    mr_dns_message message = {0};
    mr_cursor c = mr_cursor_of(bytes);
    uint16_t count[4];

    c.big = true;
    message.id = mr_cursor_read_u16(&c);
    uint16_t flags = mr_cursor_read_u16(&c);
    for (int i = 0; i < 4; i++)
        count[i] = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(&d, c.bad_at, "header");
    message.response = flags & 0x8000;
    message.opcode = flags >> 11 & 15;
    message.authoritative = flags & 0x0400;
    message.truncated = flags & 0x0200;
    message.recursion_desired = flags & 0x0100;
    message.recursion_available = flags & 0x0080;
    message.rcode = flags & 15;
    int r = decode_questions(&d, &c, count[0], &message);
    if (r == 0)
        r = decode_section(&d, &c, count[1], message.truncated, &message.answers,
                           &message.answer_count);
    if (r == 0)
        r = decode_section(&d, &c, count[2], message.truncated, &message.authority,
                           &message.authority_count);
    if (r == 0)
        r = decode_section(&d, &c, count[3], message.truncated, &message.additional,
                           &message.additional_count);
    if (r != 0)
        return r;
    for (size_t i = 0; i < message.additional_count; i++)
        if (message.additional[i].type == MR_DNS_OPT)
            message.rcode |= (uint16_t)(message.additional[i].ttl >> 24 << 4);
    *messagep = message;
    return 0;
}

/* One octet of a label in presentation form; moves @namep past it. -1 on a bad escape. */
static int take_octet(const char **namep) {
    const char *s = *namep;
    int value = (unsigned char)*s++;

    if (value == '\\') {
        value = (unsigned char)*s++;
        if (value == '\0')
            return -1;
        if (value >= '0' && value <= '9') {
            value -= '0';
            for (int i = 0; i < 2; i++, s++) {
                if (*s < '0' || *s > '9')
                    return -1;
                value = value * 10 + (*s - '0');
            }
            if (value > 255)
                return -1;
        }
    }
    *namep = s;
    return value;
}

static int no_name(mr_error *err, const char *name, const char *at, const char *why) {
    return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_WIRE, (size_t)(at - name), "%s", why);
}

/* The wire form of @name, length octets and final zero included, in @out: 0, or MR_ERR_SYNTAX. */
static int read_name(const char *name, uint8_t out[NAME_MAX_OCTETS], size_t *lenp,
                     mr_error *err) {
    const char *at = name[0] == '.' && name[1] == '\0' ? name + 1 : name;
    size_t len = 0;

    if (!*name)
        return no_name(err, name, at, "the name is empty");
    while (*at) {
        const char *start = at;
        size_t label = len++;
        while (*at && *at != '.') {
            const char *escape = at;
            int octet = take_octet(&at);
            if (octet < 0)
                return no_name(err, name, escape, "a backslash that begins no escape");
            if (len >= NAME_MAX_OCTETS - 1)
                return no_name(err, name, escape, "a name longer than 255 octets");
            out[len++] = (uint8_t)octet;
        }
        size_t n = len - label - 1;
        if (n == 0)
            return no_name(err, name, start, "an empty label");
        if (n > LABEL_MAX_OCTETS)
            return no_name(err, name, start, "a label longer than 63 octets");
        out[label] = (uint8_t)n;
        if (*at == '.')
            at++;
        if (*at && len >= NAME_MAX_OCTETS - 1)
            return no_name(err, name, at, "a name longer than 255 octets");
    }
    out[len++] = 0;
    *lenp = len;
    return 0;
}

int mr_dns_check_name(const char *name, mr_error *err) {
    uint8_t wire[NAME_MAX_OCTETS];
    size_t len;

    return read_name(name, wire, &len, err);
}

/* The same; the length, or 0 when it is no DNS name. */
static size_t encode_name(const char *name, uint8_t out[NAME_MAX_OCTETS]) {
    size_t len;

    return read_name(name, out, &len, NULL) == 0 ? len : 0;
}

int mr_dns_encode_query(uint16_t id, const char *name, uint16_t type, bool recursion,
                        mr_buf *out) {
    uint8_t wire[NAME_MAX_OCTETS];
    size_t len = encode_name(name, wire);
    bool big = out->big;

    if (len == 0)
        return MR_ERR_SYNTAX;
    out->big = true;
    mr_buf_write_u16(out, id);
    mr_buf_write_u16(out, recursion ? 0x0100 : 0);
    mr_buf_write_u16(out, 1);
    mr_buf_write_zero(out, 6);
    mr_buf_write(out, mr_slice_of(wire, len));
    mr_buf_write_u16(out, type);
    mr_buf_write_u16(out, MR_DNS_CLASS_IN);
    out->big = big;
    return mr_buf_error(out);
}

#define OPCODE_UPDATE 5
#define CLASS_NONE 254

/* A record without data, as prerequisites and removals are (RFC 2136 2.4, 2.5). */
static void write_bare(mr_buf *out, mr_slice name, uint16_t type, uint16_t class) {
    mr_buf_write(out, name);
    mr_buf_write_u16(out, type);
    mr_buf_write_u16(out, class);
    mr_buf_write_zero(out, 6);
}

int mr_dns_encode_update_test(uint16_t id, const char *zone, const char *unused, mr_buf *out) {
    uint8_t zone_wire[NAME_MAX_OCTETS], unused_wire[NAME_MAX_OCTETS];
    size_t zone_len = encode_name(zone, zone_wire);
    size_t unused_len = unused ? encode_name(unused, unused_wire) : 0;
    bool big = out->big;

    if (zone_len == 0 || (unused && unused_len == 0))
        return MR_ERR_SYNTAX;
    out->big = true;
    mr_buf_write_u16(out, id);
    mr_buf_write_u16(out, OPCODE_UPDATE << 11);
    mr_buf_write_u16(out, 1);
    mr_buf_write_u16(out, unused != NULL);
    mr_buf_write_u16(out, unused != NULL);
    mr_buf_write_u16(out, 0);
    mr_buf_write(out, mr_slice_of(zone_wire, zone_len));
    mr_buf_write_u16(out, MR_DNS_SOA);
    mr_buf_write_u16(out, MR_DNS_CLASS_IN);
    if (unused) {
        write_bare(out, mr_slice_of(unused_wire, unused_len), MR_DNS_ANY, CLASS_NONE);
        write_bare(out, mr_slice_of(unused_wire, unused_len), MR_DNS_TXT, MR_DNS_ANY);
    }
    out->big = big;
    return mr_buf_error(out);
}

/* Which of the unordered indices from @from on comes next: those of the least priority, those
 * without weight first, then the first whose running sum reaches a random part of the whole. */
static size_t pick(const mr_dns_rank *ranks, size_t *order, size_t from, size_t count,
                   uint32_t random) {
    uint16_t priority = UINT16_MAX;
    uint64_t sum = 0, run = 0;
    size_t last = from;

    for (size_t i = from; i < count; i++)
        if (ranks[order[i]].priority < priority)
            priority = ranks[order[i]].priority;
    for (size_t i = from; i < count; i++)
        sum += ranks[order[i]].priority == priority ? ranks[order[i]].weight : 0;
    uint64_t reach = sum ? random % (sum + 1) : 0;
    for (int weighted = 0; weighted < 2; weighted++) {
        for (size_t i = from; i < count; i++) {
            const mr_dns_rank *rank = &ranks[order[i]];
            if (rank->priority != priority || (rank->weight > 0) != weighted)
                continue;
            last = i;
            run += rank->weight;
            if (run >= reach)
                return i;
        }
    }
    return last;
}

void mr_dns_order(const mr_dns_rank *ranks, size_t count, const uint32_t *random, size_t *order) {
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = 0; i < count; i++) {
        size_t chosen = pick(ranks, order, i, count, random[i]);
        size_t index = order[chosen];
        memmove(&order[i + 1], &order[i], (chosen - i) * sizeof *order);
        order[i] = index;
    }
}

static mr_slice without_final_dot(const char *name) {
    mr_slice s = mr_slice_str(name);

    if (s.len > 1 && s.data[s.len - 1] == '.' && s.data[s.len - 2] != '\\')
        s.len--;
    return s;
}

bool mr_dns_same_name(const char *a, const char *b) {
    return mr_slice_eq_nocase(without_final_dot(a), without_final_dot(b));
}

char *mr_dns_reverse_name(mr_slice address, char out[MR_DNS_NAME_TEXT]) {
    if (address.len == 4) {
        snprintf(out, MR_DNS_NAME_TEXT, "%u.%u.%u.%u.in-addr.arpa", address.data[3],
                 address.data[2], address.data[1], address.data[0]);
        return out;
    }
    static const char hex[] = "0123456789abcdef";
    char *p = out;
    for (size_t i = address.len < 16 ? address.len : 16; i-- > 0;) {
        *p++ = hex[address.data[i] & 15];
        *p++ = '.';
        *p++ = hex[address.data[i] >> 4];
        *p++ = '.';
    }
    snprintf(p, MR_DNS_NAME_TEXT - (size_t)(p - out), "ip6.arpa");
    return out;
}

static const struct {
    const char *name;
    uint16_t type;
} types[] = {
    {"A", MR_DNS_A},     {"NS", MR_DNS_NS},     {"CNAME", MR_DNS_CNAME}, {"SOA", MR_DNS_SOA},
    {"PTR", MR_DNS_PTR}, {"MX", MR_DNS_MX},     {"TXT", MR_DNS_TXT},     {"AAAA", MR_DNS_AAAA},
    {"SRV", MR_DNS_SRV}, {"OPT", MR_DNS_OPT},   {"ANY", MR_DNS_ANY},
};

const char *mr_dns_type_name(uint16_t type, char out[16]) {
    for (size_t i = 0; i < MR_COUNT(types); i++)
        if (types[i].type == type)
            return types[i].name;
    snprintf(out, 16, "TYPE%u", type);
    return out;
}

int mr_dns_type_decode(mr_slice text, uint16_t *typep) {
    uint64_t number;

    for (size_t i = 0; i < MR_COUNT(types); i++)
        if (mr_slice_eq_nocase(text, mr_slice_str(types[i].name))) {
            *typep = types[i].type;
            return 0;
        }
    if (text.len <= 4 || !mr_slice_eq_nocase(mr_slice_of(text.data, 4), MR_SLICE_LIT("TYPE")) ||
        mr_slice_get_number(mr_slice_of(text.data + 4, text.len - 4), UINT16_MAX, &number) != 0)
        return MR_ERR_SYNTAX;
    *typep = (uint16_t)number;
    return 0;
}

const char *mr_dns_rcode_name(uint16_t rcode, char out[16]) {
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
                                        "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
                                        "NOTZONE"};

    if (rcode < MR_COUNT(names))
        return names[rcode];
    if (rcode == 16)
        return "BADVERS";
    snprintf(out, 16, "RCODE%u", rcode);
    return out;
}

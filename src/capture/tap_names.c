/*
 * Names as services of names speak of them: DNS (RFC 1035) over UDP and TCP, LLMNR (RFC 4795), mDNS
 * (RFC 6762) and the NetBIOS name service (RFC 1002 4.2), whose messages have DNS's form with other
 * numbers. Each message becomes one record, whatever it says; node status is left out, for it asks
 * for no address. A message that breaks its form is `unread`, one that the capture cut `cut`: what
 * its head and its question say is kept.
 */
#include "tap_net.h"

#define HEAD 12                 /* octets before the question */
#define ENCODED (2 * MR_NBT_NAME)
#define TYPE_STATUS 0x21        /* NetBIOS; DNS has SRV there */
#define TYPE_NB 0x20
#define NB_ENTRY 6              /* flags and an address */
#define QUESTION_ROOM (HEAD + 260)

struct message {
    const tap_place *place;
    enum mr_seen_names service;
    mr_slice bytes;
    mr_dns_message dns;
    bool unread, cut;
};

int mr_tap_names_service(uint16_t sport, uint16_t dport) {
    static const struct {
        uint16_t port;
        enum mr_seen_names service;
    } services[] = {
        {53, MR_SEEN_DNS}, {5355, MR_SEEN_LLMNR}, {5353, MR_SEEN_MDNS}, {137, MR_SEEN_NBNS},
    };

    for (size_t i = 0; i < MR_COUNT(services); i++)
        if (sport == services[i].port || dport == services[i].port)
            return services[i].service;
    return -1;
}

/* The head and the question of a message that cannot be read to its end. */
static void read_question(struct message *m, mr_arena *scratch) {
    uint8_t octets[QUESTION_ROOM];
    mr_slice part = mr_slice_sub(m->bytes, 0, sizeof octets);
    mr_error err;

    m->dns = (mr_dns_message){.id = (uint16_t)(part.data[0] << 8 | part.data[1])};
    memcpy(octets, part.data, part.len);
    memset(octets + 4, 0, HEAD - 4);
    octets[5] = part.data[4] != 0 || part.data[5] != 0;
    mr_dns_message dns;
    if (mr_dns_decode(mr_slice_of(octets, part.len), scratch, &dns, &err) == 0) {
        m->dns = dns;
        return;
    }
    octets[5] = 0;
    if (mr_dns_decode(mr_slice_of(octets, part.len), scratch, &dns, &err) == 0)
        m->dns = dns;
}

/* A NetBIOS name from its 32 letters (RFC 1001 14.1), padding and suffix taken off; NULL when it is
 * none. A name of octets that are not letters is shown by the text they make. */
static const char *nb_name(mr_tap_ctx *ctx, const char *label, uint8_t *suffixp) {
    uint8_t name[MR_NBT_NAME];

    if (label == NULL || strnlen(label, ENCODED) < ENCODED ||
        (label[ENCODED] != '\0' && label[ENCODED] != '.'))
        return NULL;
    for (size_t i = 0; i < ENCODED; i++) {
        unsigned nibble = (unsigned)(label[i] - 'A');
        if (nibble > 15)
            return NULL;
        name[i / 2] = (uint8_t)(i & 1 ? name[i / 2] | nibble : nibble << 4);
    }
    *suffixp = name[MR_NBT_NAME - 1];
    mr_slice text = mr_nbt_name_trim(name);
    while (text.len > 0 && text.data[text.len - 1] == 0) /* "*" is padded with zeros */
        text.len--;
    return mr_tap_text(ctx, text);
}

static const char *name_text(struct message *m, const char *name) {
    uint8_t suffix;

    if (m->service == MR_SEEN_NBNS)
        return nb_name(m->place->ctx, name, &suffix);
    return mr_tap_str(m->place->ctx, name);
}

static mr_ip ip_of(mr_slice octets) {
    mr_ip ip = {.family = octets.len == 4 ? 4 : 6};

    memcpy(ip.host.octets, octets.data, octets.len);
    return ip;
}

/* What a record says that matters here; false: nothing. */
static bool read_record(struct message *m, const mr_dns_record *from, mr_seen_record *to) {
    mr_tap_ctx *ctx = m->place->ctx;

    switch (from->type) {
    case MR_DNS_A:
    case MR_DNS_AAAA:
        if (from->data.len != (from->type == MR_DNS_A ? 4u : 16u))
            return false;
        to->address = ip_of(from->data);
        return true;
    case MR_DNS_CNAME:
    case MR_DNS_NS:
    case MR_DNS_PTR:
        to->target = from->u.target ? mr_tap_str(ctx, from->u.target) : NULL;
        return true;
    case MR_DNS_SRV:
        to->target = from->u.srv.target ? mr_tap_str(ctx, from->u.srv.target) : NULL;
        to->port = from->u.srv.port;
        return true;
    case MR_DNS_SOA:
        to->target = from->u.soa.primary ? mr_tap_str(ctx, from->u.soa.primary) : NULL;
        return true;
    default: /* any of the registry: it has a name and a type */
        return true;
    }
}

/* Addresses of a NetBIOS name: each is a record. */
static uint32_t read_nb(const mr_dns_record *from, mr_seen_record to, mr_seen_record *records,
                        uint32_t room) {
    uint32_t count = 0;

    to.type = MR_DNS_A;
    for (size_t at = 0; at + NB_ENTRY <= from->data.len && count < room; at += NB_ENTRY) {
        to.address = ip_of(mr_slice_of(from->data.data + at + 2, 4));
        records[count++] = to;
    }
    return count;
}

static bool wanted(const struct message *m, const mr_dns_record *record,
                   enum mr_seen_section section) {
    switch (section) {
    case MR_SEEN_IN_ANSWER:
        return true;
    case MR_SEEN_IN_AUTHORITY:
        return record->type == MR_DNS_SOA || record->type == MR_DNS_NS;
    case MR_SEEN_IN_ADDITIONAL:
        return record->type == MR_DNS_A || record->type == MR_DNS_AAAA ||
               (m->service == MR_SEEN_NBNS && record->type == TYPE_NB);
    }
    return false;
}

static uint32_t read_section(struct message *m, const mr_dns_record *from, size_t count,
                             enum mr_seen_section section, mr_seen_record *records,
                             uint32_t done) {
    for (size_t i = 0; i < count && done < MR_SEEN_RECORDS; i++) {
        mr_seen_record to = {.type = from[i].type, .section = (uint8_t)section,
                             .ttl = from[i].ttl};

        if (!wanted(m, &from[i], section))
            continue;
        to.name = i > 0 && from[i].name == from[i - 1].name && done > 0
            ? records[done - 1].name : name_text(m, from[i].name);
        if (m->service == MR_SEEN_NBNS && from[i].type == TYPE_NB)
            done += read_nb(&from[i], to, records + done, MR_SEEN_RECORDS - done);
        else if (read_record(m, &from[i], &to))
            records[done++] = to;
    }
    return done;
}

/* How many records there can be, so that no more memory is taken than that. */
static uint32_t records_most(const mr_dns_message *dns, bool netbios) {
    size_t count = dns->answer_count + dns->authority_count + dns->additional_count;

    for (size_t i = 0; netbios && i < dns->answer_count; i++)
        count += dns->answers[i].data.len / NB_ENTRY;
    for (size_t i = 0; netbios && i < dns->additional_count; i++)
        count += dns->additional[i].data.len / NB_ENTRY;
    return count < MR_SEEN_RECORDS ? (uint32_t)count : MR_SEEN_RECORDS;
}

static int read_records(struct message *m, mr_seen_name *name) {
    const mr_dns_message *dns = &m->dns;
    uint32_t most = records_most(dns, m->service == MR_SEEN_NBNS), done;
    mr_seen_record records[MR_SEEN_RECORDS];

    if (most == 0)
        return 0;
    done = read_section(m, dns->answers, dns->answer_count, MR_SEEN_IN_ANSWER, records, 0);
    done = read_section(m, dns->authority, dns->authority_count, MR_SEEN_IN_AUTHORITY, records,
                        done);
    done = read_section(m, dns->additional, dns->additional_count, MR_SEEN_IN_ADDITIONAL, records,
                        done);
    if (done == 0)
        return 0;
    mr_seen_record *kept = mr_tap_alloc(m->place->ctx, done, sizeof *kept);
    if (kept == NULL)
        return MR_ERR_MEMORY;
    memcpy(kept, records, done * sizeof *kept);
    name->records = kept;
    name->count = done;
    return 0;
}

static bool multicast(const mr_segment *segment) {
    const uint8_t *o = segment->dst.octets;

    if (segment->family == 6)
        return o[0] == 0xff;
    return o[0] >= 224; /* 224.0.0.0/4 and 255.255.255.255 */
}

/* The type of the question, or of the first record where there is no question, behind its name;
 * -1 when it is not there. */
static int first_type(mr_slice bytes) {
    size_t at = HEAD;

    while (at < bytes.len && bytes.data[at] != 0) {
        if ((bytes.data[at] & 0xc0) == 0xc0) {
            at++;
            break;
        }
        at += bytes.data[at] + 1u;
    }
    return at + 2 < bytes.len ? bytes.data[at + 1] << 8 | bytes.data[at + 2] : -1;
}

static int add_message(struct message *m) {
    const mr_dns_message *dns = &m->dns;
    const tap_place *place = m->place;
    bool netbios = m->service == MR_SEEN_NBNS;
    const char *label = dns->question;
    mr_seen_name name = {
        .service = m->service, .id = dns->id, .type = dns->question_type, .rcode = dns->rcode,
        .opcode = dns->opcode, .truncated = dns->truncated, .authoritative = dns->authoritative,
        .recursion_available = dns->recursion_available, .tcp = place->segment == NULL,
        .unread = m->unread, .cut = m->cut,
        .answers = (uint16_t)(m->bytes.data[6] << 8 | m->bytes.data[7]),
    };

    if (label == NULL && dns->answer_count > 0) { /* NetBIOS and mDNS answer without it */
        label = dns->answers[0].name;
        name.type = dns->answers[0].type;
    }
    if (netbios) {
        name.name = nb_name(place->ctx, label, &name.suffix);
        name.type = MR_DNS_A;
        name.broadcast = m->bytes.data[3] & 0x10;
    } else {
        name.name = mr_tap_str(place->ctx, label);
        name.broadcast = place->segment != NULL && multicast(place->segment);
    }
    int rc = read_records(m, &name);
    if (rc != 0)
        return rc;
    mr_seen *seen = mr_tap_place_add(place, dns->response ? MR_SEEN_ANSWER : MR_SEEN_QUESTION);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.name = name;
    return 0;
}

int mr_tap_names_message(const tap_place *place, enum mr_seen_names service, mr_slice bytes,
                         size_t len) {
    struct message m = {.place = place, .service = service, .bytes = bytes};
    struct mr_tap_net *net = mr_tap_net_get(place->ctx);
    mr_error err;

    if (bytes.len < HEAD)
        return 0;
    if (service == MR_SEEN_NBNS && first_type(bytes) == TYPE_STATUS)
        return 0;
    if (net == NULL)
        return MR_ERR_MEMORY;
    mr_arena *scratch = &net->scratch;
    mr_arena_reset(scratch);
    m.cut = bytes.len < len;
    int rc = m.cut ? MR_ERR_TRUNCATED : mr_dns_decode(bytes, scratch, &m.dns, &err);
    if (rc == MR_ERR_MEMORY)
        return rc;
    m.unread = rc != 0 && !m.cut;
    if (rc != 0)
        read_question(&m, scratch);
    return add_message(&m);
}

/* ---- over TCP ---- */

#define TCP_HEAD 2
#define TCP_MAX (TCP_HEAD + 65535)

struct names {
    mr_tap tap;
    enum mr_seen_names service;
    tap_frames frames[2];
};

/* A length, then the head of a message: no more questions than there is room for, a known opcode,
 * the reserved bit zero (RFC 1035 4.1.1, 4.2.2). */
static int names_measure(mr_slice head, size_t *lenp) {
    size_t len = (size_t)head.data[0] << 8 | head.data[1];
    unsigned opcode = head.data[4] >> 3 & 15, questions = head.data[6] << 8 | head.data[7];

    if (len < HEAD || opcode > 6 || (head.data[5] & 0x40) || questions > 16)
        return MR_ERR_MALFORMED;
    *lenp = TCP_HEAD + len;
    return 0;
}

static int names_frame(mr_tap *tap, const tap_place *place, mr_slice octets, size_t len) {
    return mr_tap_names_message(place, ((struct names *)tap)->service,
                                mr_slice_sub(octets, TCP_HEAD, SIZE_MAX), len - TCP_HEAD);
}

static const tap_framing names_framing = {TCP_HEAD + HEAD, TCP_MAX, names_measure, names_frame};

static bool is_stream_service(int service) {
    return service == MR_SEEN_DNS || service == MR_SEEN_LLMNR;
}

static enum mr_tap_verdict names_recognise(const mr_tap_head *head, bool *turnedp) {
    size_t len;

    if (!is_stream_service(mr_tap_names_service(head->client_port, head->server_port)))
        return MR_TAP_NO;
    if (head->head.len < names_framing.head)
        return MR_TAP_MORE;
    if (names_measure(head->head, &len) != 0)
        return MR_TAP_NO;
    bool response = head->head.data[TCP_HEAD + 2] & 0x80;
    *turnedp = response != (head->dir == MR_DIR_TO_CLIENT);
    return MR_TAP_YES;
}

static int names_init(mr_tap *tap) {
    struct names *names = (struct names *)tap;

    names->service = (enum mr_seen_names)mr_tap_names_service(tap->flow->port[0],
                                                              tap->flow->port[1]);
    return 0;
}

static int names_feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    struct names *names = (struct names *)tap;

    return mr_tap_frames_feed(&names->frames[dir], &names_framing, tap, dir, octets, at);
}

static int names_gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    struct names *names = (struct names *)tap;

    (void)at;
    mr_tap_frames_gap(&names->frames[dir], &names_framing, len);
    return 0;
}

static void names_deinit(mr_tap *tap) {
    struct names *names = (struct names *)tap;

    mr_tap_frames_deinit(&names->frames[0]);
    mr_tap_frames_deinit(&names->frames[1]);
}

const mr_tap_class mr_tap_names = {
    .name = "dns",
    .service = MR_SEEN_IS_DNS,
    .size = sizeof(struct names),
    .recognise = names_recognise,
    .init = names_init,
    .feed = names_feed,
    .gap = names_gap,
    .deinit = names_deinit,
};

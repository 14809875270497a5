/*
 * Observations written down: octets become mr_seen records as no analysis would order them, the
 * input of fuzz_story and of the test that makes allocations fail. A record is a kind and what it
 * consists of; octets that are missing are zero, numbers that name a thing count modulo the things
 * there are. Texts and lists live until the record was taken, as the contract says.
 */
#ifndef STORY_SCRIPT_H
#define STORY_SCRIPT_H

#include <msrpc/trace.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STORY_PACKETS 256
#define STORY_FILES 2
#define STORY_TEXTS 4
#define STORY_ITEMS 4

static const char *const story_pool[] = {
    "dc1.lab.test", "srv.lab.test", "dc1", "lab.test", "_ldap._tcp.dc._msdcs.lab.test", "LAB",
    "cifs/dc1.lab.test", "krbtgt/LAB.TEST", "\\pipe\\samr", "samr", "administrator", "",
    "\x1b[31mred", "\xff\xfe", "';|&$(x)", "the stream ends within a PDU",
};

typedef struct story_script {
    const uint8_t *octets;
    size_t len;
    mr_nsec now;
    uint64_t order;
    bool cited[STORY_FILES][STORY_PACKETS]; /* packets that were given */
    char *texts[64];                        /* of the record at hand */
    size_t text_count;
    mr_flow_seen tcp;
    mr_seen_record records[STORY_ITEMS];
    mr_seen_endpoint endpoints[STORY_ITEMS];
    mr_seen_context contexts[STORY_ITEMS];
    mr_seen_eerr eerr[STORY_ITEMS];
    const char *names[STORY_ITEMS];
} story_script;

static inline uint8_t story_u8(story_script *s) {
    if (!s->len)
        return 0;
    s->len--;
    return *s->octets++;
}

static inline uint32_t story_u16(story_script *s) {
    uint32_t low = story_u8(s);
    return low | (uint32_t)story_u8(s) << 8;
}

static inline uint32_t story_u32(story_script *s) {
    uint32_t low = story_u16(s);
    return low | story_u16(s) << 16;
}

static inline bool story_bool(story_script *s) {
    return story_u8(s) & 1;
}

/* A text of its own, which is freed when the record was taken; or none. */
static inline const char *story_text(story_script *s) {
    uint8_t which = story_u8(s);
    if (which >= 0xf0 || s->text_count == MR_COUNT(s->texts))
        return NULL;
    char *copy = strdup(story_pool[which % MR_COUNT(story_pool)]);
    if (copy)
        s->texts[s->text_count++] = copy;
    return copy;
}

static inline uint64_t story_packet(story_script *s, uint16_t file) {
    uint8_t number = story_u8(s);
    if (number)
        s->cited[file][number] = true;
    return number;
}

/* Half a minute before or after now, in steps of a quarter of a second. */
static inline mr_nsec story_time(story_script *s) {
    int8_t steps = (int8_t)story_u8(s);
    return s->now + steps * (mr_nsec)250 * MR_MSEC;
}

static inline mr_ip story_ip(uint8_t which) {
    mr_ip ip = {.family = which & 8 ? 6 : 4};
    memcpy(ip.host.octets, (uint8_t[]){10, 1, 0, which & 7}, 4);
    return ip;
}

static inline mr_uuid story_uuid(story_script *s) {
    static const mr_uuid known[] = {
        {0xe1af8308, 0x5d1f, 0x11c9, {0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa}},
        {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}},
        {0xafa8bd80, 0x7d8a, 0x11c9, {0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89}},
        {0, 0, 0, {0}},
        {0x11223344, 0x5566, 0x7788, {1, 2, 3, 4, 5, 6, 7, 8}},
    };
    return known[story_u8(s) % MR_COUNT(known)];
}

static inline uint16_t story_port(uint8_t which) {
    static const uint16_t ports[] = {135, 445, 139, 49154, 49664, 88, 53, 389, 80, 443, 593, 8080};
    return ports[which % MR_COUNT(ports)];
}

static inline uint32_t story_status(story_script *s) {
    static const uint32_t known[] = {0, 5, 0xc0000022, 0x16c9a0d6, 0x1c010002, 0x1c010003, 0x6ba,
                                     0xc000006d, 0xc0000034, 0xc00000cc, 0x80070005, 8453, 0x721};
    uint8_t which = story_u8(s);
    return which < 0xf0 ? known[which % MR_COUNT(known)] : story_u32(s);
}

static inline void story_side(story_script *s, mr_flow_side_seen *side, uint16_t file) {
    uint8_t has = story_u8(s);

    side->packets = story_u8(s);
    side->octets = has & 1 ? story_u16(s) : 0;
    side->missing = has & 2 ? story_u8(s) : 0;
    side->first_packet = story_packet(s, file);
    side->ttl = side->ttl_min = side->ttl_max = story_u8(s);
    if (has & 4) {
        side->syn_packet = story_packet(s, file);
        side->syn_last_packet = story_packet(s, file);
        side->syn_time = story_time(s);
        side->syns = story_u8(s);
        for (size_t i = 0; i < MR_FLOW_TIMES; i++)
            side->syn_delay[i] = i + 1 < side->syns ? (uint32_t)(i + 1) * 1000000 : 0;
    }
    if (has & 8) {
        side->fin_packet = story_packet(s, file);
        side->fin_time = story_time(s);
    }
    if (has & 16) {
        side->retransmits = story_u8(s);
        side->spurious = side->retransmits / 2;
        side->retransmit_packet = story_packet(s, file);
        side->retransmit_last_packet = story_packet(s, file);
        side->stuck_len = story_u16(s);
        side->stuck_times = story_u8(s);
        side->stuck = story_bool(s);
        side->through = story_u16(s);
        side->unacked = story_u16(s);
        side->retransmit_last_time = side->stuck_time = story_time(s);
    }
    if (has & 32) {
        side->reset.packet = story_packet(s, file);
        side->reset.time = story_time(s);
        side->reset.count = 1;
        side->reset.ttl = story_u8(s);
        side->reset.usual_ttl = story_u8(s);
        side->reset.answers_syn = story_bool(s);
    }
    if (has & 64) {
        side->zero_packet = story_packet(s, file);
        side->zero_longest = story_u8(s) * MR_SEC;
        side->zero_open = story_bool(s);
        side->challenge_acks = story_u8(s) & 3;
    }
}

static inline void story_end(story_script *s, mr_seen *seen) {
    mr_seen_end *end = &seen->u.end;
    mr_flow_seen *tcp = &s->tcp;
    uint8_t has = story_u8(s);

    *tcp = (mr_flow_seen){.id = seen->flow};
    for (int i = 0; i < 2; i++)
        story_side(s, &tcp->side[i], seen->file);
    tcp->first = story_time(s);
    tcp->last = story_time(s);
    if (has & 1) {
        tcp->opened = story_time(s);
        tcp->opened_packet = story_packet(s, seen->file);
    }
    if (has & 2) {
        tcp->icmp = 1;
        tcp->icmp_type = story_u8(s);
        tcp->icmp_code = story_u8(s);
        tcp->icmp_packet = story_packet(s, seen->file);
    }
    if (has & 4) {
        tcp->idle_longest = story_u8(s) * MR_SEC;
        tcp->idle_packet = story_packet(s, seen->file);
    }
    tcp->one_way = has & 8;
    tcp->truncated = has & 16;
    end->tcp = tcp;
    end->service = story_u8(s) % (MR_SEEN_OTHER + 1);
    end->calls = story_u8(s);
    end->faults = story_u8(s);
    end->unanswered = story_u8(s);
    end->interface = story_uuid(s);
    end->auth_type = story_u8(s);
    end->auth_level = story_u8(s);
    end->pipe = story_text(s);
}

static inline uint16_t story_type(story_script *s) {
    static const uint16_t types[] = {1, 28, 33, 5, 6, 2, 12};
    return types[story_u8(s) % MR_COUNT(types)];
}

static inline void story_record(story_script *s, mr_seen_record *record) {
    *record = (mr_seen_record){.type = story_type(s)};
    record->section = story_u8(s) % 3;
    record->ttl = story_u8(s);
    record->name = story_text(s);
    record->address = story_ip(story_u8(s));
    record->target = story_text(s);
}

static inline void story_name(story_script *s, mr_seen *seen) {
    mr_seen_name *n = &seen->u.name;
    uint8_t has = story_u8(s);

    n->service = story_u8(s) % (MR_SEEN_NBNS + 1);
    n->type = story_type(s);
    n->rcode = story_u8(s) % 11;
    n->suffix = story_u8(s);
    n->broadcast = has & 1;
    n->authoritative = has & 2;
    n->recursion_available = has & 4;
    n->unread = has & 8;
    n->name = story_text(s);
    n->records = s->records;
    n->count = story_u8(s) % (STORY_ITEMS + 1);
    for (uint32_t i = 0; i < n->count; i++)
        story_record(s, &s->records[i]);
}

static inline void story_map(story_script *s, mr_seen *seen) {
    mr_seen_map *map = &seen->u.map;

    map->lookup = story_bool(s);
    map->request_known = story_bool(s);
    map->asked = story_uuid(s);
    map->status = story_status(s);
    map->endpoints = s->endpoints;
    map->count = story_u8(s) % (STORY_ITEMS + 1);
    for (uint32_t i = 0; i < map->count; i++) {
        mr_seen_endpoint *e = &s->endpoints[i];
        *e = (mr_seen_endpoint){.protseq = MR_PROTSEQ_NCACN_IP_TCP, .interface = story_uuid(s)};
        e->address = story_ip(story_u8(s));
        e->port = story_port(story_u8(s));
        e->host = seen->kind == MR_SEEN_OXID ? story_text(s) : NULL;
    }
}

static inline uint32_t story_eerr(story_script *s) {
    uint32_t count = story_u8(s) % (STORY_ITEMS + 1);
    for (uint32_t i = 0; i < count; i++) {
        mr_seen_eerr *e = &s->eerr[i];
        e->computer = story_text(s);
        e->component = story_u8(s);
        e->status = story_status(s);
        e->location = story_u8(s);
    }
    return count;
}

static inline void story_bind(story_script *s, mr_seen *seen) {
    mr_seen_bind *bind = &seen->u.bind;

    bind->alter = story_bool(s);
    bind->contexts = s->contexts;
    bind->count = (uint16_t)(story_u8(s) % (STORY_ITEMS + 1));
    bind->size = story_u16(s);
    bind->auth_type = story_u8(s);
    bind->auth_level = story_u8(s);
    for (uint16_t i = 0; i < bind->count; i++) {
        mr_seen_context *c = &s->contexts[i];
        *c = (mr_seen_context){.abstract = {.uuid = story_uuid(s)}};
        c->features = story_u8(s) > 200;
        c->result = story_u8(s) & 3;
        c->reason = story_u8(s) & 3;
    }
}

static inline void story_call(story_script *s, mr_seen *seen) {
    mr_seen_call *call = &seen->u.call;

    call->interface = story_uuid(s);
    call->known = story_bool(s);
    call->opnum = story_u8(s);
    call->status = story_status(s);
    call->ms = story_u16(s);
    call->bytes = story_u16(s);
    call->acked = story_bool(s);
    call->partial = story_bool(s);
    call->request = story_packet(s, seen->file);
    call->eerr = s->eerr;
    call->eerr_count = story_eerr(s);
}

static inline void story_krb(story_script *s, mr_seen *seen) {
    static const uint8_t errors[] = {6, 7, 25, 37, 52, 14, 24, 18, 68, 31, 60, 0};
    mr_seen_krb *krb = &seen->u.krb;

    krb->kind = story_u8(s) % (MR_SEEN_KRB_ERROR + 1);
    krb->in_rpc = story_bool(s);
    krb->realm = story_text(s);
    krb->client = story_text(s);
    krb->server = story_text(s);
    krb->error = errors[story_u8(s) % MR_COUNT(errors)];
    krb->ntstatus = story_status(s);
    krb->server_time = story_time(s) + story_u8(s) * 60 * MR_SEC;
}

static inline void story_smb(story_script *s, mr_seen *seen) {
    mr_seen_smb *smb = &seen->u.smb;

    smb->kind = story_u8(s) % (MR_SEEN_SMB_ENCRYPTED + 1);
    smb->version = 1 + story_bool(s);
    smb->command = story_u8(s);
    smb->dialect = (uint16_t)(story_bool(s) ? 0x0311 : 0x0202);
    smb->status = story_status(s);
    smb->signing = story_bool(s);
    smb->clock = story_time(s);
    smb->text = story_text(s);
}

static inline void story_ntlm(story_script *s, mr_seen *seen) {
    mr_seen_ntlm *ntlm = &seen->u.ntlm;

    ntlm->type = story_u8(s) % 4;
    ntlm->domain = story_text(s);
    ntlm->user = story_text(s);
    ntlm->workstation = story_text(s);
    ntlm->netbios_domain = story_text(s);
    ntlm->dns_host = story_text(s);
    ntlm->target = story_text(s);
    ntlm->clock = story_time(s);
    ntlm->anonymous = story_bool(s);
}

static inline void story_http(story_script *s, mr_seen *seen) {
    static const uint16_t statuses[] = {0, 200, 401, 403, 404, 407, 413, 500, 502, 503};
    mr_seen_http *http = &seen->u.http;

    http->method = story_text(s);
    http->target = story_text(s);
    http->reason = story_text(s);
    http->status = statuses[story_u8(s) % MR_COUNT(statuses)];
    http->rpc_error = story_status(s);
    http->rpc_in = story_bool(s);
    http->rpc_out = story_bool(s);
    http->challenge = story_bool(s);
    http->credentials = story_bool(s);
    http->banner_missing = story_bool(s);
}

static inline void story_tls(story_script *s, mr_seen *seen) {
    mr_seen_tls *tls = &seen->u.tls;

    tls->kind = story_u8(s) % (MR_SEEN_TLS_CERTIFICATE + 1);
    tls->level = story_u8(s);
    tls->alert = story_u8(s);
    tls->from_server = story_bool(s);
    tls->sni = story_text(s);
    tls->subject = story_text(s);
    tls->names = s->names;
    tls->name_count = story_u8(s) % (STORY_ITEMS + 1);
    for (uint32_t i = 0; i < tls->name_count; i++) {
        const char *name = story_text(s);
        s->names[i] = name ? name : "";
    }
    tls->not_before = story_time(s);
    tls->not_after = story_time(s);
}

static inline void story_icmp(story_script *s, mr_seen *seen) {
    seen->u.icmp = (mr_seen_icmp){.family = 4, .has_ports = true, .type = story_u8(s)};
    seen->u.icmp.code = story_u8(s);
    seen->u.icmp.protocol = story_bool(s) ? 17 : 6;
    seen->u.icmp.from = story_ip(story_u8(s));
    seen->u.icmp.to = story_ip(story_u8(s));
    seen->u.icmp.to_port = story_port(story_u8(s));
}

static inline void story_arp(story_script *s, mr_seen *seen) {
    seen->u.arp = (mr_seen_arp){.reply = story_bool(s), .mac = {0, 1, 2, 3, 4, 5}};
    seen->u.arp.sender = story_ip(story_u8(s));
    seen->u.arp.target = story_ip(story_u8(s));
    seen->u.arp.mac[5] = story_u8(s);
}

static inline void story_ike(story_script *s, mr_seen *seen) {
    seen->u.ike = (mr_seen_ike){.version = 1 + story_bool(s)};
    seen->u.ike.exchange = story_u8(s);
    seen->u.ike.answer = story_bool(s);
    seen->u.ike.agreed = story_bool(s);
    seen->u.ike.sealed = story_bool(s);
    seen->u.ike.error = story_u8(s);
}

static inline void story_body(story_script *s, mr_seen *seen) {
    switch (seen->kind) {
    case MR_SEEN_QUESTION:
    case MR_SEEN_ANSWER: story_name(s, seen); break;
    case MR_SEEN_END: story_end(s, seen); break;
    case MR_SEEN_CLOSED:
        story_end(s, seen);
        seen->u.end.tcp = NULL;
        break;
    case MR_SEEN_ICMP: story_icmp(s, seen); break;
    case MR_SEEN_ARP: story_arp(s, seen); break;
    case MR_SEEN_FRAGMENTS:
        seen->u.fragments.protocol = story_bool(s) ? 17 : 6;
        break;
    case MR_SEEN_IKE: story_ike(s, seen); break;
    case MR_SEEN_ESP:
        seen->u.esp.count = 1 + story_bool(s);
        seen->u.esp.repeats = story_bool(s);
        break;
    case MR_SEEN_MAP:
    case MR_SEEN_OXID: story_map(s, seen); break;
    case MR_SEEN_BIND:
    case MR_SEEN_BOUND: story_bind(s, seen); break;
    case MR_SEEN_NAK:
        seen->u.nak = (mr_seen_nak){.reason = story_u8(s), .eerr = s->eerr};
        seen->u.nak.interface = story_uuid(s);
        seen->u.nak.auth_type = story_u8(s);
        seen->u.nak.eerr_count = story_eerr(s);
        break;
    case MR_SEEN_FAULT:
    case MR_SEEN_RETURNED:
    case MR_SEEN_UNANSWERED:
    case MR_SEEN_SLOW:
    case MR_SEEN_CANCEL: story_call(s, seen); break;
    case MR_SEEN_FOREIGN:
    case MR_SEEN_DAMAGE:
        seen->u.foreign.guess = story_u8(s) % (MR_FOREIGN_LDAP + 1);
        seen->u.foreign.text = story_text(s);
        break;
    case MR_SEEN_NTLM: story_ntlm(s, seen); break;
    case MR_SEEN_KERBEROS: story_krb(s, seen); break;
    case MR_SEEN_SPNEGO:
        seen->u.spnego.rejected = story_bool(s);
        seen->u.spnego.offered = story_u8(s);
        seen->u.spnego.chosen = story_u8(s);
        break;
    case MR_SEEN_SMB: story_smb(s, seen); break;
    case MR_SEEN_HTTP: story_http(s, seen); break;
    case MR_SEEN_RTS:
        seen->u.rts.in = story_bool(s);
        seen->u.rts.out = story_bool(s);
        seen->u.rts.conn = story_u8(s) & 7;
        break;
    case MR_SEEN_TLS: story_tls(s, seen); break;
    case MR_SEEN_GAP:
        seen->u.gap.missing = story_u8(s);
        break;
    case MR_SEEN_BEGIN:
    case MR_SEEN_AUTH3:
    case MR_SEEN_SHUTDOWN:
    case MR_SEEN_STUB:
    case MR_SEEN_KEY: break;
    }
}

/* The next record; false at the end of the octets. */
static inline bool story_next(story_script *s, mr_seen *seen) {
    if (!s->len)
        return false;
    *seen = (mr_seen){.kind = story_u8(s) % (MR_SEEN_STUB + 1)};
    uint8_t flow = story_u8(s), has = story_u8(s);
    s->now += story_u8(s) * 100 * MR_MSEC;
    seen->via = (has & 3) % (MR_SEEN_HTTP_RPC + 1);
    seen->file = has & 4 ? 1 : 0;
    seen->to_client = has & 8;
    seen->ttl = has & 16 ? 64 : 128;
    seen->time = has & 32 ? story_time(s) : s->now;
    if (flow & 15) /* a connection lies in one file */
        seen->file = flow >> 3 & 1;
    seen->packet = story_packet(s, seen->file);
    seen->order = ++s->order;
    seen->flow = flow & 15;
    seen->client = story_ip(flow & 1);
    seen->server = story_ip(2 + (flow >> 1 & 3));
    seen->client_port = 50000 + (flow & 15);
    seen->server_port = story_port(flow >> 4);
    if (has & 64)
        seen->pipe = story_text(s);
    story_body(s, seen);
    return true;
}

/* The record was taken: what it pointed to is gone. */
static inline void story_taken(story_script *s) {
    while (s->text_count)
        free(s->texts[--s->text_count]);
    memset(s->records, 0xa5, sizeof s->records);
    memset(s->names, 0, sizeof s->names);
}

#endif

/*
 * PACTYPE (MS-PAC 2.3) and the buffers that say who the client is: KERB_VALIDATION_INFO (2.5),
 * which is NDR in a type serialization of version 1 (MS-RPCE 2.2.6.1), the client's name (2.7) and
 * UPN_DNS_INFO (2.10). All of it is little-endian.
 */
#include <inttypes.h>
#include <stdio.h>

#include <msrpc/wire/pac.h>

enum { /* ulType, 2.4 */
    LOGON_INFO = 1,
    CLIENT_INFO = 10,
    UPN_DNS_INFO = 12,
};

#define BUFFERS_MAX 64
#define SIDS_MAX 4096
#define NAME_MAX_UNITS 1024

struct reader {
    mr_arena *arena;
    int result; /* MR_ERR_MEMORY sticks */
};

/* ---- SIDs ---- */

bool mr_sid_eq(const mr_sid *a, const mr_sid *b) {
    return a->authority == b->authority && a->count == b->count &&
           memcmp(a->sub, b->sub, a->count * sizeof a->sub[0]) == 0;
}

const char *mr_sid_text(const mr_sid *sid, char text[MR_SID_TEXT]) {
    const char *form = sid->authority >> 32 ? "S-1-0x%" PRIx64 : "S-1-%" PRIu64;
    int len = snprintf(text, MR_SID_TEXT, form, sid->authority);

    for (uint8_t i = 0; i < sid->count && i < MR_SID_SUBS; i++)
        len += snprintf(text + len, (size_t)(MR_SID_TEXT - len), "-%" PRIu32, sid->sub[i]);
    return text;
}

/* RPC_SID (MS-DTYP 2.4.2.3): its size stands before it. */
static mr_sid read_sid(mr_cursor *c) {
    mr_sid sid = {0};

    mr_cursor_align(c, 0, 4);
    uint32_t size = mr_cursor_read_u32(c);
    if (mr_cursor_read_u8(c) != 1)
        mr_cursor_poison(c);
    sid.count = mr_cursor_read_u8(c);
    if (sid.count > MR_SID_SUBS || sid.count != size) {
        mr_cursor_poison(c);
        return (mr_sid){0};
    }
    for (int i = 0; i < 6; i++) /* the one number in network order */
        sid.authority = sid.authority << 8 | mr_cursor_read_u8(c);
    for (uint8_t i = 0; i < sid.count; i++)
        sid.sub[i] = mr_cursor_read_u32(c);
    return sid;
}

/* That of @rid in @domain; false when it is full. */
static bool in_domain(const mr_sid *domain, uint32_t rid, mr_sid *sidp) {
    *sidp = *domain;
    if (sidp->count == MR_SID_SUBS)
        return false;
    sidp->sub[sidp->count++] = rid;
    return true;
}

/* ---- strings ---- */

static const char *keep_utf16(struct reader *r, mr_slice octets) {
    mr_buf text;

    mr_buf_init(&text, NULL, 0, 4 * NAME_MAX_UNITS);
    mr_utf16le_decode(octets, &text);
    char *kept = mr_buf_error(&text) ? NULL : mr_arena_add_str(r->arena, mr_buf_slice(&text));
    mr_buf_deinit(&text);
    if (!kept)
        r->result = MR_ERR_MEMORY;
    return kept ? kept : "";
}

/* The octets of a RPC_UNICODE_STRING whose pointer was not null (C706 14.3.4.2). */
static const char *read_string(struct reader *r, mr_cursor *c, bool there) {
    if (!there)
        return "";
    mr_cursor_align(c, 0, 4);
    (void)mr_cursor_read_u32(c); /* maximum */
    uint32_t offset = mr_cursor_read_u32(c), count = mr_cursor_read_u32(c);
    if (offset != 0 || count > NAME_MAX_UNITS) {
        mr_cursor_poison(c);
        return "";
    }
    mr_slice octets = mr_cursor_read(c, 2 * (size_t)count);
    return mr_cursor_ok(c) ? keep_utf16(r, octets) : "";
}

/* ---- KERB_VALIDATION_INFO ---- */

enum { /* its strings, in their order */
    EFFECTIVE_NAME, FULL_NAME, LOGON_SCRIPT, PROFILE_PATH, HOME_DIRECTORY, HOME_DRIVE,
    LOGON_SERVER, DOMAIN_NAME, STRINGS,
};

struct validation {
    bool strings[STRINGS]; /* whether the pointer is there */
    uint32_t user, primary_group, group_count, extra_count, resource_count;
    bool groups, domain, extra, resource_domain, resources;
    mr_cursor group_ids, extra_sids, resource_ids; /* what the pointers point to */
    uint32_t extra_given;
    mr_sid domain_sid, resource_sid;
};

static bool read_header(mr_cursor *c) {
    (void)mr_cursor_read_u16(c); /* length, maximum */
    (void)mr_cursor_read_u16(c);
    return mr_cursor_read_u32(c) != 0;
}

/* The fixed part. */
static void read_fixed(mr_cursor *c, struct validation *v) {
    mr_cursor_skip(c, 6 * 8); /* times */
    for (int i = EFFECTIVE_NAME; i <= HOME_DRIVE; i++)
        v->strings[i] = read_header(c);
    mr_cursor_skip(c, 4); /* counts of logons and bad passwords */
    v->user = mr_cursor_read_u32(c);
    v->primary_group = mr_cursor_read_u32(c);
    v->group_count = mr_cursor_read_u32(c);
    v->groups = mr_cursor_read_u32(c) != 0;
    mr_cursor_skip(c, 4 + 16); /* flags, session key */
    v->strings[LOGON_SERVER] = read_header(c);
    v->strings[DOMAIN_NAME] = read_header(c);
    v->domain = mr_cursor_read_u32(c) != 0;
    mr_cursor_skip(c, 8 + 4 + 28); /* reserved, account control, reserved */
    v->extra_count = mr_cursor_read_u32(c);
    v->extra = mr_cursor_read_u32(c) != 0;
    v->resource_domain = mr_cursor_read_u32(c) != 0;
    v->resource_count = mr_cursor_read_u32(c);
    v->resources = mr_cursor_read_u32(c) != 0;
}

/* An array of @count elements of 8 octets: its size stands before it. */
static mr_cursor read_array(mr_cursor *c, bool there, uint32_t *countp) {
    if (!there) {
        *countp = 0;
        return mr_cursor_of(MR_SLICE_NULL);
    }
    mr_cursor_align(c, 0, 4);
    if (mr_cursor_read_u32(c) != *countp || *countp > SIDS_MAX) {
        mr_cursor_poison(c);
        *countp = 0;
    }
    return mr_cursor_of(mr_cursor_read(c, 8 * (size_t)*countp));
}

/* The SIDs of an array stand behind it; the cursor that is given ends with them. */
static void skip_sids(mr_cursor *c, struct validation *v) {
    mr_cursor array = v->extra_sids;

    v->extra_sids = *c;
    for (uint32_t i = 0; i < v->extra_count && mr_cursor_ok(c); i++) {
        bool there = mr_cursor_read_u32(&array) != 0;
        mr_cursor_skip(&array, 4); /* attributes */
        if (!there)
            continue;
        (void)read_sid(c);
        v->extra_given++;
    }
}

static void read_pointed(struct reader *r, mr_cursor *c, struct validation *v, mr_pac *pac) {
    const char *texts[STRINGS];

    for (int i = EFFECTIVE_NAME; i <= HOME_DRIVE; i++)
        texts[i] = read_string(r, c, v->strings[i]);
    v->group_ids = read_array(c, v->groups, &v->group_count);
    texts[LOGON_SERVER] = read_string(r, c, v->strings[LOGON_SERVER]);
    texts[DOMAIN_NAME] = read_string(r, c, v->strings[DOMAIN_NAME]);
    if (v->domain)
        v->domain_sid = read_sid(c);
    v->extra_sids = read_array(c, v->extra, &v->extra_count);
    skip_sids(c, v);
    if (v->resource_domain)
        v->resource_sid = read_sid(c);
    v->resource_ids = read_array(c, v->resources, &v->resource_count);
    pac->user = texts[EFFECTIVE_NAME];
    pac->full_name = texts[FULL_NAME];
    pac->server = texts[LOGON_SERVER];
    pac->domain = texts[DOMAIN_NAME];
}

static void add_sid(mr_sid *sids, size_t *countp, const mr_sid *domain, uint32_t rid) {
    if (in_domain(domain, rid, &sids[*countp]))
        (*countp)++;
}

/* A user whose number is 0 is told among the extra SIDs (2.5). */
static void list_sids(struct reader *r, struct validation *v, mr_pac *pac) {
    size_t most = 2 + (size_t)v->group_count + v->extra_given + v->resource_count, count = 0;
    mr_sid *sids = mr_arena_get(r->arena, most, sizeof *sids);

    if (!sids) {
        r->result = MR_ERR_MEMORY;
        return;
    }
    if (v->domain && v->user)
        add_sid(sids, &count, &v->domain_sid, v->user);
    if (v->domain && v->primary_group)
        add_sid(sids, &count, &v->domain_sid, v->primary_group);
    for (uint32_t i = 0; v->domain && i < v->group_count; i++) {
        uint32_t rid = mr_cursor_read_u32(&v->group_ids);
        mr_cursor_skip(&v->group_ids, 4);
        if (rid != v->primary_group)
            add_sid(sids, &count, &v->domain_sid, rid);
    }
    for (uint32_t i = 0; i < v->extra_given; i++)
        sids[count++] = read_sid(&v->extra_sids);
    for (uint32_t i = 0; v->resource_domain && i < v->resource_count; i++) {
        add_sid(sids, &count, &v->resource_sid, mr_cursor_read_u32(&v->resource_ids));
        mr_cursor_skip(&v->resource_ids, 4);
    }
    pac->sids = sids;
    pac->sid_count = count;
}

static int read_logon_info(struct reader *r, mr_slice bytes, mr_pac *pac) {
    mr_cursor c = mr_cursor_of(bytes);
    struct validation v = {0};

    if (mr_cursor_read_u16(&c) != 0x1001) /* version 1, little-endian */
        mr_cursor_poison(&c);
    mr_cursor_skip(&c, 2 + 4 + 8); /* the rest of both headers */
    if (mr_cursor_read_u32(&c) == 0)
        mr_cursor_poison(&c);
    read_fixed(&c, &v);
    read_pointed(r, &c, &v, pac);
    if (!mr_cursor_ok(&c))
        return MR_ERR_MALFORMED;
    list_sids(r, &v, pac);
    return r->result;
}

/* ---- the other buffers ---- */

static int read_client_info(struct reader *r, mr_slice bytes, mr_pac *pac) {
    mr_cursor c = mr_cursor_of(bytes);

    mr_cursor_skip(&c, 8); /* when the ticket was given */
    mr_slice name = mr_cursor_read(&c, mr_cursor_read_u16(&c));
    if (!mr_cursor_ok(&c) || name.len > 2 * NAME_MAX_UNITS)
        return MR_ERR_MALFORMED;
    pac->client = keep_utf16(r, name);
    return r->result;
}

static int read_upn_info(struct reader *r, mr_slice bytes, mr_pac *pac) {
    mr_cursor c = mr_cursor_of(bytes);
    uint16_t upn_len = mr_cursor_read_u16(&c), upn_at = mr_cursor_read_u16(&c);
    uint16_t dns_len = mr_cursor_read_u16(&c), dns_at = mr_cursor_read_u16(&c);
    mr_slice upn = mr_slice_sub(bytes, upn_at, upn_len), dns = mr_slice_sub(bytes, dns_at, dns_len);

    if (!mr_cursor_ok(&c) || upn.len != upn_len || dns.len != dns_len ||
        upn.len > 2 * NAME_MAX_UNITS || dns.len > 2 * NAME_MAX_UNITS)
        return MR_ERR_MALFORMED;
    pac->upn = keep_utf16(r, upn);
    pac->dns_domain = keep_utf16(r, dns);
    return r->result;
}

static int read_buffer(struct reader *r, uint32_t type, mr_slice bytes, mr_pac *pac) {
    if (type == LOGON_INFO)
        return read_logon_info(r, bytes, pac);
    if (type == CLIENT_INFO)
        return read_client_info(r, bytes, pac);
    return type == UPN_DNS_INFO ? read_upn_info(r, bytes, pac) : 0;
}

int mr_pac_decode(mr_slice bytes, mr_arena *arena, mr_pac *pacp, mr_error *err) {
    mr_pac pac = {.user = "", .full_name = "", .domain = "", .server = "", .client = "",
                  .upn = "", .dns_domain = ""};
    struct reader r = {.arena = arena};
    mr_cursor c = mr_cursor_of(bytes);
    uint32_t count = mr_cursor_read_u32(&c), version = mr_cursor_read_u32(&c);

    if (mr_cursor_ok(&c) && (version != 0 || count > BUFFERS_MAX))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is no PAC");
    for (uint32_t i = 0; i < count && mr_cursor_ok(&c); i++) {
        uint32_t type = mr_cursor_read_u32(&c), size = mr_cursor_read_u32(&c);
        uint64_t at = mr_cursor_read_u64(&c);
        if (!mr_cursor_ok(&c))
            break;
        if (at > bytes.len || size > bytes.len - at)
            return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, bytes.len,
                           "PAC: a buffer of type %u lies outside", type);
        int rc = read_buffer(&r, type, mr_slice_sub(bytes, (size_t)at, size), &pac);
        if (rc)
            return mr_fail(err, rc, MR_FLOOR_WIRE, (size_t)at, rc == MR_ERR_MEMORY
                           ? "no memory for a PAC" : "PAC: a buffer of type %u breaks its form",
                           type);
    }
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c.bad_at, "a PAC ends too early");
    *pacp = pac;
    return 0;
}

/*
 * LDAP search requests and their answers (RFC 4511 4.5). Invariant: a message is decoded only when
 * it is whole, and nothing in it may reach past its own length.
 */
#include <msrpc/wire/ber.h>
#include <msrpc/wire/ldap.h>

#define OP_SEARCH MR_BER_APPLICATION(3)
#define FILTER_AND MR_BER_CONTEXT(0)
#define FILTER_EQUAL MR_BER_CONTEXT(3)
#define FILTER_PRESENT 0x87
#define CONTROLS MR_BER_CONTEXT(0)

/* The head of a base search of the empty name: up to the filter. */
static void write_search_head(mr_buf *out, int32_t id, size_t *messagep, size_t *searchp) {
    *messagep = mr_ber_open(out, MR_BER_SEQUENCE);
    mr_ber_write_int(out, MR_BER_INTEGER, id);
    *searchp = mr_ber_open(out, OP_SEARCH);
    mr_ber_write(out, MR_BER_OCTET_STRING, MR_SLICE_NULL);
    mr_ber_write_int(out, MR_BER_ENUMERATED, 0); /* baseObject */
    mr_ber_write_int(out, MR_BER_ENUMERATED, 0); /* neverDerefAliases */
    mr_ber_write_int(out, MR_BER_INTEGER, 0);    /* no size limit */
    mr_ber_write_int(out, MR_BER_INTEGER, 0);    /* no time limit */
    mr_ber_write(out, MR_BER_BOOLEAN, MR_SLICE_LIT("\0"));
}

/* Controls [0], with the one that wants extended names in their text form. */
static void write_extended_dn(mr_buf *out) {
    size_t controls = mr_ber_open(out, CONTROLS);
    size_t control = mr_ber_open(out, MR_BER_SEQUENCE);

    mr_ber_write_str(out, MR_BER_OCTET_STRING, "1.2.840.113556.1.4.529");
    size_t value = mr_ber_open(out, MR_BER_OCTET_STRING);
    size_t flags = mr_ber_open(out, MR_BER_SEQUENCE);
    mr_ber_write_int(out, MR_BER_INTEGER, 1);
    mr_ber_close(out, flags);
    mr_ber_close(out, value);
    mr_ber_close(out, control);
    mr_ber_close(out, controls);
}

static int write_root_dse(int32_t id, const char *const *attributes, size_t count, bool extended,
                          mr_buf *out) {
    size_t message, search;

    write_search_head(out, id, &message, &search);
    mr_ber_write_str(out, FILTER_PRESENT, "objectClass");
    size_t list = mr_ber_open(out, MR_BER_SEQUENCE);
    for (size_t i = 0; i < count; i++)
        mr_ber_write_str(out, MR_BER_OCTET_STRING, attributes[i]);
    mr_ber_close(out, list);
    mr_ber_close(out, search);
    if (extended)
        write_extended_dn(out);
    mr_ber_close(out, message);
    return mr_buf_error(out);
}

int mr_ldap_encode_root_dse(int32_t id, const char *const *attributes, size_t count, mr_buf *out) {
    return write_root_dse(id, attributes, count, false, out);
}

int mr_ldap_encode_root_dse_extended(int32_t id, const char *const *attributes, size_t count,
                                     mr_buf *out) {
    return write_root_dse(id, attributes, count, true, out);
}

int mr_ldap_get_dn_guid(mr_slice dn, mr_uuid *guidp) {
    static const char head[] = "<GUID=";
    const size_t digits = MR_UUID_TEXT - 1;

    if (dn.len < sizeof head - 1 + digits + 1 ||
        !mr_slice_eq_nocase(mr_slice_sub(dn, 0, sizeof head - 1), MR_SLICE_LIT("<GUID=")) ||
        dn.data[sizeof head - 1 + digits] != '>' ||
        mr_uuid_decode(mr_slice_sub(dn, sizeof head - 1, digits), guidp) != 0)
        return MR_ERR_NOT_FOUND;
    return 0;
}

static void write_equal(mr_buf *out, const char *attribute, mr_slice value) {
    size_t filter = mr_ber_open(out, FILTER_EQUAL);

    mr_ber_write_str(out, MR_BER_OCTET_STRING, attribute);
    mr_ber_write(out, MR_BER_OCTET_STRING, value);
    mr_ber_close(out, filter);
}

static void write_number(mr_buf *out, const char *attribute, uint32_t value) {
    uint8_t octets[4];

    for (unsigned i = 0; i < 4; i++)
        octets[i] = (uint8_t)(value >> 8 * i);
    write_equal(out, attribute, mr_slice_of(octets, sizeof octets));
}

int mr_ldap_encode_ping(int32_t id, const mr_ldap_ping *ping, mr_buf *out) {
    size_t message, search;

    write_search_head(out, id, &message, &search);
    size_t all = mr_ber_open(out, FILTER_AND);
    if (ping->dns_domain)
        write_equal(out, "DnsDomain", mr_slice_str(ping->dns_domain));
    if (ping->host)
        write_equal(out, "Host", mr_slice_str(ping->host));
    if (ping->account)
        write_equal(out, "User", mr_slice_str(ping->account));
    if (ping->account_control)
        write_number(out, "AAC", ping->account_control);
    write_number(out, "NtVer", ping->nt_version);
    mr_ber_close(out, all);
    size_t list = mr_ber_open(out, MR_BER_SEQUENCE);
    mr_ber_write_str(out, MR_BER_OCTET_STRING, "Netlogon");
    mr_ber_close(out, list);
    mr_ber_close(out, search);
    mr_ber_close(out, message);
    return mr_buf_error(out);
}

static int malformed(mr_error *err, const mr_cursor *c, const char *what) {
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, c->bad ? c->bad_at : c->pos,
                   "LDAP: %s breaks its form", what);
}

static int no_memory(mr_error *err) {
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_WIRE, MR_ERROR_NO_OFFSET,
                   "no memory for an LDAP message");
}

/* Elements up to the end of the window. */
static size_t count_elements(mr_cursor c) {
    size_t n = 0;

    while (mr_cursor_left(&c)) {
        mr_ber_skip(&c);
        n += mr_cursor_ok(&c);
    }
    return n;
}

/* PartialAttribute: a name and a set of values. */
static int decode_attribute(mr_cursor *list, mr_arena *arena, mr_ldap_attribute *attribute,
                            mr_error *err) {
    mr_cursor body = mr_ber_read(list, MR_BER_SEQUENCE);

    attribute->name = mr_ber_read_octets(&body, MR_BER_OCTET_STRING);
    mr_cursor set = mr_ber_read(&body, MR_BER_SET);
    if (!mr_cursor_ok(&body))
        return malformed(err, &body, "an attribute");
    attribute->count = count_elements(set);
    attribute->values = mr_arena_get(arena, attribute->count, sizeof *attribute->values);
    if (!attribute->values)
        return no_memory(err);
    for (size_t i = 0; i < attribute->count; i++)
        attribute->values[i] = mr_ber_read_octets(&set, MR_BER_OCTET_STRING);
    return mr_cursor_ok(&set) ? 0 : malformed(err, &set, "an attribute's value");
}

static int decode_entry(mr_cursor op, mr_arena *arena, mr_ldap_message *message, mr_error *err) {
    message->dn = mr_ber_read_octets(&op, MR_BER_OCTET_STRING);
    mr_cursor list = mr_ber_read(&op, MR_BER_SEQUENCE);
    if (!mr_cursor_ok(&op))
        return malformed(err, &op, "a search entry");
    message->attribute_count = count_elements(list);
    message->attributes = mr_arena_get(arena, message->attribute_count,
                                       sizeof *message->attributes);
    if (!message->attributes)
        return no_memory(err);
    for (size_t i = 0; i < message->attribute_count; i++) {
        int r = decode_attribute(&list, arena, &message->attributes[i], err);
        if (r != 0)
            return r;
    }
    return 0;
}

static int decode_result(mr_cursor op, mr_ldap_message *message, mr_error *err) {
    message->result = mr_ber_read_int(&op, MR_BER_ENUMERATED);
    (void)mr_ber_read_octets(&op, MR_BER_OCTET_STRING); /* matchedDN */
    message->text = mr_ber_read_octets(&op, MR_BER_OCTET_STRING);
    return mr_cursor_ok(&op) ? 0 : malformed(err, &op, "a result");
}

int mr_ldap_decode(mr_slice bytes, mr_arena *arena, mr_ldap_message *messagep, size_t *usedp,
                   mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_ldap_message message = {0};
    size_t size;

    if (bytes.len && bytes.data[0] != MR_BER_SEQUENCE)
        return malformed(err, &c, "a message");
    int r = mr_ber_get_size(bytes, &size);
    if (r < 0)
        return malformed(err, &c, "the length of a message");
    if (r > 0 || size > bytes.len)
        return 1;
    mr_cursor body = mr_ber_read(&c, MR_BER_SEQUENCE);
    message.id = mr_ber_read_int(&body, MR_BER_INTEGER);
    message.op = mr_ber_peek(&body);
    mr_cursor op = mr_ber_read(&body, message.op);
    if (!mr_cursor_ok(&body))
        return malformed(err, &body, "a message");
    if (message.op == MR_LDAP_SEARCH_ENTRY)
        r = decode_entry(op, arena, &message, err);
    else if (message.op == MR_LDAP_SEARCH_DONE || message.op == MR_LDAP_EXTENDED_RESPONSE)
        r = decode_result(op, &message, err);
    if (r != 0)
        return r;
    *messagep = message;
    *usedp = size;
    return 0;
}

const mr_ldap_attribute *mr_ldap_find(const mr_ldap_message *message, const char *name) {
    for (size_t i = 0; i < message->attribute_count; i++)
        if (mr_slice_eq_nocase(message->attributes[i].name, mr_slice_str(name)))
            return &message->attributes[i];
    return NULL;
}

/* ---- the locator's answer ---- */

#define NAME_MAX_OCTETS 255

/* A name of labels, compressed as in DNS (RFC 1035 4.1.4) with offsets from the start of the value
 * (MS-ADTS 6.3.7). Pointers must point backwards, so that every chain ends. */
static int read_name(mr_cursor *c, mr_arena *arena, const char **namep, mr_error *err) {
    char text[NAME_MAX_OCTETS + 1];
    size_t at = c->pos, start = c->pos, len = 0;
    bool jumped = false;

    for (;;) {
        if (c->bad || at >= c->end)
            return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, at,
                           "the locator's answer ends inside a name");
        uint8_t n = c->base[at++];
        if ((n & 0xc0) == 0xc0 && at < c->end) {
            size_t target = ((size_t)(n & 0x3f) << 8) | c->base[at++];
            if (!jumped)
                c->pos = at;
            jumped = true;
            if (target >= start)
                return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, at - 2,
                               "a pointer in the locator's answer does not point back");
            at = start = target;
            continue;
        }
        if (n == 0)
            break;
        if (n > 63 || n > c->end - at || len + n + 1 > NAME_MAX_OCTETS)
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, at - 1,
                           "a label in the locator's answer breaks its form");
        if (len)
            text[len++] = '.';
        memcpy(text + len, c->base + at, n);
        len += n;
        at += n;
    }
    if (!jumped)
        c->pos = at;
    *namep = mr_arena_add_str(arena, mr_slice_of(text, len));
    return *namep ? 0 : no_memory(err);
}

#define NT_VERSION_IP 0x00000008u   /* an address stands before the version */
#define NT_VERSION_NEXT 0x00000010u /* so does the next closest site */

/* What stands behind the names: perhaps an address and a site, then the version and two tokens,
 * which are the last eight octets (MS-ADTS 6.3.1.9). */
static int read_tail(mr_cursor *c, mr_arena *arena, mr_netlogon_answer *a, mr_error *err) {
    a->next_site = "";
    if (mr_cursor_left(c) < 8)
        return 0;
    mr_cursor tail = *c;
    tail.pos = c->end - 8;
    a->nt_version = mr_cursor_read_u32(&tail);
    if (a->nt_version & NT_VERSION_IP)
        mr_cursor_skip(c, mr_cursor_read_u8(c));
    if (a->nt_version & NT_VERSION_NEXT && mr_cursor_ok(c) && mr_cursor_left(c) > 8)
        return read_name(c, arena, &a->next_site, err);
    return 0;
}

int mr_netlogon_answer_decode(mr_slice value, mr_arena *arena, mr_netlogon_answer *answerp,
                              mr_error *err) {
    mr_cursor c = mr_cursor_of(value);
    mr_netlogon_answer a = {0};
    const char **const names[] = {&a.forest, &a.domain, &a.host, &a.netbios_domain,
                                  &a.netbios_host, &a.user, &a.dc_site, &a.client_site};

    a.opcode = mr_cursor_read_u16(&c);
    if (mr_cursor_ok(&c) && (a.opcode < MR_NETLOGON_SAM_LOGON_RESPONSE_EX ||
                             a.opcode > MR_NETLOGON_SAM_USER_UNKNOWN_EX))
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_WIRE, 0,
                       "the locator's answer has operation code %u", a.opcode);
    mr_cursor_skip(&c, 2);
    a.flags = mr_cursor_read_u32(&c);
    a.domain_guid = mr_cursor_read_uuid(&c);
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c.bad_at,
                       "the locator's answer ends too early");
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        int r = read_name(&c, arena, names[i], err);
        if (r != 0)
            return r;
    }
    int r = read_tail(&c, arena, &a, err);
    if (r != 0)
        return r;
    *answerp = a;
    return 0;
}

const char *mr_ds_flag_get(size_t i, uint32_t *flagp) {
    static const struct {
        uint32_t flag;
        const char *name;
    } rows[] = {
        {MR_DS_PDC, "PDC"}, {MR_DS_GC, "GC"}, {MR_DS_DS, "DS"}, {MR_DS_LDAP, "LDAP"},
        {MR_DS_KDC, "KDC"}, {MR_DS_TIMESERV, "TIMESERV"}, {MR_DS_GOOD_TIMESERV, "GTIMESERV"},
        {MR_DS_WRITABLE, "WRITABLE"}, {MR_DS_DNS_CONTROLLER, "DNS_DC"},
        {MR_DS_DNS_DOMAIN, "DNS_DOMAIN"}, {MR_DS_DNS_FOREST, "DNS_FOREST"},
        {MR_DS_CLOSEST, "CLOSE_SITE"}, {MR_DS_NDNC, "NDNC"}, {MR_DS_RODC, "PARTIAL_SECRET"},
        {MR_DS_FULL_SECRET, "FULL_SECRET"}, {MR_DS_WS, "WS"}, {MR_DS_DS_8, "DS_8"},
        {MR_DS_DS_9, "DS_9"}, {MR_DS_DS_10, "DS_10"}, {MR_DS_KEY_LIST, "KEYLIST"},
        {MR_DS_DS_13, "DS_13"},
    };

    if (i >= MR_COUNT(rows))
        return NULL;
    *flagp = rows[i].flag;
    return rows[i].name;
}

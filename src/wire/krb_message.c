/*
 * The clear parts of Kerberos messages (RFC 4120 5.2 to 5.5, 5.9.1; MS-KILE 2.2.1, 2.2.2): names,
 * realms, encryption types, options and what an error's data explain. Sealed parts are stepped
 * over.
 */
#include "krb_private.h"

#define KERB_ERROR_EXTENDED 3 /* KERB_ERR_TYPE_EXTENDED, MS-KILE 2.2.1 */
#define PA_ETYPE_INFO2 19
#define PA_PW_SALT 3          /* Windows: holds KERB-EXT-ERROR in an error, MS-KILE 2.2.1 */
#define EXT_ERROR 12          /* octets of KERB-EXT-ERROR, MS-KILE 2.2.2 */

mr_krb_name mr_krb_read_name(mr_cursor *c) {
    mr_cursor name = mr_ber_read(c, MR_BER_SEQUENCE);
    mr_cursor type = mr_ber_read(&name, MR_BER_CONTEXT(0));
    mr_krb_name n = {.type = (int32_t)mr_ber_read_int(&type, MR_BER_INTEGER)};
    mr_cursor strings = mr_ber_read(&name, MR_BER_CONTEXT(1));
    mr_cursor list = mr_ber_read(&strings, MR_BER_SEQUENCE);

    while (mr_cursor_left(&list)) {
        mr_slice part = mr_ber_read_octets(&list, MR_BER_GENERAL_STRING);
        if (mr_cursor_ok(&list) && n.count < MR_KRB_PARTS)
            n.parts[n.count++] = part;
    }
    if (!mr_cursor_ok(&list) || !mr_cursor_ok(&type))
        mr_cursor_poison(c);
    return n;
}

/* The bits of KerberosFlags, the first one highest. */
static uint32_t read_flags(mr_cursor *c) {
    mr_slice s = mr_ber_read_octets(c, MR_BER_BIT_STRING);
    mr_cursor bits = mr_cursor_of(s);

    bits.big = true;
    mr_cursor_skip(&bits, 1); /* unused ones */
    return mr_cursor_left(&bits) >= 4 ? mr_cursor_read_u32(&bits) : 0;
}

static int32_t read_i32(mr_cursor *c) {
    return (int32_t)mr_ber_read_int(c, MR_BER_INTEGER);
}

static void add(int32_t *list, uint8_t *countp, int32_t value) {
    if (*countp < MR_KRB_LIST)
        list[(*countp)++] = value;
}

/* The encryption type and key version of EncryptedData (5.2.9). */
static int32_t read_sealed(mr_cursor *c, uint32_t *kvnop) {
    mr_cursor body = mr_ber_read(c, MR_BER_SEQUENCE);
    int32_t etype = 0;

    while (mr_cursor_left(&body)) {
        uint8_t tag = mr_ber_peek(&body);
        mr_cursor field = mr_ber_read(&body, tag);
        if (tag == MR_BER_CONTEXT(0))
            etype = read_i32(&field);
        else if (tag == MR_BER_CONTEXT(1))
            *kvnop = (uint32_t)read_i32(&field); /* RODCs use all 32 bits */
        if (!mr_cursor_ok(&field))
            mr_cursor_poison(&body);
    }
    if (!mr_cursor_ok(&body))
        mr_cursor_poison(c);
    return etype;
}

static mr_krb_ticket read_ticket(mr_cursor *c) {
    mr_cursor app = mr_ber_read(c, MR_BER_APPLICATION(1));
    mr_cursor body = mr_ber_read(&app, MR_BER_SEQUENCE);
    mr_krb_ticket t = {0};

    while (mr_cursor_left(&body)) {
        uint8_t tag = mr_ber_peek(&body);
        mr_cursor field = mr_ber_read(&body, tag);
        switch (tag) {
        case MR_BER_CONTEXT(1): t.realm = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING); break;
        case MR_BER_CONTEXT(2): t.server = mr_krb_read_name(&field); break;
        case MR_BER_CONTEXT(3): t.etype = read_sealed(&field, &t.kvno); break;
        default: break; /* the version */
        }
        if (!mr_cursor_ok(&field))
            mr_cursor_poison(&body);
    }
    if (!mr_cursor_ok(&body))
        mr_cursor_poison(c);
    return t;
}

/* ---- errors ---- */

static void read_etypes(mr_slice value, mr_krb_error_data *d) {
    mr_cursor c = mr_cursor_of(value);
    mr_cursor list = mr_ber_read(&c, MR_BER_SEQUENCE);

    while (mr_cursor_left(&list)) {
        mr_cursor entry = mr_ber_read(&list, MR_BER_SEQUENCE);
        mr_cursor etype = mr_ber_read(&entry, MR_BER_CONTEXT(0));
        int32_t number = read_i32(&etype);
        if (!mr_cursor_ok(&etype))
            return;
        if (d->etype_count == 0 && mr_ber_peek(&entry) == MR_BER_CONTEXT(1)) {
            mr_cursor salt = mr_ber_read(&entry, MR_BER_CONTEXT(1));
            d->salt = mr_ber_read_octets(&salt, MR_BER_GENERAL_STRING);
        }
        add(d->etypes, &d->etype_count, number);
    }
}

static void read_ext_error(mr_slice value, mr_krb_error_data *d) {
    mr_cursor c = mr_cursor_of(value);

    if (value.len != EXT_ERROR)
        return;
    d->status = mr_cursor_read_u32(&c);
    d->has_status = true;
}

/* One element: PA-DATA has the fields 1 and 2, TYPED-DATA 0 and 1, KERB-ERROR-DATA 1 and 2. */
static bool read_typed(mr_cursor *c, bool *typedp, int32_t *typep, mr_slice *valuep) {
    uint8_t first = mr_ber_peek(c);
    mr_cursor type = mr_ber_read(c, first);

    *typedp = first == MR_BER_CONTEXT(0);
    if (first != MR_BER_CONTEXT(0) && first != MR_BER_CONTEXT(1))
        return false;
    *typep = read_i32(&type);
    *valuep = MR_SLICE_NULL;
    if (mr_cursor_left(c)) {
        mr_cursor value = mr_ber_read(c, (uint8_t)(first + 1));
        *valuep = mr_ber_read_octets(&value, MR_BER_OCTET_STRING);
    }
    return mr_cursor_ok(&type) && mr_cursor_ok(c);
}

void mr_krb_error_data_decode(mr_slice data, mr_krb_error_data *datap) {
    mr_cursor c = mr_cursor_of(data);
    mr_cursor list = mr_ber_read(&c, MR_BER_SEQUENCE);
    mr_krb_error_data d = {0};
    mr_slice value;
    int32_t type;
    bool typed;

    if (mr_ber_peek(&list) != MR_BER_SEQUENCE) { /* KERB-ERROR-DATA */
        if (read_typed(&list, &typed, &type, &value) && type == KERB_ERROR_EXTENDED)
            read_ext_error(value, &d);
    }
    while (mr_ber_peek(&list) == MR_BER_SEQUENCE) {
        mr_cursor item = mr_ber_read(&list, MR_BER_SEQUENCE);
        if (!read_typed(&item, &typed, &type, &value))
            break;
        if (!typed)
            add(d.padata, &d.padata_count, type);
        if (!typed && type == PA_ETYPE_INFO2)
            read_etypes(value, &d);
        else if (type == PA_PW_SALT)
            read_ext_error(value, &d);
    }
    *datap = d;
}

/* ---- the cost of a password ---- */

/* The parameters of one PA-ETYPE-INFO2. */
static void read_counts(mr_slice value, uint64_t *mostp, mr_cursor *outer) {
    mr_cursor c = mr_cursor_of(value);
    mr_cursor list = mr_ber_read(&c, MR_BER_SEQUENCE);

    while (mr_cursor_left(&list)) {
        mr_cursor entry = mr_ber_read(&list, MR_BER_SEQUENCE);
        while (mr_cursor_left(&entry)) {
            uint8_t tag = mr_ber_peek(&entry);
            mr_cursor field = mr_ber_read(&entry, tag);
            if (tag != MR_BER_CONTEXT(2))
                continue;
            mr_slice octets = mr_ber_read_octets(&field, MR_BER_OCTET_STRING);
            mr_cursor number = mr_cursor_of(octets);
            number.big = true;
            uint64_t count = mr_cursor_read_u32(&number);
            if (!count)
                count = (uint64_t)1 << 32;
            if (!mr_cursor_ok(&number) || octets.len != 4)
                mr_cursor_poison(&list);
            *mostp = count > *mostp ? count : *mostp;
        }
        if (!mr_cursor_ok(&entry))
            mr_cursor_poison(&list);
    }
    if (!mr_cursor_ok(&list))
        mr_cursor_poison(outer);
}

/* A SEQUENCE OF PA-DATA. */
static bool find_counts(mr_cursor *c, uint64_t *mostp) {
    mr_cursor list = mr_ber_read(c, MR_BER_SEQUENCE);
    mr_slice value;
    int32_t type;
    bool typed;

    while (mr_cursor_left(&list)) {
        mr_cursor item = mr_ber_read(&list, MR_BER_SEQUENCE);
        if (!read_typed(&item, &typed, &type, &value))
            return false;
        if (type == PA_ETYPE_INFO2)
            read_counts(value, mostp, &list);
    }
    return mr_cursor_ok(&list);
}

/* The errors whose data a client reads as pre-authentication (RFC 4120 5.9.1, RFC 6113 5.2). */
static bool asks_for_more(uint32_t code) {
    return code == 24 || code == 25 || code == 91;
}

int mr_krb_get_iterations(mr_slice bytes, uint64_t *countp, mr_error *err) {
    unsigned type = mr_krb_get_type(bytes);
    mr_cursor c = mr_krb_open_message(bytes, type);
    mr_krb_error e;
    uint64_t most = 0;
    bool good = true;

    if (type == MR_KRB_ERROR) {
        good = mr_krb_error_decode(bytes, &e, NULL) == 0;
        mr_cursor data = mr_cursor_of(good ? e.data : MR_SLICE_NULL);
        if (good && asks_for_more(e.code) && e.data.len)
            good = find_counts(&data, &most);
    }
    while (type == MR_KRB_AS_REP && good && mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor field = mr_ber_read(&c, tag);
        good = (tag != MR_BER_CONTEXT(2) || find_counts(&field, &most)) && mr_cursor_ok(&field);
    }
    if (!good)
        return mr_krb_malformed(err, &c, "a KDC's answer");
    *countp = most;
    return 0;
}

/* ---- AS and TGS ---- */

static void read_padata(mr_cursor *c, int32_t *list, uint8_t *countp) {
    mr_cursor items = mr_ber_read(c, MR_BER_SEQUENCE);

    while (mr_cursor_left(&items)) {
        mr_cursor item = mr_ber_read(&items, MR_BER_SEQUENCE);
        mr_cursor type = mr_ber_read(&item, MR_BER_CONTEXT(1));
        int32_t number = read_i32(&type);
        if (!mr_cursor_ok(&type))
            mr_cursor_poison(&items);
        else
            add(list, countp, number);
    }
    if (!mr_cursor_ok(&items))
        mr_cursor_poison(c);
}

static void read_body(mr_cursor *c, mr_krb_request *q) {
    mr_cursor body = mr_ber_read(c, MR_BER_SEQUENCE), list;

    while (mr_cursor_left(&body)) {
        uint8_t tag = mr_ber_peek(&body);
        mr_cursor field = mr_ber_read(&body, tag);
        switch (tag) {
        case MR_BER_CONTEXT(0): q->options = read_flags(&field); break;
        case MR_BER_CONTEXT(1): q->client = mr_krb_read_name(&field); break;
        case MR_BER_CONTEXT(2):
            q->realm = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING);
            break;
        case MR_BER_CONTEXT(3): q->server = mr_krb_read_name(&field); break;
        case MR_BER_CONTEXT(5): q->till = mr_krb_read_time(&field); break;
        case MR_BER_CONTEXT(7): q->nonce = (uint32_t)mr_ber_read_int(&field, MR_BER_INTEGER); break;
        case MR_BER_CONTEXT(8):
            list = mr_ber_read(&field, MR_BER_SEQUENCE);
            while (mr_cursor_left(&list))
                add(q->etypes, &q->etype_count, read_i32(&list));
            break;
        default: break; /* other times, addresses, and what is sealed */
        }
        if (!mr_cursor_ok(&field))
            mr_cursor_poison(&body);
    }
    if (!mr_cursor_ok(&body))
        mr_cursor_poison(c);
}

int mr_krb_request_decode(mr_slice bytes, mr_krb_request *requestp, mr_error *err) {
    mr_krb_request q = {.type = (uint8_t)mr_krb_get_type(bytes)};
    mr_cursor c = mr_krb_open_message(bytes, q.type);

    if (q.type != MR_KRB_AS_REQ && q.type != MR_KRB_TGS_REQ)
        mr_cursor_poison(&c);
    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor field = mr_ber_read(&c, tag);
        if (tag == MR_BER_CONTEXT(3))
            read_padata(&field, q.padata, &q.padata_count);
        else if (tag == MR_BER_CONTEXT(4))
            read_body(&field, &q);
        if (!mr_cursor_ok(&field))
            return mr_krb_malformed(err, &field, "a request to a KDC");
    }
    if (!mr_cursor_ok(&c))
        return mr_krb_malformed(err, &c, "a request to a KDC");
    *requestp = q;
    return 0;
}

int mr_krb_reply_decode(mr_slice bytes, mr_krb_reply *replyp, mr_error *err) {
    mr_krb_reply a = {.type = (uint8_t)mr_krb_get_type(bytes)};
    mr_cursor c = mr_krb_open_message(bytes, a.type);

    if (a.type != MR_KRB_AS_REP && a.type != MR_KRB_TGS_REP)
        mr_cursor_poison(&c);
    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor field = mr_ber_read(&c, tag);
        switch (tag) {
        case MR_BER_CONTEXT(3):
            a.client_realm = mr_ber_read_octets(&field, MR_BER_GENERAL_STRING);
            break;
        case MR_BER_CONTEXT(4): a.client = mr_krb_read_name(&field); break;
        case MR_BER_CONTEXT(5): a.ticket = read_ticket(&field); break;
        case MR_BER_CONTEXT(6): a.etype = read_sealed(&field, &a.kvno); break;
        default: break; /* versions, pre-authentication */
        }
        if (!mr_cursor_ok(&field))
            return mr_krb_malformed(err, &field, "a KDC's answer");
    }
    if (!mr_cursor_ok(&c))
        return mr_krb_malformed(err, &c, "a KDC's answer");
    *replyp = a;
    return 0;
}

/* ---- AP ---- */

int mr_krb_ap_decode(mr_slice bytes, mr_krb_ap *app, mr_error *err) {
    mr_cursor c = mr_krb_open_message(bytes, MR_KRB_AP_REQ);
    mr_krb_ap a = {0};
    uint32_t kvno = 0;

    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor field = mr_ber_read(&c, tag);
        switch (tag) {
        case MR_BER_CONTEXT(2): a.options = read_flags(&field); break;
        case MR_BER_CONTEXT(3): a.ticket = read_ticket(&field); break;
        case MR_BER_CONTEXT(4): a.etype = read_sealed(&field, &kvno); break;
        default: break; /* versions */
        }
        if (!mr_cursor_ok(&field))
            return mr_krb_malformed(err, &field, "an AP-REQ");
    }
    if (!mr_cursor_ok(&c))
        return mr_krb_malformed(err, &c, "an AP-REQ");
    *app = a;
    return 0;
}

int mr_krb_get_size(mr_slice bytes, size_t *lenp) {
    mr_cursor c = mr_cursor_of(bytes);

    c.big = true;
    uint32_t len = mr_cursor_read_u32(&c);
    if (!mr_cursor_ok(&c))
        return bytes.len && bytes.data[0] & 0x80 ? MR_ERR_MALFORMED : 1;
    if (len & 0x80000000u) /* kept for extensions that nobody made */
        return MR_ERR_MALFORMED;
    *lenp = 4 + (size_t)len;
    return 0;
}

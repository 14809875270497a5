/* An SMB tap under any octets in any segments. The first octet: bit 0 says that the capture begins
 * midstream; then segments follow: two octets, big-endian (bit 15: to the client, bit 14: a gap,
 * else the length), and that many octets, each in memory of its own. Checked: a tap does not fail,
 * all octets are read, what events show is live memory, and pipes stay under their limit. */
#include <msrpc/engine/smb.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct run {
    mr_smb smb;
    uint32_t sum; /* of everything an event shows, so that it is read */
} run;

static void look(run *r, mr_slice s) {
    for (size_t i = 0; i < s.len; i++)
        r->sum += s.data[i];
}

static void drain(run *r) {
    mr_smb_event e;

    while (mr_smb_pull_event(&r->smb, &e)) {
        r->sum += (uint32_t)strlen(e.name);
        switch (e.kind) {
        case MR_SMB_EVENT_NBSS_REQUEST: r->sum += (uint32_t)strlen(e.u.caller); break;
        case MR_SMB_EVENT_NEGOTIATED: look(r, e.u.negotiated.token); break;
        case MR_SMB_EVENT_SESSION:
            look(r, e.u.session.token);
            look(r, e.u.session.user);
            look(r, e.u.session.domain);
            break;
        case MR_SMB_EVENT_DATA:
            if (e.pipe == 0 || e.u.data.bytes.len == 0)
                abort();
            look(r, e.u.data.bytes);
            break;
        case MR_SMB_EVENT_DAMAGED: r->sum += (uint32_t)strlen(e.u.error->text); break;
        case MR_SMB_EVENT_NBSS_POSITIVE:
        case MR_SMB_EVENT_NBSS_NEGATIVE:
        case MR_SMB_EVENT_NEGOTIATE:
        case MR_SMB_EVENT_LOGOFF:
        case MR_SMB_EVENT_TREE:
        case MR_SMB_EVENT_OPEN:
        case MR_SMB_EVENT_CLOSED:
        case MR_SMB_EVENT_ERROR:
        case MR_SMB_EVENT_ENCRYPTED:
        case MR_SMB_EVENT_COMPRESSED:
        case MR_SMB_EVENT_RESYNC: break;
        }
    }
}

static void feed(run *r, enum mr_dir dir, mr_slice seg) {
    uint8_t *copy = malloc(seg.len ? seg.len : 1);
    size_t at = 0, used;
    int rc;

    if (!copy)
        return;
    if (seg.len)
        memcpy(copy, seg.data, seg.len);
    do {
        rc = mr_smb_feed(&r->smb, dir, mr_slice_of(copy + at, seg.len - at), 1, &used, NULL);
        if (rc < 0 || used > seg.len - at)
            abort();
        at += used;
        drain(r);
    } while (rc == MR_SMB_DRAIN);
    if (at != seg.len)
        abort();
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));
    mr_smb_config config = {.midstream = mr_cursor_read_u8(&c) & 1};
    mr_smb_info info;
    run r = {0};

    if (mr_smb_init(&r.smb, &config, NULL) < 0)
        return 0;
    c.big = true;
    while (mr_cursor_left(&c) >= 2) {
        uint16_t word = mr_cursor_read_u16(&c);
        size_t n = word & 0x3fff, left = mr_cursor_left(&c);
        enum mr_dir dir = word & 0x8000 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER;
        if (word & 0x4000)
            mr_smb_feed_gap(&r.smb, dir, n, NULL);
        else
            feed(&r, dir, mr_cursor_read(&c, n < left ? n : left));
        drain(&r);
    }
    mr_smb_get_info(&r.smb, &info);
    if (info.pipes > MR_SMB_PIPES_MAX || info.pending > MR_SMB_PENDING_MAX)
        abort();
    mr_smb_deinit(&r.smb);
    return 0;
}

/*
 * NTLM messages written (MS-NLMP 2.2.1): the fixed part, then the payload that its fields point
 * to. Invariant: a message begins where the buffer ended, and offsets count from there.
 */
#include "ntlmssp_private.h"

#define MIC_SIZE 16

/* One message on its way: where it begins, and whether all of its fields could be written. */
typedef struct writer {
    mr_buf *out;
    size_t at;
    bool ok;
} writer;

static writer begin(mr_buf *out, enum mr_ntlm_type type) {
    writer w = {out, out->len, true};

    mr_buf_write(out, MR_SLICE_LIT(MR_NTLM_SIGNATURE_TEXT));
    mr_buf_write_u32(out, type);
    return w;
}

static int end(const writer *w) {
    return mr_buf_error(w->out) < 0 ? mr_buf_error(w->out) : w->ok ? 0 : MR_ERR_RANGE;
}

/* Room for a field's length and offset; returns its place for fill. */
static size_t write_field(writer *w) {
    size_t place = w->out->len;

    mr_buf_write_zero(w->out, 8);
    return place;
}

static void fill(writer *w, size_t place, mr_slice value) {
    w->ok = w->ok && value.len <= UINT16_MAX;
    mr_buf_set_u16(w->out, place, (uint16_t)value.len);
    mr_buf_set_u16(w->out, place + 2, (uint16_t)value.len);
    mr_buf_set_u32(w->out, place + 4, (uint32_t)(w->out->len - w->at));
    mr_buf_write(w->out, value);
}

static void write_version(mr_buf *out, uint32_t flags, mr_ntlm_version v) {
    if (!(flags & MR_NTLM_VERSION)) {
        mr_buf_write_zero(out, 8);
        return;
    }
    mr_buf_write_u8(out, v.major);
    mr_buf_write_u8(out, v.minor);
    mr_buf_write_u16(out, v.build);
    mr_buf_write_zero(out, 3);
    mr_buf_write_u8(out, 15); /* NTLMSSP_REVISION_W2K3 */
}

int mr_ntlm_negotiate_encode(const mr_ntlm_negotiate *n, mr_buf *out) {
    writer w = begin(out, MR_NTLM_NEGOTIATE);

    mr_buf_write_u32(out, n->flags);
    size_t domain = write_field(&w), workstation = write_field(&w);
    write_version(out, n->flags, n->version);
    if (n->domain.len > 0)
        fill(&w, domain, n->domain);
    if (n->workstation.len > 0)
        fill(&w, workstation, n->workstation);
    return end(&w);
}

int mr_ntlm_challenge_encode(const mr_ntlm_challenge *m, mr_buf *out) {
    writer w = begin(out, MR_NTLM_CHALLENGE);
    size_t name = write_field(&w);

    mr_buf_write_u32(out, m->flags);
    mr_buf_write(out, mr_slice_sub(m->challenge, 0, 8));
    mr_buf_write_zero(out, 8 + (8 - mr_slice_sub(m->challenge, 0, 8).len));
    size_t info = write_field(&w);
    write_version(out, m->flags, m->version);
    fill(&w, name, m->target_name);
    fill(&w, info, m->target_info);
    return end(&w);
}

int mr_ntlm_authenticate_encode(const mr_ntlm_authenticate *m, mr_buf *out) {
    writer w = begin(out, MR_NTLM_AUTHENTICATE);
    size_t lm = write_field(&w), nt = write_field(&w), domain = write_field(&w);
    size_t user = write_field(&w), workstation = write_field(&w), key = write_field(&w);

    mr_buf_write_u32(out, m->flags);
    write_version(out, m->flags, m->version);
    if (m->mic)
        mr_buf_write_zero(out, MIC_SIZE);
    fill(&w, domain, m->domain);
    fill(&w, user, m->user);
    fill(&w, workstation, m->workstation);
    fill(&w, lm, m->lm);
    fill(&w, nt, m->nt);
    fill(&w, key, m->session_key);
    return end(&w);
}

/* ---- AV pairs ---- */

static void write_pair(writer *w, enum mr_av id, mr_slice value) {
    if (value.len == 0)
        return;
    w->ok = w->ok && value.len <= UINT16_MAX;
    mr_buf_write_u16(w->out, (uint16_t)id);
    mr_buf_write_u16(w->out, (uint16_t)value.len);
    mr_buf_write(w->out, value);
}

/* Whether @target has a pair of its own of this kind. */
static bool has(const mr_ntlm_target *target, uint16_t id) {
    switch (id) {
    case MR_AV_COMPUTER: return target->computer.len > 0;
    case MR_AV_DOMAIN: return target->domain.len > 0;
    case MR_AV_DNS_COMPUTER: return target->dns_computer.len > 0;
    case MR_AV_DNS_DOMAIN: return target->dns_domain.len > 0;
    case MR_AV_DNS_FOREST: return target->dns_forest.len > 0;
    case MR_AV_FLAGS: return target->flags != 0;
    case MR_AV_TIME: return target->time != 0;
    case MR_AV_SPN: return target->spn.len > 0;
    case MR_AV_BINDINGS: return target->channel_bindings.len > 0;
    default: return false; /* single host, and what is to come */
    }
}

static void write_repeated(writer *w, mr_slice repeat, const mr_ntlm_target *target) {
    mr_cursor c = mr_cursor_of(repeat);

    while (mr_cursor_left(&c) >= 4) {
        uint16_t id = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
        mr_slice value = mr_cursor_read(&c, len);
        if (id == MR_AV_EOL || !mr_cursor_ok(&c))
            return;
        if (has(target, id))
            continue;
        mr_buf_write_u16(w->out, id);
        mr_buf_write_u16(w->out, len);
        mr_buf_write(w->out, value);
    }
}

int mr_ntlm_target_encode(mr_slice repeat, const mr_ntlm_target *target, mr_buf *out) {
    writer w = {out, out->len, true};

    write_repeated(&w, repeat, target);
    write_pair(&w, MR_AV_DOMAIN, target->domain);
    write_pair(&w, MR_AV_COMPUTER, target->computer);
    write_pair(&w, MR_AV_DNS_DOMAIN, target->dns_domain);
    write_pair(&w, MR_AV_DNS_COMPUTER, target->dns_computer);
    write_pair(&w, MR_AV_DNS_FOREST, target->dns_forest);
    if (target->flags != 0) {
        mr_buf_write_u16(out, MR_AV_FLAGS);
        mr_buf_write_u16(out, 4);
        mr_buf_write_u32(out, target->flags);
    }
    if (target->time != 0) {
        mr_buf_write_u16(out, MR_AV_TIME);
        mr_buf_write_u16(out, 8);
        mr_buf_write_u64(out, target->time);
    }
    write_pair(&w, MR_AV_SPN, target->spn);
    write_pair(&w, MR_AV_BINDINGS, target->channel_bindings);
    mr_buf_write_zero(out, 4);
    return end(&w);
}

/*
 * Security tokens, wherever they travel (binds, SMB session setups, HTTP): the three messages of
 * NTLM (MS-NLMP 2.2.1) with what they say of both ends, Kerberos in GSS-API, and of SPNEGO (RFC
 * 4178) only what went otherwise than the client wished: a rejection, another mechanism than the
 * first one offered.
 */
#include "tap_net.h"

#define NAME_ROOM 1024 /* octets of UTF-8: a name of NTLM is at most 255 characters */
#define NTLM_V1 24     /* octets of an answer to the challenge, MS-NLMP 2.2.2.6 */

static const char *name_of(mr_tap_ctx *ctx, mr_slice name, bool unicode) {
    uint8_t room[NAME_ROOM];
    mr_buf utf8;

    if (name.len == 0)
        return NULL;
    if (!unicode)
        return mr_tap_text(ctx, mr_slice_sub(name, 0, NAME_ROOM));
    mr_buf_init(&utf8, room, sizeof room, sizeof room);
    mr_utf16le_decode(mr_slice_sub(name, 0, NAME_ROOM / 4), &utf8);
    return mr_tap_text(ctx, mr_slice_of(utf8.data, utf8.len));
}

static mr_nsec filetime(uint64_t time) {
    int64_t seconds;
    uint32_t nanoseconds;

    if (time == 0)
        return 0;
    mr_time_unix(time, &seconds, &nanoseconds);
    return mr_tap_clock(seconds, nanoseconds);
}

static int read_negotiate(mr_tap_ctx *ctx, mr_slice token, mr_seen_ntlm *ntlm) {
    mr_ntlm_negotiate message;
    mr_error err;

    int rc = mr_ntlm_negotiate_decode(token, &message, &err);
    if (rc != 0)
        return rc;
    ntlm->flags = message.flags;
    ntlm->domain = name_of(ctx, message.domain, false);
    ntlm->workstation = name_of(ctx, message.workstation, false);
    return 0;
}

static int read_challenge(mr_tap_ctx *ctx, mr_slice token, mr_seen_ntlm *ntlm) {
    mr_ntlm_challenge message;
    mr_error err;

    int rc = mr_ntlm_challenge_decode(token, &message, &err);
    if (rc != 0)
        return rc;
    ntlm->flags = message.flags;
    ntlm->netbios_domain = name_of(ctx, message.target.domain, true);
    ntlm->netbios_host = name_of(ctx, message.target.computer, true);
    ntlm->dns_domain = name_of(ctx, message.target.dns_domain, true);
    ntlm->dns_host = name_of(ctx, message.target.dns_computer, true);
    ntlm->forest = name_of(ctx, message.target.dns_forest, true);
    ntlm->clock = filetime(message.target.time);
    if (ntlm->netbios_domain == NULL)
        ntlm->netbios_domain = name_of(ctx, message.target_name, message.unicode);
    return 0;
}

static int read_authenticate(mr_tap_ctx *ctx, mr_slice token, mr_seen_ntlm *ntlm) {
    mr_ntlm_authenticate message;
    mr_error err;

    int rc = mr_ntlm_authenticate_decode(token, &message, &err);
    if (rc != 0)
        return rc;
    ntlm->flags = message.flags;
    ntlm->user = name_of(ctx, message.user, message.unicode);
    ntlm->domain = name_of(ctx, message.domain, message.unicode);
    ntlm->workstation = name_of(ctx, message.workstation, message.unicode);
    ntlm->target = name_of(ctx, message.target.spn, true);
    ntlm->anonymous = message.anonymous;
    ntlm->v1 = !message.v2 && !message.anonymous && message.nt.len == NTLM_V1;
    ntlm->mic = message.mic;
    return 0;
}

/* A message that breaks its form behind its type is told with what could be read. */
static int add_ntlm(const tap_place *place, mr_slice token) {
    mr_tap_ctx *ctx = place->ctx;
    mr_seen_ntlm ntlm = {.type = (uint8_t)mr_ntlm_get_type(token)};

    switch (ntlm.type) {
    case MR_NTLM_NEGOTIATE: (void)read_negotiate(ctx, token, &ntlm); break;
    case MR_NTLM_CHALLENGE: (void)read_challenge(ctx, token, &ntlm); break;
    case MR_NTLM_AUTHENTICATE: (void)read_authenticate(ctx, token, &ntlm); break;
    default: return 0; /* an octet of the wire: no message */
    }
    ctx->totals->ntlm[ntlm.type]++;
    mr_seen *seen = mr_tap_place_add(place, MR_SEEN_NTLM);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.ntlm = ntlm;
    return 0;
}

static uint8_t auth_type_of(enum mr_mech mech) {
    switch (mech) {
    case MR_MECH_KRB5:
    case MR_MECH_MS_KRB5:
    case MR_MECH_KRB5_U2U:
        return MR_AUTH_KRB5;
    case MR_MECH_NTLM:
        return MR_AUTH_NTLM;
    case MR_MECH_UNKNOWN:
    case MR_MECH_NEGOEX:
    case MR_MECH_SPNEGO:
        return MR_AUTH_NONE;
    }
    return MR_AUTH_NONE;
}

/* The mechanism that a client would like best, of those that matter here. */
static uint8_t offered_first(const mr_gss_token *gss) {
    for (uint8_t i = 0; i < gss->mech_count; i++)
        if (auth_type_of(gss->mechs[i]) != MR_AUTH_NONE)
            return auth_type_of(gss->mechs[i]);
    return MR_AUTH_NONE;
}

static int add_spnego(const tap_place *place, const mr_gss_token *gss) {
    mr_tap *tap = place->tap;

    if (gss->wrap == MR_GSS_INIT && place->dir == MR_DIR_TO_SERVER)
        tap->offered = offered_first(gss);
    if (gss->wrap != MR_GSS_RESP || place->dir != MR_DIR_TO_CLIENT)
        return 0;
    uint8_t chosen = auth_type_of(gss->mech);
    bool rejected = gss->state == MR_SPNEGO_REJECT;
    bool other = chosen != MR_AUTH_NONE && tap->offered != MR_AUTH_NONE && chosen != tap->offered;
    if (!rejected && !other)
        return 0;
    mr_seen *seen = mr_tap_place_add(place, MR_SEEN_SPNEGO);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.spnego = (mr_seen_spnego){.rejected = rejected, .offered = tap->offered,
                                      .chosen = chosen};
    tap->offered = MR_AUTH_NONE; /* told once */
    return 0;
}

static bool may_negotiate(uint8_t auth_type) {
    return auth_type == MR_AUTH_SPNEGO || auth_type == MR_AUTH_NTLM ||
           auth_type == MR_AUTH_KRB5 || auth_type == MR_AUTH_KRB5_DCE;
}

int mr_tap_token(mr_tap *tap, enum mr_dir dir, uint8_t auth_type, mr_slice token,
                 uint64_t packet, mr_nsec time) {
    const tap_place place = {.ctx = tap->ctx, .tap = tap, .dir = dir, .packet = packet,
                             .time = time};
    mr_gss_token gss;
    mr_error err;

    if (!may_negotiate(auth_type) || token.len == 0)
        return 0;
    if (mr_ntlm_get_type(token) != 0)
        return add_ntlm(&place, token);
    if (mr_gss_token_decode(token, &gss, &err) != 0)
        return 0;
    int rc = add_spnego(&place, &gss);
    if (rc != 0 || gss.token.len == 0)
        return rc;
    if (mr_ntlm_get_type(gss.token) != 0)
        return add_ntlm(&place, gss.token);
    return mr_tap_krb_message(&place, gss.token, gss.token.len, true);
}

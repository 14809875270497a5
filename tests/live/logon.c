/*
 * Logs on by NTLM and calls, at every level, with header signing and without, in connections of
 * several kinds: logon ADDR PORT NAME PASSWORD. One line per cell, "LEVEL sign|bare KIND: " and
 * "good" or what failed. The interface is the management interface, which every server has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/auth/ntlm.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/rpc.h>

struct logon {
    mr_loop loop;
    mr_identity identity;
    mr_client_options options;
};

static int make(void *user, mr_security **securityp, mr_error *err) {
    struct logon *l = user;
    mr_ntlm_options options = {.role = MR_SECURITY_INITIATOR,
                               .level = l->options.security.level,
                               .identity = &l->identity};
    mr_ntlm *ntlm;
    int64_t sec;
    uint32_t nsec;

    mr_clock_get_wall(&sec, &nsec);
    options.now = mr_time_filetime(sec, nsec);
    int r = mr_entropy_get(options.entropy, sizeof options.entropy);
    if (!r)
        r = mr_ntlm_new(&options, &ntlm, err);
    if (!r)
        *securityp = mr_ntlm_get_security(ntlm);
    return r;
}

static void give(void *user, mr_security *security) {
    (void)user;
    mr_ntlm_free((mr_ntlm *)security);
}

/* Both methods, several times: sequence numbers must keep step. */
static int talk(mr_client *client, mr_error *err) {
    int r = 0;

    for (unsigned i = 0; !r && i < 3; i++) {
        struct mr_mgmt_inq_if_ids ids = {0};
        struct mr_mgmt_is_server_listening listening = {0};
        r = mr_client_call(client, &mr_mgmt_iface, 0, &ids, err);
        if (!r)
            r = mr_client_call(client, &mr_mgmt_iface, 2, &listening, err);
        mr_client_release(client);
    }
    return r;
}

static int try(struct logon *l, mr_error *err) {
    mr_client *client;
    int r = mr_client_new(&l->loop, &l->options, &client, err);

    if (r)
        return r;
    r = mr_client_open(client, &mr_mgmt_iface.syntax, err);
    if (!r)
        r = talk(client, err);
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;
    if (!r && !auth->proven)
        r = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "nothing is proven");
    if (!r && auth->header_sign == l->options.security.no_header_sign)
        r = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                    "header signing was %sagreed", auth->header_sign ? "" : "not ");
    mr_client_free(client);
    return r;
}

static int try_all(struct logon *l) {
    static const char *const levels[] = {"", "none", "connect", "call", "packet", "integrity",
                                         "privacy"};
    static const struct {
        const char *name;
        uint16_t frag;
        enum mr_bind_style bind;
        bool bare;
    } kinds[] = {{"plain", 0, MR_BIND_PLAIN, false},
                 {"small", 2048, MR_BIND_PLAIN, false},
                 {"large", 65528, MR_BIND_WINDOWS, false},
                 {"unverified", 0, MR_BIND_WINDOWS, true}};
    int bad = 0;

    for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level <= MR_AUTH_LEVEL_PRIVACY; level++)
        for (unsigned sign = 0; sign < 2; sign++)
            for (size_t i = 0; i < MR_COUNT(kinds); i++) {
                mr_error err = MR_ERROR_INIT;
                l->options.security.level = level;
                l->options.security.no_header_sign = !sign;
                l->options.security.no_verification = kinds[i].bare;
                l->options.frag = kinds[i].frag;
                l->options.bind = kinds[i].bind;
                int r = try(l, &err);
                printf("%s %s %s: %s\n", levels[level], sign ? "sign" : "bare", kinds[i].name,
                       r ? err.text : "good");
                bad |= r != 0;
            }
    return bad;
}

int main(int argc, char **argv) {
    struct logon l = {0};
    mr_error err = MR_ERROR_INIT;

    if (argc != 5 || mr_addr_decode(mr_slice_str(argv[1]), (uint16_t)strtoul(argv[2], NULL, 10),
                                    &l.options.connect.remote) != 0)
        return 64;
    l.options.timeout = 10 * MR_SEC;
    l.options.security = (mr_client_security){.make = make, .give = give, .user = &l};
    int r = mr_loop_init(&l.loop, &err);
    if (!r)
        r = mr_identity_init(&l.identity, &err);
    if (!r)
        r = mr_identity_set_name(&l.identity, mr_slice_str(argv[3]), &err);
    if (!r)
        r = mr_identity_set_password(&l.identity, mr_slice_str(argv[4]), &err);
    if (r)
        fprintf(stderr, "%s\n", err.text);
    else
        r = try_all(&l);
    mr_identity_deinit(&l.identity);
    mr_loop_deinit(&l.loop);
    return r ? 1 : 0;
}

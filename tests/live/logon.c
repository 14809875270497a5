/*
 * Logs on and calls: every mechanism at every level, with header signing and without, in
 * connections of several kinds, with stubs of several sizes.
 *
 *     logon [-m MECH,...] [-k KIND,...] [-e] [-p PORT] [-s SPN] ADDRESS HOST NAME PASSWORD [KDC]
 *
 * One line per cell, "MECH LEVEL sign|bare KIND SIZE: " and "good", or what failed. The interface
 * is samr, whose SamrLookupNamesInDomain gives back as many RIDs as it gets names, and for the
 * smallest cell mgmt at the mapper's port; with -e it is rpcecho for all. Without -p the mapper is
 * asked. HOST may be "-": the server's name is not known. NAME "-": nobody. Connections of the kind
 * bytes go through a relay that sends every octet as a segment of its own, both ways.
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/ifaces/samr.h>
#include <msrpc/rpc.h>

#define ROUNDS 2      /* of all sizes over one connection: sequence numbers must keep step */
#define NAMES_MAX 1000 /* that SamrLookupNamesInDomain takes (MS-SAMR 3.1.5.11.2) */
#define OCTETS_MAX 164000
#define TEXT_SIZE 320

struct mech {
    const char *name;
    enum mr_logon_mechanism mechanism;
    bool named; /* the server's name is told */
    bool rc4;
};

static const struct mech mechs[] = {
    {"ntlm", MR_LOGON_NTLM, true, false},
    {"krb5", MR_LOGON_KERBEROS, true, false},
    {"krb5-rc4", MR_LOGON_KERBEROS, true, true},
    {"spnego-ntlm", MR_LOGON_NEGOTIATE, false, false},
    {"spnego-krb5", MR_LOGON_NEGOTIATE, true, false},
    {"netlogon", MR_LOGON_NETLOGON, true, false}, /* NAME is a machine's account */
};

static const struct kind {
    const char *name;
    uint16_t frag;
    enum mr_bind_style bind;
    bool unverified;
    bool relayed;
    bool ndr64;
} kinds[] = {
    {"plain", 0, MR_BIND_PLAIN, false, false, false},
    {"small", 2048, MR_BIND_PLAIN, false, false, false},
    {"large", 65528, MR_BIND_WINDOWS, false, false, false},
    {"unverified", 0, MR_BIND_WINDOWS, true, false, false},
    {"ndr64", 0, MR_BIND_WINDOWS, false, false, true},
    {"bytes", 2048, MR_BIND_PLAIN, false, true, false},
};

enum size { SIZE_8, SIZE_256, SIZE_FULL, SIZES };

static const char *const size_names[SIZES] = {"8", "256", "full"};
static const char *const levels[] = {"", "none", "connect", "call", "packet", "integrity",
                                     "privacy"};

struct logon {
    mr_loop loop;
    mr_identity identity;
    mr_addr remote, relay, kdc;
    mr_addr mapper, mapper_relay, controller;
    const char *host, *spn;
    bool echo;
    const char *mech_list, *kind_list;
};

/* ---- every octet by itself ---- */

/* The octet before has left when the system holds none unsent. */
static int send_octet(int fd, const uint8_t *octet) {
    int unsent = 1;

    if (send(fd, octet, 1, MSG_NOSIGNAL) != 1)
        return -1;
    while (ioctl(fd, SIOCOUTQNSD, &unsent) == 0 && unsent > 0)
        usleep(20);
    return 0;
}

/* What a relay sent, both ways. */
struct sent {
    unsigned long octets, segments;
};

static int pump(int from, int to, struct sent *sent) {
    uint8_t octets[4096];
    ssize_t n = recv(from, octets, sizeof octets, 0);

    for (ssize_t i = 0; i < n; i++) {
        if (send_octet(to, &octets[i]) != 0)
            return -1;
        sent->octets++;
    }
    return n > 0 ? 0 : -1;
}

static void count_segments(int fd, struct sent *sent) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
        sent->segments += info.tcpi_data_segs_out;
}

static void relay_one(int near, int far, struct sent *sent) {
    struct pollfd fds[2] = {{.fd = near, .events = POLLIN}, {.fd = far, .events = POLLIN}};
    int on = 1;

    setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (poll(fds, 2, -1) >= 0)
        for (int i = 0; i < 2; i++)
            if (fds[i].revents && pump(fds[i].fd, fds[!i].fd, sent) != 0)
                return;
}

struct relay {
    int listener;
    struct sockaddr_in to;
    struct sent sent;
};

static void *relay_all(void *user) {
    struct relay *relay = user;
    int near;

    while ((near = accept(relay->listener, NULL, NULL)) >= 0) {
        int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(far, (struct sockaddr *)&relay->to, sizeof relay->to) == 0)
            relay_one(near, far, &relay->sent);
        count_segments(near, &relay->sent);
        count_segments(far, &relay->sent);
        if (relay->sent.segments < relay->sent.octets)
            printf("a relay sent %lu octets in %lu segments\n", relay->sent.octets,
                   relay->sent.segments);
        close(far);
        close(near);
    }
    return NULL;
}

/* The thread and what it uses last as long as the process. */
static int start_relay(const mr_addr *to, mr_addr *addrp) {
    struct relay *relay = calloc(1, sizeof *relay);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    pthread_t thread;

    if (!relay)
        return -1;
    relay->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(to->port)};
    memcpy(&relay->to.sin_addr, to->ip, 4);
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (relay->listener < 0 || bind(relay->listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(relay->listener, 8) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&here, &len) != 0 ||
        pthread_create(&thread, NULL, relay_all, relay) != 0)
        return -1;
    pthread_detach(thread);
    return mr_addr_decode(MR_SLICE_LIT("127.0.0.1"), ntohs(here.sin_port), addrp);
}

/* ---- calls ---- */

static int wrong(mr_error *err, const char *text, uint32_t status) {
    return mr_fail(err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s 0x%08x", text,
                   status);
}

static int is_listening(mr_client *client, mr_error *err) {
    struct mr_mgmt_is_server_listening args = {0};

    return mr_client_call(client, &mr_mgmt_iface, 2, &args, err);
}

/* Opens the domain BUILTIN and asks it for @count names. */
static int look_up(mr_client *client, uint32_t count, mr_error *err) {
    static uint16_t users[] = {'U', 's', 'e', 'r', 's'};
    static uint32_t thirty_two = 32;
    static mr_ms_dtyp_RPC_UNICODE_STRING names[NAMES_MAX];
    struct mr_samr_SamrConnect2 connect = {.DesiredAccess = 0x20}; /* SAM_SERVER_LOOKUP_DOMAIN */
    struct mr_samr_SamrOpenDomain open = {
        .DesiredAccess = 0x200, /* DOMAIN_LOOKUP */
        .DomainId = {.Revision = 1, .SubAuthorityCount = 1,
                     .IdentifierAuthority = {{0, 0, 0, 0, 0, 5}}, .SubAuthority = &thirty_two}};
    int r = mr_client_call(client, &mr_samr_iface, 57, &connect, err);

    if (!r && connect.result)
        r = wrong(err, "SamrConnect2:", connect.result);
    open.ServerHandle = connect.ServerHandle;
    if (!r)
        r = mr_client_call(client, &mr_samr_iface, 7, &open, err);
    if (!r && open.result)
        r = wrong(err, "SamrOpenDomain:", open.result);
    for (uint32_t i = 0; i < count; i++)
        names[i] = (mr_ms_dtyp_RPC_UNICODE_STRING){sizeof users, sizeof users, users};
    struct mr_samr_SamrLookupNamesInDomain look = {.DomainHandle = open.DomainHandle,
                                                   .Count = count, .Names = names};
    if (!r)
        r = mr_client_call(client, &mr_samr_iface, 17, &look, err);
    if (!r && (look.result || look.RelativeIds.Count != count ||
               look.RelativeIds.Element[count - 1] != 545))
        r = wrong(err, "SamrLookupNamesInDomain:", look.result);
    struct mr_samr_SamrCloseHandle close[] = {{open.DomainHandle, 0}, {connect.ServerHandle, 0}};
    for (int i = 0; !r && i < 2; i++)
        r = mr_client_call(client, &mr_samr_iface, 1, &close[i], err);
    return r;
}

static int echo(mr_client *client, uint32_t count, mr_error *err) {
    static uint8_t octets[OCTETS_MAX];
    struct mr_rpcecho_echo_EchoData args = {.len = count, .in_data = octets};

    for (uint32_t i = 0; i < count; i++)
        octets[i] = (uint8_t)(i * 7 + i / 256);
    int r = mr_client_call(client, &mr_rpcecho_iface, 1, &args, err);
    return r || memcmp(octets, args.out_data, count) == 0 ? r : wrong(err, "EchoData:", count);
}

/* The largest size is several fragments both ways; Samba's largest are those of
 * MR_ASSOC_FRAG_DEFAULT, whatever is offered. */
static int talk(const struct logon *l, mr_client *client, enum size size, uint16_t frag,
                mr_error *err) {
    uint32_t full = frag ? frag : MR_ASSOC_FRAG_DEFAULT;
    int r = 0;

    switch (size) {
    case SIZE_8:
        r = l->echo ? echo(client, 4, err) : is_listening(client, err);
        break;
    case SIZE_256:
        r = l->echo ? echo(client, 252, err) : look_up(client, 7, err);
        break;
    case SIZE_FULL:
        if (l->echo)
            r = echo(client, full * 5 / 2, err);
        else
            r = look_up(client, full * 6 / 5 / 8 < NAMES_MAX ? full * 6 / 5 / 8 : NAMES_MAX, err);
        break;
    case SIZES:
        break;
    }
    mr_client_release(client);
    return r;
}

/* ---- a connection, for the cells of all sizes ---- */

static int check_report(mr_client *client, const mr_client_options *o, mr_error *err) {
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;

    if (!auth->proven)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "nothing is proven");
    if (auth->header_sign == o->security.no_header_sign)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "header signing was %sagreed", auth->header_sign ? "" : "not ");
    return 0;
}

/* "good", and what went otherwise than wished. */
static void tell_good(const struct mech *mech, mr_logon *logon, char *text, size_t size) {
    mr_logon_provider p = {0};
    mr_spnego_info info = {0};

    if (mech->named && mr_logon_find(logon, NULL, &p) == 0 && p.spnego)
        mr_spnego_get_info(p.spnego, &info);
    bool fell = info.fallback != MR_SPNEGO_NO_FALLBACK;
    snprintf(text, size, "good%s%s", fell ? " without Kerberos: " : "", fell ? info.why : "");
}

/* Sizes @first to @last. A fault may end the connection, or not; where it does, it is what all the
 * rest is told. */
static void converse(struct logon *l, const struct mech *mech, mr_logon *logon,
                     const mr_client_options *o, enum size first, enum size last,
                     char texts[SIZES][TEXT_SIZE]) {
    const mr_syntax *syntax = l->echo         ? &mr_rpcecho_iface.syntax
                              : last > SIZE_8 ? &mr_samr_iface.syntax
                                              : &mr_mgmt_iface.syntax;
    mr_error err = MR_ERROR_INIT;
    mr_client *client = NULL;
    char why[TEXT_SIZE] = "";
    int r = mr_client_new(&l->loop, o, &client, &err);

    if (!r)
        r = mr_client_open(client, syntax, &err);
    if (r)
        snprintf(why, sizeof why, "%s", err.text);
    bool opened = r == 0;
    for (unsigned i = first; i <= last; i++)
        tell_good(mech, logon, texts[i], TEXT_SIZE);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = first; i <= last; i++) {
            if (opened && (!r || r == MR_ERR_FAULT))
                r = talk(l, client, (enum size)i, o->frag, &err);
            if (!r)
                r = check_report(client, o, &err);
            if (r && (r == MR_ERR_FAULT || !*why))
                snprintf(why, sizeof why, "%s", err.text);
            if (r)
                snprintf(texts[i], TEXT_SIZE, "%s", why);
        }
    mr_client_free(client);
}

static bool is_listed(const char *list, const char *name) {
    size_t len = strlen(name);

    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || !at[len]))
            return true;
    return !list;
}

/* All connections of one logon; @failed: it is none, for this reason. */
static void try_logon(struct logon *l, const struct mech *mech, uint8_t level, mr_logon *logon,
                      const char *failed) {
    for (unsigned sign = 0; sign < 2; sign++)
        for (size_t i = 0; i < MR_COUNT(kinds); i++) {
            const struct kind *kind = &kinds[i];
            char texts[SIZES][TEXT_SIZE];
            mr_client_options options = {
                .connect.remote = kind->relayed ? l->relay : l->remote,
                .timeout = 20 * MR_SEC,
                .bind = kind->bind,
                .ndr64 = kind->ndr64,
                .frag = kind->frag,
                .security = {.make = mr_logon_make, .give = mr_logon_give, .user = logon,
                             .level = level, .no_header_sign = !sign,
                             .no_verification = kind->unverified},
            };
            if (!is_listed(l->kind_list, kind->name))
                continue;
            if (!failed)
                converse(l, mech, logon, &options, l->echo ? SIZE_8 : SIZE_256, SIZE_FULL,
                         texts);
            if (!failed && !l->echo) {
                options.connect.remote = kind->relayed ? l->mapper_relay : l->mapper;
                converse(l, mech, logon, &options, SIZE_8, SIZE_8, texts);
            }
            for (int s = 0; s < SIZES; s++)
                printf("%s %s %s %s %s: %s\n", mech->name, levels[level], sign ? "sign" : "bare",
                       kind->name, size_names[s], failed ? failed : texts[s]);
        }
}

static void try_mech(struct logon *l, const struct mech *mech) {
    for (uint8_t level = MR_AUTH_LEVEL_CONNECT; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
        const mr_logon_options options = {
            .identity = &l->identity, .mechanism = mech->mechanism, .level = level,
            .host = mech->named ? l->host : NULL, .spn = mech->named ? l->spn : NULL,
            .servers = &l->controller, .server_count = 1,
            .kdcs = &l->kdc, .kdc_count = l->kdc.family ? 1 : 0, .rc4_only = mech->rc4,
        };
        mr_error err = MR_ERROR_INIT;
        mr_logon *logon = NULL;
        int r = mr_logon_new(&l->loop, NULL, &options, &logon, &err);
        if (!r)
            r = mr_logon_run(logon, &err);
        try_logon(l, mech, level, logon, r ? err.text : NULL);
        mr_logon_free(logon);
        fflush(stdout);
    }
}

/* ---- what is asked for ---- */

static int prepare(struct logon *l, const char *name, const char *password, mr_error *err) {
    const mr_syntax *syntax = l->echo ? &mr_rpcecho_iface.syntax : &mr_samr_iface.syntax;
    int r = mr_identity_init(&l->identity, err);

    if (!r && strcmp(name, "-") == 0)
        l->identity.anonymous = true;
    else if (!r)
        r = mr_identity_set_name(&l->identity, mr_slice_str(name), err);
    if (!r && !l->identity.anonymous)
        r = mr_identity_set_password(&l->identity, mr_slice_str(password), err);
    l->mapper = l->controller = l->remote;
    l->controller.port = 0; /* the mapper is asked for Netlogon */
    l->mapper.port = MR_MAPPER_PORT;
    if (!r && !l->remote.port)
        r = mr_mapper_find_run(&l->loop, &l->mapper, syntax, &l->remote, err);
    if (!r && (start_relay(&l->remote, &l->relay) != 0 ||
               start_relay(&l->mapper, &l->mapper_relay) != 0))
        r = mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "no relay");
    return r;
}

static int read_options(struct logon *l, int argc, char **argv) {
    unsigned long port = 0;
    int c;

    while ((c = getopt(argc, argv, "em:k:p:s:")) != -1)
        switch (c) {
        case 'e':
            l->echo = true;
            break;
        case 'm':
            l->mech_list = optarg;
            break;
        case 'k':
            l->kind_list = optarg;
            break;
        case 'p':
            port = strtoul(optarg, NULL, 10);
            break;
        case 's':
            l->spn = optarg;
            break;
        default:
            return -1;
        }
    argc -= optind;
    argv += optind;
    if (argc < 4 || mr_addr_decode(mr_slice_str(argv[0]), (uint16_t)port, &l->remote) != 0 ||
        (argc > 4 && mr_addr_decode(mr_slice_str(argv[4]), 0, &l->kdc) != 0))
        return -1;
    l->host = strcmp(argv[1], "-") == 0 ? NULL : argv[1];
    return 0;
}

int main(int argc, char **argv) {
    struct logon l = {0};
    mr_error err = MR_ERROR_INIT;

    if (read_options(&l, argc, argv) != 0)
        return 64;
    int r = mr_loop_init(&l.loop, &err);
    if (!r)
        r = prepare(&l, argv[optind + 2], argv[optind + 3], &err);
    if (r)
        fprintf(stderr, "%s\n", err.text);
    for (size_t i = 0; !r && i < MR_COUNT(mechs); i++)
        if (is_listed(l.mech_list, mechs[i].name))
            try_mech(&l, &mechs[i]);
    mr_identity_deinit(&l.identity);
    mr_loop_deinit(&l.loop);
    return r ? 1 : 0;
}

/*
 * Secure channels of machines (MS-NRPC 3.1.4, 3.4.5.2): from a capture that shows both challenges
 * and NetrServerAuthenticate2 or 3, and the machine's NT hash, the session key of every channel
 * that follows. The client's credential proves each key before it is kept.
 */
#include "trace.h"

#include <stdlib.h>
#include <strings.h>

#include <msrpc/crypto.h>
#include <msrpc/ifaces.h>
#include <msrpc/ifaces/netlogon.h>

#define CHANNELS_MAX 256
#define NAME_MAX_LEN 16
#define DECODED_MAX ((size_t)64 << 10)

enum { REQ_CHALLENGE = 4, AUTHENTICATE3 = 26 }; /* MS-NRPC 3.5.4 */

struct channel {
    char computer[NAME_MAX_LEN]; /* NetBIOS name, ASCII; "" is free */
    uint64_t flow;               /* of the call that waits for its answer */
    uint32_t id;
    mr_netlogon_exchange exchange;
    uint8_t nt_hash[MR_NT_HASH_SIZE];
    bool challenged, has_hash, has_key;
    mr_netlogon_key key;
};

struct trace_channels {
    mr_ntlm_find *find;
    void *user;
    struct channel rows[CHANNELS_MAX];
    size_t next; /* the one that is used again when all are taken */
    mr_arena arena;
};

int trace_channels_new(mr_ntlm_find *find, void *user, struct trace_channels **channelsp) {
    struct trace_channels *channels = calloc(1, sizeof *channels);

    if (!channels)
        return MR_ERR_MEMORY;
    channels->find = find;
    channels->user = user;
    mr_arena_init(&channels->arena, DECODED_MAX);
    *channelsp = channels;
    return 0;
}

void trace_channels_free(struct trace_channels *channels) {
    if (!channels)
        return;
    mr_arena_deinit(&channels->arena);
    mr_wipe(channels, sizeof *channels);
    free(channels);
}

/* ---- rows ---- */

static struct channel *find_name(struct trace_channels *channels, const char *computer) {
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (*channels->rows[i].computer && strcasecmp(channels->rows[i].computer, computer) == 0)
            return &channels->rows[i];
    return NULL;
}

static struct channel *find_call(struct trace_channels *channels, uint64_t flow, uint32_t id) {
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (*channels->rows[i].computer && channels->rows[i].flow == flow &&
            channels->rows[i].id == id)
            return &channels->rows[i];
    return NULL;
}

/* A computer's name as channels are called by; false: it has none that could be. */
static bool get_name(const uint16_t *utf16, char out[NAME_MAX_LEN]) {
    size_t n = 0;

    while (utf16 && utf16[n] && n < NAME_MAX_LEN - 1) {
        if (utf16[n] > 0x7e || utf16[n] < 0x21)
            return false;
        out[n] = (char)utf16[n];
        n++;
    }
    out[n] = '\0';
    return n > 0 && !utf16[n];
}

/* ---- the calls ---- */

static void on_challenge(struct trace_channels *channels, enum mr_dir dir, uint64_t flow,
                         uint32_t id, const struct mr_netlogon_NetrServerReqChallenge *args) {
    char computer[NAME_MAX_LEN];
    struct channel *row;

    if (dir == MR_DIR_TO_CLIENT) {
        row = find_call(channels, flow, id);
        if (row && args->result == 0) {
            memcpy(row->exchange.server, args->ServerChallenge.data, 8);
            row->challenged = true;
        }
        return;
    }
    if (!get_name(args->ComputerName, computer))
        return;
    row = find_name(channels, computer);
    if (!row)
        row = &channels->rows[channels->next++ % CHANNELS_MAX];
    /* a key that stands serves until another one is made */
    if (strcasecmp(row->computer, computer) != 0)
        *row = (struct channel){.has_key = false};
    memcpy(row->computer, computer, sizeof computer);
    row->flow = flow;
    row->id = id;
    row->challenged = false;
    memcpy(row->exchange.client, args->ClientChallenge.data, 8);
}

static bool find_hash(struct trace_channels *channels, const uint16_t *account,
                      uint8_t nt_hash[MR_NT_HASH_SIZE]) {
    uint8_t octets[128];
    size_t n = 0;

    for (; account && account[n] && 2 * n < sizeof octets; n++) {
        octets[2 * n] = (uint8_t)account[n];
        octets[2 * n + 1] = (uint8_t)(account[n] >> 8);
    }
    return n > 0 && channels->find(channels->user, mr_slice_of(octets, 2 * n), MR_SLICE_NULL,
                                   nt_hash, NULL) == 0;
}

static void on_authenticate(struct trace_channels *channels, uint64_t flow, uint32_t id,
                            const struct mr_netlogon_NetrServerAuthenticate3 *args) {
    char computer[NAME_MAX_LEN];
    struct channel *row = get_name(args->ComputerName, computer) ? find_name(channels, computer)
                                                                 : NULL;

    if (!row)
        return;
    row->flow = flow;
    row->id = id;
    row->has_hash = find_hash(channels, args->AccountName, row->nt_hash);
    memcpy(row->exchange.credential, args->ClientCredential.data, 8);
}

/* A credential, the flags, of NetrServerAuthenticate3 the account's number, and the result. */
static void on_authenticated(struct trace_channels *channels, uint64_t flow,
                             const mr_seen_stub *stub) {
    struct channel *row = find_call(channels, flow, stub->id);
    mr_cursor flags = mr_cursor_of(mr_slice_sub(stub->bytes, 8, 4));
    mr_cursor result = mr_cursor_of(mr_slice_sub(stub->bytes, stub->opnum == AUTHENTICATE3 ? 16
                                                                                            : 12,
                                                 4));

    flags.big = result.big = stub->big;
    uint32_t negotiated = mr_cursor_read_u32(&flags), status = mr_cursor_read_u32(&result);
    if (!row || !mr_cursor_ok(&result) || status != 0 || !row->challenged || !row->has_hash)
        return;
    row->exchange.flags = negotiated;
    if (mr_netlogon_derive(&row->exchange, row->nt_hash, &row->key, NULL) == 0)
        row->has_key = true;
}

void trace_channels_learn(struct trace_channels *channels, enum mr_dir dir, uint64_t flow,
                          const mr_seen_stub *stub) {
    bool challenge = stub->opnum == REQ_CHALLENGE;
    /* the parameters of NetrServerAuthenticate2 are those of its successor */
    const mr_proc *proc = mr_iface_get_proc(&mr_netlogon_iface,
                                            challenge ? REQ_CHALLENGE : AUTHENTICATE3);
    const mr_ndr_format format = {stub->ndr64 ? MR_NDR64 : MR_NDR20, stub->big};
    const mr_ndr_limits limits = {.no_request = dir == MR_DIR_TO_CLIENT};
    struct mr_netlogon_NetrServerReqChallenge asked = {.result = 0};
    struct mr_netlogon_NetrServerAuthenticate3 proved = {.result = 0};

    if (!challenge && dir == MR_DIR_TO_CLIENT) {
        on_authenticated(channels, flow, stub);
        return;
    }
    mr_arena_reset(&channels->arena);
    if (!proc || mr_ndr_decode(proc, dir == MR_DIR_TO_CLIENT ? MR_NDR_RESPONSE : MR_NDR_REQUEST,
                               format, stub->bytes, &limits, &channels->arena,
                               challenge ? (void *)&asked : &proved, NULL, NULL) != 0)
        return;
    if (challenge)
        on_challenge(channels, dir, flow, stub->id, &asked);
    else
        on_authenticate(channels, flow, stub->id, &proved);
}

int trace_channels_find(const struct trace_channels *channels, mr_slice computer,
                        mr_netlogon_key *keyp) {
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        const struct channel *row = &channels->rows[i];
        if (row->has_key && mr_slice_eq_nocase(mr_slice_str(row->computer), computer)) {
            *keyp = row->key;
            return 0;
        }
    }
    return MR_ERR_NOT_FOUND;
}

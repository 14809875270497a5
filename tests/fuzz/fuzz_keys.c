/* What two hosts say to each other over DCE/RPC, before an analyser that has keys: a script of
 * portions, each a control octet and a length, of either side, with octets missing now and then.
 * The corpus begins with what was recorded (tests/captures/sealed), whose keys stand here. Whatever
 * comes, a stub is said to be opened only if its context was. */
#include <unistd.h>

#include <msrpc/auth/observer.h>

#include "../unit/tap_world.h"
#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TO_CLIENT = 1, HOLE = 2 };

#define MEMORY_MOST ((size_t)4 << 20)

/* the domain controller's, of tests/captures/sealed/dc1.keytab */
static const uint8_t keytab[] = {
    0x05, 0x02, 0x00, 0x00, 0x00, 0x47, 0x00, 0x01, 0x00, 0x08, 0x4c, 0x41, 0x42, 0x2e, 0x54, 0x45,
    0x53, 0x54, 0x00, 0x04, 0x44, 0x43, 0x31, 0x24, 0x00, 0x00, 0x00, 0x01, 0x6b, 0x03, 0x75, 0x46,
    0x01, 0x00, 0x12, 0x00, 0x20, 0x7b, 0x06, 0x5f, 0x84, 0x72, 0x04, 0x75, 0x86, 0xfe, 0x0c, 0x1b,
    0x03, 0x8e, 0xa7, 0x61, 0xd9, 0xf0, 0x42, 0x2d, 0xaa, 0x41, 0x6a, 0xdf, 0xc2, 0x18, 0xa0, 0x93,
    0x17, 0x0b, 0x22, 0xc8, 0xc6, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x37, 0x00, 0x01, 0x00, 0x08, 0x4c, 0x41, 0x42, 0x2e, 0x54, 0x45, 0x53, 0x54, 0x00, 0x04, 0x44,
    0x43, 0x31, 0x24, 0x00, 0x00, 0x00, 0x01, 0x6b, 0x03, 0x75, 0x46, 0x01, 0x00, 0x11, 0x00, 0x10,
    0xb8, 0x2f, 0x0c, 0x32, 0x38, 0xb8, 0x9d, 0xad, 0xeb, 0x72, 0x57, 0xbf, 0x66, 0x31, 0xf0, 0xbb,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x37, 0x00, 0x01, 0x00, 0x08,
    0x4c, 0x41, 0x42, 0x2e, 0x54, 0x45, 0x53, 0x54, 0x00, 0x04, 0x44, 0x43, 0x31, 0x24, 0x00, 0x00,
    0x00, 0x01, 0x6b, 0x03, 0x75, 0x46, 0x01, 0x00, 0x17, 0x00, 0x10, 0x7c, 0xa2, 0x89, 0xda, 0xaf,
    0x15, 0x14, 0x1d, 0xa7, 0xfe, 0xcb, 0xa4, 0x17, 0x22, 0xbd, 0x56, 0x00, 0x00, 0x00, 0x01, 0x00,
    0x00, 0x00, 0x00,
};

/* that of mb$, of tests/captures/sealed/accounts */
static const uint8_t machine[MR_NT_HASH_SIZE] = {0xa5, 0x78, 0x9d, 0x42, 0x38, 0xcb, 0xa3, 0xc0,
                                                 0xa4, 0xa6, 0x11, 0x87, 0x98, 0x6e, 0xdf, 0x91};

struct given {
    mr_observer_keys keys;
    mr_identity alice;
    struct trace_channels *channels;
};

static int find_account(void *user, mr_slice account, mr_slice domain,
                        uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    struct given *given = user;

    return mr_ntlm_find_identity(&given->alice, account, domain, nt_hashp, err);
}

/* Whatever machine. */
static int find_machine(void *user, mr_slice account, mr_slice domain,
                        uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    (void)user;
    (void)account;
    (void)domain;
    (void)err;
    memcpy(nt_hashp, machine, sizeof machine);
    return 0;
}

static int find_channel(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                        mr_error *err) {
    struct given *given = user;

    (void)domain;
    (void)err;
    if (trace_channels_find(given->channels, computer, keyp) != 0)
        *keyp = (mr_netlogon_key){.key = {1, 2, 3}, .aes = computer.len % 2};
    return 0;
}

static int make(void *user, uint8_t auth_type, mr_security **securityp, mr_error *err) {
    struct given *given = user;
    mr_observer *observer;
    int r = mr_observer_new(&given->keys, auth_type, &observer, err);

    if (!r)
        *securityp = mr_observer_get_security(observer);
    return r;
}

static enum mr_seen_seal describe(void *user, mr_security *security, const char **textp) {
    mr_observer_info info;

    (void)user;
    mr_observer_get_info(mr_observer_of(security), &info);
    *textp = info.text;
    return info.complete ? MR_SEAL_OPENED : info.closed ? MR_SEAL_CLOSED : MR_SEAL_UNSEEN;
}

static void give(void *user, mr_security *security) {
    (void)user;
    mr_observer_free(mr_observer_of(security));
}

static void learn(void *user, enum mr_dir dir, uint64_t flow, const mr_seen_stub *stub) {
    struct given *given = user;

    trace_channels_learn(given->channels, dir, flow, stub);
}

static void read_keys(struct given *given) {
    char path[] = "/tmp/msrpc-keys-XXXXXX";
    int fd = mkstemp(path);
    mr_krb5_keys *tickets = NULL;

    if (fd < 0 || write(fd, keytab, sizeof keytab) != (ssize_t)sizeof keytab ||
        mr_krb5_keys_new(path, &tickets, NULL) != 0 || mr_identity_init(&given->alice, NULL) != 0 ||
        mr_identity_set_password(&given->alice, mr_slice_str("Alice.Pw1"), NULL) != 0)
        abort();
    close(fd);
    unlink(path);
    given->keys = (mr_observer_keys){.tickets = tickets, .find_account = find_account,
                                     .find_channel = find_channel, .user = given};
}

static void check(const tap_world *w) {
    bool opened = false;

    if (w->batch.arena.used > MEMORY_MOST || w->ctx.failed != 0)
        abort();
    for (size_t i = 0; i < w->batch.count; i++) {
        const mr_seen *seen = &w->batch.seen[i];
        if (seen->kind == MR_SEEN_KEY)
            opened |= seen->u.key.seal == MR_SEAL_OPENED && *seen->u.key.text;
        if (seen->kind == MR_SEEN_STUB &&
            (seen->u.stub.seal > MR_SEAL_WRONG ||
             (seen->u.stub.seal == MR_SEAL_OPENED && !opened)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tap_world w;
    static struct given given;
    static const mr_watch watch = {.make = make, .describe = describe, .give = give,
                                   .learn = learn, .user = &given};

    if (size > 65536)
        return 0;
    if (!given.keys.tickets)
        read_keys(&given);
    if (trace_channels_new(find_machine, NULL, &given.channels) != 0)
        abort();
    tap_world_init(&w);
    w.ctx.stubs = true;
    w.ctx.watch = &watch;
    tap_world_open(&w, 4000, 49152);
    for (size_t at = 0; at + 3 <= size;) {
        uint8_t control = data[at];
        size_t len = data[at + 1] | (size_t)data[at + 2] << 8;
        int from = control & TO_CLIENT;
        at += 3;
        len = len < size - at ? len : size - at;
        if (control & HOLE)
            w.seq[from] += (uint32_t)len;
        else
            tap_world_say(&w, from, data + at, len, 1400);
        at += len;
    }
    tap_world_end(&w);
    check(&w);
    tap_world_deinit(&w);
    trace_channels_free(given.channels);
    return 0;
}

/*
 * Answers kept as octets. Clients ask the mapper the same few questions over and over, and between
 * two changes of the registry the answer is a function of the question: so it is encoded once, by
 * the same interpreter as every other, and copied from then on. The memo belongs to one snapshot
 * and goes with it.
 *
 * A question is known by its request stub, octet for octet, with what else the answer depends on:
 * procedure, transfer syntax, byte order and the address that stands for 0.0.0.0. An answer that
 * is to be gone on with is kept with what its handle stands for; the handle, its first 20 octets,
 * is made anew each time. Questions that go on from a handle are unique and never kept.
 */
#include "mapper_private.h"

#include <stdlib.h>

#define SLOTS 512u                        /* a question replaces one that shares its slot */
#define STUB_MAX 256u                     /* octets of a question: longer ones are no client's */
#define OCTETS_MAX ((size_t)8 << 20)      /* of everything kept; then it starts anew */

struct key {
    uint16_t opnum;
    uint8_t syntax, big;
    uint8_t host[4];
};

struct answer {
    uint64_t hash;
    struct key key;
    bool has_next;
    mr_mapper_db_query next;
    mr_slice stub, reply; /* both behind the struct */
};

struct mr_mapper_memo {
    struct answer *slots[SLOTS];
    size_t octets;
    bool wanted;   /* between a body and its encoded reply */
    bool has_next;
    mr_mapper_db_query next;
};

static struct mr_mapper_memo *memo_of(mr_mapper_db *db) {
    if (!db->memo)
        db->memo = calloc(1, sizeof *db->memo);
    return db->memo;
}

void mr_mapper_memo_free(struct mr_mapper_memo *memo) {
    for (unsigned i = 0; memo && i < SLOTS; i++)
        free(memo->slots[i]);
    free(memo);
}

void mr_mapper_memo_want(mr_mapper_db *db, const mr_mapper_db_query *next) {
    struct mr_mapper_memo *memo = memo_of(db);

    if (!memo)
        return;
    memo->wanted = true;
    memo->has_next = next != NULL;
    if (next)
        memo->next = *next;
}

static struct key key_of(const mr_server_call *call) {
    struct key key = {
        .opnum = (uint16_t)(call->proc - call->served->iface->procs),
        .syntax = (uint8_t)call->format.syntax,
        .big = call->format.big,
    };

    if (call->local.family == MR_FAMILY_IPV4)
        memcpy(key.host, call->local.ip, sizeof key.host);
    return key;
}

/* Eight octets at a time; the registry's own number keeps slots from being foreseen. */
static uint64_t hash_of(const mr_mapper_db *db, const struct key *key, mr_slice stub) {
    uint64_t hash, word;

    memcpy(&hash, &db->object, sizeof hash);
    memcpy(&word, key, sizeof word);
    hash ^= word;
    for (size_t at = 0; at < stub.len; at += sizeof word) {
        size_t left = stub.len - at;
        word = 0;
        memcpy(&word, stub.data + at, left < sizeof word ? left : sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

static bool find(void *user, mr_server_call *call, mr_slice stub, mr_buf *reply) {
    mr_mapper_db *db = user;
    struct key key = key_of(call);
    mr_ndr_context handle;

    if (!db->memo)
        return false;
    db->memo->wanted = false; /* a call that failed after its body asked leaves nothing behind */
    if (stub.len > STUB_MAX)
        return false;
    uint64_t hash = hash_of(db, &key, stub);
    const struct answer *answer = db->memo->slots[hash % SLOTS];
    if (!answer || answer->hash != hash || memcmp(&answer->key, &key, sizeof key) != 0 ||
        !mr_slice_eq(answer->stub, stub))
        return false;
    mr_slice rest = answer->reply;
    if (answer->has_next) {
        if (mr_mapper_keep_query(call, &answer->next, &handle) < 0)
            return false;
        mr_buf_write_u32(reply, handle.attributes);
        mr_buf_write_uuid(reply, &handle.uuid);
        rest = mr_slice_sub(rest, reply->len, SIZE_MAX);
    }
    mr_buf_write(reply, rest);
    return mr_buf_error(reply) == 0;
}

static void add(void *user, mr_server_call *call, mr_slice stub, mr_slice reply) {
    mr_mapper_db *db = user;
    struct mr_mapper_memo *memo = db->memo;
    size_t size = sizeof(struct answer) + stub.len + reply.len;

    if (!memo || !memo->wanted)
        return;
    memo->wanted = false;
    if (stub.len > STUB_MAX || size > OCTETS_MAX / 8)
        return;
    struct answer *answer = malloc(size);
    if (!answer)
        return;
    uint8_t *octets = (uint8_t *)(answer + 1);
    *answer = (struct answer){.key = key_of(call), .has_next = memo->has_next, .next = memo->next,
                              .stub = mr_slice_of(octets, stub.len),
                              .reply = mr_slice_of(octets + stub.len, reply.len)};
    answer->hash = hash_of(db, &answer->key, stub);
    memcpy(octets, stub.data, stub.len);
    memcpy(octets + stub.len, reply.data, reply.len);
    if (memo->octets + size > OCTETS_MAX) {
        for (unsigned i = 0; i < SLOTS; i++) {
            free(memo->slots[i]);
            memo->slots[i] = NULL;
        }
        memo->octets = 0;
    }
    struct answer **slot = &memo->slots[answer->hash % SLOTS];
    if (*slot)
        memo->octets -= sizeof **slot + (*slot)->stub.len + (*slot)->reply.len;
    free(*slot);
    *slot = answer;
    memo->octets += size;
}

const mr_server_memo mr_mapper_memo = {find, add};

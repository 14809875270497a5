/*
 * Answers kept as octets. Clients ask the mapper the same few questions over and over, and between
 * two changes of the registry the answer is a function of the question: so it is encoded once, by
 * the same interpreter as every other, and lent from then on. The memo belongs to one snapshot and
 * goes with it.
 *
 * A question is known by its request stub, octet for octet, with what else the answer depends on:
 * procedure, transfer syntax, byte order and the address that stands for 0.0.0.0. An answer that
 * is to be gone on with is kept with what its handle stands for; the handle, its first 20 octets,
 * is made anew each time. Questions that go on from a handle are unique and never kept.
 *
 * What is kept is lent as it is. An answer that lives on elsewhere while it is being sent (its slot
 * was given to another, or the memo went) is freed by whoever lets go of it last; one that is lent
 * and has a handle is not written into but copied.
 */
#include "mapper_private.h"

#include <stdlib.h>

#define SLOTS 512u                        /* a question replaces one that shares its slot */
#define STUB_MAX 256u                     /* octets of a question: longer ones are no client's */
#define HANDLE_SIZE 20u
#define OCTETS_MAX ((size_t)8 << 20)      /* of everything kept; then it starts anew */

struct key {
    uint16_t opnum;
    uint8_t syntax, big;
    uint8_t host[4];
};
/* it is hashed as one word, and compared octet for octet, so it holds nothing else */
_Static_assert(sizeof(struct key) == sizeof(uint64_t), "a key is one word");

struct answer {
    unsigned refs; /* the memo's, and one of each call that it is lent to */
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

static void unref(struct answer *answer) {
    if (answer && --answer->refs == 0)
        free(answer);
}

static size_t size_of(const struct answer *answer) {
    return sizeof *answer + answer->stub.len + answer->reply.len;
}

void mr_mapper_memo_free(struct mr_mapper_memo *memo) {
    for (unsigned i = 0; memo && i < SLOTS; i++)
        unref(memo->slots[i]);
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

static uint64_t stir(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* Eight octets at a time; the registry's own number keeps slots from being foreseen. */
static uint64_t hash_of(const mr_mapper_db *db, const struct key *key, mr_slice stub) {
    uint64_t hash, word;

    memcpy(&hash, &db->object, sizeof hash);
    memcpy(&word, key, sizeof word);
    hash ^= word;
    for (; stub.len >= sizeof word; stub = mr_slice_sub(stub, sizeof word, SIZE_MAX)) {
        memcpy(&word, stub.data, sizeof word);
        hash = stir(hash, word);
    }
    word = 0;
    if (stub.len > 0)
        memcpy(&word, stub.data, stub.len);
    return stub.len > 0 ? stir(hash, word) : hash;
}

static struct answer *new_answer(const struct answer *from) {
    struct answer *answer = malloc(size_of(from));

    if (!answer)
        return NULL;
    uint8_t *octets = (uint8_t *)(answer + 1);
    *answer = *from;
    answer->refs = 1;
    answer->stub.data = octets;
    answer->reply.data = octets + from->stub.len;
    memcpy(octets, from->stub.data, from->stub.len);
    memcpy(octets + from->stub.len, from->reply.data, from->reply.len);
    return answer;
}

/* The answer with a new handle for this call, with a reference for it; NULL without memory. */
static struct answer *renew(mr_server_call *call, struct answer *answer) {
    mr_ndr_context handle;
    mr_buf head;

    if (answer->refs == 1)
        answer->refs++;
    else if (!(answer = new_answer(answer)))
        return NULL;
    if (mr_mapper_keep_query(call, &answer->next, &handle) < 0) {
        unref(answer);
        return NULL;
    }
    mr_buf_init(&head, (uint8_t *)(answer + 1) + answer->stub.len, HANDLE_SIZE, HANDLE_SIZE);
    mr_buf_write_u32(&head, handle.attributes);
    mr_buf_write_uuid(&head, &handle.uuid);
    return answer;
}

static bool find(void *user, mr_server_call *call, mr_slice stub, mr_slice *replyp,
                 void **lentp) {
    mr_mapper_db *db = user;
    struct key key = key_of(call);

    if (!db->memo)
        return false;
    db->memo->wanted = false; /* a call that failed after its body asked leaves nothing behind */
    if (stub.len > STUB_MAX)
        return false;
    uint64_t hash = hash_of(db, &key, stub);
    struct answer *answer = db->memo->slots[hash % SLOTS];
    if (!answer || answer->hash != hash || memcmp(&answer->key, &key, sizeof key) != 0 ||
        !mr_slice_eq(answer->stub, stub))
        return false;
    if (!answer->has_next)
        answer->refs++;
    else if (!(answer = renew(call, answer)))
        return false;
    *replyp = answer->reply;
    *lentp = answer;
    return true;
}

static void give(void *lent) {
    unref(lent);
}

static void add(void *user, mr_server_call *call, mr_slice stub, mr_slice reply) {
    mr_mapper_db *db = user;
    struct mr_mapper_memo *memo = db->memo;

    if (!memo || !memo->wanted)
        return;
    memo->wanted = false;
    struct answer *answer, given = {.key = key_of(call), .has_next = memo->has_next,
                                    .next = memo->next, .stub = stub, .reply = reply};
    size_t size = size_of(&given);
    if (stub.len > STUB_MAX || size > OCTETS_MAX / 8)
        return;
    given.hash = hash_of(db, &given.key, stub);
    answer = new_answer(&given);
    if (!answer)
        return;
    if (memo->octets + size > OCTETS_MAX) {
        for (unsigned i = 0; i < SLOTS; i++) {
            unref(memo->slots[i]);
            memo->slots[i] = NULL;
        }
        memo->octets = 0;
    }
    struct answer **slot = &memo->slots[answer->hash % SLOTS];
    if (*slot)
        memo->octets -= size_of(*slot);
    unref(*slot);
    *slot = answer;
    memo->octets += size;
}

const mr_server_memo mr_mapper_memo = {find, give, add};

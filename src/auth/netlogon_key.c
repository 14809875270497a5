/*
 * The session key of Netlogon's secure channel (MS-NRPC 3.1.4.3) and the credential that proves it
 * (3.1.4.4), from both challenges and the machine account's NT hash; and the credentials that go
 * with calls (3.1.4.5): each is of the one before, as a little-endian number in its first four
 * octets is counted up by the client's time, and by one for the answer.
 */
#include <msrpc/auth/netlogon.h>
#include <msrpc/crypto.h>

enum { AES_FLAG = 0x01000000, STRONG_FLAG = 0x4000 };

static int make_aes(mr_slice hash, mr_slice client, mr_slice server, uint8_t key[16],
                    mr_error *err) {
    const mr_slice parts[] = {client, server};
    uint8_t mac[32];
    int rc = mr_hmac_once(MR_HASH_SHA256, hash, parts, 2, mac, err);

    if (rc == 0)
        memcpy(key, mac, MR_NETLOGON_KEY);
    mr_wipe(mac, sizeof mac);
    return rc;
}

static int make_strong(mr_slice hash, mr_slice client, mr_slice server, uint8_t key[16],
                       mr_error *err) {
    static const uint8_t zeros[4];
    const mr_slice parts[] = {{zeros, sizeof zeros}, client, server};
    uint8_t digest[16];
    const mr_slice inner = {digest, sizeof digest};
    int rc = mr_hash_once(MR_HASH_MD5, parts, 3, digest, err);

    return rc < 0 ? rc : mr_hmac_once(MR_HASH_MD5, hash, &inner, 1, key, err);
}

int mr_netlogon_get_credential(const mr_netlogon_key *key, const uint8_t plain[8],
                               uint8_t credentialp[8], mr_error *err) {
    mr_aes aes = {0};
    uint8_t out[8];
    int rc;

    if (key->aes) {
        rc = mr_aes_init(&aes, MR_AES_CFB8, mr_slice_of(key->key, MR_NETLOGON_KEY), err);
        if (rc == 0)
            rc = mr_aes_encrypt(&aes, NULL, plain, out, 8, err);
        mr_aes_deinit(&aes);
    } else {
        rc = mr_des_block(key->key, plain, out, err);
        if (rc == 0)
            rc = mr_des_block(key->key + 7, out, out, err);
    }
    if (rc == 0)
        memcpy(credentialp, out, 8);
    return rc;
}

/* The key alone, and the client's credential under it. */
static int make_key(const mr_netlogon_exchange *x, const uint8_t nt_hash[16], mr_netlogon_key *key,
                    uint8_t credential[8], mr_error *err) {
    mr_slice hash = mr_slice_of(nt_hash, 16), client = mr_slice_of(x->client, sizeof x->client),
             server = mr_slice_of(x->server, sizeof x->server);
    int rc;

    if (!(x->flags & (AES_FLAG | STRONG_FLAG)))
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Netlogon: keys of DES are not made");
    key->aes = x->flags & AES_FLAG;
    rc = key->aes ? make_aes(hash, client, server, key->key, err)
                  : make_strong(hash, client, server, key->key, err);
    return rc ? rc : mr_netlogon_get_credential(key, x->client, credential, err);
}

int mr_netlogon_derive(const mr_netlogon_exchange *x, const uint8_t nt_hash[16],
                       mr_netlogon_key *keyp, mr_error *err) {
    mr_netlogon_key key;
    uint8_t credential[8];
    int rc = make_key(x, nt_hash, &key, credential, err);

    if (rc == 0 && !mr_secret_eq(credential, x->credential, sizeof credential))
        rc = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "Netlogon: the machine used another password");
    if (rc == 0)
        *keyp = key;
    mr_wipe(&key, sizeof key);
    return rc;
}

int mr_netlogon_begin(mr_netlogon_exchange *x, const uint8_t nt_hash[16], mr_netlogon_key *keyp,
                      mr_error *err) {
    mr_netlogon_key key;
    int rc = make_key(x, nt_hash, &key, x->credential, err);

    if (rc == 0)
        *keyp = key;
    mr_wipe(&key, sizeof key);
    return rc;
}

int mr_netlogon_check(const mr_netlogon_exchange *x, const mr_netlogon_key *key,
                      const uint8_t credential[8], mr_error *err) {
    uint8_t expected[8];
    int rc = mr_netlogon_get_credential(key, x->server, expected, err);

    if (rc == 0 && !mr_secret_eq(expected, credential, sizeof expected))
        rc = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "Netlogon: the server does not prove that it knows the machine's password");
    return rc;
}

/* The low half of the stored credential is a number; what carries over is lost (3.1.4.5). */
static void count(uint8_t stored[8], uint32_t by) {
    uint32_t low = 0;

    for (unsigned i = 0; i < 4; i++)
        low |= (uint32_t)stored[i] << 8 * i;
    low += by;
    for (unsigned i = 0; i < 4; i++)
        stored[i] = (uint8_t)(low >> 8 * i);
}

int mr_netlogon_chain_feed(mr_netlogon_chain *chain, const mr_netlogon_step *step,
                           uint8_t answerp[8], mr_error *err) {
    uint8_t next[8], expected[8], answer[8];
    int rc;

    memcpy(next, chain->stored, sizeof next);
    count(next, step->time);
    rc = mr_netlogon_get_credential(&chain->key, next, expected, err);
    if (rc == 0 && !mr_secret_eq(expected, step->credential, sizeof expected))
        rc = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "Netlogon: an authenticator is not the next of its channel");
    if (rc == 0) {
        count(next, 1);
        rc = mr_netlogon_get_credential(&chain->key, next, answer, err);
    }
    if (rc == 0) {
        memcpy(chain->stored, next, sizeof next);
        memcpy(answerp, answer, sizeof answer);
    }
    mr_wipe(expected, sizeof expected);
    return rc;
}

int mr_netlogon_chain_get(const mr_netlogon_chain *chain, uint32_t time, mr_netlogon_step *stepp,
                          mr_error *err) {
    uint8_t next[8];

    memcpy(next, chain->stored, sizeof next);
    count(next, time);
    int rc = mr_netlogon_get_credential(&chain->key, next, stepp->credential, err);
    if (rc == 0)
        stepp->time = time;
    return rc;
}

int mr_netlogon_chain_check(mr_netlogon_chain *chain, const mr_netlogon_step *step,
                            const uint8_t answer[8], mr_error *err) {
    mr_netlogon_chain next = *chain;
    uint8_t expected[8];
    int rc = mr_netlogon_chain_feed(&next, step, expected, err);

    if (rc == 0 && !mr_secret_eq(expected, answer, sizeof expected))
        rc = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "Netlogon: the server answers with an authenticator that is not its own");
    if (rc == 0)
        *chain = next;
    mr_wipe(&next, sizeof next);
    return rc;
}

/*
 * The session key of Netlogon's secure channel (MS-NRPC 3.1.4.3) and the credential that proves it
 * (3.1.4.4), from both challenges and the machine account's NT hash.
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

/* What the client's challenge becomes under the key. */
static int make_credential(const mr_netlogon_key *key, const uint8_t challenge[8], uint8_t out[8],
                           mr_error *err) {
    mr_aes aes = {0};
    int rc;

    if (key->aes) {
        rc = mr_aes_init(&aes, MR_AES_CFB8, mr_slice_of(key->key, MR_NETLOGON_KEY), err);
        if (rc == 0)
            rc = mr_aes_encrypt(&aes, NULL, challenge, out, 8, err);
        mr_aes_deinit(&aes);
        return rc;
    }
    rc = mr_des_block(key->key, challenge, out, err);
    return rc < 0 ? rc : mr_des_block(key->key + 7, out, out, err);
}

int mr_netlogon_derive(const mr_netlogon_exchange *x, const uint8_t nt_hash[16],
                       mr_netlogon_key *keyp, mr_error *err) {
    mr_slice hash = mr_slice_of(nt_hash, 16), client = mr_slice_of(x->client, sizeof x->client),
             server = mr_slice_of(x->server, sizeof x->server);
    mr_netlogon_key key = {.aes = x->flags & AES_FLAG};
    uint8_t credential[8];
    int rc;

    if (!(x->flags & (AES_FLAG | STRONG_FLAG)))
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Netlogon: keys of DES are not made");
    rc = key.aes ? make_aes(hash, client, server, key.key, err)
                 : make_strong(hash, client, server, key.key, err);
    if (rc == 0)
        rc = make_credential(&key, x->client, credential, err);
    if (rc == 0 && !mr_secret_eq(credential, x->credential, sizeof credential))
        rc = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "Netlogon: the machine used another password");
    if (rc == 0)
        *keyp = key;
    mr_wipe(&key, sizeof key);
    return rc;
}

/* The computations of NTLM (MS-NLMP 3.3, 3.4.5): answers to challenges, and keys. */
#include "ntlm_private.h"

int mr_ntlm_owf_v2(const uint8_t nt_hash[16], mr_slice user, mr_slice domain, uint8_t out[16],
                   mr_error *err) {
    uint8_t piece[128];
    mr_slice parts[2] = {{piece, 0}, domain};
    mr_buf upper;
    int rc;

    mr_buf_init(&upper, piece, sizeof piece, UINT16_MAX);
    for (size_t i = 0; i + 1 < user.len; i += 2)
        mr_buf_write_u16(&upper, mr_upcase((uint16_t)(user.data[i] | user.data[i + 1] << 8)));
    parts[0] = mr_buf_slice(&upper);
    rc = mr_buf_error(&upper);
    if (rc < 0)
        mr_fail(err, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "NTLM: no room for a user's name");
    else
        rc = mr_hmac_once(MR_HASH_MD5, mr_slice_of(nt_hash, 16), parts, 2, out, err);
    mr_buf_deinit(&upper);
    return rc;
}

int mr_ntlm_proof_v2(const uint8_t owf[16], mr_slice challenge, mr_slice temp,
                     uint8_t proof[MR_NTLM_PROOF], uint8_t base_key[MR_NTLM_KEY], mr_error *err) {
    mr_slice parts[] = {challenge, temp}, key = mr_slice_of(owf, 16);
    mr_slice made = mr_slice_of(proof, MR_NTLM_PROOF);
    int rc = mr_hmac_once(MR_HASH_MD5, key, parts, 2, proof, err);

    return rc < 0 ? rc : mr_hmac_once(MR_HASH_MD5, key, &made, 1, base_key, err);
}

int mr_ntlm_lm_v2(const uint8_t owf[16], mr_slice challenge, mr_slice client_challenge,
                  uint8_t out[24], mr_error *err) {
    mr_slice parts[] = {challenge, client_challenge};
    int rc = mr_hmac_once(MR_HASH_MD5, mr_slice_of(owf, 16), parts, 2, out, err);

    if (rc == 0)
        memcpy(out + 16, client_challenge.data, MR_NTLM_CHALLENGE_SIZE);
    return rc;
}

int mr_ntlm_challenge_v1(uint32_t flags, mr_slice challenge, mr_slice client_challenge,
                         uint8_t out[MR_NTLM_CHALLENGE_SIZE], mr_error *err) {
    mr_slice parts[] = {challenge, client_challenge};
    uint8_t digest[16];
    int rc = 0;

    if (flags & MR_NTLM_EXTENDED) {
        rc = mr_hash_once(MR_HASH_MD5, parts, 2, digest, err);
        if (rc == 0)
            memcpy(out, digest, MR_NTLM_CHALLENGE_SIZE);
    } else {
        memcpy(out, challenge.data, MR_NTLM_CHALLENGE_SIZE);
    }
    return rc;
}

/* DESL (6): three blocks under thirds of the hash, the last of which is filled with zeros. */
int mr_ntlm_answer_v1(const uint8_t nt_hash[16], const uint8_t challenge[MR_NTLM_CHALLENGE_SIZE],
                      uint8_t out[MR_NTLM_ANSWER_V1], mr_error *err) {
    uint8_t keys[21] = {0};
    int rc = 0;

    memcpy(keys, nt_hash, 16);
    for (unsigned i = 0; i < 3 && rc == 0; i++)
        rc = mr_des_block(keys + (size_t)7 * i, challenge, out + (size_t)8 * i, err);
    mr_wipe(keys, sizeof keys);
    return rc;
}

int mr_ntlm_exchange_key(uint32_t flags, bool v2, const uint8_t base_key[MR_NTLM_KEY],
                         mr_slice challenge, mr_slice lm, uint8_t out[MR_NTLM_KEY],
                         mr_error *err) {
    mr_slice parts[] = {challenge, mr_slice_sub(lm, 0, MR_NTLM_CHALLENGE_SIZE)};

    if (!v2 && flags & MR_NTLM_EXTENDED)
        return mr_hmac_once(MR_HASH_MD5, mr_slice_of(base_key, MR_NTLM_KEY), parts, 2, out, err);
    memcpy(out, base_key, MR_NTLM_KEY);
    return 0;
}

/* MD5 of @key and one of the magic constants, whose final NUL counts. */
static int derive(mr_slice key, const char *magic, uint8_t out[MR_NTLM_KEY], mr_error *err) {
    mr_slice parts[] = {key, mr_slice_of(magic, strlen(magic) + 1)};

    return mr_hash_once(MR_HASH_MD5, parts, 2, out, err);
}

int mr_ntlm_sign_key(uint32_t flags, const uint8_t key[MR_NTLM_KEY], enum mr_dir dir,
                     uint8_t out[MR_NTLM_KEY], mr_error *err) {
    if (!(flags & MR_NTLM_EXTENDED)) {
        memset(out, 0, MR_NTLM_KEY);
        return 0;
    }
    return derive(mr_slice_of(key, MR_NTLM_KEY),
                  dir == MR_DIR_TO_SERVER
                      ? "session key to client-to-server signing key magic constant"
                      : "session key to server-to-client signing key magic constant",
                  out, err);
}

unsigned mr_ntlm_key_bits(uint32_t flags) {
    if (!(flags & MR_NTLM_EXTENDED)) /* the session key as it is, 3.4.5.3 */
        return 128;
    return flags & MR_NTLM_128 ? 128 : flags & MR_NTLM_56 ? 56 : 40;
}

int mr_ntlm_seal_key(uint32_t flags, const uint8_t key[MR_NTLM_KEY], enum mr_dir dir,
                     uint8_t out[MR_NTLM_KEY], size_t *lenp, mr_error *err) {
    *lenp = MR_NTLM_KEY;
    if (!(flags & MR_NTLM_EXTENDED)) {
        memcpy(out, key, MR_NTLM_KEY);
        return 0;
    }
    return derive(mr_slice_of(key, mr_ntlm_key_bits(flags) / 8),
                  dir == MR_DIR_TO_SERVER
                      ? "session key to client-to-server sealing key magic constant"
                      : "session key to server-to-client sealing key magic constant",
                  out, err);
}

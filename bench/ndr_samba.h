/* Samba's NDR of ept_lookup, kept behind plain types: its headers and ours meet nowhere. */
#ifndef BENCH_NDR_SAMBA_H
#define BENCH_NDR_SAMBA_H

#include <stddef.h>
#include <stdint.h>

/* Loads Samba's table and reads the request and the reply, both little-endian NDR20 stubs; nonzero
 * when it cannot, samba_problem() then says why. */
int samba_open(const uint8_t *request, size_t request_len, const uint8_t *reply, size_t reply_len);
const char *samba_problem(void);
void samba_close(void);

/* Decodes a reply and forgets it. */
int samba_decode(const uint8_t *reply, size_t len);
/* Encodes the reply that was read by samba_open and forgets the octets. */
int samba_encode(void);
/* The same, but shows the octets; they hold until samba_close. */
int samba_again(const uint8_t **octetsp, size_t *lenp);

#endif

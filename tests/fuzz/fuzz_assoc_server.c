/* The association as server only: what strangers send to what listens. See fuzz_assoc.c; of the
 * first octet only the security provider is left. */
#define ROLE_OF(octet) MR_ROLE_SERVER
#include "fuzz_assoc.c"

/*
 * Time. Floors below io never ask a clock: they are given monotonic nanoseconds (mr_nsec).
 * FILETIME counts 100 ns from 1601-01-01 UTC (MS-DTYP 2.3.3).
 */
#ifndef MSRPC_BASE_TIME_H
#define MSRPC_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t mr_nsec; /* nanoseconds on a clock that never steps back */

#define MR_NSEC_NEVER UINT64_MAX
#define MR_MSEC ((mr_nsec)1000000)
#define MR_SEC ((mr_nsec)1000000000)

#define MR_TIME_TEXT 32

/* Unix time to FILETIME and back, @nsec below one second; out of range clamps. */
uint64_t mr_time_filetime(int64_t unix_sec, uint32_t nsec);
void mr_time_unix(uint64_t filetime, int64_t *unix_secp, uint32_t *nsecp);

/* RFC 3339 in UTC with milliseconds, "2026-01-31T12:00:00.000Z", into @out; returns @out. */
char *mr_time_text(int64_t unix_sec, uint32_t nsec, char out[MR_TIME_TEXT]);

#endif

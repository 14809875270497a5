/* Time: FILETIME (MS-DTYP 2.3.3) and RFC 3339, without asking a clock. */
#include <msrpc/base/time.h>

#include <stdio.h>
#include <time.h>

#define TICKS 10000000u                 /* 100 ns ticks in a second */
#define EPOCH_DIFF 11644473600          /* seconds from 1601 to 1970 */
#define FILETIME_LAST_SEC (INT64_MAX / TICKS - EPOCH_DIFF)

uint64_t mr_time_filetime(int64_t unix_sec, uint32_t nsec) {
    if (unix_sec < -EPOCH_DIFF)
        return 0;
    if (unix_sec > FILETIME_LAST_SEC - 1)
        return INT64_MAX;
    return (uint64_t)(unix_sec + EPOCH_DIFF) * TICKS + nsec / 100;
}

void mr_time_unix(uint64_t filetime, int64_t *unix_secp, uint32_t *nsecp) {
    *unix_secp = (int64_t)(filetime / TICKS) - EPOCH_DIFF;
    *nsecp = (uint32_t)(filetime % TICKS) * 100;
}

char *mr_time_text(int64_t unix_sec, uint32_t nsec, char out[MR_TIME_TEXT]) {
    time_t t = (time_t)unix_sec;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900) {
        snprintf(out, MR_TIME_TEXT, "%s", unix_sec < 0 ? "0000-01-01T00:00:00.000Z"
                                                       : "9999-12-31T23:59:59.999Z");
        return out;
    }
    snprintf(out, MR_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", (tm.tm_year + 1900) % 10000,
             (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100,
             tm.tm_sec % 100, nsec / 1000000 % 1000);
    return out;
}

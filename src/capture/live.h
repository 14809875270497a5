/*
 * Link types as libpcap numbers them in memory (DLT_) and as files do: the same but for raw IP.
 */
#ifndef MR_CAPTURE_LIVE_H
#define MR_CAPTURE_LIVE_H

#include <stdint.h>

int mr_dlt_of(uint16_t link);
uint16_t mr_link_of(int dlt);

#endif

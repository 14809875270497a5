/*
 * Link types as libpcap numbers them in memory (DLT_) and as files do: the same but for raw IP.
 */
#ifndef MSRPC_CAPTURE_DLT_H
#define MSRPC_CAPTURE_DLT_H

#include <stdint.h>

int mr_dlt_of(uint16_t link);
uint16_t mr_link_of(int dlt);

#endif

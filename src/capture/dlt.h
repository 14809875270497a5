/*
 * The link type of a file for the one libpcap has in memory (DLT_): the same but for raw IP.
 */
#ifndef MSRPC_CAPTURE_DLT_H
#define MSRPC_CAPTURE_DLT_H

#include <stdint.h>

uint16_t mr_link_of(int dlt);

#endif

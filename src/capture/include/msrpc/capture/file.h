/*
 * Capture files. Readers never trust a length.
 */
#ifndef MSRPC_CAPTURE_FILE_H
#define MSRPC_CAPTURE_FILE_H

#include <msrpc/capture/packet.h>

/* A link type in words; never NULL. */
const char *mr_link_name(uint16_t link);

#endif

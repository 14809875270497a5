/*
 * The capture floor in one include: packets from files and from live interfaces, and what becomes
 * of them. It calls the operating system for files and for capturing; libpcap, zlib and zstd are
 * loaded only when a capture needs them.
 */
#ifndef MSRPC_CAPTURE_H
#define MSRPC_CAPTURE_H

#include <msrpc/capture/analyse.h>
#include <msrpc/capture/decap.h>
#include <msrpc/capture/file.h>
#include <msrpc/capture/flow.h>
#include <msrpc/capture/live.h>
#include <msrpc/capture/packet.h>
#include <msrpc/capture/pair.h>
#include <msrpc/capture/seen.h>
#include <msrpc/capture/write.h>

#endif

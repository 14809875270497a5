/*
 * The floor `engine`: machines without I/O. Bytes go in, events and bytes come out; time is
 * passed in; there are no sockets, clocks, threads or randomness.
 *
 *   engine/assoc.h     one association: client, server or tap (C706 12.6, MS-RPCE 3.3)
 *   engine/event.h     what an association tells
 *   engine/security.h  the vtable a security provider fills
 *   engine/smb.h       one SMB connection as a tap, with its named pipes
 *   engine/stub.h      collects stub chunks into one stub
 */
#ifndef MSRPC_ENGINE_H
#define MSRPC_ENGINE_H

#include <msrpc/engine/assoc.h>
#include <msrpc/engine/event.h>
#include <msrpc/engine/security.h>
#include <msrpc/engine/smb.h>
#include <msrpc/engine/stub.h>

#endif

/*
 * The io floor in one include: the event loop, transports, datagrams, listeners and the resolver.
 * Together with capture and the applications this is the only place that calls the operating
 * system for sockets, clocks and randomness.
 *
 * Rules that hold for every object here:
 *   - The caller owns the object and calls init before and deinit after use. deinit is immediate:
 *     no callback comes after it, and the memory may be reused at once.
 *   - Every object may be closed or deinitialised inside any callback, its own included.
 *   - An object belongs to one mr_loop and is used on that loop's thread only; the loop is
 *     deinitialised last. <msrpc/io/worker.h> is for what other threads do.
 *   - Callbacks come from inside mr_loop_run only, never from the call that starts an operation.
 *   - Slices handed to a callback are *borrowed* until it returns.
 */
#ifndef MSRPC_IO_H
#define MSRPC_IO_H

#include <msrpc/io/addr.h>
#include <msrpc/io/datagram.h>
#include <msrpc/io/listener.h>
#include <msrpc/io/loop.h>
#include <msrpc/io/resolver.h>
#include <msrpc/io/stream.h>
#include <msrpc/io/udp.h>
#include <msrpc/io/worker.h>

#endif

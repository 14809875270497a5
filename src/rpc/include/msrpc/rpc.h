/*
 * The rpc floor: the public client and server face.
 *
 *   rpc/client.h  a connection to one endpoint, its binds and calls
 *   rpc/logon.h   from an identity to the security of connections
 *   rpc/mapper.h  what the endpoint mapper of a host knows
 *   rpc/survey.h  which interfaces are behind one endpoint
 *   rpc/server.h  interfaces served on listeners of our own
 */
#ifndef MSRPC_RPC_H
#define MSRPC_RPC_H

#include <msrpc/rpc/client.h>
#include <msrpc/rpc/logon.h>
#include <msrpc/rpc/mapper.h>
#include <msrpc/rpc/server.h>
#include <msrpc/rpc/survey.h>

#endif

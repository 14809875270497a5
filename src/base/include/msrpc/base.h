/* The base floor in one include: what every other floor stands on. */
#ifndef MSRPC_BASE_H
#define MSRPC_BASE_H

#include <msrpc/base/arena.h>
#include <msrpc/base/buf.h>
#include <msrpc/base/codes.h>
#include <msrpc/base/cursor.h>
#include <msrpc/base/ranges.h>
#include <msrpc/base/result.h>
#include <msrpc/base/slice.h>
#include <msrpc/base/time.h>
#include <msrpc/base/token.h>
#include <msrpc/base/utf16.h>
#include <msrpc/base/uuid.h>
#include <msrpc/base/writer.h>

#endif

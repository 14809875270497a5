/*
 * UTF-16 and UTF-8. Windows strings are sequences of 16-bit units that need not be well formed;
 * nothing may be lost on the way to a screen or to JSON, so the converters tell ill-formed input
 * apart instead of replacing silently.
 */
#ifndef MSRPC_BASE_UTF16_H
#define MSRPC_BASE_UTF16_H

#include <msrpc/base/arena.h>
#include <msrpc/base/buf.h>

/* Appends @count units as UTF-8. Unpaired surrogates become U+FFFD; returns how many did. */
size_t mr_utf16_decode(const uint16_t *s, size_t count, mr_buf *utf8);

/* The same from the little-endian octets of a message; an odd last octet is left out. */
size_t mr_utf16le_decode(mr_slice octets, mr_buf *utf8);

/* Whether @count units are well-formed UTF-16. */
bool mr_utf16_ok(const uint16_t *s, size_t count);

/* Converts well-formed UTF-8 to zero-terminated units in @arena, *@countp without the terminator.
 * Returns 0, MR_ERR_SYNTAX (ill-formed) or MR_ERR_MEMORY. */
int mr_utf16_encode(mr_slice utf8, mr_arena *arena, uint16_t **unitsp, size_t *countp);

/* Length in octets of the well-formed UTF-8 prefix of @s. */
size_t mr_utf8_ok_len(mr_slice s);

#endif

/* Shared by the writers; not seen by other floors. */
#ifndef MSRPC_WRITER_PRIVATE_H
#define MSRPC_WRITER_PRIVATE_H

#include <msrpc/base/result.h>
#include <msrpc/base/utf16.h>
#include <msrpc/base/writer.h>

void mr_writer_start(mr_writer *w, const mr_writer_class *class, mr_sink sink, void *user);
/* Appends octets as lower-case hex digits. */
void mr_buf_write_hex(mr_buf *buf, mr_slice s);

#endif

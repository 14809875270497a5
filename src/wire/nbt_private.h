/* Private to the files of the NetBIOS codec: types of records, names in their encoded form. */
#ifndef MSRPC_WIRE_NBT_PRIVATE_H
#define MSRPC_WIRE_NBT_PRIVATE_H

#include <msrpc/wire/nbt.h>

#define NBT_CLASS_IN 1

/* Appends @name as one label of 32 letters (RFC 1001 14.1), the labels of @scope and the root. */
void mr_nbt_write_name(mr_buf *out, const uint8_t name[MR_NBT_NAME], mr_slice scope);

#endif

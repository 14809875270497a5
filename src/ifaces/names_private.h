/* The tables that gen_names.py makes, for names.c alone. */
#ifndef MSRPC_IFACES_NAMES_PRIVATE_H
#define MSRPC_IFACES_NAMES_PRIVATE_H

#include <msrpc/ifaces/names.h>

struct mr_names_alias {
    uint16_t text; /* offset into mr_names_text */
    uint16_t row;  /* index into mr_names_row */
};

extern const size_t mr_names_count;
extern const size_t mr_names_alias_count;
extern const mr_iface_name mr_names_row[];       /* sorted by UUID */
extern const uint32_t mr_names_op[];             /* number << 20 | offset into mr_names_op_text */
extern const struct mr_names_alias mr_names_alias[];
extern const char mr_names_text[];
extern const char mr_names_op_text[];

#endif

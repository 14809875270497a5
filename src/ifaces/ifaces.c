/* The table of all compiled interfaces. There are few: a search is a walk. */
#include <msrpc/ifaces.h>

#include "ifaces_rows.h"

#define ROW(iface) &iface,
const mr_iface *const mr_ifaces[] = {IFACE_ROWS(ROW) NULL};

const mr_iface *mr_ifaces_find(const mr_syntax *syntax) {
    for (const mr_iface *const *i = mr_ifaces; *i; i++)
        if ((*i)->syntax.major == syntax->major && mr_uuid_eq(&(*i)->syntax.uuid, &syntax->uuid))
            return *i;
    return NULL;
}

const mr_iface *mr_ifaces_find_name(mr_slice name) {
    for (const mr_iface *const *i = mr_ifaces; *i; i++)
        if (mr_slice_eq_nocase(mr_slice_str((*i)->name), name))
            return *i;
    return NULL;
}

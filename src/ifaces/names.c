/*
 * Look-ups in the tables of interface and operation names: by UUID and by operation number a binary
 * search, by name a walk. The tables themselves are made by gen_names.py.
 */
#include "names_private.h"

#include <string.h>
#include <strings.h>

#include <msrpc/base/result.h>

#define OP_NUMBER(op) ((uint16_t)((op) >> 20))
#define OP_TEXT(op) (mr_names_op_text + ((op) & 0xfffff))

const mr_iface_name *mr_name_find(const mr_uuid *uuid) {
    mr_uuid key = *uuid;
    /* MS-RPCE 3.3.1.5.3: bind-time feature negotiation is a transfer syntax with this prefix; the
     * last eight octets are a bit mask. */
    if (key.time_low == 0x6cb71c2c && key.time_mid == 0x9812 && key.time_hi == 0x4540)
        memset(key.clock, 0, sizeof(key.clock));
    size_t low = 0, high = mr_names_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = mr_uuid_cmp(&key, &mr_names_row[mid].uuid);
        if (order == 0)
            return &mr_names_row[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const mr_iface_name *mr_name_find_text(const char *name) {
    if (!*name)
        return NULL;
    for (size_t i = 0; i < mr_names_count; i++)
        if (strcasecmp(name, mr_names_text + mr_names_row[i].name) == 0)
            return &mr_names_row[i];
    for (size_t i = 0; i < mr_names_alias_count; i++)
        if (strcasecmp(name, mr_names_text + mr_names_alias[i].text) == 0)
            return &mr_names_row[mr_names_alias[i].row];
    return NULL;
}

const mr_iface_name *mr_name_all(size_t *countp) {
    *countp = mr_names_count;
    return mr_names_row;
}

const char *mr_name_text(const mr_iface_name *iface) {
    return mr_names_text + (iface->name ? iface->name : iface->module ? iface->module : iface->doc);
}

bool mr_name_is_known(const mr_iface_name *iface) {
    return iface->name != 0;
}

const char *mr_name_doc(const mr_iface_name *iface) {
    return mr_names_text + iface->doc;
}

const char *mr_name_service(const mr_iface_name *iface) {
    return mr_names_text + iface->service;
}

const char *mr_name_restartable(const mr_iface_name *iface) {
    static const char *const fixed[] = {"lsass", "SamSs", "RpcSs", "RpcEptMapper", "DcomLaunch",
                                        "Schedule", "samba", "PlugPlay", "Power", "gpsvc"};
    const char *service = mr_name_service(iface);

    for (size_t i = 0; i < MR_COUNT(fixed); i++)
        if (mr_str_eq_nocase(service, fixed[i]))
            return NULL;
    return *service && !strpbrk(service, " .,/()") ? service : NULL;
}

const char *mr_name_pipes(const mr_iface_name *iface) {
    return mr_names_text + iface->pipes;
}

const char *mr_name_module(const mr_iface_name *iface) {
    return mr_names_text + iface->module;
}

const char *mr_name_exposure(const mr_iface_name *iface) {
    return mr_names_text + iface->exposure;
}

const char *mr_name_alias_next(const mr_iface_name *iface, size_t *iterp) {
    for (size_t i = *iterp; i < mr_names_alias_count; i++)
        if (&mr_names_row[mr_names_alias[i].row] == iface) {
            *iterp = i + 1;
            return mr_names_text + mr_names_alias[i].text;
        }
    *iterp = mr_names_alias_count;
    return NULL;
}

const char *mr_op_find(const mr_iface_name *iface, uint16_t opnum) {
    const uint32_t *ops = mr_names_op + iface->first_op;
    size_t low = 0, high = iface->op_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (OP_NUMBER(ops[mid]) == opnum)
            return OP_TEXT(ops[mid]);
        if (opnum < OP_NUMBER(ops[mid]))
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

int mr_op_find_text(const mr_iface_name *iface, const char *name, uint16_t *opnump) {
    const uint32_t *ops = mr_names_op + iface->first_op;
    for (size_t i = 0; i < iface->op_count; i++)
        if (strcasecmp(name, OP_TEXT(ops[i])) == 0) {
            *opnump = OP_NUMBER(ops[i]);
            return 0;
        }
    return MR_ERR_NOT_FOUND;
}

size_t mr_op_count(const mr_iface_name *iface) {
    return iface->op_count;
}

const char *mr_op_get(const mr_iface_name *iface, size_t i, uint16_t *opnump) {
    uint32_t op = mr_names_op[iface->first_op + i];
    *opnump = OP_NUMBER(op);
    return OP_TEXT(op);
}

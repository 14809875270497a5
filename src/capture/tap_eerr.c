/*
 * Extended error information (MS-EERR 2.2) as observations: a pickled pointer to the first record,
 * the latest first.
 */
#include "tap_rpc.h"

#include <msrpc/ifaces/eerr.h>

#define RECORDS_MAX 16

/* ExtendedErrorInfoPtr. */
static const mr_type list_type = {
    .kind = MR_NDR_POINTER, .flags = MR_TYPE_POINTERS, .pointer_class = MR_POINTER_UNIQUE,
    .align20 = 4, .align64 = 8, .csize = sizeof(void *), .wire20 = 4, .wire64 = 8,
    .element = &mr_eerr_ExtendedErrorInfo_type,
};

static const char *computer_of(mr_tap_ctx *ctx, const mr_eerr_ExtendedErrorInfo *e) {
    const mr_eerr_EEUString *name = &e->ComputerName.u.Name;
    uint8_t text[256];
    mr_buf buf;

    if (e->ComputerName.Type != mr_eerr_eecnpPresent || name->nLength <= 0 || !name->pString)
        return NULL;
    size_t count = (size_t)name->nLength;
    if (name->pString[count - 1] == 0)
        count--;
    mr_buf_init(&buf, text, sizeof text, sizeof text);
    mr_utf16_decode(name->pString, count, &buf);
    return mr_tap_text(ctx, mr_buf_slice(&buf));
}

uint32_t mr_eerr_read(mr_tap_ctx *ctx, mr_slice blob, const mr_seen_eerr **listp) {
    const mr_eerr_ExtendedErrorInfo *first = NULL;
    mr_seen_eerr *list;
    uint32_t count = 0, room = 0;

    if (blob.len == 0)
        return 0;
    mr_arena_reset(&ctx->scratch);
    if (mr_ndr_decode_pickle(&list_type, blob, NULL, &ctx->scratch, &first, NULL) < 0)
        return 0;
    for (const mr_eerr_ExtendedErrorInfo *e = first; e && room < RECORDS_MAX; e = e->Next)
        room++;
    list = room ? mr_tap_alloc(ctx, room, sizeof *list) : NULL;
    if (!list)
        return 0;
    for (const mr_eerr_ExtendedErrorInfo *e = first; count < room; e = e->Next)
        list[count++] = (mr_seen_eerr){
            .computer = computer_of(ctx, e),
            .pid = e->ProcessID,
            .component = e->GeneratingComponent,
            .status = e->Status,
            .location = e->DetectionLocation,
        };
    *listp = list;
    return count;
}

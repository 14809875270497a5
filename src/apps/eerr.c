/*
 * Extended error information (MS-EERR 2.2): where on the way an error arose. The octets are a
 * serialized pointer to the first record (ExtendedErrorInfoPtr), the latest first.
 */
#include "eerr.h"

#include <msrpc/ifaces/eerr.h>

#define RECORDS_MAX 64

/* ExtendedErrorInfoPtr. */
static const mr_type list_type = {
    .kind = MR_NDR_POINTER, .flags = MR_TYPE_POINTERS, .pointer_class = MR_POINTER_UNIQUE,
    .align20 = 4, .align64 = 8, .csize = sizeof(void *), .wire20 = 4, .wire64 = 8,
    .element = &mr_eerr_ExtendedErrorInfo_type,
};

/* The records of @blob in the app's arena; NULL when it holds none, or with @err filled. */
static const mr_eerr_ExtendedErrorInfo *decode(app *a, mr_slice blob, mr_error *err) {
    const mr_eerr_ExtendedErrorInfo *list = NULL;
    int r = mr_ndr_decode_pickle(&list_type, blob, NULL, &a->arena, &list, err);
    return r ? NULL : list;
}

/* MS-EERR 2.2.2.8: who generated the record. */
static const char *component(uint32_t number) {
    static const char *const names[] = {
        NULL,    "application", "RPC runtime", "security provider", "named pipe file system",
        "SMB redirector", "named pipe provider", "I/O", "Winsock", "authorization",
        "local procedure call", "COM", "file replication"};
    return number < MR_COUNT(names) && names[number] ? names[number] : "unknown component";
}

static const char *computer(app *a, const mr_eerr_ExtendedErrorInfo *e) {
    const mr_eerr_EEUString *name = &e->ComputerName.u.Name;
    mr_buf text;

    if (e->ComputerName.Type != mr_eerr_eecnpPresent || name->nLength <= 0 || !name->pString)
        return NULL;
    size_t count = (size_t)name->nLength;
    while (count && name->pString[count - 1] == 0)
        count--;
    mr_buf_init(&text, NULL, 0, count * 3 + 1);
    mr_utf16_decode(name->pString, count, &text);
    const char *copy = mr_arena_add_str(&a->arena, mr_buf_slice(&text));
    mr_buf_deinit(&text);
    return copy;
}

static const mr_code_info *status(uint32_t value) {
    const mr_code_info *code = mr_code_find(MR_SPACE_WIN32, value);
    if (!code)
        code = mr_code_find(MR_SPACE_NTSTATUS, value);
    return code ? code : mr_code_find(MR_SPACE_HRESULT, value);
}

static const char *when(const mr_eerr_ExtendedErrorInfo *e, char out[MR_TIME_TEXT]) {
    int64_t sec;
    uint32_t nsec;

    mr_time_unix((uint64_t)e->TimeStamp, &sec, &nsec);
    return mr_time_text(sec, nsec, out);
}

void app_eerr_show(app *a, mr_slice blob) {
    mr_error err = MR_ERROR_INIT;
    char time[MR_TIME_TEXT];

    if (!blob.len)
        return;
    const mr_eerr_ExtendedErrorInfo *e = decode(a, blob, &err);
    if (err.code)
        fprintf(app_err(a), "  extended error information that cannot be read: %s\n", err.text);
    for (unsigned n = 0; e && n < RECORDS_MAX; e = e->Next, n++) {
        const mr_code_info *code = status(e->Status);
        const char *host = computer(a, e);
        fprintf(app_err(a), "  %s%s%s: status %u%s%s, location %u, process %u, %s\n",
                host ? app_safe(a, mr_slice_str(host)) : "", host ? ", " : "",
                component(e->GeneratingComponent), e->Status, code ? " " : "",
                code ? mr_code_symbol(code) : "", e->DetectionLocation, e->ProcessID,
                when(e, time));
    }
}

static void json_params(const mr_eerr_ExtendedErrorInfo *e, mr_writer *w) {
    mr_writer_open(w, "parameters", MR_SHAPE_ARRAY);
    for (int16_t i = 0; i < e->nLen && e->Params; i++)
        mr_ndr_print_type(&mr_eerr_ExtendedErrorParam_type, NULL, &e->Params[i], w);
    mr_writer_close(w);
}

void app_eerr_json(app *a, mr_slice blob, mr_writer *w) {
    mr_error err = MR_ERROR_INIT;
    char time[MR_TIME_TEXT];

    if (!blob.len)
        return;
    const mr_eerr_ExtendedErrorInfo *e = decode(a, blob, &err);
    mr_writer_open(w, "extended_error", MR_SHAPE_ARRAY);
    for (unsigned n = 0; e && n < RECORDS_MAX; e = e->Next, n++) {
        const mr_code_info *code = status(e->Status);
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "computer", computer(a, e));
        mr_writer_uint(w, "process", e->ProcessID);
        mr_writer_str(w, "time", when(e, time));
        mr_writer_uint(w, "component", e->GeneratingComponent);
        mr_writer_str(w, "component_name", component(e->GeneratingComponent));
        mr_writer_uint(w, "status", e->Status);
        mr_writer_str(w, "symbol", code ? mr_code_symbol(code) : NULL);
        mr_writer_uint(w, "location", e->DetectionLocation);
        mr_writer_uint(w, "flags", e->Flags);
        json_params(e, w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

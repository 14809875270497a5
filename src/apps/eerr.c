/*
 * Extended error information (MS-EERR 2.2): where on the way an error arose. The octets are a
 * serialized pointer to the first record (ExtendedErrorInfoPtr), the latest first.
 */
#include "eerr.h"

#include <time.h>

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

/* A Unicode string of a record in the app's arena, NULL when it is empty. */
static const char *unicode(app *a, const mr_eerr_EEUString *s) {
    mr_buf text;

    if (s->nLength <= 0 || !s->pString)
        return NULL;
    size_t count = (size_t)s->nLength;
    while (count && s->pString[count - 1] == 0)
        count--;
    mr_buf_init(&text, NULL, 0, count * 3 + 1);
    mr_utf16_decode(s->pString, count, &text);
    const char *copy = mr_arena_add_str(&a->arena, mr_buf_slice(&text));
    mr_buf_deinit(&text);
    return copy;
}

static const char *computer(app *a, const mr_eerr_ExtendedErrorInfo *e) {
    return e->ComputerName.Type == mr_eerr_eecnpPresent ? unicode(a, &e->ComputerName.u.Name)
                                                        : NULL;
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

/* ---- as rpcping prints it ---- */

static void rpcping_param(app *a, const mr_eerr_ExtendedErrorParam *param, FILE *out) {
    const mr_eerr_EEAString *ansi = &param->u.AnsiString;

    switch (param->Type) {
    case mr_eerr_eeptiAnsiString: {
        size_t len = ansi->nLength > 0 && ansi->pString ? (size_t)ansi->nLength : 0;
        while (len && ansi->pString[len - 1] == 0)
            len--;
        fprintf(out, "Ansi string: %s\n", app_safe(a, mr_slice_of(ansi->pString, len)));
        break;
    }
    case mr_eerr_eeptiUnicodeString: {
        const char *text = unicode(a, &param->u.UnicodeString);
        fprintf(out, "Unicode string: %s\n", text ? app_safe(a, mr_slice_str(text)) : "");
        break;
    }
    case mr_eerr_eeptiLongVal:
        fprintf(out, "Long val: %d\n", param->u.LVal);
        break;
    case mr_eerr_eeptiShortValue:
        fprintf(out, "Short val: %d\n", param->u.IVal);
        break;
    case mr_eerr_eeptiPointerValue:
        fprintf(out, "Pointer val: 0x%llx\n", (unsigned long long)param->u.PVal);
        break;
    case mr_eerr_eeptiNone:
        fputs("Truncated\n", out);
        break;
    case mr_eerr_eeptiBinary:
        fprintf(out, "Binary: %d octets\n", param->u.Blob.nSize);
        break;
    }
}

static void rpcping_record(app *a, const mr_eerr_ExtendedErrorInfo *e, FILE *out) {
    int64_t sec;
    uint32_t nsec;
    struct tm tm;

    mr_time_unix((uint64_t)e->TimeStamp, &sec, &nsec);
    gmtime_r(&(time_t){(time_t)sec}, &tm);
    fprintf(out, "ProcessID is %u\nSystem Time is: %d/%d/%d %d:%d:%d:%u\n", e->ProcessID,
            tm.tm_mon + 1, tm.tm_mday, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
            nsec / 1000000);
    fprintf(out, "Generating component is %u\nStatus is %u\nDetection location is %u\n"
            "Flags is %u\nNumberOfParameters is %d\n", e->GeneratingComponent, e->Status,
            e->DetectionLocation, e->Flags, e->nLen);
    for (int16_t i = 0; i < e->nLen && e->Params; i++)
        rpcping_param(a, &e->Params[i], out);
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

void app_eerr_show_rpcping(app *a, mr_slice blob, FILE *out) {
    mr_error err = MR_ERROR_INIT;
    unsigned count = 0;

    if (!blob.len)
        return;
    const mr_eerr_ExtendedErrorInfo *list = decode(a, blob, &err);
    for (const mr_eerr_ExtendedErrorInfo *e = list; e && count < RECORDS_MAX; e = e->Next)
        count++;
    if (err.code)
        fprintf(out, "Extended error information that cannot be read: %s\n", err.text);
    else
        fprintf(out, "Number of records is: %u\n", count);
    for (const mr_eerr_ExtendedErrorInfo *e = list; e && count; e = e->Next, count--)
        rpcping_record(a, e, out);
}

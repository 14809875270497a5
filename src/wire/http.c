/*
 * Heads of HTTP/1 messages (RFC 9112 2 to 5): a start line, header lines, an empty line. Lines may
 * end in a bare LF (2.2). Folded lines (5.2) belong to no header here and are stepped over.
 */
#include <msrpc/wire/http.h>

#define RPC_ERROR MR_SLICE_LIT("RPC Error: ")
#define METHOD_MAX 32

static bool starts(mr_slice s, mr_slice with) {
    return mr_slice_eq(mr_slice_sub(s, 0, with.len), with);
}

static bool is_token(uint8_t c) { /* RFC 9110 5.6.2 */
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

int mr_http_is_head(mr_slice bytes) {
    mr_slice version = MR_SLICE_LIT("HTTP/1.");
    size_t n = bytes.len < version.len ? bytes.len : version.len;

    if (n && memcmp(bytes.data, version.data, n) == 0)
        return 1;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (c == ' ' && i > 0) /* a method, then a target */
            return i + 1 == bytes.len || bytes.data[i + 1] > ' ';
        if ((c < 'A' || c > 'Z') && c != '_')
            return 0;
        if (i == METHOD_MAX)
            return 0;
    }
    return 1;
}

/* The line at *@atp without its end; false when the end is not there. */
static bool read_line(mr_slice bytes, size_t *atp, mr_slice *linep) {
    mr_slice rest = mr_slice_sub(bytes, *atp, SIZE_MAX);
    const uint8_t *end = rest.len ? memchr(rest.data, '\n', rest.len) : NULL;

    if (!end)
        return false;
    size_t len = (size_t)(end - rest.data);
    *atp += len + 1;
    if (len && rest.data[len - 1] == '\r')
        len--;
    *linep = mr_slice_sub(rest, 0, len);
    return true;
}

static mr_slice trim(mr_slice s) {
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = mr_slice_sub(s, 1, SIZE_MAX);
    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* What stands before the first @mark; the rest behind it goes to *@restp. */
static mr_slice split(mr_slice s, char mark, mr_slice *restp) {
    const uint8_t *p = s.len ? memchr(s.data, mark, s.len) : NULL;
    size_t n = p ? (size_t)(p - s.data) : s.len;

    *restp = mr_slice_sub(s, n + 1, SIZE_MAX);
    return mr_slice_sub(s, 0, n);
}

/* "HTTP/1.x"; false for anything else. */
static bool read_version(mr_slice s, uint8_t *minorp) {
    if (s.len != 8 || !starts(s, MR_SLICE_LIT("HTTP/1.")) || s.data[7] < '0' || s.data[7] > '9')
        return false;
    *minorp = (uint8_t)(s.data[7] - '0');
    return true;
}

static void read_rpc_error(mr_http_head *h) {
    mr_slice digits = mr_slice_sub(h->reason, RPC_ERROR.len, SIZE_MAX);
    uint32_t value = 0;
    size_t i = 0;

    if (!starts(h->reason, RPC_ERROR))
        return;
    for (; i < digits.len && i < 8 && mr_hex_digit(digits.data[i]) >= 0; i++)
        value = value << 4 | (uint32_t)mr_hex_digit(digits.data[i]);
    h->has_rpc_error = i > 0;
    h->rpc_error = value;
}

static bool read_start(mr_slice line, mr_http_head *h) {
    mr_slice rest, version, first = split(line, ' ', &rest);
    uint64_t status;

    h->response = starts(line, MR_SLICE_LIT("HTTP/"));
    if (h->response) {
        mr_slice code = split(rest, ' ', &h->reason);
        if (!read_version(first, &h->minor) || code.len != 3 ||
            mr_slice_get_number(code, 999, &status) != 0)
            return false;
        h->status = (uint16_t)status;
        read_rpc_error(h);
        return true;
    }
    h->method = first;
    h->target = split(rest, ' ', &version);
    for (size_t i = 0; i < first.len; i++)
        if (!is_token(first.data[i]))
            return false;
    return first.len && h->target.len && read_version(version, &h->minor);
}

static void read_header(mr_slice line, mr_http_head *h) {
    mr_slice value, name = split(line, ':', &value);
    uint64_t length;

    if (name.len == 0 || name.len == line.len || name.data[0] == ' ' || name.data[0] == '\t')
        return;
    name = trim(name);
    value = trim(value);
    if (h->header_count < MR_HTTP_HEADERS_MAX)
        h->headers[h->header_count++] = (mr_http_header){.name = name, .value = value};
    if (mr_slice_eq_nocase(name, MR_SLICE_LIT("Content-Length")) &&
        mr_slice_get_number(value, UINT64_MAX, &length) == 0) {
        h->has_length = true;
        h->length = length;
    }
    if (mr_slice_eq_nocase(name, MR_SLICE_LIT("Transfer-Encoding")))
        h->chunked = mr_slice_eq_nocase(value, MR_SLICE_LIT("chunked"));
}

int mr_http_head_decode(mr_slice bytes, mr_http_head *headp, mr_error *err) {
    mr_http_head h = {0};
    mr_slice line;

    if (!mr_http_is_head(bytes))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is not HTTP");
    bytes = mr_slice_sub(bytes, 0, MR_HTTP_HEAD_MAX);
    for (bool first = true;; first = false) {
        if (!read_line(bytes, &h.size, &line)) {
            if (bytes.len < MR_HTTP_HEAD_MAX)
                return 1;
            return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_WIRE, bytes.len,
                           "HTTP: a head of more than %d octets", MR_HTTP_HEAD_MAX);
        }
        if (first && !read_start(line, &h))
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                           "HTTP: a start line breaks its form");
        if (!first && line.len == 0)
            break;
        if (!first)
            read_header(line, &h);
    }
    *headp = h;
    return 0;
}

mr_slice mr_http_find_header(const mr_http_head *head, const char *name, size_t nth) {
    mr_slice want = mr_slice_str(name);

    for (uint8_t i = 0; i < head->header_count; i++)
        if (mr_slice_eq_nocase(head->headers[i].name, want) && nth-- == 0)
            return head->headers[i].value;
    return MR_SLICE_NULL;
}

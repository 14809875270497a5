/*
 * String bindings (C706 3.1, MS-RPCE 2.2.1). One left-to-right reader; every part is unescaped
 * into one arena block as long as the text. Invariant: what mr_binding_text writes decodes to the
 * binding it was written from.
 */
#include <msrpc/wire/binding.h>

typedef struct reader {
    mr_slice text;
    size_t pos;
    uint8_t *out; /* room for what is left of the text, unescaped */
    mr_error *err;
} reader;

static int syntax_error(const reader *r, size_t offset, const char *what) {
    return mr_fail(r->err, MR_ERR_SYNTAX, MR_FLOOR_WIRE, offset, "string binding: %s", what);
}

static bool is_one_of(uint8_t c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_special(uint8_t c) {
    return is_one_of(c, "@:[],=\\");
}

static bool at_end(const reader *r) {
    return r->pos == r->text.len;
}

static uint8_t peek(const reader *r) {
    return at_end(r) ? '\0' : r->text.data[r->pos];
}

/* Whether a backslash at @i takes the meaning from the character after it. */
static bool is_escape(mr_slice text, size_t i) {
    return text.data[i] == '\\' && i + 1 < text.len && is_special(text.data[i + 1]);
}

/* Reads up to one of @stops or the end. */
static mr_slice read_part(reader *r, const char *stops) {
    uint8_t *start = r->out;

    while (!at_end(r) && !is_one_of(r->text.data[r->pos], stops)) {
        if (is_escape(r->text, r->pos))
            r->pos++;
        *r->out++ = r->text.data[r->pos++];
    }
    return mr_slice_of(start, (size_t)(r->out - start));
}

static bool is_alnum(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether @s can only be an IPv6 address: hexadecimal groups, dots, at least two colons, and
 * perhaps a zone after '%' (RFC 4007). */
static bool is_ipv6(mr_slice s) {
    unsigned colons = 0;
    size_t i = 0;

    for (; i < s.len && s.data[i] != '%'; i++) {
        if (s.data[i] == ':')
            colons++;
        else if (mr_hex_digit(s.data[i]) < 0 && s.data[i] != '.')
            return false;
    }
    if (colons < 2 || i + 1 == s.len)
        return false;
    for (i += i < s.len; i < s.len; i++) {
        if (!is_alnum(s.data[i]) && !is_one_of(s.data[i], "-._~"))
            return false;
    }
    return true;
}

/* UUID@, when an '@' comes before anything else that ends a part. */
static int read_object(reader *r, mr_binding *binding) {
    size_t end = 0;

    while (end < r->text.len && !is_one_of(r->text.data[end], "@:["))
        end++;
    if (end == r->text.len || r->text.data[end] != '@')
        return 0;
    if (mr_uuid_decode(mr_slice_sub(r->text, 0, end), &binding->object) != 0)
        return syntax_error(r, 0, "what stands before '@' is not a UUID");
    binding->has_object = true;
    r->pos = end + 1;
    return 0;
}

static int read_protseq(reader *r, mr_binding *binding) {
    size_t start = r->pos;

    while (is_alnum(peek(r)) || peek(r) == '_')
        *r->out++ = r->text.data[r->pos++];
    if (r->pos == start || peek(r) != ':')
        return syntax_error(r, r->pos, "a protocol sequence and ':' are expected");
    binding->protseq_text = mr_slice_of(r->out - (r->pos - start), r->pos - start);
    binding->protseq = mr_protseq_find(binding->protseq_text);
    r->pos++;
    return 0;
}

static int read_host(reader *r, mr_binding *binding) {
    if (peek(r) == '[') {
        mr_slice inner = mr_slice_sub(r->text, r->pos + 1, r->text.len);
        const uint8_t *close = inner.len ? memchr(inner.data, ']', inner.len) : NULL;
        if (close && is_ipv6(mr_slice_of(inner.data, (size_t)(close - inner.data)))) {
            r->pos++;
            binding->host = read_part(r, "]");
            r->pos++;
            return 0;
        }
    }
    mr_slice host = read_part(r, "[]");
    if (peek(r) == ']')
        return syntax_error(r, r->pos, "']' without '['");
    if (host.len && memchr(host.data, '@', host.len))
        return syntax_error(r, MR_ERROR_NO_OFFSET, "no account stands in a network address "
                            "(an '@' does)");
    while (host.len > 0 && host.data[0] == '\\')
        host = mr_slice_sub(host, 1, host.len);
    binding->host = host;
    return 0;
}

static int add_option(reader *r, size_t start, mr_slice name, mr_slice value,
                      mr_binding *binding) {
    if (name.len == 0)
        return syntax_error(r, start, "an option has no name");
    if (mr_slice_eq_nocase(name, MR_SLICE_LIT("endpoint"))) {
        if (!value.data)
            return syntax_error(r, r->pos, "the option endpoint has no value");
        if (binding->endpoint.len > 0)
            return syntax_error(r, start, "the endpoint is given twice");
        binding->endpoint = value;
        return 0;
    }
    if (binding->option_count == MR_BINDING_OPTIONS_MAX)
        return mr_fail(r->err, MR_ERR_LIMIT, MR_FLOOR_WIRE, start,
                       "string binding: more than %d options", MR_BINDING_OPTIONS_MAX);
    binding->options[binding->option_count++] = (mr_binding_option){name, value};
    return 0;
}

/* [endpoint,name=value,...] with the bracket already seen. */
static int read_options(reader *r, mr_binding *binding) {
    for (bool first = true;; first = false) {
        size_t start = ++r->pos; /* past '[' or ',' */
        mr_slice name = read_part(r, ",]=");
        mr_slice value = MR_SLICE_NULL;
        if (first && peek(r) != '=') {
            binding->endpoint = name;
        } else {
            if (peek(r) == '=') {
                r->pos++;
                value = read_part(r, ",]");
            }
            int result = add_option(r, start, name, value, binding);
            if (result < 0)
                return result;
        }
        if (at_end(r))
            return syntax_error(r, r->pos, "']' is missing");
        if (peek(r) == ']')
            break;
    }
    r->pos++;
    return 0;
}

int mr_binding_decode(mr_slice text, mr_arena *arena, mr_binding *bindingp, mr_error *err) {
    reader r = {.text = text, .err = err};
    mr_binding binding = {0};

    if (text.len > MR_BINDING_TEXT_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_WIRE, MR_BINDING_TEXT_MAX,
                       "string binding: longer than %d octets", MR_BINDING_TEXT_MAX);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return syntax_error(&r, i, "a control character");
    }
    r.out = mr_arena_get_raw(arena, 1, text.len);
    if (!r.out)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_WIRE, MR_ERROR_NO_OFFSET,
                       "no memory for a string binding");
    int result = read_object(&r, &binding);
    if (result == 0)
        result = read_protseq(&r, &binding);
    if (result == 0)
        result = read_host(&r, &binding);
    if (result == 0 && peek(&r) == '[')
        result = read_options(&r, &binding);
    if (result == 0 && !at_end(&r))
        result = syntax_error(&r, r.pos, "nothing may follow ']'");
    if (result == 0)
        *bindingp = binding;
    return result;
}

/* A backslash is doubled only where it would be read as an escape. */
static void write_part(mr_buf *buf, mr_slice part) {
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.data[i];
        bool last = i + 1 == part.len;
        if (c == '\\' ? last || is_special(part.data[i + 1]) : is_special(c))
            mr_buf_write_u8(buf, '\\');
        mr_buf_write_u8(buf, c);
    }
}

void mr_binding_text(const mr_binding *binding, mr_buf *buf) {
    char uuid[MR_UUID_TEXT];

    if (binding->has_object) {
        mr_buf_write_str(buf, mr_uuid_text(&binding->object, uuid));
        mr_buf_write_u8(buf, '@');
    }
    if (binding->protseq == MR_PROTSEQ_UNKNOWN)
        mr_buf_write(buf, binding->protseq_text);
    else
        mr_buf_write_str(buf, mr_protseq_name(binding->protseq));
    mr_buf_write_u8(buf, ':');
    if (is_ipv6(binding->host)) {
        mr_buf_write_u8(buf, '[');
        mr_buf_write(buf, binding->host);
        mr_buf_write_u8(buf, ']');
    } else {
        write_part(buf, binding->host);
    }
    if (binding->endpoint.len == 0 && binding->option_count == 0)
        return;
    mr_buf_write_u8(buf, '[');
    write_part(buf, binding->endpoint);
    for (size_t i = 0; i < binding->option_count; i++) {
        mr_buf_write_u8(buf, ',');
        write_part(buf, binding->options[i].name);
        if (binding->options[i].value.data) {
            mr_buf_write_u8(buf, '=');
            write_part(buf, binding->options[i].value);
        }
    }
    mr_buf_write_u8(buf, ']');
}

mr_slice mr_binding_get_option(const mr_binding *binding, const char *name) {
    for (size_t i = 0; i < binding->option_count; i++) {
        if (mr_slice_eq_nocase(binding->options[i].name, mr_slice_str(name)))
            return binding->options[i].value;
    }
    return MR_SLICE_NULL;
}

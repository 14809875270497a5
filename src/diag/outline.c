/*
 * What a rule says when no facts stand behind it: its templates with stand-ins. {host} and {name}
 * are the host where one is known, a value becomes its field's name in capitals, a choice by number
 * its first form.
 */
#include <msrpc/diag/rule.h>

#include <msrpc/diag/phrase.h>

static void stand_in(mr_buf *out, mr_slice name, const char *host) {
    if (host && (mr_slice_eq(name, MR_SLICE_LIT("host")) ||
                 mr_slice_eq(name, MR_SLICE_LIT("name")))) {
        mr_buf_write_str(out, host);
        return;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        mr_buf_write_u8(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c);
    }
}

static mr_slice until(mr_slice s, char c) {
    const uint8_t *end = memchr(s.data, c, s.len);
    return mr_slice_sub(s, 0, end ? (size_t)(end - s.data) : s.len);
}

/* One {...} without its braces. */
static void write_value(mr_buf *out, mr_slice inside, const char *host) {
    if (inside.len && inside.data[0] == '#') { /* #port:port|ports */
        mr_slice name = until(inside, ':');
        mr_buf_write(out, until(mr_slice_sub(inside, name.len + 1, SIZE_MAX), '|'));
        return;
    }
    if (inside.len > 2 && inside.data[1] == '.')
        inside = mr_slice_sub(inside, 2, SIZE_MAX);
    mr_slice name = until(inside, '|'), host_of = MR_SLICE_LIT(".host");
    if (name.len > host_of.len &&
        mr_slice_eq(mr_slice_sub(name, name.len - host_of.len, SIZE_MAX), host_of))
        name = inside = mr_slice_sub(name, 0, name.len - host_of.len);
    if (name.len < inside.len)
        mr_buf_write(out, mr_slice_sub(inside, name.len + 1, SIZE_MAX));
    else
        stand_in(out, name, host);
}

const char *mr_rule_outline(mr_arena *arena, const char *text, const char *host) {
    char array[1024];
    mr_buf out;

    mr_buf_init(&out, array, sizeof array, 65536);
    while (*text) {
        size_t len = strcspn(text, "{");
        mr_buf_write(&out, mr_slice_of(text, len));
        text += len;
        if (*text && text[1] == '{') {
            mr_buf_write_u8(&out, '{');
            text += 2;
        } else if (*text) {
            mr_slice inside = until(mr_slice_str(text + 1), '}');
            write_value(&out, inside, host);
            text += inside.len + 1;
            text += *text == '}';
        }
    }
    const char *result = mr_buf_error(&out)
                             ? NULL : mr_arena_add_str(arena, mr_buf_slice(&out));
    mr_buf_deinit(&out);
    return result;
}

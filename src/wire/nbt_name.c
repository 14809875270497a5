/*
 * NetBIOS names: as people write them, in their first-level encoding (RFC 1001 14.1), and what
 * their 16th octet means (nbt_suffix.def).
 */
#include "nbt_private.h"

#define UNIQUE false
#define GROUP true

struct suffix_row {
    const char *name; /* the name that decides, NULL: any */
    uint8_t suffix;
    bool group;
    const char *word;
    const char *meaning;
};

static const struct suffix_row suffixes[] = {
#define MR_NBT_SUFFIX(octet, kind, word, meaning) {NULL, octet, kind, word, meaning},
#define MR_NBT_SPECIAL(name, octet, kind, meaning) {name, octet, kind, "", meaning},
#include "nbt_suffix.def"
#undef MR_NBT_SUFFIX
#undef MR_NBT_SPECIAL
};

const char *mr_nbt_suffix_text(uint8_t suffix, bool group) {
    for (size_t i = 0; i < MR_COUNT(suffixes); i++)
        if (!suffixes[i].name && suffixes[i].suffix == suffix && suffixes[i].group == group)
            return suffixes[i].meaning;
    return "";
}

static bool name_fits(mr_slice name, mr_slice pattern) {
    if (pattern.len && pattern.data[pattern.len - 1] == '*') {
        pattern.len--;
        name = mr_slice_sub(name, 0, pattern.len);
    }
    return mr_slice_eq_nocase(name, pattern);
}

const char *mr_nbt_meaning(mr_slice name, uint8_t suffix, bool group) {
    for (size_t i = 0; i < MR_COUNT(suffixes); i++)
        if (suffixes[i].name && suffixes[i].suffix == suffix && suffixes[i].group == group &&
            name_fits(name, mr_slice_str(suffixes[i].name)))
            return suffixes[i].meaning;
    return mr_nbt_suffix_text(suffix, group);
}

const char *mr_nbt_suffix_word(size_t i, uint8_t *suffixp) {
    for (size_t row = 0; row < MR_COUNT(suffixes); row++) {
        if (!*suffixes[row].word || i--)
            continue;
        *suffixp = suffixes[row].suffix;
        return suffixes[row].word;
    }
    return NULL;
}

static int hex_octet(mr_slice digits, uint8_t *octetp) {
    int value = 0;

    if (digits.len < 1 || digits.len > 2)
        return MR_ERR_SYNTAX;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = mr_hex_digit(digits.data[i]);
        if (digit < 0)
            return MR_ERR_SYNTAX;
        value = value << 4 | digit;
    }
    *octetp = (uint8_t)value;
    return 0;
}

int mr_nbt_suffix_decode(mr_slice text, uint8_t *suffixp) {
    const char *word;
    uint8_t suffix;

    for (size_t i = 0; (word = mr_nbt_suffix_word(i, &suffix)); i++) {
        if (mr_slice_eq_nocase(text, mr_slice_str(word))) {
            *suffixp = suffix;
            return 0;
        }
    }
    if (text.len > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x')
        text = mr_slice_sub(text, 2, SIZE_MAX);
    else if (text.len > 1 && text.data[0] == '#')
        text = mr_slice_sub(text, 1, SIZE_MAX);
    else if (text.len > 2 && text.data[0] == '<' && text.data[text.len - 1] == '>')
        text = mr_slice_sub(text, 1, text.len - 2);
    return hex_octet(text, suffixp);
}

/* Takes "#1C" or "<1C>" off the end of @textp. */
static int take_suffix(mr_slice *textp, uint8_t *octetp) {
    mr_slice text = *textp;
    size_t at = text.len;

    if (text.len && text.data[text.len - 1] == '>') {
        while (at > 0 && text.data[at - 1] != '<')
            at--;
        if (at == 0)
            return MR_ERR_SYNTAX;
        *textp = mr_slice_sub(text, 0, at - 1);
        return hex_octet(mr_slice_sub(text, at, text.len - 1 - at), octetp);
    }
    while (at > 0 && text.data[at - 1] != '#')
        at--;
    if (at == 0)
        return 1;
    *textp = mr_slice_sub(text, 0, at - 1);
    return hex_octet(mr_slice_sub(text, at, SIZE_MAX), octetp);
}

int mr_nbt_name_decode(mr_slice text, uint8_t namep[MR_NBT_NAME], int *suffixp, mr_error *err) {
    static const char browse[] = "\x01\x02__MSBROWSE__\x02";
    uint8_t name[MR_NBT_NAME] = {0}, suffix = 0;
    mr_slice whole = text;

    int r = take_suffix(&text, &suffix);
    if (r < 0)
        return mr_fail(err, r, MR_FLOOR_WIRE, text.len,
                       "\"%.*s\": a suffix is two hexadecimal digits, NAME#1C or NAME<1C>",
                       (int)(whole.len < 64 ? whole.len : 64), (const char *)whole.data);
    if (text.len == 0 || text.len > MR_NBT_NAME - 1)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_WIRE, MR_ERROR_NO_OFFSET,
                       "\"%.*s\" is no NetBIOS name: those have 1 to 15 octets",
                       (int)(whole.len < 64 ? whole.len : 64), (const char *)whole.data);
    if (mr_slice_eq_nocase(text, MR_SLICE_LIT("__MSBROWSE__")))
        text = mr_slice_of(browse, sizeof browse - 1);
    if (!mr_slice_eq(text, MR_SLICE_LIT("*")))
        memset(name, ' ', MR_NBT_NAME - 1);
    for (size_t i = 0; i < text.len; i++)
        name[i] = text.data[i] >= 'a' && text.data[i] <= 'z' ? text.data[i] - 32 : text.data[i];
    name[MR_NBT_NAME - 1] = suffix;
    memcpy(namep, name, MR_NBT_NAME);
    *suffixp = r == 0 ? suffix : MR_NBT_NO_SUFFIX;
    return 0;
}

mr_slice mr_nbt_name_trim(const uint8_t name[MR_NBT_NAME]) {
    mr_slice text = mr_slice_of(name, MR_NBT_NAME - 1);

    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == 0))
        text.len--;
    return text;
}

void mr_nbt_write_name(mr_buf *out, const uint8_t name[MR_NBT_NAME], mr_slice scope) {
    mr_buf_write_u8(out, 2 * MR_NBT_NAME);
    for (size_t i = 0; i < MR_NBT_NAME; i++) {
        mr_buf_write_u8(out, (uint8_t)('A' + (name[i] >> 4)));
        mr_buf_write_u8(out, (uint8_t)('A' + (name[i] & 15)));
    }
    while (scope.len) {
        const uint8_t *dot = memchr(scope.data, '.', scope.len);
        size_t len = dot ? (size_t)(dot - scope.data) : scope.len;
        mr_buf_write_u8(out, (uint8_t)len);
        mr_buf_write(out, mr_slice_sub(scope, 0, len));
        scope = mr_slice_sub(scope, dot ? len + 1 : len, SIZE_MAX);
    }
    mr_buf_write_u8(out, 0);
}

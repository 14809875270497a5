/*
 * The reader of pasted text from outside: made, fed, ended.
 */
#include "paste_private.h"

static void add_pattern(mr_paste *paste, const char *text, const mr_phrase *phrase,
                        const mr_code_info *code) {
    uint16_t i = (uint16_t)paste->pattern_count++;
    const char *word = text + (phrase ? strspn(text, "<=") : 0);
    size_t len = 0;

    while (paste_word_char(word[len]))
        len++;
    unsigned hash = paste_hash(mr_slice_of(word, len));
    paste->patterns[i] = (paste_pattern){.text = text, .phrase = phrase, .code = code};
    paste->following[i] = paste->first[hash];
    paste->first[hash] = (uint16_t)(i + 1);
}

/* The words of a code that a screen shows, without their full stop; NULL when there are none. */
static const char *shown_pattern(mr_arena *arena, const mr_code_info *code) {
    mr_slice s = mr_slice_str(mr_code_shown(code));
    while (s.len && s.data[s.len - 1] == '.')
        s.len--;
    return s.len ? mr_arena_add_str(arena, s) : NULL;
}

static int add_patterns(mr_paste *paste) {
    size_t count, code_count, shown = 0;
    const mr_phrase *rows = mr_phrase_all(&count);
    const mr_code_info *codes = mr_code_all(&code_count);

    for (size_t i = 0; i < code_count; i++)
        shown += *mr_code_shown(&codes[i]) != '\0';
    paste->patterns = mr_arena_get(paste->arena, count + shown, sizeof *paste->patterns);
    paste->following = mr_arena_get(paste->arena, count + shown, sizeof *paste->following);
    if (!paste->patterns || !paste->following)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        add_pattern(paste, mr_phrase_pattern(&rows[i]), &rows[i], NULL);
    for (size_t i = 0; i < code_count; i++) {
        if (!*mr_code_shown(&codes[i]))
            continue;
        const char *text = shown_pattern(paste->arena, &codes[i]);
        if (!text)
            return MR_ERR_MEMORY;
        add_pattern(paste, text, NULL, &codes[i]);
    }
    return 0;
}

int mr_paste_new(mr_arena *arena, mr_paste **pastep) {
    mr_paste *paste = MR_ARENA_NEW(arena, mr_paste);
    if (!paste)
        return MR_ERR_MEMORY;
    paste->arena = arena;
    paste->line = 1;
    paste->quoting = true;
    paste->window = mr_arena_get_raw(arena, PASTE_WINDOW, 1);
    paste->items = mr_arena_get_raw(arena, MR_PASTE_ITEMS_MAX, sizeof *paste->items);
    if (!paste->window || !paste->items || add_patterns(paste))
        return MR_ERR_MEMORY;
    *pastep = paste;
    return 0;
}

int mr_paste_feed(mr_paste *paste, mr_slice octets) {
    if (!paste->error)
        paste_decode(paste, octets, false);
    return paste->error;
}

int mr_paste_end(mr_paste *paste, mr_paste_result *resultp) {
    if (!paste->error) {
        paste_decode(paste, MR_SLICE_NULL, true);
        paste_scan(paste, true);
    }
    return paste->error ? paste->error : paste_judge(paste, resultp);
}

/* "_ldap._tcp.dc._msdcs.corp.example" is asked about as corp.example. */
static const char *plain_host(const char *host) {
    const char *label = *host == '_' ? host : NULL, *last = label;

    for (; label && *label; label += strcspn(label, "."), label += *label == '.')
        last = *label == '_' ? label : last;
    if (!last)
        return host;
    last += strcspn(last, ".");
    return *last && last[1] ? last + 1 : host;
}

const char *mr_paste_command(mr_arena *arena, const char *next, const char *host,
                             const char *port) {
    const char *brace = strchr(next, '{');
    const char *value = host ? plain_host(host) : "HOST";

    if (!brace)
        return mr_arena_add_str(arena, mr_slice_str(next));
    if (!strncmp(brace, "{port}", 6))
        value = port ? port : "PORT";
    else if (!strncmp(brace, "{domain}", 8) && !host)
        value = "DOMAIN";
    const char *end = strchr(brace, '}');
    const char *filled = mr_arena_add_fmt(arena, "%.*s%s%s", (int)(brace - next), next, value,
                                          end ? end + 1 : "");
    return filled ? mr_paste_command(arena, filled, host, port) : NULL;
}

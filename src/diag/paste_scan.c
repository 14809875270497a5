/*
 * The window into items: at the beginning of every word the patterns that begin with it are tried,
 * the longest match wins, and what no pattern takes is looked at as an event, a symbol or a number.
 * A number is a code only where its neighbours say so: after "error", "status", "exception" and
 * their like, in the form of an HRESULT or NTSTATUS, or beside its own symbol. Dates, ports and
 * counters are none.
 */
#include "paste_private.h"

/* ---- items ---- */

static bool line_end(char c) {
    return c == '\n' || c == PASTE_BREAK;
}

/* The line around @from to @to, or what of it fits with whole words; *in the arena*. */
static const char *excerpt(mr_paste *paste, size_t from, size_t to) {
    const char *w = paste->window;
    size_t match = from, least = from > MR_PASTE_TEXT_MAX / 3 ? from - MR_PASTE_TEXT_MAX / 3 : 0;

    while (from > least && !line_end(w[from - 1]))
        from--;
    if (from && !line_end(w[from - 1])) /* cut: begin with a word */
        while (from < match && w[from - 1] != ' ')
            from++;
    while (to < paste->len && to - from < MR_PASTE_TEXT_MAX && !line_end(w[to]))
        to++;
    if (to - from > MR_PASTE_TEXT_MAX)
        to = from + MR_PASTE_TEXT_MAX;
    if (to < paste->len && !line_end(w[to])) { /* cut: end with one */
        size_t end = to;
        while (end > from + MR_PASTE_TEXT_MAX / 2 && !paste_blank(w[end]))
            end--;
        to = paste_blank(w[end]) ? end : to;
    }
    while (from < to && ((uint8_t)w[from] & 0xc0) == 0x80)
        from++;
    while (to > from && to < paste->len && ((uint8_t)w[to] & 0xc0) == 0x80)
        to--;
    char *text = mr_arena_add_str(paste->arena, mr_slice_of(w + from, to - from)), *out = text;
    for (const char *p = text; p && *p; p++)
        if (*p != PASTE_BREAK)
            *out++ = *p == '\n' ? ' ' : *p;
    if (out)
        *out = '\0';
    return text;
}

static bool same_subject(const char *a, const char *b) {
    return a == b || (a && b && mr_str_eq_nocase(a, b));
}

/* What was said before in other words: the same findings, or the same code in words that any tool
 * uses, about the same host within two lines, or just before by a line that names its host. */
static mr_paste_item *said_already(mr_paste *paste, const mr_paste_item *item) {
    const char *subject = item->subject ? item->subject
                          : *paste->subject ? paste->subject : NULL;

    bool generic = item->tool == MR_TOOL_ANY && item->win32;

    for (size_t i = paste->item_count; i-- > 0;) {
        mr_paste_item *old = &paste->items[i];
        if (old->kind == MR_PHRASE_GOOD)
            continue;
        if (old->line + 2 < paste->line)
            return NULL;
        bool same = !strcmp(old->findings, item->findings) ? *item->findings != '\0'
                                                           : generic && item->win32 == old->win32;
        if (same &&
            (!old->subject || !subject || mr_str_eq_nocase(old->subject, subject) ||
             (!item->subject && old->line + 1 >= paste->line)))
            return old;
    }
    return NULL;
}

static const char *copy_text(mr_paste *paste, const char *text) {
    const char *copy = text ? mr_arena_add_str(paste->arena, mr_slice_str(text)) : NULL;
    if (text && !copy)
        paste->error = MR_ERR_MEMORY;
    return copy;
}

/* Adds the item unless the same was said before. Its subject and port are copied. */
static void add_item(mr_paste *paste, mr_paste_item *item, size_t from, size_t to) {
    item->line = paste->line;
    item->count = 1;
    bool cause = item->kind == MR_PHRASE_CAUSE || item->kind == MR_PHRASE_SYMPTOM;
    mr_paste_item *said = cause ? said_already(paste, item) : NULL;
    if (said) {
        if (!said->subject)
            said->subject = copy_text(paste, item->subject);
        return;
    }
    if (!item->subject && *paste->subject && !item->event)
        item->subject = paste->subject;
    if (item->tool == MR_TOOL_ANY)
        item->tool = paste->tool;
    paste->tools[item->tool] = true;
    for (size_t i = 0; i < paste->item_count; i++) {
        mr_paste_item *old = &paste->items[i];
        if (old->kind == item->kind && old->findings == item->findings &&
            old->meaning == item->meaning && old->win32 == item->win32 &&
            old->event == item->event && same_subject(old->subject, item->subject)) {
            old->count++;
            return;
        }
    }
    if (paste->item_count == MR_PASTE_ITEMS_MAX) {
        paste->more_items++;
        return;
    }
    item->text = excerpt(paste, from, to);
    item->subject = copy_text(paste, item->subject);
    item->owner = copy_text(paste, item->owner);
    item->port = copy_text(paste, item->port);
    if (!item->text)
        paste->error = MR_ERR_MEMORY;
    if (paste->error)
        return;
    paste->items[paste->item_count++] = *item;
}

/* A copy of @s without the marks of cut lines in @out of @size octets; NULL when it is empty. */
static const char *keep(char *out, size_t size, mr_slice s) {
    size_t len = 0;
    for (size_t i = 0; i < s.len && len < size - 1; i++)
        if (s.data[i] != PASTE_BREAK)
            out[len++] = (char)s.data[i];
    out[len] = '\0';
    return len ? out : NULL;
}

/* From now on the text is about @subject; when no mark says so, only if none said otherwise. */
static void set_subject(mr_paste *paste, const char *subject, bool loose) {
    if (!subject || (loose && *paste->subject && !paste->subject_loose))
        return;
    keep(paste->subject, sizeof paste->subject, mr_slice_str(subject));
    paste->subject_loose = loose;
}

/* Another tool speaks from here on, about others. */
static void set_tool(mr_paste *paste, enum mr_tool tool) {
    if (tool != MR_TOOL_ANY && paste->tool != tool && paste->tool != MR_TOOL_ANY)
        *paste->subject = '\0';
    paste->tool = tool;
    paste->tools[tool] = true;
}

/* ---- codes ---- */

/* The row of a number that stands where a code stands. */
static const mr_code_info *find_code(uint32_t value, bool ldap) {
    static const enum mr_code_space spaces[] = {MR_SPACE_WIN32, MR_SPACE_WSA, MR_SPACE_NTSTATUS,
                                                MR_SPACE_HRESULT, MR_SPACE_NCA, MR_SPACE_EPT};
    const mr_code_info *code;

    if (ldap)
        return mr_code_find(MR_SPACE_LDAP, value);
    if (mr_code_split_hresult(value))
        return mr_code_find(MR_SPACE_WIN32, mr_code_split_hresult(value));
    for (size_t i = 0; i < MR_COUNT(spaces); i++)
        if ((code = mr_code_find(spaces[i], value)) != NULL)
            return code;
    return NULL;
}

/* Fills in what @code points to. A code without a row of its own is a symptom if it has a phase. */
static bool from_code(mr_paste_item *item, const mr_code_info *code) {
    const mr_phrase *row;

    if (!code || code->value == 0)
        return false;
    row = mr_phrase_find_code((enum mr_code_space)code->space, code->value);
    item->code = code;
    item->win32 = code->space == MR_SPACE_WIN32
                      ? code->value
                      : mr_code_win32((enum mr_code_space)code->space, code->value);
    item->kind = row ? (enum mr_phrase_kind)row->kind
                     : code->phase ? MR_PHRASE_SYMPTOM : MR_PHRASE_NOTE;
    item->confidence = row ? (enum mr_confidence)row->confidence : MR_CONFIDENCE_POSSIBLE;
    item->findings = row ? mr_phrase_findings(row) : "";
    if (!item->next || !*item->next || !strncmp(item->findings, "NAME.", 5))
        item->next = row ? mr_phrase_next(row) : "";
    item->phase = (enum mr_phase)code->phase;
    if (!item->meaning || !*item->meaning)
        item->meaning = *mr_code_meaning(code) ? mr_code_meaning(code) : mr_code_text(code);
    return true;
}

static bool word_is(mr_slice word, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (mr_slice_eq_nocase(word, mr_slice_str(list[i])))
            return true;
    return false;
}

/* The word that ends before @at on the same line, punctuation skipped; @at moves to its start. */
static mr_slice word_before(const mr_paste *paste, size_t *atp) {
    const char *w = paste->window;
    size_t end = *atp, from;

    while (end && strchr(" =:#('\"[\v", w[end - 1]))
        end--;
    for (from = end; from && paste_word_char(w[from - 1]); from--)
        ;
    *atp = from;
    return mr_slice_of(w + from, end - from);
}

enum context { NO_CODE, SOME_CODE, LOOSE_CODE, LDAP_CODE };

/* What the words before a number say of it. LOOSE_CODE: a small number there may be anything. */
static enum context context_before(const mr_paste *paste, size_t at) {
    static const char *const fill[] = {"code", "is", "was", "value", "number", "of", "with",
                                       "status", "result", "is:", "win32", "returned"};
    static const char *const firm[] = {"error", "err", "exception", "hresult", "ntstatus",
                                       "errorcode", "lasterror", "errno", "winerror", "rc",
                                       "error_code", "failed", "failure",
                                       /* Windows in other languages */
                                       "fehler", "fehlercode", "systemfehler", "erreur", "errore",
                                       "erro", "fout", "fel", "hiba", "virhe", "fejl"};
    static const char *const loose[] = {"status", "result", "code", "hr", "returned", "win32"};
    static const char *const never[] = {"exit", "http", "event", "stop", "zip", "area", "line"};
    mr_slice word = word_before(paste, &at);
    bool is_loose = word_is(word, loose, MR_COUNT(loose));

    for (int i = 0; i < 3 && word_is(word, fill, MR_COUNT(fill)); i++) {
        word = word_before(paste, &at);
        is_loose |= word_is(word, loose, MR_COUNT(loose));
    }
    if (word_is(word, never, MR_COUNT(never)))
        return NO_CODE;
    if (!word_is(word, firm, MR_COUNT(firm)))
        return is_loose ? LOOSE_CODE : NO_CODE;
    word = word_before(paste, &at);
    if (mr_slice_eq_nocase(word, MR_SLICE_LIT("ldap")))
        return LDAP_CODE;
    return SOME_CODE;
}

static bool is_symbol(mr_slice word) {
    static const char *const prefixes[] = {"ERROR_", "RPC_S_", "RPC_X_", "EPT_S_", "STATUS_",
                                           "NT_STATUS_", "SEC_E_", "KDC_ERR_", "KRB_AP_", "KRB_ERR",
                                           "WSA", "DNS_", "NCA_", "E_ACCESS", "CO_E_", "RPC_NT_",
                                           "RPC_E_", "LDAP_", "NAME_ERR"};
    if (word.len < 6 || !memchr(word.data, '_', word.len))
        return false;
    for (size_t i = 0; i < MR_COUNT(prefixes); i++) {
        size_t len = strlen(prefixes[i]);
        if (word.len > len && mr_slice_eq_nocase(mr_slice_sub(word, 0, len),
                                                 mr_slice_str(prefixes[i])))
            return true;
    }
    return mr_slice_eq_nocase(mr_slice_sub(word, 0, 3), MR_SLICE_LIT("WSA"));
}

static size_t word_len(const mr_paste *paste, size_t at) {
    size_t to = at;
    while (to < paste->len && paste_word_char(paste->window[to]) && to - at < 64)
        to++;
    return to - at;
}

/* Whether the symbol of this number follows on its line: "1311 0x51f ERROR_NO_LOGON_SERVERS". */
static bool symbol_follows(const mr_paste *paste, size_t at) {
    const char *w = paste->window;

    for (int words = 0; words < 3 && at < paste->len; words++) {
        while (at < paste->len && strchr(" (:=,-)", w[at]))
            at++;
        size_t len = word_len(paste, at);
        if (len == 0)
            return false;
        if (is_symbol(mr_slice_of(w + at, len)))
            return true;
        if (w[at] < '0' || w[at] > '9')
            return false;
        at += len;
    }
    return false;
}

static bool try_symbol(mr_paste *paste, size_t at, size_t len) {
    mr_slice word = mr_slice_of(paste->window + at, len);
    mr_paste_item item = {0};
    char symbol[72];

    if (!is_symbol(word))
        return false;
    if (mr_slice_eq_nocase(mr_slice_sub(word, 0, 10), MR_SLICE_LIT("NT_STATUS_")))
        word = mr_slice_sub(word, 3, SIZE_MAX);
    memcpy(symbol, word.data, word.len);
    symbol[word.len] = '\0';
    const mr_code_info *code = mr_code_find_symbol(symbol, NULL);
    if (from_code(&item, code))
        add_item(paste, &item, at, at + len);
    return true;
}

/* Whether a number needs no words around it: an HRESULT, NTSTATUS or nca status by its form. */
static bool speaks_for_itself(uint32_t value, bool hex, size_t len) {
    if (!hex)
        return value >= 0x80000000u && len >= 8;
    if (len < 10 || len > 18)
        return hex && value >= 1700 && value <= 1911 && len >= 5; /* 0x6ba */
    return value >> 28 == 8 || value >> 28 == 0xc || value >> 16 == 0x1c01 ||
           value >> 16 == 0x1c00 || value >> 16 == 0x16c9 || (value >= 1700 && value <= 1911);
}

/* Whether an SQLSTATE stands at @at, so that the number before it is a database's: " (HY000)". */
static bool sqlstate_follows(const mr_paste *paste, size_t at) {
    const char *w = paste->window;

    if (at + 8 > paste->len || w[at] != ' ' || w[at + 1] != '(' || w[at + 7] != ')')
        return false;
    for (size_t i = at + 2; i < at + 7; i++)
        if (!(w[i] >= '0' && w[i] <= '9') && !(w[i] >= 'A' && w[i] <= 'Z'))
            return false;
    return true;
}

static size_t try_number(mr_paste *paste, size_t at) {
    bool negative = at > 0 && paste->window[at - 1] == '-' &&
                    (at < 2 || !paste_word_char(paste->window[at - 2]));
    size_t from = at - negative;
    mr_slice rest = mr_slice_of(paste->window + from, paste->len - from);
    size_t len = paste_number_len(rest);
    mr_paste_item item = {0};
    uint32_t value;
    bool hex;

    if (!len || !paste_number(mr_slice_sub(rest, 0, len), &value, &hex))
        return 0;
    char after = from + len < paste->len ? paste->window[from + len] : ' ';
    char next = from + len + 1 < paste->len ? paste->window[from + len + 1] : ' ';
    if (strchr(".:/-%", after) && next >= '0' && next <= '9')
        return 0; /* a date, an address, a version */
    if (sqlstate_follows(paste, from + len))
        return 0;
    enum context context = context_before(paste, from);
    if (context == NO_CODE && !speaks_for_itself(value, hex, len))
        return 0;
    if (context == LOOSE_CODE && value < 1000)
        context = strchr("(", next) && after == ' ' ? SOME_CODE : NO_CODE; /* result 5 (0x5) */
    if (context == NO_CODE && !speaks_for_itself(value, hex, len))
        return 0;
    if (!symbol_follows(paste, from + len) &&
        from_code(&item, find_code(value, context == LDAP_CODE)) &&
        (item.kind != MR_PHRASE_NOTE || value >= 1000))
        add_item(paste, &item, from, from + len);
    return len - negative;
}

/* ---- events ---- */

static void set_source(mr_paste *paste, mr_slice source) {
    if (source.len >= sizeof paste->source)
        source.len = sizeof paste->source - 1;
    memcpy(paste->source, source.data, source.len);
    paste->source_len = source.len;
    paste->source_line = paste->line;
}

/* The row of base for an id of @source; an unknown source only where no other row has the id. */
static const mr_winevent_info *find_event(uint32_t id, mr_slice source) {
    const mr_winevent_info *first = mr_winevent_find(id), *row;

    for (row = first; row && source.len; row = mr_winevent_next(id, row)) {
        mr_slice name = mr_slice_str(mr_winevent_source(row));
        mr_slice part = source.len < name.len ? source : name, whole = source.len < name.len
                                                                           ? name : source;
        for (size_t i = 0; i + part.len <= whole.len; i++)
            if (mr_slice_eq_nocase(mr_slice_sub(whole, i, part.len), part))
                return row;
    }
    return source.len || !first || id < 1000 || mr_winevent_next(id, first) ? NULL : first;
}

static void add_event(mr_paste *paste, uint32_t id, size_t from, size_t to) {
    bool fresh = paste->source_len && paste->source_line + 16 >= paste->line;
    mr_slice source = mr_slice_of(paste->source, fresh ? paste->source_len : 0);
    const mr_phrase *row = mr_phrase_find_event(id, source);
    const mr_winevent_info *event = find_event(id, row && !source.len
                                                       ? mr_slice_str(mr_phrase_pattern(row))
                                                       : source);
    mr_paste_item item = {.tool = MR_TOOL_EVENTLOG, .event = event};

    if (!event)
        return;
    item.kind = row ? (enum mr_phrase_kind)row->kind : MR_PHRASE_NOTE;
    item.confidence = row ? (enum mr_confidence)row->confidence : MR_CONFIDENCE_POSSIBLE;
    item.findings = row ? mr_phrase_findings(row) : "";
    item.next = row ? mr_phrase_next(row) : "";
    item.phase = (enum mr_phase)event->phase;
    item.meaning = mr_winevent_text(event);
    if (fresh)
        set_tool(paste, MR_TOOL_EVENTLOG);
    if (paste->subject_loose)
        *paste->subject = '\0'; /* another event is about others */
    add_item(paste, &item, from, to);
}

/* Skips what stands between a label and its value: " : ", "='", " Qualifiers='0'>". */
static size_t value_after(const mr_paste *paste, size_t at) {
    const char *w = paste->window;

    if (at + 12 < paste->len && !strncmp(w + at, " Qualifiers=", 12))
        while (at < paste->len && w[at] != '>')
            at++;
    while (at < paste->len && strchr(" :=>'\"\v", w[at]))
        at++;
    return at;
}

static bool label(const mr_paste *paste, size_t at, const char *text, size_t *afterp) {
    paste_capture capture;
    size_t len;

    if (!paste_match(text, true, mr_slice_of(paste->window + at, paste->len - at), &capture, &len))
        return false;
    *afterp = value_after(paste, at + len);
    for (size_t i = at + len; i < *afterp; i++)
        if (strchr(":=>", paste->window[i]))
            return true;
    return false;
}

/* "Source: NETLOGON", "ProviderName : ...", "<Provider Name='...'": remembers it. */
static bool try_source(mr_paste *paste, size_t at) {
    static const char *const labels[] = {"source", "event source", "providername", "provider name",
                                         "eventsource", "source name", "quelle"};
    const char *w = paste->window;
    size_t from, to;

    for (size_t i = 0; i < MR_COUNT(labels); i++) {
        if (!label(paste, at, labels[i], &from))
            continue;
        for (to = from; to < paste->len && w[to] != '\n' && !strchr("'\"<>,;", w[to]); to++)
            ;
        set_source(paste, mr_slice_of(w + from, to - from));
        return true;
    }
    return false;
}

static bool line_begins(const mr_paste *paste, size_t at) {
    return at == 0 || paste->window[at - 1] == '\n';
}

/* "Event ID: 5719", "<EventID Qualifiers='0'>5719<", "Id : 5719" behind a provider's name, and the
 * rows of Get-WinEvent and Get-EventLog. The length taken, 0: none. */
static size_t try_event(mr_paste *paste, size_t at) {
    static const char *const labels[] = {"event id", "eventid", "event", "instanceid",
                                         "ereignis-id"};
    const char *w = paste->window;
    size_t from, len;
    uint32_t id;
    bool hex;

    bool found = false;
    for (size_t i = 0; i < MR_COUNT(labels) && !found; i++) {
        paste_capture capture;
        mr_slice rest = mr_slice_of(w + at, paste->len - at);
        if (!paste_match(labels[i], true, rest, &capture, &len))
            continue;
        from = value_after(paste, at + len);
        found = from < paste->len && w[from] >= '0' && w[from] <= '9';
    }
    if (!found && line_begins(paste, at) && paste->source_line + 8 >= paste->line &&
        paste->source_len)
        found = label(paste, at, "id", &from);
    if (!found && w[at] >= '0' && w[at] <= '9' && paste->listing_line) {
        len = word_len(paste, at);
        mr_slice rest = mr_slice_of(w + at + len, paste->len - at - len);
        paste_capture capture;
        size_t l;
        found = paste_match(" error ", true, rest, &capture, &l) ||
                paste_match(" warning ", true, rest, &capture, &l);
        from = at;
    }
    if (!found)
        return 0;
    mr_slice rest = mr_slice_of(w + from, paste->len - from);
    len = paste_number_len(rest);
    if (!len || !paste_number(mr_slice_sub(rest, 0, len), &id, &hex))
        return 0;
    add_event(paste, id & 0xffff, at, from + len); /* above are severity and facility */
    return from + len - at;
}

/* ---- sentences ---- */

static const paste_pattern *find_pattern(const mr_paste *paste, size_t at, paste_capture *capture,
                                         size_t *lenp) {
    mr_slice text = mr_slice_of(paste->window + at, paste->len - at);
    mr_slice word = mr_slice_sub(text, 0, word_len(paste, at));
    const paste_pattern *best = NULL;
    paste_capture one;
    size_t len;

    /* of two equally long the one that stands first in the table, which comes last here */
    for (uint16_t i = paste->first[paste_hash(word)]; i; i = paste->following[i - 1]) {
        const paste_pattern *p = &paste->patterns[i - 1];
        if (p->phrase && *p->text == '=' && p->phrase->tool != paste->tool)
            continue;
        if (paste_match(p->text, !p->phrase, text, &one, &len) && (!best || len >= *lenp)) {
            best = p;
            *capture = one;
            *lenp = len;
        }
    }
    return best;
}

/* An item from a row and what it captured; false when the code in it is none. */
static bool fill_item(mr_paste *paste, const paste_pattern *p, const paste_capture *capture,
                      mr_paste_item *item) {
    const mr_phrase *row = p->phrase;
    uint32_t value;
    bool hex;

    if (!row)
        return from_code(item, p->code);
    item->kind = (enum mr_phrase_kind)row->kind;
    item->tool = (enum mr_tool)row->tool;
    item->phase = (enum mr_phase)row->phase;
    item->confidence = (enum mr_confidence)row->confidence;
    item->meaning = mr_phrase_meaning(row);
    item->findings = mr_phrase_findings(row);
    item->next = mr_phrase_next(row);
    item->win32 = row->value;
    if (row->value)
        item->code = mr_code_find(MR_SPACE_WIN32, row->value);
    item->port = keep(paste->port, sizeof paste->port, capture->port);
    if (row->kind != MR_PHRASE_CODE)
        return true;
    return paste_number(capture->number, &value, &hex) && from_code(item, find_code(value, false));
}

/* Tries the patterns at @at; how far to go on, 0: none matched. */
/* A domain controller's replication name: the GUID of its directory service under _msdcs. */
static bool is_replication_name(const char *name) {
    const size_t len = MR_UUID_TEXT - 1;
    mr_uuid guid;

    return strlen(name) > len + 8 &&
           mr_slice_eq_nocase(mr_slice_of(name + len, 8), MR_SLICE_LIT("._msdcs.")) &&
           mr_uuid_decode(mr_slice_of(name, len), &guid) == 0;
}

static size_t try_patterns(mr_paste *paste, size_t at) {
    paste_capture capture = {0};
    mr_paste_item item = {0};
    size_t len = 0;
    const paste_pattern *p = find_pattern(paste, at, &capture, &len);

    if (!p)
        return 0;
    if (p->phrase && *p->text == '<')
        capture.host = paste_host_before(
            mr_slice_of(paste->window + (at > 300 ? at - 300 : 0), at > 300 ? 300 : at));
    if (p->phrase && p->text[1] == '<' && !memchr(capture.host.data, '.', capture.host.len))
        capture.host = MR_SLICE_NULL;
    char host[256];
    const char *subject = keep(host, sizeof host, capture.host);
    if (p->phrase && p->phrase->kind == MR_PHRASE_MARK) {
        set_tool(paste, (enum mr_tool)p->phrase->tool);
        set_subject(paste, subject, false);
        return word_len(paste, at);
    }
    item.subject = subject;
    bool filled = fill_item(paste, p, &capture, &item);
    if (p->phrase && p->phrase->tool != MR_TOOL_ANY) {
        paste->tool = (enum mr_tool)p->phrase->tool;
        paste->tools[paste->tool] = true;
    }
    if (!filled) /* error 0, or a number that nobody knows: other words may begin in here */
        return word_len(paste, at);
    if (subject && *paste->subject && is_replication_name(subject))
        item.owner = paste->subject;
    else if (item.kind != MR_PHRASE_GOOD && item.kind != MR_PHRASE_NOTE)
        set_subject(paste, subject, true);
    add_item(paste, &item, at, at + len);
    return len;
}

/* The heading of a table that Get-WinEvent or Get-EventLog printed. */
static void try_listing(mr_paste *paste, size_t at) {
    paste_capture capture;
    size_t len;
    mr_slice text = mr_slice_of(paste->window + at, paste->len - at);

    if (paste_match("timecreated id leveldisplayname", true, text, &capture, &len) ||
        paste_match("time entrytype source instanceid", true, text, &capture, &len)) {
        paste->listing_line = paste->line;
        paste->tools[MR_TOOL_EVENTLOG] = true;
    } else if (paste_match("providername: %w", false, text, &capture, &len)) {
        set_source(paste, mr_slice_of(paste->window + at + 14, len - 14));
    }
}

/* Looks at the word at @at; how many octets are done with, at least 1. */
static size_t at_word(mr_paste *paste, size_t at) {
    char first = paste_lower(paste->window[at]);
    size_t len;

    if (first == 't' || first == 'p')
        try_listing(paste, at);
    if (strchr("sepq", first) && try_source(paste, at))
        return 1;
    if ((len = try_event(paste, at)) != 0 || (len = try_patterns(paste, at)) != 0)
        return len;
    len = word_len(paste, at);
    if (first >= '0' && first <= '9')
        return (len = try_number(paste, at)) != 0 ? len : 1;
    if (try_symbol(paste, at, len))
        return len;
    return 1;
}

void paste_scan(mr_paste *paste, bool last) {
    char *w = paste->window;
    size_t limit = last ? paste->len : paste->len - PASTE_AHEAD;

    while (paste->at < limit && !paste->error) {
        size_t done = 1;
        char c = w[paste->at];
        if (paste_word_char(c) && !paste->after_word)
            done = at_word(paste, paste->at);
        for (size_t i = 0; i < done && paste->at < paste->len; i++) {
            c = w[paste->at++];
            paste->line += c == '\n' || c == PASTE_BREAK;
            paste->after_word = paste_word_char(c);
        }
    }
    if (last)
        return;
    size_t drop = paste->at > PASTE_BEHIND ? paste->at - PASTE_BEHIND : 0;
    memmove(w, w + drop, paste->len - drop);
    paste->len -= drop;
    paste->at -= drop;
}

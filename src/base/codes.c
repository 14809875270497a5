/*
 * The tables of codes, ports and events behind codes.h. Each table is read-only data without
 * pointers: the rows hold offsets into a struct whose members are the strings, one member per row
 * and column, named by the line the row ends on. So the tables need no relocation at start and a
 * sentence is written once, beside its number. Rows are sorted (the unit test checks it); look-ups
 * by number are binary searches, look-ups by symbol walk the table.
 */
#include <msrpc/base/codes.h>

#include <string.h>
#include <strings.h>

#define MR_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MR_JOIN2(a, b) a##b
#define MR_JOIN(a, b) MR_JOIN2(a, b)
#define MR_AT(column) MR_JOIN(column, __LINE__)
#define MR_STRING(column, text) char MR_AT(column)[sizeof(text)];
#define MR_OFFSET(pool, column) offsetof(struct pool, MR_AT(column))

/* Codes */

struct code_pool {
#define MR_CODE(space, value, name, sentence, phase) \
    MR_STRING(symbol, #name) MR_STRING(text, sentence)
#include "codes.def"
};

static const struct code_pool code_pool = {
#define MR_CODE(space, value, name, sentence, phase) \
    .MR_AT(symbol) = #name, .MR_AT(text) = sentence,
#include "codes.def"
};

static const mr_code_info codes[] = {
#define MR_CODE(in, number, name, sentence, in_phase)        \
    {.value = (number), .space = MR_SPACE_##in, .phase = (in_phase), \
     .symbol = MR_OFFSET(code_pool, symbol), .text = MR_OFFSET(code_pool, text)},
#include "codes.def"
};

struct shown_pool {
#define MR_SHOWN(space, value, words) MR_STRING(text, words)
#include "codes.def"
};

static const struct shown_pool shown_pool = {
#define MR_SHOWN(space, value, words) .MR_AT(text) = words,
#include "codes.def"
};

struct advice_pool {
#define MR_ADVICE(space, value, meant, next) MR_STRING(meaning, meant) MR_STRING(command, next)
#include "codes.def"
};

static const struct advice_pool advice_pool = {
#define MR_ADVICE(space, value, meant, next) .MR_AT(meaning) = meant, .MR_AT(command) = next,
#include "codes.def"
};

/* A smaller table beside the codes: a key and one or two texts. */
struct code_note {
    uint32_t value;
    uint8_t space;
    uint16_t first, second;
};

static const struct code_note shown[] = {
#define MR_SHOWN(in, number, words) \
    {.value = (number), .space = MR_SPACE_##in, .first = MR_OFFSET(shown_pool, text)},
#include "codes.def"
};

static const struct code_note advice[] = {
#define MR_ADVICE(in, number, meant, next)           \
    {.value = (number), .space = MR_SPACE_##in,      \
     .first = MR_OFFSET(advice_pool, meaning),       \
     .second = MR_OFFSET(advice_pool, command)},
#include "codes.def"
};

static const struct code_same {
    uint32_t value, as_value;
    uint8_t space, as_space;
} sames[] = {
#define MR_SAME(in, number, as_in, as_number) \
    {.value = (number), .as_value = (as_number), .space = MR_SPACE_##in, \
     .as_space = MR_SPACE_##as_in},
#include "codes.def"
};

_Static_assert(sizeof(struct advice_pool) <= UINT16_MAX, "offsets of advice are 16 bits wide");

static const char *const space_names[] = {
#define MR_SPACE_NAME(space, name, title) [MR_SPACE_##space] = name,
    MR_CODE_SPACES(MR_SPACE_NAME)
};

static const char *const space_titles[] = {
#define MR_SPACE_TITLE(space, name, title) [MR_SPACE_##space] = title,
    MR_CODE_SPACES(MR_SPACE_TITLE)
};

const char *mr_code_space_name(enum mr_code_space space) {
    return (size_t)space < MR_COUNT(space_names) ? space_names[space] : "";
}

const char *mr_code_space_title(enum mr_code_space space) {
    return (size_t)space < MR_COUNT(space_titles) ? space_titles[space] : "";
}

static int key_cmp(unsigned space_a, uint32_t a, unsigned space_b, uint32_t b) {
    if (space_a != space_b)
        return space_a < space_b ? -1 : 1;
    return a < b ? -1 : a > b;
}

const mr_code_info *mr_code_find(enum mr_code_space space, uint32_t value) {
    size_t low = 0, high = MR_COUNT(codes);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = key_cmp(space, value, codes[mid].space, codes[mid].value);
        if (order == 0)
            return &codes[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const mr_code_info *mr_code_find_fault(uint32_t status) {
    const mr_code_info *code = mr_code_find(MR_SPACE_NCA, status);
    return code ? code : mr_code_find(MR_SPACE_WIN32, status);
}

const mr_code_info *mr_code_next(uint32_t value, const mr_code_info *after) {
    for (size_t space = after ? after->space + 1u : 0; space < MR_COUNT(space_names); space++) {
        const mr_code_info *code = mr_code_find((enum mr_code_space)space, value);
        if (code)
            return code;
    }
    return NULL;
}

const mr_code_info *mr_code_find_symbol(const char *symbol, const mr_code_info *after) {
    for (size_t i = after ? (size_t)(after - codes) + 1 : 0; i < MR_COUNT(codes); i++)
        if (strcasecmp(symbol, mr_code_symbol(&codes[i])) == 0)
            return &codes[i];
    return NULL;
}

const mr_code_info *mr_code_all(size_t *countp) {
    *countp = MR_COUNT(codes);
    return codes;
}

static const char *string_at(const void *pool, size_t offset) {
    return (const char *)pool + offset;
}

const char *mr_code_symbol(const mr_code_info *code) {
    return string_at(&code_pool, code->symbol);
}

const char *mr_code_text(const mr_code_info *code) {
    const char *text = string_at(&code_pool, code->text);
    if (!*text && code->space != MR_SPACE_WIN32) {
        uint32_t win32 = mr_code_win32((enum mr_code_space)code->space, code->value);
        const mr_code_info *same = win32 ? mr_code_find(MR_SPACE_WIN32, win32) : NULL;
        if (same)
            return string_at(&code_pool, same->text);
    }
    return text;
}

static const struct code_note *note_find(const struct code_note *notes, size_t count,
                                         const mr_code_info *code) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = key_cmp(code->space, code->value, notes[mid].space, notes[mid].value);
        if (order == 0)
            return &notes[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const char *mr_code_shown(const mr_code_info *code) {
    const struct code_note *note = note_find(shown, MR_COUNT(shown), code);
    return note ? string_at(&shown_pool, note->first) : "";
}

const char *mr_code_meaning(const mr_code_info *code) {
    const struct code_note *note = note_find(advice, MR_COUNT(advice), code);
    return note ? string_at(&advice_pool, note->first) : "";
}

const char *mr_code_try(const mr_code_info *code) {
    const struct code_note *note = note_find(advice, MR_COUNT(advice), code);
    return note ? string_at(&advice_pool, note->second) : "";
}

uint32_t mr_code_split_hresult(uint32_t hresult) {
    return hresult >> 16 == 0x8007 ? hresult & 0xffff : 0; /* MS-ERREF 2.1: FACILITY_WIN32 */
}

uint32_t mr_code_win32(enum mr_code_space space, uint32_t value) {
    if (space == MR_SPACE_WIN32 || space == MR_SPACE_WSA)
        return value;
    if (space == MR_SPACE_HRESULT && mr_code_split_hresult(value))
        return mr_code_split_hresult(value);
    if (space == MR_SPACE_NTSTATUS && value >> 16 == 0xc007) /* NTSTATUS_FROM_WIN32 */
        return value & 0xffff;
    for (size_t i = 0; i < MR_COUNT(sames); i++)
        if (sames[i].space == space && sames[i].value == value)
            return sames[i].as_value; /* to Win32, or to Winsock, which Win32 includes */
    /* MS-RPCE 3.1.1.5.5: a status that is not mapped reaches the caller as it is. */
    return space == MR_SPACE_NCA && value <= 0xffff ? value : 0;
}

const mr_code_info *mr_code_same_next(const mr_code_info *code, size_t *iterp) {
    for (size_t i = *iterp; i < MR_COUNT(sames); i++) {
        const struct code_same *same = &sames[i];
        const mr_code_info *other = NULL;
        if (same->space == code->space && same->value == code->value)
            other = mr_code_find((enum mr_code_space)same->as_space, same->as_value);
        else if (same->as_space == code->space && same->as_value == code->value)
            other = mr_code_find((enum mr_code_space)same->space, same->value);
        if (other) {
            *iterp = i + 1;
            return other;
        }
    }
    *iterp = MR_COUNT(sames);
    return NULL;
}

/* Ports */

enum { T = MR_PORT_TCP, U = MR_PORT_UDP, TU = T | U };

struct port_pool {
#define MR_PORT(first, last, protocols, n, s, u, more) \
    MR_STRING(name, n) MR_STRING(service, s) MR_STRING(use, u) MR_STRING(note, more)
#include "ports.def"
};

static const struct port_pool port_pool = {
#define MR_PORT(first, last, protocols, n, s, u, more) \
    .MR_AT(name) = n, .MR_AT(service) = s, .MR_AT(use) = u, .MR_AT(note) = more,
#include "ports.def"
};

_Static_assert(sizeof(struct port_pool) <= UINT16_MAX, "offsets of ports are 16 bits wide");

static const mr_port_info ports[] = {
#define MR_PORT(from, to, over, n, s, u, more)                                            \
    {.first = (from), .last = (to), .protocols = (over),                                  \
     .name = MR_OFFSET(port_pool, name), .service = MR_OFFSET(port_pool, service),        \
     .use = MR_OFFSET(port_pool, use), .note = MR_OFFSET(port_pool, note)},
#include "ports.def"
};

const mr_port_info *mr_port_next(uint16_t port, const mr_port_info *after) {
    for (size_t i = after ? (size_t)(after - ports) + 1 : 0; i < MR_COUNT(ports); i++)
        if (ports[i].first <= port && port <= ports[i].last)
            return &ports[i];
    return NULL;
}

const mr_port_info *mr_port_find(uint16_t port, unsigned protocols) {
    const mr_port_info *row = NULL;
    while ((row = mr_port_next(port, row)))
        if (!protocols || (row->protocols & protocols))
            return row;
    return NULL;
}

const mr_port_info *mr_port_all(size_t *countp) {
    *countp = MR_COUNT(ports);
    return ports;
}

const char *mr_port_name(const mr_port_info *port) {
    return string_at(&port_pool, port->name);
}

const char *mr_port_service(const mr_port_info *port) {
    return string_at(&port_pool, port->service);
}

const char *mr_port_use(const mr_port_info *port) {
    return string_at(&port_pool, port->use);
}

const char *mr_port_note(const mr_port_info *port) {
    return string_at(&port_pool, port->note);
}

/* Events */

struct event_pool {
#define MR_EVENT(number, from, in, sentence, phase, advise) \
    MR_STRING(source, from) MR_STRING(log, in) MR_STRING(text, sentence) MR_STRING(next, advise)
#include "events.def"
};

static const struct event_pool event_pool = {
#define MR_EVENT(number, from, in, sentence, phase, advise)                         \
    .MR_AT(source) = from, .MR_AT(log) = in, .MR_AT(text) = sentence, .MR_AT(next) = advise,
#include "events.def"
};

_Static_assert(sizeof(struct event_pool) <= UINT16_MAX, "offsets of events are 16 bits wide");

static const mr_winevent_info events[] = {
#define MR_EVENT(number, from, in, sentence, in_phase, advise)                              \
    {.id = (number), .phase = (in_phase),                                                   \
     .source = MR_OFFSET(event_pool, source), .log = MR_OFFSET(event_pool, log),            \
     .text = MR_OFFSET(event_pool, text), .next = MR_OFFSET(event_pool, next)},
#include "events.def"
};

const mr_winevent_info *mr_winevent_next(uint32_t id, const mr_winevent_info *after) {
    for (size_t i = after ? (size_t)(after - events) + 1 : 0; i < MR_COUNT(events); i++)
        if (events[i].id == id)
            return &events[i];
    return NULL;
}

const mr_winevent_info *mr_winevent_find(uint32_t id) {
    return mr_winevent_next(id, NULL);
}

const mr_winevent_info *mr_winevent_all(size_t *countp) {
    *countp = MR_COUNT(events);
    return events;
}

const char *mr_winevent_source(const mr_winevent_info *event) {
    return string_at(&event_pool, event->source);
}

const char *mr_winevent_log(const mr_winevent_info *event) {
    return string_at(&event_pool, event->log);
}

const char *mr_winevent_text(const mr_winevent_info *event) {
    return string_at(&event_pool, event->text);
}

const char *mr_winevent_try(const mr_winevent_info *event) {
    return string_at(&event_pool, event->next);
}

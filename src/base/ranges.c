/* Port ranges of Rpc\Internet\Ports and of netsh dynamicport (KB154596, KB929851). */
#include <msrpc/base/ranges.h>

#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535u

/* ---- one entry ---- */

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* Digits at the front of @s; the number is cut at 2^32 - 1. False when there is none. */
static bool take_number(mr_slice *s, uint32_t *valuep) {
    uint64_t value = 0;
    size_t n = 0;

    for (; n < s->len && is_digit(s->data[n]); n++) {
        value = value * 10 + (s->data[n] - '0');
        if (value > UINT32_MAX)
            value = UINT32_MAX;
    }
    *s = mr_slice_sub(*s, n, s->len);
    *valuep = (uint32_t)value;
    return n > 0;
}

enum mr_range_fault mr_range_decode(mr_slice entry, mr_port_range *rangep) {
    uint32_t first, last;

    if (entry.len == 0)
        return MR_RANGE_EMPTY;
    if (!take_number(&entry, &first))
        return MR_RANGE_NO_NUMBER;
    last = first;
    if (entry.len && entry.data[0] == '-') {
        entry = mr_slice_sub(entry, 1, entry.len);
        if (!take_number(&entry, &last))
            return MR_RANGE_NO_NUMBER;
    }
    if (entry.len)
        return MR_RANGE_NO_NUMBER;
    if (first > PORT_MAX || last > PORT_MAX)
        return MR_RANGE_TOO_LARGE;
    if (first == 0)
        return MR_RANGE_ZERO;
    if (last < first)
        return MR_RANGE_BACKWARDS;
    *rangep = (mr_port_range){(uint16_t)first, (uint16_t)last};
    return MR_RANGE_GOOD;
}

const char *mr_range_fault_text(enum mr_range_fault fault) {
    switch (fault) {
    case MR_RANGE_GOOD: return "good";
    case MR_RANGE_EMPTY: return "nothing stands there";
    case MR_RANGE_NO_NUMBER: return "neither a number nor two with a dash between";
    case MR_RANGE_ZERO: return "port 0 is no port";
    case MR_RANGE_TOO_LARGE: return "above 65535";
    case MR_RANGE_BACKWARDS: return "it ends before it begins";
    }
    return "";
}

/* ---- lists ---- */

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static mr_slice trim(mr_slice s) {
    while (s.len && is_blank(s.data[0]))
        s = mr_slice_sub(s, 1, s.len);
    while (s.len && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* Octets of the separator at @at: 0 when there is none. */
static size_t separator(mr_slice text, size_t at) {
    switch (text.data[at]) {
    case ',':
    case ';':
    case '\n':
    case '\0':
        return 1;
    case '\r':
        return at + 1 < text.len && text.data[at + 1] == '\n' ? 2 : 1;
    case '\\':
        return at + 1 < text.len && text.data[at + 1] == '0' ? 2 : 0;
    }
    return 0;
}

int mr_ranges_decode(mr_slice text, mr_ranges *rangesp) {
    mr_ranges ranges = {.count = 0};
    size_t begin = 0, number = 0;

    while (begin <= text.len) {
        size_t end = begin, step = 0;
        while (end < text.len && !(step = separator(text, end)))
            end++;
        mr_slice entry = trim(mr_slice_sub(text, begin, end - begin));
        /* a separator may also end the list, as the NULs of REG_MULTI_SZ do */
        if (entry.len == 0 && end == text.len && number)
            break;
        mr_port_range range;
        enum mr_range_fault fault = mr_range_decode(entry, &range);
        number++;
        if (fault == MR_RANGE_GOOD && ranges.count == MR_RANGES_MAX)
            return MR_ERR_LIMIT;
        if (fault == MR_RANGE_GOOD)
            ranges.items[ranges.count++] = range;
        else if (fault != MR_RANGE_GOOD && ranges.bad_count < MR_RANGES_BAD_MAX)
            ranges.bad[ranges.bad_count++] = (mr_range_bad){fault, number, begin, entry};
        if (!step)
            break;
        begin = end + step;
    }
    *rangesp = ranges;
    return ranges.bad_count ? MR_ERR_SYNTAX : 0;
}

static int compare(const void *pa, const void *pb) {
    const mr_port_range *a = pa, *b = pb;
    return a->first - b->first;
}

uint32_t mr_ranges_count(const mr_ranges *ranges) {
    mr_ranges sorted = *ranges;
    uint32_t count = 0, next = 0; /* the lowest port not counted yet */

    qsort(sorted.items, sorted.count, sizeof sorted.items[0], compare);
    for (size_t i = 0; i < sorted.count; i++) {
        uint32_t first = sorted.items[i].first, end = (uint32_t)sorted.items[i].last + 1;
        if (first < next)
            first = next;
        if (end <= first)
            continue;
        count += end - first;
        next = end;
    }
    return count;
}

bool mr_ranges_find(const mr_ranges *ranges, uint16_t port) {
    for (size_t i = 0; i < ranges->count; i++)
        if (port >= ranges->items[i].first && port <= ranges->items[i].last)
            return true;
    return false;
}

mr_port_range mr_ranges_get_widest(const mr_ranges *ranges) {
    mr_port_range widest = {0, 0};

    for (size_t i = 0; i < ranges->count; i++)
        if (i == 0 || mr_range_count(ranges->items[i]) > mr_range_count(widest))
            widest = ranges->items[i];
    return widest;
}

/* ---- the pool of a server ---- */

mr_port_range mr_port_era_range(enum mr_port_era era) {
    switch (era) {
    case MR_PORT_ERA_2008:
        return (mr_port_range){MR_NETSH_START_DEFAULT,
                               MR_NETSH_START_DEFAULT + MR_NETSH_NUM_DEFAULT - 1};
    case MR_PORT_ERA_2003:
        return (mr_port_range){1024, 5000};
    }
    return (mr_port_range){0, 0};
}

bool mr_port_is_of_era(uint16_t port, enum mr_port_era era) {
    mr_port_range range = mr_port_era_range(era);

    return port >= range.first && port <= range.last;
}

int mr_port_flag_decode(mr_slice text, enum mr_port_flag *flagp) {
    bool yes = mr_slice_eq_nocase(text, MR_SLICE_LIT("Y"));

    if (!yes && !mr_slice_eq_nocase(text, MR_SLICE_LIT("N")))
        return MR_ERR_SYNTAX;
    *flagp = yes ? MR_PORT_YES : MR_PORT_NO;
    return 0;
}

/* The ports of @whole that @listed does not have. */
static int add_others(const mr_ranges *listed, mr_port_range whole, mr_ranges *poolp) {
    mr_ranges sorted = *listed;
    uint32_t next = whole.first, end = (uint32_t)whole.last + 1;

    qsort(sorted.items, sorted.count, sizeof sorted.items[0], compare);
    for (size_t i = 0; i <= sorted.count; i++) {
        uint32_t stop = i < sorted.count ? sorted.items[i].first : end;
        stop = stop < end ? stop : end;
        if (stop > next) {
            if (poolp->count == MR_RANGES_MAX)
                return MR_ERR_LIMIT;
            poolp->items[poolp->count++] =
                (mr_port_range){(uint16_t)next, (uint16_t)(stop - 1)};
        }
        if (i < sorted.count && (uint32_t)sorted.items[i].last + 1 > next)
            next = (uint32_t)sorted.items[i].last + 1;
    }
    return 0;
}

static int bad_rules(mr_error *err, int code, const char *text) {
    return mr_fail(err, code, MR_FLOOR_BASE, MR_ERROR_NO_OFFSET, "%s", text);
}

int mr_port_pool(const mr_port_rules *rules, enum mr_port_use use, mr_ranges *poolp,
                 mr_error *err) {
    mr_ranges pool = {.count = 0};
    bool listed = rules->ports.count || rules->ports.bad_count;

    if (!listed && rules->available == MR_PORT_UNSET && rules->use == MR_PORT_UNSET) {
        pool.items[pool.count++] = rules->dynamic;
        *poolp = pool;
        return 0;
    }
    if (rules->ports.bad_count)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_BASE, MR_ERROR_NO_OFFSET,
                       "Ports: entry %zu: %s; one bad entry voids them all (87)",
                       rules->ports.bad[0].number, mr_range_fault_text(rules->ports.bad[0].fault));
    if (!listed || rules->available == MR_PORT_UNSET || rules->use == MR_PORT_UNSET)
        return bad_rules(err, MR_ERR_ARGUMENT, "Ports, PortsInternetAvailable and "
                                               "UseInternetPorts belong together (87)");
    bool internet = use == MR_PORT_USE_DEFAULT ? rules->use == MR_PORT_YES
                                               : use == MR_PORT_USE_INTERNET;
    if (internet == (rules->available == MR_PORT_YES))
        pool = rules->ports;
    else if (add_others(&rules->ports, rules->dynamic, &pool) != 0)
        return bad_rules(err, MR_ERR_LIMIT, "Ports leaves too many separate ranges");
    if (pool.count == 0)
        return bad_rules(err, MR_ERR_ARGUMENT, "Ports leaves no port of the dynamic range (87)");
    *poolp = pool;
    return 0;
}

/* ---- netsh ---- */

void mr_netsh_encode(mr_port_range range, uint32_t *startp, uint32_t *nump) {
    uint32_t start = range.first < MR_NETSH_START_MIN ? MR_NETSH_START_MIN : range.first;
    uint32_t num = range.last < start ? 0 : range.last - start + 1;

    if (num < MR_NETSH_NUM_MIN)
        num = MR_NETSH_NUM_MIN;
    if (start + num - 1 > PORT_MAX)
        start = PORT_MAX - num + 1;
    *startp = start;
    *nump = num;
}

static int bad_netsh(mr_error *err, size_t at, const char *text) {
    return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_BASE, at, "%s", text);
}

/* Which of the two a word names before its "=": netsh takes any beginning of the names. */
static int tag_of(mr_slice name) {
    static const char *const tags[] = {"startport", "numberofports"};

    for (int i = 0; i < 2; i++)
        if (name.len >= 3 && name.len <= strlen(tags[i]) &&
            mr_slice_eq_nocase(name, mr_slice_of(tags[i], name.len)))
            return i;
    return -1;
}

/* Whether @word says one of the two, "num=201", and where its number begins. @index is the place of
 * a bare number. */
static int read_word(mr_slice word, int index, size_t *atp) {
    size_t equals = 0;

    if (word.len && is_digit(word.data[0])) {
        *atp = 0;
        return index;
    }
    while (equals < word.len && word.data[equals] != '=')
        equals++;
    *atp = equals + 1;
    return equals < word.len ? tag_of(mr_slice_sub(word, 0, equals)) : -1;
}

int mr_netsh_decode(mr_slice text, uint32_t *startp, uint32_t *nump, mr_error *err) {
    uint64_t values[2] = {0};
    bool has[2] = {false};

    for (size_t at = 0, end; at < text.len; at = end + 1) {
        size_t number;
        end = at;
        while (end < text.len && !is_blank(text.data[end]))
            end++;
        mr_slice word = mr_slice_sub(text, at, end - at);
        int tag = read_word(word, has[0], &number);
        if (tag < 0)
            continue;
        if (has[tag])
            return bad_netsh(err, at, tag ? "num is said twice" : "start is said twice");
        if (mr_slice_get_number(mr_slice_sub(word, number, word.len), UINT32_MAX,
                                &values[tag]) != 0)
            return bad_netsh(err, at + number, "no number stands there");
        has[tag] = true;
    }
    if (!has[0] || !has[1])
        return bad_netsh(err, text.len, has[0] ? "num= is missing" : "start= is missing");
    *startp = (uint32_t)values[0];
    *nump = (uint32_t)values[1];
    return 0;
}

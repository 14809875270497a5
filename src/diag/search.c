/*
 * The search behind search.h: stems, synonyms, prefixes and slips, all by integers, so that a score
 * is the same on every machine.
 */
#include <msrpc/diag/search.h>

#include <msrpc/base/result.h>

#include <stdio.h>
#include <string.h>

#define WORD_MOST 31

/* Words that mean the same to an administrator; one group a line, stems or whole words. */
static const char *const synonyms[] = {
    "blocked filtered firewall dropped stealth",
    "refused closed reject rejects reset",
    "clock time skew ntp w32time",
    "login logon authenticate authentication credentials signin logoff",
    "password credential passwd pwd",
    "printer print spooler spoolss printing",
    "replication drsuapi replicate replica drs",
    "share shares srvsvc smb folder",
    "dc controller netlogon dcs",
    "unavailable unreachable down offline dead",
    "busy overloaded congestion",
    "lookup resolve resolution dns",
    "name hostname host",
    "registry winreg reg",
    "service services svcctl scm",
    "task scheduler atsvc schedule taskscheduler",
    "event eventlog log",
    "user account accounts users",
    "mapper epm epmap endpoint portmapper",
    "certificate cert pki certsrv",
    "wmi dcom com activation",
    "machine computer workstation",
    "trust trusts channel",
    "timeout timed hang hangs hung silent slow",
    "missing nxdomain nonexistent unknown absent",
    "denied access forbidden permission rights unauthorized",
    "interface uuid",
    "encryption privacy seal sealing encrypt",
    "signing integrity sign",
    "fragment mtu packet large",
    "backup backupkey dpapi",
    "anonymous null guest stranger",
    "dhcp lease",
    "spn principal",
    "ticket kerberos krb kdc",
    "ephemeral dynamic",
    "desktop rdp terminal termserv",
    "list enumerate enum lists",
    "wrong incorrect invalid bad",
    "lost lossy loss retransmits",
    "shutdown reboot restart initshutdown",
};

static bool ends(const char *word, size_t len, const char *end) {
    size_t n = strlen(end);
    return len > n + 2 && !strncmp(word + len - n, end, n);
}

/* Takes the endings off that leave the meaning: blocked, blocking and blocks are block. */
static size_t stem(char *word, size_t len) {
    static const char *const endings[] = {"ications", "ication", "ations", "ation", "ings", "ing",
                                          "ies", "ied", "ers", "ed", "es", "s", "e", "y"};
    if (len < 4)
        return len;
    for (size_t i = 0; i < MR_COUNT(endings); i++) {
        if (!ends(word, len, endings[i]) || (!strcmp(endings[i], "s") && word[len - 2] == 's'))
            continue;
        len -= strlen(endings[i]);
        if (len > 3 && word[len - 1] == word[len - 2] && word[len - 1] != 's')
            len--; /* dropped: drop */
        word[len] = '\0';
        return len;
    }
    return len;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static bool upper(char c) {
    return c >= 'A' && c <= 'Z';
}
static bool letter(char c) {
    return upper(c) || (c >= 'a' && c <= 'z');
}
static bool digit(char c) {
    return c >= '0' && c <= '9';
}

/* The next word of a text, stemmed: letters or digits; a capital after a small letter begins one,
 * and so does the last of several capitals before a small one (RPCServer). False at the end. */
static bool next_word(const char **textp, char *word, size_t *lenp, bool camel) {
    const char *p = *textp;
    size_t len = 0;

    while (*p && !letter(*p) && !digit(*p))
        p++;
    while (letter(*p) || digit(*p)) {
        if (camel && len && upper(*p) &&
            (!upper(p[-1]) || (p[1] >= 'a' && p[1] <= 'z')))
            break;
        if (camel && len && digit(*p) != digit(p[-1]))
            break;
        if (len < WORD_MOST)
            word[len++] = lower(*p);
        p++;
    }
    word[len] = '\0';
    *textp = p;
    *lenp = stem(word, len);
    return len > 0;
}

static bool has_word(const char *list, const char *word) {
    char one[WORD_MOST + 1];
    size_t len;

    while (next_word(&list, one, &len, false))
        if (!strcmp(one, word))
            return true;
    return false;
}

static bool is_noise(const char *word) {
    static const char noise[] = "the a an of to is in on for and or not by with from it my at what "
                                "why how does do be can't cannot are has have was which msrpc when";
    return has_word(noise, word);
}

int mr_search_init(mr_search *search, const char *query) {
    char word[WORD_MOST + 1];
    size_t len;

    memset(search, 0, sizeof *search);
    for (int noise = 0; noise < 2 && !search->word_count; noise++) {
        const char *at = query;
        while (search->word_count < MR_SEARCH_WORDS && next_word(&at, word, &len, false)) {
            if (!noise && is_noise(word))
                continue;
            mr_search_word *w = &search->words[search->word_count++];
            memcpy(w->stem, word, len + 1);
            for (size_t i = 0; i < MR_COUNT(synonyms) && !w->like; i++)
                if (has_word(synonyms[i], word))
                    w->like = synonyms[i];
        }
    }
    return search->word_count ? 0 : MR_ERR_SYNTAX;
}

/* Whether one octet more, less or other, or two swapped, makes @a of @b. */
static bool slip(const char *a, size_t a_len, const char *b, size_t b_len) {
    size_t i = 0;

    if (a_len > b_len + 1 || b_len > a_len + 1)
        return false;
    while (i < a_len && i < b_len && a[i] == b[i])
        i++;
    if (a_len == b_len)
        return !strcmp(a + i + 1, b + i + 1) ||
               (a[i] == b[i + 1] && a[i + 1] == b[i] && !strcmp(a + i + 2, b + i + 2));
    return a_len > b_len ? !strcmp(a + i + 1, b + i) : !strcmp(a + i, b + i + 1);
}

/* How well @word of a document is @query's: 0 to 100. */
static unsigned likeness(const mr_search_word *query, const char *word, size_t len) {
    size_t query_len = strlen(query->stem);

    if (!strcmp(query->stem, word))
        return 100;
    if (query_len >= 3 && len > query_len && !strncmp(query->stem, word, query_len))
        return digit(word[query_len]) != digit(word[0]) ? 70 : 55;
    if (query->like && len >= 2 && has_word(query->like, word))
        return 60;
    if (query_len >= 5 && len >= 4 && !digit(word[0]) && slip(query->stem, query_len, word, len))
        return 45;
    return 0;
}

/* The best likeness of each word of the query in the document, weighed by field: 0 to 400. */
static void rate(const mr_search *search, const mr_search_doc *doc, unsigned *best) {
    static const unsigned weights[MR_SEARCH_FIELDS] = {4, 3, 2, 1};
    char word[WORD_MOST + 1];
    size_t len;

    memset(best, 0, sizeof *best * MR_SEARCH_WORDS);
    for (size_t f = 0; f < MR_SEARCH_FIELDS && doc->fields[f]; f++) {
        for (int camel = 0; camel < 2; camel++) {
            const char *at = doc->fields[f];
            while (next_word(&at, word, &len, camel)) {
                for (size_t i = 0; i < search->word_count; i++) {
                    unsigned now = likeness(&search->words[i], word, len) * weights[f];
                    best[i] = now > best[i] ? now : best[i];
                }
            }
        }
    }
}

void mr_search_count(mr_search *search, const mr_search_doc *doc) {
    unsigned best[MR_SEARCH_WORDS];

    rate(search, doc, best);
    for (size_t i = 0; i < search->word_count; i++)
        search->words[i].documents += best[i] > 0;
    search->documents++;
}

/* How much a word that few documents hold is worth: 1 to about 16, one for each halving. */
static unsigned rarity(const mr_search *search, const mr_search_word *word) {
    unsigned worth = 1;
    for (size_t n = word->documents + 1; n < search->documents; n *= 2)
        worth++;
    return worth;
}

static size_t words_in(const char *text) {
    char word[WORD_MOST + 1];
    size_t n = 0, len;

    while (text && next_word(&text, word, &len, true))
        n++;
    return n;
}

/* Whether a field says just what the query says, noise aside. */
static bool says_just(const mr_search *search, const char *field) {
    char word[WORD_MOST + 1];
    size_t len, found = 0;
    uint32_t seen = 0;

    while (field && next_word(&field, word, &len, true)) {
        size_t i = 0;
        if (is_noise(word))
            continue;
        while (i < search->word_count && strcmp(search->words[i].stem, word) != 0)
            i++;
        if (i == search->word_count)
            return false;
        found += !(seen >> i & 1);
        seen |= (uint32_t)1 << i;
    }
    return found == search->word_count;
}

static bool better(const mr_search_hit *a, const mr_search_hit *b) {
    if (a->score != b->score)
        return a->score > b->score;
    if (a->kind != b->kind)
        return a->kind < b->kind;
    return a->order < b->order;
}

void mr_search_add(mr_search *search, const mr_search_doc *doc) {
    unsigned best[MR_SEARCH_WORDS];
    uint64_t sum = 0, found = 0;
    size_t order = search->scored++;

    rate(search, doc, best);
    for (size_t i = 0; i < search->word_count; i++) {
        sum += (uint64_t)best[i] * rarity(search, &search->words[i]);
        found += best[i] > 0;
    }
    if (!sum)
        return;
    /* all words count far more than one of them often; a short name fits better than a long one */
    sum = sum * found * found / (search->word_count * search->word_count) * doc->weight;
    for (size_t f = 0; f < 2; f++)
        if (says_just(search, doc->fields[f])) {
            sum *= 2;
            break;
        }
    mr_search_hit hit = {.score = sum / (8 + words_in(doc->fields[0])), .kind = doc->kind,
                         .order = order, .user = doc->user};
    size_t at = search->hit_count;
    while (at > 0 && better(&hit, &search->hits[at - 1])) {
        search->hits[at] = search->hits[at - 1];
        at--;
    }
    search->hits[at] = hit;
    if (search->hit_count < MR_SEARCH_HITS)
        search->hit_count++;
}

const mr_search_hit *mr_search_get(const mr_search *search, size_t i) {
    return i < search->hit_count ? &search->hits[i] : NULL;
}

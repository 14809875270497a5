/*
 * Records in any order, with any times, to the story of a capture. The first octet chooses caps.
 * Whatever they say: what comes out cites packets and names that were given and nothing else, is
 * sorted as promised, and holds no text of a record that is gone.
 */
#include <stdio.h>

#include "story_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define need(good) need_at((good), __LINE__)

static void need_at(bool good, int line) {
    if (good)
        return;
    fprintf(stderr, "fuzz_story.c:%d: broken\n", line);
    abort();
}

/* Whether a text is of the pool, in whatever case, without what may end a name. */
static bool is_given(const char *text) {
    for (size_t i = 0; i < MR_COUNT(story_pool); i++) {
        size_t len = strlen(text);
        if (strlen(story_pool[i]) >= len && strncasecmp(story_pool[i], text, len) == 0)
            return true;
    }
    return false;
}

static void check_talk(const mr_trace *trace, const mr_trace_talk *talk) {
    const mr_trace_event *event;
    mr_buf buf;

    need(talk->id && talk->count);
    need(!talk->name || is_given(talk->name));
    need(!talk->pipe || is_given(talk->pipe));
    need(mr_trace_find_talk(trace, talk->id) != NULL);
    size_t events = mr_trace_event_count(trace, talk->id), i = 0;
    need(events <= MR_TRACE_EVENTS);
    for (; (event = mr_trace_get_event(trace, talk->id, i)) != NULL; i++)
        need(event->text && strlen(event->text) < 96);
    need(i == events);
    mr_buf_init(&buf, NULL, 0, 4096);
    mr_trace_write_talk_filter(talk, MR_TRACE_WIRESHARK, &buf);
    mr_trace_write_talk_filter(talk, MR_TRACE_NETMON, &buf);
    mr_buf_deinit(&buf);
}

static void check_finding(const mr_trace *trace, const story_script *s, size_t index) {
    const mr_trace_finding *f = mr_trace_get_finding(trace, index);
    const mr_finding *finding = f->finding;
    mr_buf buf;

    need(f->relations && finding->cause && *finding->cause && finding->summary);
    need(f->explained_by == SIZE_MAX || f->explained_by < mr_trace_finding_count(trace));
    need(f->packet_count <= MR_TRACE_PACKETS && f->talk_count <= MR_TRACE_TALKS);
    for (size_t i = 0; i < f->packet_count; i++)
        need(f->files[i] < STORY_FILES && f->packets[i] < STORY_PACKETS &&
             s->cited[f->files[i]][f->packets[i]]);
    for (size_t i = 0; i < f->talk_count; i++)
        need(mr_trace_find_talk(trace, f->talks[i]) != NULL);
    need(!f->name || is_given(f->name));
    need(!f->past || f->again);
    mr_buf_init(&buf, NULL, 0, 8192);
    mr_trace_write_finding_filter(trace, f, MR_TRACE_WIRESHARK, &buf);
    mr_trace_write_finding_filter(trace, f, MR_TRACE_NETMON, &buf);
    need(!memchr(mr_buf_slice(&buf).data, '\x1b', mr_buf_slice(&buf).len));
    mr_buf_deinit(&buf);
}

static void check(const mr_trace *trace, const story_script *s) {
    const mr_trace_talk *talk;
    const mr_verdict *verdict = mr_trace_get_verdict(trace);
    size_t count = 0;

    for (; (talk = mr_trace_get_talk(trace, count)) != NULL; count++)
        check_talk(trace, talk);
    need(count == mr_trace_talk_count(trace));
    for (size_t i = 0; i < mr_trace_finding_count(trace); i++)
        check_finding(trace, s, i);
    size_t index = mr_trace_verdict_index(trace);
    need((index == SIZE_MAX) == (verdict->finding == NULL));
    need(verdict->summary && *verdict->summary);
    need(verdict->exit == 0 || verdict->exit == 1 || verdict->exit == 10 * (int)verdict->phase);
    if (verdict->finding)
        need(!mr_trace_get_finding(trace, index)->past &&
             mr_trace_get_phase(trace, verdict->phase) == MR_STATUS_FAIL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mr_trace_config caps[] = {
        {0}, {.talks = 2, .sums = 2, .relations = 3, .names = 2}, {.talks = 1, .relations = 1},
    };
    static story_script s;
    mr_trace *trace;
    mr_seen seen;

    if (!size || size > 8192)
        return 0;
    s = (story_script){.octets = data, .len = size, .now = 1000000 * MR_SEC};
    uint8_t first = story_u8(&s);
    if (mr_trace_new(&caps[first % MR_COUNT(caps)], &trace) != 0)
        return 0;
    int r = 0;
    while (!r && story_next(&s, &seen)) {
        r = mr_trace_add(trace, &seen);
        story_taken(&s);
    }
    need(r == 0 && mr_trace_end(trace, 0, first & 0x80 ? s.now + 60 * MR_SEC : 0) == 0);
    check(trace, &s);
    mr_trace_free(trace);
    return 0;
}

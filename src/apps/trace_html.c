/*
 * msrpc trace --html: one self-contained page of HTML 5 and SVG without scripts, which asks for
 * nothing from anywhere: verdict, phases, findings with their remedies, a timeline, a ladder of
 * each conversation with something to say, what keys opened, tables of conversations and calls.
 * What opens and closes are details elements, so the keyboard reaches everything. Whatever the
 * capture says is escaped.
 */
#include "trace.h"

#include <errno.h>

#define LADDERS 40      /* conversations drawn */
#define BARS 60         /* conversations on the timeline */
#define ROWS 500        /* of a table */
#define LABEL 68        /* characters over an arrow */
#define STEP 26         /* height of one event */

extern const char trace_css[]; /* trace.css */

/* ---- text ---- */

/* Text of whatever origin, for content and for attributes in double quotes. */
static void put_slice(FILE *out, mr_slice s) {
    size_t ok = mr_utf8_ok_len(s);

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        switch (c) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default:
            if (i >= ok || (c < 0x20 && c != '\n') || c == 0x7f)
                fputs("&#xfffd;", out);
            else
                fputc(c, out);
        }
    }
}

static void put(FILE *out, const char *text) {
    put_slice(out, mr_slice_str(text ? text : ""));
}

static void put_element(FILE *out, const char *open, const char *text, const char *close) {
    if (!text)
        return;
    fputs(open, out);
    put(out, text);
    fputs(close, out);
}

/* At most @most characters of it, then an ellipsis. */
static void put_some(FILE *out, const char *text, size_t most) {
    size_t len = 0, n = 0;

    while (text[len] && n < most) {
        len++;
        while (((uint8_t)text[len] & 0xc0) == 0x80)
            len++;
        n++;
    }
    put_slice(out, mr_slice_of(text, len));
    if (text[len])
        fputs("\xe2\x80\xa6", out);
}

static const char *severity_class(enum mr_severity severity) {
    switch (severity) {
    case MR_SEVERITY_ERROR: return "bad";
    case MR_SEVERITY_WARNING: return "warn";
    case MR_SEVERITY_INFO: return "dim";
    }
    return "dim";
}

static const char *status_class(enum mr_status status) {
    switch (status) {
    case MR_STATUS_PASS: return "good";
    case MR_STATUS_WARN: return "warn";
    case MR_STATUS_FAIL: return "bad";
    case MR_STATUS_UNKNOWN:
    case MR_STATUS_SKIP: return "dim";
    }
    return "dim";
}

static const char *outcome_class(enum mr_trace_outcome outcome) {
    switch (outcome) {
    case MR_TRACE_WELL: return "good";
    case MR_TRACE_UNUSUAL: return "warn";
    case MR_TRACE_FAILED: return "bad";
    case MR_TRACE_UNKNOWN: return "dim";
    }
    return "dim";
}

static bool is_interesting(const mr_trace_talk *talk) {
    return talk->outcome >= MR_TRACE_UNUSUAL;
}

/* ---- head ---- */

static void put_head(struct trace *t, FILE *out) {
    const char *name = t->paths ? t->paths[0] : t->o->interface, *place = trace_place(t);
    char when[MR_TIME_TEXT];

    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\">\n", out);
    put_element(out, "<title>msrpc trace ", name, "</title>\n");
    fprintf(out, "<style>\n%s</style>\n</head>\n<body>\n"
            "<a class=\"skip\" href=\"#findings\">to the findings</a>\n<header>\n", trace_css);
    put_element(out, "<h1>msrpc trace ", name, "</h1>\n");
    for (size_t i = 1; i < t->path_count; i++)
        put_element(out, "<p class=\"dim\">and ", t->paths[i], "</p>\n");
    mr_time_text((int64_t)(t->totals.first / MR_SEC), (uint32_t)(t->totals.first % MR_SEC), when);
    fprintf(out, "<p class=\"dim\">%llu packets, %llu octets, %.3f s from %s",
            (unsigned long long)t->totals.packets, (unsigned long long)t->totals.octets,
            (double)(t->totals.last - t->totals.first) / MR_SEC, when);
    put_element(out, ", captured ", place, "");
    if (t->dropped)
        fprintf(out, ", %llu packets dropped while listening", (unsigned long long)t->dropped);
    fprintf(out, "%s</p>\n</header>\n<main>\n",
            t->partial ? ". Not everything was read: this page is about what was" : "");
}

static void put_verdict(struct trace *t, FILE *out) {
    const mr_verdict *verdict = mr_trace_get_verdict(t->story);

    fputs("<section aria-labelledby=\"h-verdict\">\n<h2 id=\"h-verdict\">Verdict</h2>\n", out);
    if (verdict->finding)
        fprintf(out, "<p class=\"verdict bad\">Phase %d: ", (int)verdict->phase);
    else
        fprintf(out, "<p class=\"verdict %s\">", verdict->exit ? "warn" : "good");
    put(out, verdict->summary);
    fputs("</p>\n", out);
    if (verdict->finding && verdict->finding->win32)
        fprintf(out, "<p>Windows shows %u.</p>\n", verdict->finding->win32);
    fputs("<ol class=\"phases\">\n", out);
    for (int i = 1; i <= MR_PHASE_COUNT; i++) {
        enum mr_status status = mr_trace_get_phase(t->story, (enum mr_phase)i);
        fprintf(out, "<li>%d %s: <strong class=\"%s\">%s</strong></li>\n", i,
                mr_phase_name((enum mr_phase)i), status_class(status), mr_status_name(status));
    }
    fputs("</ol>\n</section>\n", out);
}

/* ---- findings ---- */

static void put_remedies(const mr_finding *finding, FILE *out) {
    for (size_t i = 0; i < finding->remedy_count; i++) {
        const mr_remedy *remedy = &finding->remedies[i];
        fprintf(out, "<p><strong>%s</strong> (on the %s): ", i ? "Or" : "Remedy",
                mr_place_name(remedy->run_on));
        put(out, remedy->text);
        fputs("</p>\n", out);
        put_element(out, "<pre tabindex=\"0\"><code>", remedy->command, "</code></pre>\n");
        put_element(out, "<p class=\"dim\">Risk: ", remedy->risk, "</p>\n");
        put_element(out, "<p class=\"dim\">Undo: <code>", remedy->undo, "</code></p>\n");
        put_element(out, "<p class=\"dim\">Verify: <code>", remedy->verify, "</code></p>\n");
    }
    if (!finding->next.command)
        return;
    put_element(out, "<p><strong>Next</strong></p>\n<pre tabindex=\"0\"><code>",
                finding->next.command, "</code></pre>\n<ul>\n");
    for (size_t i = 0; i < finding->next.branch_count; i++) {
        put_element(out, "<li>", finding->next.branches[i].result, ": ");
        put_element(out, "", finding->next.branches[i].then, "</li>\n");
    }
    fputs("</ul>\n", out);
}

static void put_filters(FILE *out, const char *wireshark, const char *netmon) {
    put_element(out, "<p class=\"dim\">Wireshark</p>\n<pre tabindex=\"0\"><code>", wireshark,
                "</code></pre>\n");
    put_element(out, "<p class=\"dim\">Network Monitor</p>\n<pre tabindex=\"0\"><code>", netmon,
                "</code></pre>\n");
}

/* "2#" before a packet's number, where there are several files. */
static const char *file_text(struct trace *t, uint16_t file) {
    const char *text = t->several ? mr_arena_add_fmt(&t->a->arena, "%u#", file + 1u) : "";

    return text ? text : "";
}

static void put_proof(struct trace *t, const mr_trace_finding *f, FILE *out) {
    fputs("<p>Between ", out);
    put(out, f->client);
    put_element(out, " and ", f->server, "");
    if (f->relations > 1)
        fprintf(out, ", and %u other pairs", f->relations - 1);
    fputs(".", out);
    for (size_t i = 0; i < f->packet_count; i++)
        fprintf(out, "%s%s%llu", i ? ", " : " Packets ", file_text(t, f->files[i]),
                (unsigned long long)f->packets[i]);
    if (f->packet_count)
        fputs(".", out);
    for (size_t i = 0; i < f->talk_count; i++)
        fprintf(out, "%s<a href=\"#r%u\">%u</a>", i ? ", " : " Conversations ", f->talks[i],
                f->talks[i]);
    fputs("</p>\n", out);
    put_filters(out, trace_finding_filter(t, f, MR_TRACE_WIRESHARK),
                trace_finding_filter(t, f, MR_TRACE_NETMON));
}

static void put_finding(struct trace *t, size_t i, const mr_trace_finding *f, FILE *out) {
    const mr_finding *finding = f->finding;

    fprintf(out, "<details%s>\n<summary><h3 class=\"%s\">%s, phase %d: ",
            i == mr_trace_verdict_index(t->story) ? " open" : "",
            f->past ? "warn" : severity_class(finding->severity),
            f->past ? "past" : mr_severity_name(finding->severity), (int)finding->phase);
    put(out, finding->summary);
    fputs("</h3> <span class=\"dim\">", out);
    put(out, finding->id);
    fprintf(out, ", %s", mr_confidence_name(finding->confidence));
    if (finding->explained_by)
        put_element(out, ", because of ", finding->explained_by->id, "");
    fputs("</span></summary>\n", out);
    if (f->past)
        fprintf(out, "<p>It works again since packet %s%llu.</p>\n", file_text(t, f->again_file),
                (unsigned long long)f->again_packet);
    put_element(out, "<p>", finding->cause, "</p>\n");
    put_remedies(finding, out);
    put_proof(t, f, out);
    put_element(out, "<p class=\"dim\">", finding->reference, "</p>\n");
    fputs("</details>\n", out);
}

static void put_findings(struct trace *t, FILE *out) {
    const mr_trace_finding *f;

    fputs("<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n", out);
    if (mr_trace_finding_count(t->story) == 0)
        fputs("<p>Nothing wrong was seen.</p>\n", out);
    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++)
        put_finding(t, i, f, out);
    fputs("</section>\n", out);
}

/* ---- timeline ---- */

static void put_bar(struct trace *t, const mr_trace_talk *talk, size_t row, FILE *out) {
    double span = t->totals.last > t->totals.first ? (double)(t->totals.last - t->totals.first) : 1;
    double from = talk->begin > t->totals.first ? (double)(talk->begin - t->totals.first) : 0;
    double to = talk->end > talk->begin ? (double)(talk->end - talk->begin) : 0;
    double x = 300 + 590 * (from < span ? from / span : 1), width = 590 * (to < span ? to / span
                                                                                     : 1);
    char server[MR_IP_TEXT];

    mr_ip_text(&talk->server, server);
    fprintf(out, "<g><title>conversation %u: %s, %.3f s</title>"
            "<text x=\"0\" y=\"%zu\">", talk->id, mr_trace_outcome_name(talk->outcome), to / 1e9,
            row * 18 + 13);
    fprintf(out, "%u ", talk->id);
    put_some(out, talk->name ? talk->name : server, 22);
    fprintf(out, ":%u ", talk->server_port);
    put_some(out, talk->interface ? talk->interface : "", 10);
    fprintf(out, "</text><rect class=\"%s\" x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"10\"/>"
            "</g>\n", mr_trace_outcome_name(talk->outcome), x, row * 18 + 4,
            width < 3 ? 3 : width);
}

static void put_timeline(struct trace *t, FILE *out) {
    size_t total = mr_trace_talk_count(t->story), rows = total < BARS ? total : BARS;

    if (rows == 0)
        return;
    fputs("<section aria-labelledby=\"h-time\">\n<h2 id=\"h-time\">Timeline</h2>\n", out);
    fprintf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"h-time\">"
            "<svg viewBox=\"0 0 900 %zu\" role=\"img\" "
            "aria-label=\"when each conversation took place\">\n", rows * 18 + 20);
    for (size_t i = 0; i < rows; i++)
        put_bar(t, mr_trace_get_talk(t->story, i), i, out);
    fprintf(out, "<text class=\"dim\" x=\"300\" y=\"%zu\">0 s</text><text class=\"dim\" x=\"890\" "
            "y=\"%zu\" text-anchor=\"end\">%.3f s</text>\n</svg></div>\n", rows * 18 + 15,
            rows * 18 + 15, (double)(t->totals.last - t->totals.first) / MR_SEC);
    if (total > rows)
        fprintf(out, "<p class=\"dim\">and %zu more conversations</p>\n", total - rows);
    fputs("</section>\n", out);
}

/* ---- ladders ---- */

/* A moment of the capture whose ladder it is, by the client's clock where it is known. */
static double after_ms(const struct trace *t, bool far, mr_nsec time, mr_nsec begin) {
    const mr_pair_clock *clock = &t->pair.totals.clock;
    mr_nsec at = far && clock->known ? mr_pair_clock_to_a(clock, time) : time;

    return at >= begin ? (double)(at - begin) / MR_MSEC : -(double)(begin - at) / MR_MSEC;
}

static void put_step(const mr_trace_event *event, double after, size_t row, FILE *out) {
    size_t y = 56 + row * STEP;
    const char *bad = event->bad ? "bad" : "";
    unsigned tip = event->to_client ? 240 : 760, back = event->to_client ? 250 : 750;

    fprintf(out, "<g><title>");
    put(out, event->text);
    fprintf(out, "</title><text class=\"dim\" x=\"0\" y=\"%zu\">%llu</text>"
            "<text class=\"dim\" x=\"215\" y=\"%zu\" text-anchor=\"end\">%.1f ms</text>"
            "<text class=\"%s\" x=\"500\" y=\"%zu\" text-anchor=\"middle\">", y,
            (unsigned long long)event->packet, y, after, event->bad ? "badtext" : "", y - 4);
    put_some(out, event->text ? event->text : "", LABEL);
    fprintf(out, "</text><line class=\"%sstep\" x1=\"240\" x2=\"760\" y1=\"%zu\" y2=\"%zu\"/>"
            "<path class=\"%shead\" d=\"M%u %zu L%u %zu L%u %zu Z\"/></g>\n", bad, y, y, bad, tip,
            y, back, y - 4, back, y + 4);
}

/* The messages of @talk as one capture has them: the server's if @far. @id is the client's. */
static void put_steps(const struct trace *t, const mr_trace_talk *talk, bool far, uint32_t id,
                      mr_nsec begin, FILE *out) {
    const mr_trace *story = far ? t->far : t->story;
    size_t bottom = 56 + mr_trace_event_count(story, talk->id) * STEP;
    const char *where = far ? ", in the server's capture" : "";
    const mr_trace_event *event;
    char client[MR_IP_TEXT], server[MR_IP_TEXT];

    mr_ip_text(&talk->client, client);
    mr_ip_text(&talk->server, server);
    fprintf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
            "aria-label=\"ladder of conversation %u%s\"><svg viewBox=\"0 0 900 %zu\" role=\"img\""
            " aria-label=\"messages of conversation %u in the order of packets%s\">\n", id, where,
            bottom, id, where);
    fprintf(out, "<text x=\"240\" y=\"14\" text-anchor=\"middle\">%s</text>"
            "<text x=\"760\" y=\"14\" text-anchor=\"middle\">%s</text>"
            "<line class=\"life\" x1=\"240\" x2=\"240\" y1=\"20\" y2=\"%zu\"/>"
            "<line class=\"life\" x1=\"760\" x2=\"760\" y1=\"20\" y2=\"%zu\"/>\n", client, server,
            bottom, bottom);
    for (size_t i = 0; (event = mr_trace_get_event(story, talk->id, i)) != NULL; i++)
        put_step(event, after_ms(t, far, event->time, begin), i, out);
    fputs("</svg></div>\n", out);
}

static void put_item(FILE *out, const char *text) {
    put_element(out, "<li>", text, "</li>\n");
}

/* What differs between the two places, and the conversation as the server's capture has it. */
static void put_far_side(struct trace *t, const mr_trace_talk *talk, mr_nsec begin, FILE *out) {
    const mr_trace_talk *far = trace_pair_find(t, talk);
    const mr_trace_event *event = far ? mr_trace_get_event(t->far, far->id, 0) : NULL;
    bool known = t->pair.totals.clock.known;

    fputs("<ul>\n", out);
    trace_pair_tell_talk(t, talk, put_item, out);
    if (!far)
        put_item(out, "The server's capture holds no connection of these addresses and ports at "
                 "that time.");
    fputs("</ul>\n", out);
    if (!event)
        return;
    fprintf(out, "<p><strong>In the server's capture</strong> <span class=\"dim\">its packet "
            "numbers; times by %s</span></p>\n",
            known ? "the client's clock, from the same moment"
                  : "its own clock, from its first packet here");
    put_steps(t, far, true, talk->id, known ? begin : event->time, out);
}

static void put_ladder(struct trace *t, const mr_trace_talk *talk, bool open, FILE *out) {
    const mr_trace_event *event = mr_trace_get_event(t->story, talk->id, 0);
    mr_nsec begin = event ? event->time : talk->begin;
    char client[MR_IP_TEXT], server[MR_IP_TEXT];

    mr_ip_text(&talk->client, client);
    mr_ip_text(&talk->server, server);
    fprintf(out, "<details id=\"c%u\"%s>\n<summary><h3 class=\"%s\">%u: %s &gt; ", talk->id,
            open ? " open" : "", outcome_class(talk->outcome), talk->id, client);
    put(out, talk->name ? talk->name : server);
    fprintf(out, ":%u ", talk->server_port);
    put(out, talk->interface ? talk->interface : "");
    fprintf(out, "</h3> <span class=\"dim\">%s</span></summary>\n",
            mr_trace_outcome_name(talk->outcome));
    if (t->far)
        fputs("<p><strong>In the client's capture</strong></p>\n", out);
    if (event)
        put_steps(t, talk, false, talk->id, begin, out);
    if (t->far)
        put_far_side(t, talk, begin, out);
    put_filters(out, trace_talk_filter(t->a, talk, MR_TRACE_WIRESHARK),
                trace_talk_filter(t->a, talk, MR_TRACE_NETMON));
    fputs("</details>\n", out);
}

static void put_ladders(struct trace *t, FILE *out) {
    const mr_trace_talk *talk;
    size_t drawn = 0, more = 0;

    fputs("<section aria-labelledby=\"h-talks\">\n<h2 id=\"h-talks\">Conversations with something "
          "to say</h2>\n", out);
    for (size_t i = 0; (talk = mr_trace_get_talk(t->story, i)) != NULL; i++) {
        if (!is_interesting(talk))
            continue;
        if (drawn < LADDERS)
            put_ladder(t, talk, drawn == 0, out);
        drawn++;
    }
    more = drawn > LADDERS ? drawn - LADDERS : 0;
    if (more)
        fprintf(out, "<p class=\"dim\">and %zu more</p>\n", more);
    if (drawn == 0)
        fputs("<p>None.</p>\n", out);
    fputs("</section>\n", out);
}

/* ---- both sides ---- */

static void put_pair(struct trace *t, FILE *out) {
    if (!t->paired)
        return;
    fputs("<section aria-labelledby=\"h-both\">\n<h2 id=\"h-both\">Both sides</h2>\n<p>The "
          "client's: ", out);
    put(out, t->o->client);
    fputs("; the server's: ", out);
    put(out, t->o->server);
    fputs("</p>\n<ul>\n", out);
    trace_pair_tell(t, put_item, out);
    fputs("</ul>\n</section>\n", out);
}

/* ---- keys ---- */

static const char *seal_class(enum mr_seen_seal seal) {
    switch (seal) {
    case MR_SEAL_OPENED: return "good";
    case MR_SEAL_WRONG: return "warn";
    case MR_SEAL_NONE:
    case MR_SEAL_CLOSED:
    case MR_SEAL_UNSEEN:
    case MR_SEAL_LOST: return "dim";
    }
    return "dim";
}

static void put_opened(struct trace *t, FILE *out) {
    size_t shown = t->note_count < ROWS ? t->note_count : ROWS;

    if (shown == 0)
        return;
    fputs("<details>\n<summary><h3>What they opened</h3></summary>\n<div class=\"scroll\" "
          "tabindex=\"0\" role=\"group\" aria-labelledby=\"h-keys\"><table>\n"
          "<thead><tr><th>Packet<th>Call</tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i < shown; i++) {
        const struct trace_note *note = &t->notes[i];
        fputs("<tr><td class=\"number\">", out);
        if (t->several)
            fprintf(out, "%u#", note->file + 1u);
        fprintf(out, "%llu</td>", (unsigned long long)note->packet);
        put_element(out, "<td class=\"opened\">", note->text + sizeof TRACE_OPENED - 1,
                    "</td></tr>\n");
    }
    fputs("</tbody></table></div>\n", out);
    size_t more = t->note_count - shown + t->notes_left_out;
    if (more)
        fprintf(out, "<p class=\"dim\">and %zu more</p>\n", more);
    fputs("</details>\n", out);
}

static void put_keys(struct trace *t, FILE *out) {
    enum mr_seen_seal seal;
    const char *text;

    if (!t->keys)
        return;
    fputs("<section aria-labelledby=\"h-keys\">\n<h2 id=\"h-keys\">Keys</h2>\n<ul>\n", out);
    if (!trace_keys_get(t, 0, &seal))
        fputs("<li class=\"dim\">" TRACE_KEYS_NONE "</li>\n", out);
    for (size_t i = 0; (text = trace_keys_get(t, i, &seal)) != NULL; i++) {
        fprintf(out, "<li class=\"%s\">", seal_class(seal));
        put(out, text);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
    put_opened(t, out);
    fputs("</section>\n", out);
}

/* ---- tables ---- */

static void put_row(struct trace *t, const mr_trace_talk *talk, bool linked, FILE *out) {
    char client[MR_IP_TEXT], server[MR_IP_TEXT], time[TRACE_TIME] = "";

    mr_ip_text(&talk->client, client);
    mr_ip_text(&talk->server, server);
    if (talk->calls > talk->unanswered)
        trace_time(talk->median_us, time);
    if (linked)
        fprintf(out, "<tr id=\"r%u\"><td class=\"number\"><a href=\"#c%u\">%u</a></td>",
                talk->id, talk->id, talk->id);
    else
        fprintf(out, "<tr id=\"r%u\"><td class=\"number\">%u</td>", talk->id, talk->id);
    fprintf(out, "<td class=\"%s\">%s</td><td class=\"number\">%u</td><td>%s</td><td>",
            outcome_class(talk->outcome), mr_trace_outcome_name(talk->outcome), talk->count,
            client);
    put(out, talk->name);
    fprintf(out, "%s%s%s</td><td class=\"number\">%u</td><td>", talk->name ? " (" : "", server,
            talk->name ? ")" : "", talk->server_port);
    put(out, talk->interface);
    fprintf(out, "</td><td>%s</td><td>%s</td><td class=\"number\">%llu</td><td class=\"number\">"
            "%llu</td><td class=\"number\">%llu</td><td class=\"number\">%s</td></tr>\n",
            mr_trace_transport_name(talk->transport),
            trace_auth(t->a, talk->auth_type, talk->auth_level), (unsigned long long)talk->calls,
            (unsigned long long)talk->faults, (unsigned long long)talk->unanswered, time);
}

static void put_talks(struct trace *t, FILE *out) {
    size_t total = mr_trace_talk_count(t->story), drawn = 0;
    const mr_trace_talk *talk;

    fputs("<section aria-labelledby=\"h-all\">\n<h2 id=\"h-all\">All conversations</h2>\n"
          "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"h-all\"><table>\n"
          "<thead><tr><th>ID<th>Outcome<th>Count<th>Client<th>Server<th>Port<th>Interface"
          "<th>Transport<th>Authentication<th>Calls<th>Faults<th>Unanswered<th>Median</tr></thead>"
          "\n<tbody>\n", out);
    for (size_t i = 0; i < ROWS && (talk = mr_trace_get_talk(t->story, i)) != NULL; i++) {
        bool linked = is_interesting(talk) && drawn < LADDERS;
        drawn += is_interesting(talk);
        put_row(t, talk, linked, out);
    }
    fputs("</tbody></table></div>\n", out);
    if (total > ROWS)
        fprintf(out, "<p class=\"dim\">and %zu more</p>\n", total - ROWS);
    fputs("</section>\n", out);
}

static void put_calls(struct trace *t, FILE *out) {
    if (t->totals.method_count == 0)
        return;
    fputs("<section aria-labelledby=\"h-calls\">\n<h2 id=\"h-calls\">Calls</h2>\n"
          "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"h-calls\"><table>"
          "\n<thead><tr><th>Method<th>Calls<th>Min<th>Median<th>p99<th>Max<th>Faults"
          "<th>Unanswered</tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i < t->totals.method_count && i < ROWS; i++) {
        const mr_method_calls *m = &t->totals.methods[i];
        const uint32_t us[4] = {m->times.min_us, mr_times_get(&m->times, 500),
                                mr_times_get(&m->times, 990), m->times.max_us};
        char time[TRACE_TIME];
        put_element(out, "<tr><td>", trace_method(&t->a->arena, &m->interface, m->version,
                                                  m->opnum), "</td>");
        fprintf(out, "<td class=\"number\">%llu</td>", (unsigned long long)m->calls);
        for (int k = 0; k < 4; k++)
            fprintf(out, "<td class=\"number\">%s</td>",
                    m->times.count ? trace_time(us[k], time) : "");
        fprintf(out, "<td class=\"number\">%llu</td><td class=\"number\">%llu</td></tr>\n",
                (unsigned long long)m->faults, (unsigned long long)m->unanswered);
    }
    fputs("</tbody></table></div>\n</section>\n", out);
}

int trace_html(struct trace *t) {
    FILE *out = t->page ? t->page : fopen(t->o->html, "we");

    t->page = NULL;
    if (!out)
        return app_refuse(t->a, APP_UNWRITABLE, "%s: %s", t->o->html, strerror(errno));
    put_head(t, out);
    put_verdict(t, out);
    put_findings(t, out);
    put_pair(t, out);
    put_timeline(t, out);
    put_ladders(t, out);
    put_keys(t, out);
    put_talks(t, out);
    put_calls(t, out);
    fputs("</main>\n<footer><p class=\"dim\">made by msrpc " MSRPC_VERSION
          "</p></footer>\n</body>\n</html>\n", out);
    bool lost = fflush(out) != 0 || ferror(out);
    lost |= fclose(out) != 0;
    return lost ? app_refuse(t->a, APP_UNWRITABLE, "%s: not everything could be written",
                             t->o->html) : 0;
}

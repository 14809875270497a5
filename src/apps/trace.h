/* msrpc trace, inside: one run over captures, and the screens, reports and files made of it. */
#ifndef MSRPC_APP_TRACE_H
#define MSRPC_APP_TRACE_H

#include <msrpc/capture/analyse.h>
#include <msrpc/auth/netlogon.h>
#include <msrpc/auth/ntlm.h>
#include <msrpc/trace.h>

#include "app.h"

struct trace_options {
    bool calls, stubs;
    const char *annotate, *to, *html;
    uint32_t extract;
    const char *interface, *filter;
    const char *client, *server; /* captures of the two sides */
    const char *keytab, *user, *password, *password_file, *users;
    struct app_list hashes;
    mr_nsec deadline;
};

struct trace_stubs;
struct trace_keys;

/* A comment of a packet, for --annotate; those of what keys opened are on the page, too. */
struct trace_note {
    uint64_t packet;
    const char *text;
    uint16_t file;
};
#define TRACE_OPENED "msrpc opened " /* how these begin */

struct trace {
    app *a;
    const struct trace_options *o;
    const char *const *paths;   /* NULL: live */
    size_t path_count;
    const char *const *sources; /* what is opened in their place */
    const char *spooled;        /* of standard input, if it is read twice */
    int spool;                  /* its descriptor and 1; 0: none */
    mr_trace *story;
    mr_totals totals;
    mr_error error;             /* of reading; code 0: none */
    int result;                 /* of the analysis */
    uint64_t dropped;           /* packets that -i was too slow for */
    bool partial;               /* not everything was read */
    int code;                   /* exit code so far */
    mr_nsec began, ended;       /* of the run */
    bool several;               /* files: packets are cited with the file's number */
    bool progress;              /* a line stands on stderr */
    mr_nsec progress_at;        /* when it is due again */
    struct { uint64_t client, server, both, between; } place; /* connections, by where the capture
                                                               * stands, as hop counts tell */
    FILE *page;                 /* of --html, opened while root may still open it; or NULL */
    mr_pair pair;               /* what the second capture adds, if @paired */
    bool paired;
    mr_trace *far;              /* the second capture's own story, for the page; or NULL */
    struct trace_keys *keys;    /* NULL: none were given */
    bool smb_encrypted;         /* SMB 3 hides what pipes carry */
    struct trace_stubs *stubs;
    uint64_t stub_count;        /* calls told */
    struct trace_note *notes;   /* what keys opened */
    size_t note_count, notes_left_out;
    mr_writer *report;          /* --json --stubs: the report that is open while reading */
};

/* trace_input.c */
/* The words of the command, before anything is opened; 0 or APP_USAGE, told. */
int trace_check(app *a);
/* A capture that is no file, standard input or a pipe, is kept in a file without a name for the
 * second reading; 0, APP_UNREADABLE or APP_UNWRITABLE, told. */
int trace_spool(struct trace *t);
/* An error of reading that file names what the user gave. */
void trace_name_error(struct trace *t);

/* trace_show.c: the screen; --calls alone. */
void trace_show(struct trace *t);
void trace_show_calls(struct trace *t);
void trace_show_no_calls(struct trace *t);
/* Where the capture was taken, in words; NULL: it does not tell. */
const char *trace_place(const struct trace *t);
/* "tcp", "np", "http", "krb", ...: a transport in a column. */
const char *trace_via(enum mr_trace_transport transport);
/* "ntlm privacy"; "-" for none. */
const char *trace_auth(app *a, uint8_t type, uint8_t level);
/* "0.4 ms", "12 s"; @out is returned. */
#define TRACE_TIME 16
const char *trace_time(uint32_t us, char out[TRACE_TIME]);
/* The display filter of a conversation or finding, in a->arena. */
const char *trace_talk_filter(app *a, const mr_trace_talk *talk, enum mr_trace_viewer viewer);
const char *trace_finding_filter(struct trace *t, const mr_trace_finding *finding,
                                 enum mr_trace_viewer viewer);
/* "samr.SamrConnect5", "samr opnum 99", or the UUID; *in @arena*. */
const char *trace_method(mr_arena *arena, const mr_uuid *interface, uint16_t version,
                         uint16_t opnum);

/* trace_json.c */
/* Begins the report of --json before anything is known, for members that come while reading. */
void trace_json_open(struct trace *t, mr_writer *w);
/* The rest of it, or all of it with @w NULL; the exit code. */
int trace_json(struct trace *t, mr_writer *w);
/* The member "auth": {type, level} or null. */
void trace_write_auth(mr_writer *w, uint8_t type, uint8_t level);
/* --jsonl: one line of a conversation, at once; then those of the findings and the summary. */
int trace_jsonl_talk(struct trace *t, const mr_trace_talk *talk);
int trace_jsonl(struct trace *t);

/* trace_stubs.c: what the stubs say. */
int trace_stubs_new(struct trace *t);
/* Takes the observations that are about calls. 0 or a negative result. */
int trace_stubs_add(struct trace *t, const mr_seen *seen);
/* Requests that got no answer; frees. */
int trace_stubs_end(struct trace *t);

/* trace_keys.c: keys for what is encrypted. */
/* Reads and asks for those that the switches name; 0 or an exit code, told. */
int trace_keys_read(struct trace *t);
/* Wipes them. */
void trace_keys_free(struct trace *t);
/* For the analysis; NULL without keys. */
const mr_watch *trace_keys_watch(struct trace *t);
/* Takes the observations that are about keys. 0 or MR_ERR_MEMORY. */
int trace_keys_add(struct trace *t, const mr_seen *seen);
/* What came of the contexts: a sentence for each kind, in a->arena, the @i-th of them; NULL past
 * the last. */
const char *trace_keys_get(struct trace *t, size_t i, enum mr_seen_seal *sealp);
#define TRACE_KEYS_NONE "nothing here is protected in a way that they open"
void trace_keys_show(struct trace *t);
void trace_keys_json(struct trace *t, mr_writer *w);

/* trace_channel.c: session keys of machines, as a capture shows how they were made. */
struct trace_channels;
/* 0 or MR_ERR_MEMORY. @find gives the NT hashes of machine accounts. */
int trace_channels_new(mr_ntlm_find *find, void *user, struct trace_channels **channelsp);
/* Wipes the keys. */
void trace_channels_free(struct trace_channels *channels);
/* As mr_watch.learn, and mr_netlogon_find. */
void trace_channels_learn(struct trace_channels *channels, enum mr_dir dir, uint64_t flow,
                          const mr_seen_stub *stub);
int trace_channels_find(const struct trace_channels *channels, mr_slice computer,
                        mr_netlogon_key *keyp);

/* trace_edit.c: captures made of the capture. 0 or an exit code, told. */
int trace_annotate(struct trace *t);
int trace_extract(struct trace *t);

/* trace_pair.c: the captures of both sides compared, into the story; 0 or an exit code, told. */
int trace_pair(struct trace *t);
void trace_pair_show(struct trace *t);
void trace_pair_tell(struct trace *t, void (*put)(FILE *out, const char *text), FILE *out);
/* What differs of one conversation of the client's capture. */
void trace_pair_tell_talk(struct trace *t, const mr_trace_talk *talk,
                          void (*put)(FILE *out, const char *text), FILE *out);
/* The same conversation in the server's capture; NULL: it is not there, or under addresses that
 * nothing tells. */
const mr_trace_talk *trace_pair_find(const struct trace *t, const mr_trace_talk *talk);
void trace_pair_json(struct trace *t, mr_writer *w);
/* trace.c: a signal or the deadline came; the exit code it stands for. */
bool trace_stopped(const struct trace *t);
int trace_stop_code(const struct trace *t);

/* trace_html.c: the page. 0 or APP_UNWRITABLE, told. */
int trace_html(struct trace *t);

#endif

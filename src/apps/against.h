/*
 * What changed since a saved result of msrpc diagnose: two reports in JSON, compared check by
 * check and finding by finding. Dynamic ports that moved are no fault and make one line.
 */
#ifndef MSRPC_APP_AGAINST_H
#define MSRPC_APP_AGAINST_H

#include "app.h"

typedef struct app_saved {
    const char *file;
    const mr_token **reports; /* of diagnose, in the order of the file */
    size_t count;
} app_saved;

typedef struct app_change {
    const char *kind;   /* "verdict", "finding", "address", "vantage", "check" or "ports" */
    const char *id;     /* of the check or finding, or "" */
    const char *before; /* NULL: it was not there */
    const char *after;  /* NULL: it is no longer there */
    bool worse, better; /* neither: other, but no verdict on it */
} app_change;

typedef struct app_changes {
    const char *file;
    const char *started; /* of the saved run; NULL where the target was not in it */
    app_change *items;
    size_t count;
} app_changes;

/* Reads @file: one report, {"results":[...]}, or a line each. Its trees live in a->arena. 0, or
 * APP_UNREADABLE with the message and the place printed. */
int app_saved_read(app *a, const char *file, app_saved *savedp);
/* Whether a report of @input (the target as it was given) was saved. */
bool app_saved_has(const app_saved *saved, const char *input);
/* Compares the report of @input in @saved with @now, the JSON of a run that just ended; in @arena.
 * 0, 1 where nothing was saved of @input (the list is empty), MR_ERR_MEMORY, MR_ERR_SYNTAX. */
int app_saved_compare(const app_saved *saved, const char *input, mr_slice now, mr_arena *arena,
                      app_changes *changesp);

void app_changes_show(app *a, const app_changes *changes);
/* The member "against". */
void app_changes_json(const app_changes *changes, mr_writer *w);

#endif

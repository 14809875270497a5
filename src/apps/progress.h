/* A line on stderr that says how far a run over targets is. */
#ifndef MSRPC_APP_PROGRESS_H
#define MSRPC_APP_PROGRESS_H

#include <msrpc/io.h>

#include "app.h"

typedef struct app_progress {
    app *a;
    mr_timer timer;
    mr_nsec started;
    size_t done;      /* targets, kept by the caller */
    size_t count;
    bool shown;
} app_progress;

/* Whether progress is shown at all: stderr is a terminal that can, and nobody said --quiet. */
bool app_progress_wanted(const app *a);
/* Shows the line from the second second on, while @loop runs and if it is wanted. Lines that
 * app_err is asked for wipe it. */
void app_progress_start(app_progress *p, app *a, mr_loop *loop, size_t count);
/* Wipes the line, before something else is written to the terminal. */
void app_progress_hide(app_progress *p);
/* Ends it; may be called twice, and without a start on a zeroed one. */
void app_progress_end(app_progress *p);

#endif

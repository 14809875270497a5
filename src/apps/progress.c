/* How far a run is, on stderr: only on a terminal, only when it lasts longer than a second. */
#include "progress.h"

#include <stdlib.h>
#include <unistd.h>

#define TURN (500 * MR_MSEC)

bool app_progress_wanted(const app *a) {
    const char *term = getenv("TERM");

    return !a->set.quiet && isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static void on_turn(void *user) {
    app_progress *p = user;

    fprintf(stderr, "\r\033[K%zu of %zu target%s done, %.0f s", p->done, p->count,
            p->count == 1 ? "" : "s", (double)(mr_clock_now() - p->started) / MR_SEC);
    fflush(stderr);
    p->shown = true;
    mr_timer_set(&p->timer, mr_clock_now() + TURN);
}

void app_progress_start(app_progress *p, app *a, mr_loop *loop, size_t count) {
    *p = (app_progress){.a = a, .started = mr_clock_now(), .count = count};
    mr_timer_init(&p->timer, loop, on_turn, p);
    if (!app_progress_wanted(a))
        return;
    a->progress = &p->shown;
    mr_timer_set(&p->timer, p->started + MR_SEC);
}

void app_progress_hide(app_progress *p) {
    if (p->shown)
        (void)app_err(p->a);
}

void app_progress_end(app_progress *p) {
    app_progress_hide(p);
    mr_timer_deinit(&p->timer);
    if (p->a)
        p->a->progress = NULL;
    *p = (app_progress){0};
}

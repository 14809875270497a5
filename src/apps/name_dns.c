/*
 * msrpc name, DNS: the addresses of a name, as this machine finds them.
 */
#include "name.h"

struct name_dns {
    struct name_run *run;
    mr_lookup lookup;
    bool over;
    mr_error error;
};

static int check(app *a, const struct name_options *o, const char *name, const char **subjectp) {
    (void)o;
    (void)subjectp;
    return *name ? 0 : app_refuse(a, APP_USAGE, "an empty name");
}

static void on_lookup(void *user, int result, const mr_error *err) {
    struct name_dns *d = user;

    d->over = true;
    if (result)
        d->error = *err;
    name_part_over(d->run);
}

static int start(struct name_run *run) {
    struct name_dns *d = MR_ARENA_NEW(&run->arena, struct name_dns);
    mr_lookup_options options = {.host = run->name, .family = run->family,
                                 .server = run->servers[0], .timeout = run->a->set.timeout};

    if (!d)
        return app_refuse(run->a, APP_BUG, "out of memory");
    run->dns = d;
    d->run = run;
    d->error = MR_ERROR_INIT;
    mr_lookup_init(&d->lookup, &run->s.resolver, on_lookup, d);
    if (mr_lookup_start(&d->lookup, &options, &d->error) != 0)
        return app_refuse(run->a, APP_USAGE, "%s: %s", run->name, d->error.text);
    run->open++;
    return 0;
}

static void show(struct name_run *run) {
    struct name_dns *d = run->dns;

    if (d->error.text[0])
        fprintf(run->a->out, " DNS      %s\n", d->error.text);
    for (size_t i = 0; i < d->lookup.count; i++)
        fprintf(run->a->out, " DNS      %s\n", name_addr_text(run, &d->lookup.addrs[i]));
}

static void json(struct name_run *run, mr_writer *w) {
    struct name_dns *d = run->dns;

    mr_writer_open(w, "addresses", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < d->lookup.count; i++)
        mr_writer_str(w, NULL, name_addr_text(run, &d->lookup.addrs[i]));
    mr_writer_close(w);
}

static void free_dns(struct name_run *run) {
    struct name_dns *d = run->dns;

    if (d)
        mr_lookup_deinit(&d->lookup);
}

const struct name_part name_part_dns = {
    .beside = true,
    .check = check,
    .start = start,
    .show = show,
    .json = json,
    .free = free_dns,
};

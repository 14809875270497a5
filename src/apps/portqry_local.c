/*
 * portqry's local mode on Linux: the sockets of /proc/net, the processes that hold them (the links
 * of /proc/PID/fd name sockets by inode), their units and the files they have mapped. What another
 * user's process holds is visible to root only; such a socket stands without a process.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "portqry.h"

#define RULE "======================================================\n\n"
#define ESCAPE 27

/* One socket. */
struct row {
    bool udp;
    unsigned state; /* of /proc/net/tcp, 1 to 12 */
    mr_addr local, remote;
    unsigned long inode;
    unsigned pid;   /* 0: nobody's, or not to be seen */
};

struct table {
    struct row *rows;
    size_t count, room;
};

/* Which process holds a socket. */
struct owner {
    unsigned long inode;
    unsigned pid;
};

struct owners {
    struct owner *items;
    size_t count, room;
};

static const char *const states[] = {
    "",           "ESTABLISHED", "SYN SENT",  "SYN RECEIVED", "FIN WAIT 1", "FIN WAIT 2",
    "TIME WAIT",  "CLOSED",      "CLOSE WAIT", "LAST ACK",    "LISTENING",  "CLOSING",
    "SYN RECEIVED",
};

/* Room for one more in a growing array; NULL without memory. */
static void *grow(void *items, size_t count, size_t *roomp, size_t size) {
    if (count < *roomp)
        return items;
    size_t room = *roomp ? *roomp * 2 : 64;
    void *more = reallocarray(items, room, size);
    if (more)
        *roomp = room;
    return more;
}

/* ---- reading ---- */

/* "0100007F:0087": octets in words of the machine's order. */
static bool read_address(const char *text, mr_addr *addrp) {
    size_t digits = strcspn(text, ":");
    unsigned port;

    if ((digits != 8 && digits != 32) || sscanf(text + digits, ":%x", &port) != 1)
        return false;
    *addrp = (mr_addr){.family = digits == 8 ? MR_FAMILY_IPV4 : MR_FAMILY_IPV6,
                       .port = (uint16_t)port};
    for (size_t i = 0; i < digits / 8; i++) {
        uint32_t word;
        if (sscanf(text + i * 8, "%8x", &word) != 1)
            return false;
        memcpy(addrp->ip + i * 4, &word, 4);
    }
    return true;
}

static bool read_line(const char *line, bool udp, struct row *row) {
    char local[40], remote[40];

    *row = (struct row){.udp = udp};
    return sscanf(line, " %*u: %39s %39s %x %*s %*s %*s %*u %*u %lu", local, remote, &row->state,
                  &row->inode) == 4 &&
           read_address(local, &row->local) && read_address(remote, &row->remote) &&
           row->state < MR_COUNT(states);
}

static int read_sockets(const char *path, bool udp, struct table *t) {
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    int r = 0;

    while (file && r == 0 && getline(&line, &room, file) >= 0) {
        struct row row;
        if (!read_line(line, udp, &row))
            continue; /* the head */
        struct row *rows = grow(t->rows, t->count, &t->room, sizeof *rows);
        if (!rows) {
            r = MR_ERR_MEMORY;
            break;
        }
        t->rows = rows;
        t->rows[t->count++] = row;
    }
    free(line);
    if (file)
        fclose(file);
    return r;
}

/* The sockets one process holds. */
static int read_owner(unsigned pid, struct owners *o) {
    char path[300], link[64];
    struct dirent *e;
    int r = 0;

    snprintf(path, sizeof path, "/proc/%u/fd", pid);
    DIR *dir = opendir(path);
    while (dir && r == 0 && (e = readdir(dir)) != NULL) {
        struct owner owner = {.pid = pid};
        snprintf(path, sizeof path, "/proc/%u/fd/%.255s", pid, e->d_name);
        ssize_t n = readlink(path, link, sizeof link - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        if (sscanf(link, "socket:[%lu]", &owner.inode) != 1)
            continue;
        struct owner *items = grow(o->items, o->count, &o->room, sizeof *items);
        if (!items) {
            r = MR_ERR_MEMORY;
            break;
        }
        o->items = items;
        o->items[o->count++] = owner;
    }
    if (dir)
        closedir(dir);
    return r;
}

static int compare_owner(const void *pa, const void *pb) {
    const struct owner *a = pa, *b = pb;

    return a->inode != b->inode ? (a->inode > b->inode) - (a->inode < b->inode)
                                : (a->pid > b->pid) - (a->pid < b->pid);
}

static int read_owners(struct owners *o) {
    DIR *dir = opendir("/proc");
    struct dirent *e;
    int r = 0;

    while (dir && r == 0 && (e = readdir(dir)) != NULL)
        if (isdigit((unsigned char)e->d_name[0]))
            r = read_owner((unsigned)strtoul(e->d_name, NULL, 10), o);
    if (dir)
        closedir(dir);
    if (o->count)
        qsort(o->items, o->count, sizeof *o->items, compare_owner);
    return r;
}

/* The lowest process that holds the socket. */
static unsigned find_owner(const struct owners *o, unsigned long inode) {
    size_t low = 0, high = o->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->items[middle].inode < inode)
            low = middle + 1;
        else
            high = middle;
    }
    return inode && low < o->count && o->items[low].inode == inode ? o->items[low].pid : 0;
}

static int compare_row(const void *pa, const void *pb) {
    const struct row *a = pa, *b = pb;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    if (a->udp != b->udp)
        return a->udp - b->udp;
    if (a->local.port != b->local.port)
        return a->local.port - b->local.port;
    int d = memcmp(a->local.ip, b->local.ip, sizeof a->local.ip);
    return d ? d : memcmp(&a->remote, &b->remote, sizeof a->remote);
}

/* All sockets with their owners, by process. */
static int read_table(const app *a, struct table *t) {
    struct owners owners = {0};

    *t = (struct table){0};
    int r = read_sockets("/proc/net/tcp", false, t);
    r = r ? r : read_sockets("/proc/net/tcp6", false, t);
    r = r ? r : read_sockets("/proc/net/udp", true, t);
    r = r ? r : read_sockets("/proc/net/udp6", true, t);
    r = r ? r : read_owners(&owners);
    for (size_t i = 0; r == 0 && i < t->count; i++)
        t->rows[i].pid = find_owner(&owners, t->rows[i].inode);
    free(owners.items);
    if (r == 0 && t->count)
        qsort(t->rows, t->count, sizeof *t->rows, compare_row);
    return r ? app_refuse(a, APP_BUG, "out of memory") : 0;
}

/* ---- showing ---- */

/* The process's name; "" when it has gone. */
static const char *process_name(unsigned pid, char out[64]) {
    char path[64];
    size_t n = 0;

    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    FILE *file = fopen(path, "re");
    if (file) {
        n = fread(out, 1, 63, file);
        fclose(file);
    }
    while (n && out[n - 1] == '\n')
        n--;
    out[n] = '\0';
    return out;
}

static void show_row(struct portqry *pq, const struct row *r, const char *process) {
    char local[MR_ADDR_TEXT], remote[MR_ADDR_TEXT];

    fprintf(pq->out, "%-22s %s %-5u %-15s %-13s%s\n", process, r->udp ? "UDP" : "TCP",
            r->local.port, mr_addr_text(&r->local, local), r->udp ? "" : states[r->state],
            r->udp ? "*:*" : mr_addr_port_text(&r->remote, remote));
}

#define ANY UINT_MAX

static bool is_listed(const struct row *r, unsigned port, unsigned pid) {
    return (port == ANY || r->local.port == port) && (pid == ANY || r->pid == pid);
}

/* The statistics of the rows of @port and @pid. */
static void show_statistics(struct portqry *pq, const struct table *t, unsigned port,
                            unsigned pid) {
    size_t tcp = 0, udp = 0, by_state[MR_COUNT(states)] = {0};

    for (size_t i = 0; i < t->count; i++) {
        const struct row *r = &t->rows[i];
        if (!is_listed(r, port, pid))
            continue;
        udp += r->udp;
        tcp += !r->udp;
        by_state[r->state] += !r->udp;
    }
    fprintf(pq->out, "\nPort Statistics\n\nTCP mappings: %zu\nUDP mappings: %zu\n\n", tcp, udp);
    for (size_t i = 1; i < MR_COUNT(states); i++)
        if (by_state[i])
            fprintf(pq->out, "TCP ports in a %s state: %zu = %.2f%%\n", states[i], by_state[i],
                    100.0 * (double)by_state[i] / (double)tcp);
    fputc('\n', pq->out);
}

/* The systemd unit a process belongs to, from its control group. */
static bool find_service(unsigned pid, char out[128]) {
    char path[64], line[512];
    bool found = false;

    snprintf(path, sizeof path, "/proc/%u/cgroup", pid);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        const char *slash = strrchr(line, '/');
        size_t len = slash ? strlen(slash) : 0;
        if (len > 8 && len < 128 && !strcmp(slash + len - 8, ".service")) {
            memcpy(out, slash + 1, len);
            found = true;
        }
    }
    if (file)
        fclose(file);
    return found;
}

/* The files a process has mapped, each once, with the address of the first mapping. */
static void show_modules(struct portqry *pq, unsigned pid) {
    char path[64], last[512] = "", line[1024];
    size_t count = 0;

    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        unsigned long long base;
        char *name = strchr(line, '/');
        if (!name || sscanf(line, "%llx-", &base) != 1)
            continue;
        name[strcspn(name, "\n")] = '\0';
        if (strlen(name) >= sizeof last || !strcmp(last, name))
            continue;
        snprintf(last, sizeof last, "%s", name);
        fprintf(pq->out, "%s%s (0x%08llX)\n", count++ ? "" : "Loaded modules:\n",
                app_safe(pq->a, mr_slice_str(name)), base);
    }
    if (file)
        fclose(file);
    fputs(count ? "\n" : "Could not access module information for this process\n\n", pq->out);
}

static void show_process(struct portqry *pq, const struct table *t, unsigned pid, unsigned port) {
    char name[64], service[128], id[16];

    process_name(pid, name);
    fprintf(pq->out, RULE "Process ID: %u (%s)\n\n", pid,
            pid ? app_safe(pq->a, mr_slice_str(name)) : "no process, or not to be seen");
    if (pq->set.verbose && pid && find_service(pid, service))
        fprintf(pq->out, "Service Name: %s\n\n", app_safe(pq->a, mr_slice_str(service)));
    else if (pq->set.verbose && pid)
        fputs("Process doesn't appear to be a service\n\n", pq->out);
    fprintf(pq->out, "%-22s %-9s %-15s %-13s%s\n", "PID", "Port", "Local IP", "State",
            "Remote IP:Port");
    snprintf(id, sizeof id, "%u", pid);
    for (size_t i = 0; i < t->count; i++)
        if (is_listed(&t->rows[i], port, pid))
            show_row(pq, &t->rows[i], id);
    show_statistics(pq, t, port, pid);
    if (pq->set.verbose)
        show_modules(pq, pid);
}

/* Every process that has a socket listed; the rows stand by process. */
static void show_processes(struct portqry *pq, const struct table *t, unsigned port, unsigned pid) {
    unsigned last = ANY;

    for (size_t i = 0; i < t->count; i++) {
        if (!is_listed(&t->rows[i], port, pid) || t->rows[i].pid == last)
            continue;
        last = t->rows[i].pid;
        show_process(pq, t, last, port);
    }
}

int portqry_local(struct portqry *pq) {
    struct table t;
    char process[96], name[64];

    int code = read_table(pq->a, &t);
    if (code == 0) {
        fprintf(pq->out, "\nTCP/UDP Port to Process Mappings\n\n%zu mappings found\n\n"
                "%-22s %-9s %-15s %-13s%s\n", t.count, "PID:Process", "Port", "Local IP", "State",
                "Remote IP:Port");
        for (size_t i = 0; i < t.count; i++) {
            const char *safe = app_safe(pq->a, mr_slice_str(process_name(t.rows[i].pid, name)));
            snprintf(process, sizeof process, "%u:%s", t.rows[i].pid, t.rows[i].pid ? safe : "-");
            show_row(pq, &t.rows[i], process);
        }
        show_statistics(pq, &t, ANY, ANY);
    }
    if (code == 0 && pq->set.verbose) {
        fputs("Port and Module Information by Process\n\n"
              "Note: restrictions applied to some processes may\n"
              "prevent Portqry from accessing more information\n\n"
              "For best results run Portqry as root\n\n", pq->out);
        show_processes(pq, &t, ANY, ANY);
    }
    free(t.rows);
    return code;
}

/* ---- watching ---- */

/* Whether the listed rows of both are the same. */
static bool same(const struct table *a, const struct table *b, unsigned port, unsigned pid) {
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a->count && !is_listed(&a->rows[i], port, pid))
            i++;
        while (k < b->count && !is_listed(&b->rows[k], port, pid))
            k++;
        if (i == a->count || k == b->count)
            return i == a->count && k == b->count;
        if (compare_row(&a->rows[i], &b->rows[k]) || a->rows[i].state != b->rows[k].state)
            return false;
        i++, k++;
    }
}

static void show_date(struct portqry *pq) {
    time_t seconds = time(NULL);
    char text[32];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%a %b %d %H:%M:%S %Y", &tm);
    fprintf(pq->out, "System Date: %s\n\n", text);
}

/* Waits @seconds: 0, APP_INTERRUPTED, or -1 when the escape key was pressed. */
static int wait_key(int signals, bool keys, uint32_t seconds) {
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                            {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
    mr_nsec until = mr_clock_now() + seconds * MR_SEC;
    char c;

    for (mr_nsec now; (now = mr_clock_now()) < until;) {
        int n = poll(fds, 2, (int)((until - now) / MR_MSEC) + 1);
        if (n < 0 && errno != EINTR)
            return APP_BUG;
        if (n > 0 && fds[0].revents)
            return APP_INTERRUPTED;
        if (n > 0 && fds[1].revents && read(STDIN_FILENO, &c, 1) != 1)
            fds[1].fd = -1; /* the terminal has gone */
        else if (n > 0 && fds[1].revents && c == ESCAPE)
            return -1;
    }
    return 0;
}

static int watch(struct portqry *pq, int signals, bool keys) {
    unsigned port = pq->set.watch_port ? pq->set.watch_port : ANY;
    unsigned pid = pq->set.watch_pid ? pq->set.watch_pid : ANY;
    uint32_t every = pq->set.watch_time ? pq->set.watch_time : PORTQRY_WATCH_DEFAULT;
    struct table now, before = {0};
    int code = 0;

    for (bool first = true; code == 0; first = false) {
        code = read_table(pq->a, &now);
        if (code == 0 && (first || !same(&before, &now, port, pid))) {
            fputs("============\n", pq->out);
            show_date(pq);
            show_processes(pq, &now, port, pid);
            fflush(pq->out);
            fflush(pq->a->out);
        }
        free(before.rows);
        before = now;
        if (code == 0)
            code = wait_key(signals, keys, every);
    }
    free(before.rows);
    return code;
}

int portqry_watch(struct portqry *pq) {
    const char *what = pq->set.watch_port ? "port" : "PID";
    unsigned number = pq->set.watch_port ? pq->set.watch_port : pq->set.watch_pid;
    bool keys = isatty(STDIN_FILENO);
    struct termios old, raw;
    sigset_t set;
    char name[64];

    if (pq->set.watch_pid && !*process_name(number, name))
        return app_refuse(pq->a, PORTQRY_FAILED, "-wpid %u: there is no such process", number);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0)
        return app_refuse(pq->a, APP_MISSING, "signals cannot be waited for: %s", strerror(errno));
    fprintf(pq->out, "\nWatching %s: %u\n\nChecking for changes every %u seconds\n\n%s", what,
            number, pq->set.watch_time ? pq->set.watch_time : PORTQRY_WATCH_DEFAULT,
            pq->set.verbose ? "verbose output requested\n\n" : "");
    keys = keys && tcgetattr(STDIN_FILENO, &old) == 0;
    if (keys) {
        raw = old;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    int code = watch(pq, signals, keys);
    if (keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &old);
    close(signals);
    if (code == -1) {
        fprintf(pq->out, "escape key pressed: stopped watching %s %u\n", what, number);
        show_date(pq);
        code = 0;
    }
    return code;
}

/*
 * Accounts: who the targets are asked as, and what proves it, made of the identity and protection
 * switches and of what targets name themselves. They are made before anything is sent, on the
 * calling thread; afterwards only the count of refusals changes, which all targets with that
 * account share. Secrets are wiped from argv and from where they were read, are in the identity
 * alone, which app_accounts_wipe wipes, and in no text.
 */
#ifndef MSRPC_APP_IDENTITY_H
#define MSRPC_APP_IDENTITY_H

#include <msrpc/rpc/logon.h>

#include "target.h"

enum app_who {
    APP_WHO_NOBODY,    /* no security at all: what every server's anonymous callers are */
    APP_WHO_ANONYMOUS, /* an anonymous logon by NTLM: a null session */
    APP_WHO_GUEST,
    APP_WHO_USER,
    APP_WHO_TICKET,    /* whoever the ticket cache says */
};

struct app_tries; /* private: refusals of one account, and who logs on at the moment */

typedef struct app_account {
    enum app_who who;
    const char *name;       /* for screens and reports: "LAB\alice", "alice@LAB.TEST", "anonymous";
                             * of a ticket: its file or "ticket at hand" */
    mr_identity id;
    enum mr_logon_mechanism mechanism;
    uint8_t level;          /* enum mr_auth_level of calls; NONE: nobody logs on */
    const char *realm;      /* --realm, or NULL */
    const char *spn;        /* the server's principal name; NULL: host/HOST */
    const mr_addr *kdc;     /* --dc-ip, or NULL */
    const mr_addr *server;  /* --target-ip, or NULL */
    const char *expected;   /* TICKET: the user whose ticket it must be, or NULL */
    const char *expected_realm; /* and his realm, or NULL: any */
    char computer[16];      /* ours, as it is told to who minds it; may be empty */
    struct app_tries *tries;
    struct app_account *next; /* private */
} app_account;

/* Judges the identity and protection switches (conflicts, names, addresses), reads and asks for
 * secrets, and gives each of @targets its account. 0, or told: APP_USAGE; APP_UNREADABLE: a file
 * of them; APP_MISSING: no terminal to ask; APP_INTERRUPTED. app_targets_read does it already. */
int app_accounts_read(app *a, app_target *targets, size_t count);
/* Wipes every identity of the run and what app_keep_secret keeps; @a may have none. */
void app_accounts_wipe(app *a);

/* krb_files.c: whether the file that @option names can be read and begins as one of its kind, a
 * @what. *@namep: its name with a type. A name of another type is left to the library. */
int app_krb_file(app *a, const char *option, const char *name, uint8_t version_low,
                 uint8_t version_high, const char *what, const char **namep);
/* Whether @name, if it is a file's, is that of one: reading a pipe might never end. 0 or
 * APP_UNREADABLE, told. */
int app_krb_never_waits(const app *a, const char *option, const char *name);
/* Whether what the environment names in place of files are files, as far as @account needs them. 0
 * or APP_UNREADABLE, told. */
int app_krb_settings(app *a, const app_account *account);

/* The NetBIOS name that a DNS name is cut to, 15 capitals at most (MS-NBTE); empty where it has
 * characters that no NetBIOS name of a host has. */
void app_computer_name(const char *dns, char out[16]);

/* Whether an account logs on, that is, is anything but APP_WHO_NOBODY. */
bool app_account_logs_on(const app_account *account);

/* Whether @target can be logged on to at all: Kerberos has tickets for names, not for addresses,
 * and which name an address has is not left to DNS. 0 or APP_USAGE, told. */
int app_account_check(const app *a, const app_target *target);
/* Whether the ticket at hand, @client's ("" where there is none), is his whom -u names. 0 or
 * APP_USAGE, told. */
int app_account_check_owner(const app *a, const app_account *account, const char *client);
/* Whether any of them can: a run that would be in vain for all is refused as the mistake it is.
 * 0 or APP_USAGE, told. app_targets_read asks it already. */
int app_accounts_check(const app *a, const app_target *targets, size_t count);

/* How @target is logged on to: borrows from @a and @target. With an @level other than 0 that one is
 * used in place of the account's. Only for accounts that log on. */
mr_logon_options app_logon_options(const app *a, const app_target *target, uint8_t level);

const char *app_level_name(uint8_t level); /* "none", "connect" ... as --auth-level has it */

/*
 * An account is not tried again once it was refused --max-logons times, and until it is known to be
 * good only one connection at a time tries it, so that many targets do not lock it out at once;
 * whose turn comes first is jobs.h's to say.
 */
enum app_turn {
    APP_TURN_YES,   /* go on, and say what came of it by app_account_end */
    APP_TURN_WAIT,  /* somebody is trying it: ask again */
    APP_TURN_NEVER, /* it was refused, see app_account_refused */
};
enum app_turn app_account_begin(app_account *account);
/* One password, one count of refusals. */
bool app_accounts_share_tries(const app_account *a, const app_account *b);
enum app_verdict { APP_VERDICT_NONE, APP_VERDICT_GOOD, APP_VERDICT_REFUSED };
void app_account_end(app_account *account, enum app_verdict verdict);
/* It is known to be good, or its owner holds the turn. */
bool app_account_is_good(const app_account *account);
bool app_account_is_refused(const app_account *account);

/* Whose Kerberos ticket lies unused in a file while @target is asked by nobody, though -N was not
 * said: "alice@LAB.TEST", in the arena; NULL: there is none, or it has expired. */
const char *app_unused_ticket(app *a, const app_target *target);
/* The same as a line of a screen. */
void app_show_unused_ticket(app *a, const app_target *target);

/* Nobody may read this process's memory from now on: no core dump, no ptrace. Called before the
 * first secret is kept. */
void app_guard_secrets(void);
/* A copy of a secret *in @a->arena*, which may be written on; it is wiped by app_wipe_secrets, and
 * when the run ends. NULL: no memory. Guards, too. */
char *app_keep_secret(app *a, mr_slice text);
void app_wipe_secrets(app *a);
/* Asks @prompt on the terminal without echo; the answer is kept as by app_keep_secret. 0, or
 * APP_MISSING, APP_INTERRUPTED, APP_BUG, told. */
int app_ask_secret(app *a, const char *prompt, char **secretp);
/* The first line of the file (- for standard input; a pipe may keep one waiting), likewise; what it
 * took is taken off --deadline. 0, APP_UNREADABLE, APP_INTERRUPTED, APP_INCOMPLETE, APP_BUG,
 * told. */
int app_read_secret(app *a, const char *path, char **secretp);
/* Wipes the stack below the caller's frame, and the vector registers. Words of argv are compared in
 * these, and the dynamic linker keeps them on the stack when a function is called for the first
 * time. */
void app_wipe_stack(void);
/* Wipes a text of the arena that held a secret; NULL is allowed. */
void app_wipe_text(const char *secret);

#endif

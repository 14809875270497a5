/* What the files of msrpc explain share. */
#ifndef MSRPC_APP_EXPLAIN_H
#define MSRPC_APP_EXPLAIN_H

#include "app.h"

#include <msrpc/diag/paste.h>
#include <msrpc/diag/rule.h>
#include <msrpc/ifaces/names.h>

struct explain {
    app *a;
    mr_writer *w;   /* NULL: text */
    size_t meanings;
    bool dry;       /* count the meanings, show nothing */
};

/* explain_show.c */
/* "phase 1: names", "" for none. */
const char *explain_phase_text(unsigned phase);
/* The first line of a meaning, a blank line before it when it is not the first one. */
void explain_head(struct explain *e, const char *first, const char *kind, const char *name,
                  unsigned phase);
/* A labelled paragraph; nothing for an empty text. */
void explain_para(struct explain *e, const char *label, const char *text);
/* The member "findings" from a list of ids. */
void explain_ids_json(mr_writer *w, const char *list);
void explain_show_code(struct explain *e, const mr_code_info *c);
void explain_show_port(struct explain *e, const mr_port_info *p);
void explain_show_event(struct explain *e, const mr_winevent_info *v);
void explain_show_iface(struct explain *e, const mr_iface_name *n);

/* explain_rule.c */
/* The finding or check called @id; nothing when there is none. */
void explain_rule(struct explain *e, const char *id);
/* The remedies of @rule with stand-ins, at most @most, for the host @host (NULL: not known). */
void explain_remedies(app *a, const mr_rule *rule, const char *host, size_t most);
/* Writes the members "id", "phase", "severity", "summary" and "win32" of a rule. */
void explain_rule_members(mr_writer *w, const mr_rule *rule);

/* explain_sentence.c */
/* The words of a sentence, or of an error message: what is known of it. */
void explain_sentence(struct explain *e, const char *text);

/* explain_paste.c */
/* Reads standard input and says what it is about. */
int explain_paste(app *a);

/* explain_search.c */
/* The best matches of @words in everything that is known. */
int explain_search(app *a, const char *words);

#endif

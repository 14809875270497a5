/*
 * The frame of the command for targets that read its files: a file is the input, and what is
 * refused is said to a buffer. Linked with the reader's own sources.
 */
#ifndef FAKE_APP_H
#define FAKE_APP_H

#include "app.h"

/* What was refused last; empty: nothing. */
extern char fake_app_said[1024];
extern unsigned fake_app_refusals;

/* Begins anew: the file that is read next is @text. */
void fake_app_init(app *a, mr_slice text);
void fake_app_deinit(app *a);
void fake_app_check(bool good, const char *what);

#endif

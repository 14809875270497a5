/*
 * Servers that speak first and name themselves: FTP (RFC 959 4.2), SMTP (RFC 5321 4.2), POP3
 * (RFC 1939 4), IMAP (RFC 3501 7.1). The greeting is read and nothing is said.
 */
#include "port_private.h"

#include <ctype.h>

/* The next line of @bytes from *@posp on without its end; false when it is not whole. */
static bool next_line(mr_slice bytes, size_t *posp, mr_slice *linep) {
    for (size_t i = *posp; i < bytes.len; i++) {
        if (bytes.data[i] != '\n')
            continue;
        size_t end = i > *posp && bytes.data[i - 1] == '\r' ? i - 1 : i;
        *linep = mr_slice_sub(bytes, *posp, end - *posp);
        *posp = i + 1;
        return true;
    }
    return false;
}

static void say_line(mr_port_probe *p, mr_slice line) {
    if (p->text.len == 0)
        port_say_slice(p, "greets with ", line);
    port_add_item(p, "banner", line);
}

/* "220 text", or "220-text" lines down to one with a space. */
enum port_reading port_answer_greeting(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_slice line;
    size_t pos = 0;
    bool last = false;

    (void)ended;
    for (size_t i = 0; i < 4 && i < bytes.len; i++)
        if (i < 3 ? !isdigit(bytes.data[i]) : bytes.data[i] != ' ' && bytes.data[i] != '-')
            return PORT_FOREIGN;
    while (!last && next_line(bytes, &pos, &line))
        last = line.len < 4 || (isdigit(line.data[0]) && isdigit(line.data[1]) &&
                                isdigit(line.data[2]) && line.data[3] == ' ');
    if (!last)
        return PORT_MORE;
    size_t end = pos;
    for (pos = 0; pos < end && next_line(bytes, &pos, &line);)
        say_line(p, line);
    return PORT_DONE;
}

/* One line that begins with @word. */
static enum port_reading one_line(mr_port_probe *p, mr_slice bytes, mr_slice word) {
    mr_slice line;
    size_t pos = 0;

    if (!mr_slice_eq(mr_slice_sub(bytes, 0, word.len), mr_slice_sub(word, 0, bytes.len)))
        return PORT_FOREIGN;
    if (!next_line(bytes, &pos, &line))
        return PORT_MORE;
    say_line(p, line);
    return PORT_DONE;
}

enum port_reading port_answer_pop3(mr_port_probe *p, mr_slice bytes, bool ended) {
    (void)ended;
    return one_line(p, bytes, MR_SLICE_LIT("+OK"));
}

enum port_reading port_answer_imap(mr_port_probe *p, mr_slice bytes, bool ended) {
    (void)ended;
    return one_line(p, bytes, MR_SLICE_LIT("* "));
}

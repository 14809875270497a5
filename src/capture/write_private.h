/*
 * The writer's lower half, for copying: blocks in a chosen byte order into the buffer.
 */
#ifndef MSRPC_CAPTURE_WRITE_PRIVATE_H
#define MSRPC_CAPTURE_WRITE_PRIVATE_H

#include <msrpc/capture/write.h>

typedef struct mr_capture_writer_state mr_block_writer;

struct mr_capture_writer_state {
    int fd;
    enum mr_capture_format format;
    mr_buf out;        /* what is not yet handed to the system */
    uint16_t ifaces;
    uint16_t link;     /* pcap: of the file */
    int failed;        /* the error that sticks */
    mr_error failure;
};

/* Options after what was written before; an option is left out when @s is empty. */
void mr_block_option(mr_block_writer *w, uint16_t code, mr_slice s);
void mr_block_comments(mr_block_writer *w, const char *const *comments, size_t count);
/* The end of the options that were begun, if any were: @options is where they began. */
void mr_block_end_options(mr_block_writer *w, size_t options);
/* Back-patches the length of the block that began at @start and writes it again at its end. */
void mr_block_end_block(mr_block_writer *w, size_t start);
/* To be called once a record is complete: looks for errors, and empties a full buffer. */
int mr_block_done(mr_block_writer *w, mr_error *err);

#endif

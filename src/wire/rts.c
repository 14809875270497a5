/*
 * RTS commands (MS-RPCH 2.2.3.5): one table says what each command carries, and decoding, encoding
 * and naming read it. A command of an unknown type has no known size, so the list ends there with
 * an error.
 */
#include "pdu_private.h"

enum form {
    FORM_EMPTY,
    FORM_VALUE,   /* u32 */
    FORM_ACK,     /* u32, u32, cookie */
    FORM_COOKIE,  /* 16 octets */
    FORM_PADDING, /* u32 count, octets */
    FORM_ADDRESS, /* u32 kind, 4 or 16 octets, 12 octets of padding */
};

#define ADDRESS_IPV4 0
#define ADDRESS_IPV6 1
#define ADDRESS_PAD 12

static const struct {
    enum form form;
    const char *name;
} commands[] = {
    [MR_RTS_RECEIVE_WINDOW_SIZE] = {FORM_VALUE, "receive_window_size"},
    [MR_RTS_FLOW_CONTROL_ACK] = {FORM_ACK, "flow_control_ack"},
    [MR_RTS_CONNECTION_TIMEOUT] = {FORM_VALUE, "connection_timeout"},
    [MR_RTS_COOKIE] = {FORM_COOKIE, "cookie"},
    [MR_RTS_CHANNEL_LIFETIME] = {FORM_VALUE, "channel_lifetime"},
    [MR_RTS_CLIENT_KEEPALIVE] = {FORM_VALUE, "client_keepalive"},
    [MR_RTS_VERSION] = {FORM_VALUE, "version"},
    [MR_RTS_EMPTY] = {FORM_EMPTY, "empty"},
    [MR_RTS_PADDING] = {FORM_PADDING, "padding"},
    [MR_RTS_NEGATIVE_ANCE] = {FORM_EMPTY, "negative_ance"},
    [MR_RTS_ANCE] = {FORM_EMPTY, "ance"},
    [MR_RTS_CLIENT_ADDRESS] = {FORM_ADDRESS, "client_address"},
    [MR_RTS_ASSOCIATION_GROUP_ID] = {FORM_COOKIE, "association_group_id"},
    [MR_RTS_DESTINATION] = {FORM_VALUE, "destination"},
    [MR_RTS_PING_TRAFFIC_SENT] = {FORM_VALUE, "ping_traffic_sent_notify"},
};

const char *mr_rts_type_name(uint32_t type) {
    return type < MR_COUNT(commands) ? commands[type].name : "unknown";
}

/* What follows the type; MR_ERR_MALFORMED for a count or kind that cannot be. */
static int read_body(mr_cursor *c, mr_rts_command *command) {
    uint32_t number;

    switch (commands[command->type].form) {
    case FORM_EMPTY:
        break;
    case FORM_VALUE:
        command->value = mr_cursor_read_u32(c);
        break;
    case FORM_ACK:
        command->value = mr_cursor_read_u32(c);
        command->window = mr_cursor_read_u32(c);
        command->cookie = mr_cursor_read_uuid(c);
        break;
    case FORM_COOKIE:
        command->cookie = mr_cursor_read_uuid(c);
        break;
    case FORM_PADDING:
        number = mr_cursor_read_u32(c);
        if (number > MR_RTS_PADDING_MAX)
            return MR_ERR_MALFORMED;
        command->octets = mr_cursor_read(c, number);
        break;
    case FORM_ADDRESS:
        number = mr_cursor_read_u32(c);
        if (number > ADDRESS_IPV6)
            return MR_ERR_MALFORMED;
        command->octets = mr_cursor_read(c, number == ADDRESS_IPV6 ? 16 : 4);
        mr_cursor_skip(c, ADDRESS_PAD);
        break;
    }
    return 0;
}

int mr_rts_decode_command(mr_cursor *c, mr_rts_command *commandp, mr_error *err) {
    size_t start = c->pos;
    mr_rts_command command = {.type = mr_cursor_read_u32(c)};

    if (mr_cursor_ok(c) && command.type >= MR_COUNT(commands))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, start,
                       "an RTS command has the unknown type %u", command.type);
    if (mr_cursor_ok(c) && read_body(c, &command) != 0)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, start + 4,
                       "the RTS command %s holds a number out of range",
                       mr_rts_type_name(command.type));
    if (!mr_cursor_ok(c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at,
                       "the RTS PDU ends within its commands");
    *commandp = command;
    return 0;
}

bool mr_rts_read_command(mr_cursor *items, mr_rts_command *commandp) {
    return mr_cursor_left(items) > 0 && mr_rts_decode_command(items, commandp, NULL) == 0;
}

#define RTS_COUNT_AT (MR_PDU_HEADER_SIZE + 2)

static uint16_t get_count(const mr_buf *buf, size_t at) {
    const uint8_t *p = buf->data + at + RTS_COUNT_AT;
    return buf->big ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

int mr_rts_add_command(mr_buf *buf, size_t at, const mr_rts_command *command) {
    if (buf->error)
        return buf->error;
    if (!mr_pdu_resume(buf, at, MR_PTYPE_RTS, MR_PTYPE_RTS) ||
        buf->len - at < RTS_COUNT_AT + 2 || command->type >= MR_COUNT(commands))
        return MR_ERR_ARGUMENT;
    enum form form = commands[command->type].form;
    mr_slice octets = command->octets;
    if ((form == FORM_ADDRESS && octets.len != 4 && octets.len != 16) ||
        (form == FORM_PADDING && octets.len > MR_RTS_PADDING_MAX))
        return MR_ERR_ARGUMENT;

    uint16_t count = get_count(buf, at);
    mr_buf_write_u32(buf, command->type);
    switch (form) {
    case FORM_EMPTY:
        break;
    case FORM_VALUE:
        mr_buf_write_u32(buf, command->value);
        break;
    case FORM_ACK:
        mr_buf_write_u32(buf, command->value);
        mr_buf_write_u32(buf, command->window);
        mr_buf_write_uuid(buf, &command->cookie);
        break;
    case FORM_COOKIE:
        mr_buf_write_uuid(buf, &command->cookie);
        break;
    case FORM_PADDING:
        mr_buf_write_u32(buf, (uint32_t)octets.len);
        mr_buf_write(buf, octets);
        break;
    case FORM_ADDRESS:
        mr_buf_write_u32(buf, octets.len == 16 ? ADDRESS_IPV6 : ADDRESS_IPV4);
        mr_buf_write(buf, octets);
        mr_buf_write_zero(buf, ADDRESS_PAD);
        break;
    }
    /* 65535 octets hold fewer than 16384 commands, so the count cannot wrap */
    mr_buf_set_u16(buf, at + RTS_COUNT_AT, (uint16_t)(count + 1));
    return mr_pdu_set_length(buf, at);
}

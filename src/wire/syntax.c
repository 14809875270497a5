/*
 * Syntax identifiers (p_syntax_id_t, C706 12.6.3.1) and the transfer syntax that stands for
 * bind-time feature negotiation (MS-RPCE 3.3.1.5.3). The feature bits are the last eight octets of
 * its UUID, read as a little-endian number whatever the data representation is.
 */
#include <msrpc/wire/syntax.h>

const mr_syntax mr_syntax_ndr20 = {
    {0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}}, 2, 0};
const mr_syntax mr_syntax_ndr64 = {
    {0x71710533, 0xbeba, 0x4937, {0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36}}, 1, 0};

#define FEATURES_TIME_LOW 0x6cb71c2c
#define FEATURES_TIME_MID 0x9812
#define FEATURES_TIME_HI 0x4540

mr_syntax mr_cursor_read_syntax(mr_cursor *c) {
    mr_syntax syntax;
    syntax.uuid = mr_cursor_read_uuid(c);
    uint32_t version = mr_cursor_read_u32(c);
    syntax.major = (uint16_t)(version & 0xffff);
    syntax.minor = (uint16_t)(version >> 16);
    return syntax;
}

void mr_buf_write_syntax(mr_buf *buf, const mr_syntax *syntax) {
    mr_buf_write_uuid(buf, &syntax->uuid);
    mr_buf_write_u32(buf, (uint32_t)syntax->minor << 16 | syntax->major);
}

bool mr_features_get(const mr_syntax *syntax, uint64_t *bitsp) {
    const mr_uuid *uuid = &syntax->uuid;
    uint64_t bits = 0;

    if (uuid->time_low != FEATURES_TIME_LOW || uuid->time_mid != FEATURES_TIME_MID ||
        uuid->time_hi != FEATURES_TIME_HI)
        return false;
    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)uuid->clock[i] << (8 * i);
    if (bitsp)
        *bitsp = bits;
    return true;
}

mr_syntax mr_features_syntax(uint64_t bits) {
    mr_syntax syntax = {{FEATURES_TIME_LOW, FEATURES_TIME_MID, FEATURES_TIME_HI, {0}}, 1, 0};
    for (unsigned i = 0; i < 8; i++)
        syntax.uuid.clock[i] = (uint8_t)(bits >> (8 * i));
    return syntax;
}

/* The least that a program linked to libuv and c-ares can cost: what start-up is measured against.
 * Both libraries are named so that the linker keeps them. */
#include <ares.h>
#include <uv.h>

static const char *(*volatile uv)(void) = uv_version_string;
static const char *(*volatile ares)(int *) = ares_version;

int main(void) {
    return uv && ares ? 0 : 1;
}

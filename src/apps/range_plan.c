/* The commands that make a host use a range of dynamic ports (KB154596, KB929851). */
#include "range.h"

#define RPC_KEY "HKLM\\SOFTWARE\\Microsoft\\Rpc\\Internet"

static const char *const families[] = {"ipv4", "ipv6"};
static const char *const protocols[] = {"tcp", "udp"};

const char *range_list(app *a, const mr_ranges *ranges, const char *between) {
    const char *text = "";

    for (size_t i = 0; text && i < ranges->count; i++) {
        mr_port_range range = ranges->items[i];
        const char *gap = i ? between : "";
        text = range.first == range.last
                   ? mr_arena_add_fmt(&a->arena, "%s%s%u", text, gap, range.first)
                   : mr_arena_add_fmt(&a->arena, "%s%s%u-%u", text, gap, range.first, range.last);
    }
    return text;
}

/* A command whose text could not be had is told by the count staying short, see range_plan. */
static void add(struct range *r, enum range_purpose purpose, enum mr_shell shell,
                const char *text) {
    if (text && r->command_count < RANGE_COMMANDS)
        r->commands[r->command_count++] = (struct range_command){purpose, shell, text};
}

static void add_rpc(struct range *r) {
    mr_arena *arena = &r->a->arena;
    const char *list = range_list(r->a, &r->wanted, "\\0"); /* how reg.exe parts the strings */

    add(r, RANGE_RPC, MR_SHELL_CMD,
        mr_arena_add_fmt(arena, "reg add " RPC_KEY " /v Ports /t REG_MULTI_SZ /d %s /f",
                         list ? list : ""));
    add(r, RANGE_RPC, MR_SHELL_CMD,
        "reg add " RPC_KEY " /v PortsInternetAvailable /t REG_SZ /d Y /f");
    add(r, RANGE_RPC, MR_SHELL_CMD, "reg add " RPC_KEY " /v UseInternetPorts /t REG_SZ /d Y /f");
}

static void add_netsh(struct range *r, enum range_purpose purpose, uint32_t start, uint32_t num) {
    for (size_t i = 0; i < MR_COUNT(families); i++)
        for (size_t k = 0; k < MR_COUNT(protocols); k++)
            add(r, purpose, MR_SHELL_CMD,
                mr_arena_add_fmt(&r->a->arena, "netsh int %s set dynamicport %s start=%u num=%u",
                                 families[i], protocols[k], start, num));
}

static void add_firewall(struct range *r) {
    mr_arena *arena = &r->a->arena;
    const char *list = range_list(r->a, &r->wanted, ",");

    if (!list)
        return;
    add(r, RANGE_FIREWALL, MR_SHELL_CMD,
        mr_arena_add_fmt(arena, "netsh advfirewall firewall add rule name=\"RPC 135,%s\" dir=in "
                                "action=allow protocol=TCP localport=135,%s", list, list));
    add(r, RANGE_FIREWALL, MR_SHELL_POWERSHELL,
        mr_arena_add_fmt(arena, "New-NetFirewallRule -DisplayName \"RPC 135,%s\" -Direction "
                                "Inbound -Action Allow -Protocol TCP -LocalPort 135,%s",
                         list, list));
}

static void add_show(struct range *r) {
    add(r, RANGE_SHOW, MR_SHELL_CMD, "reg query " RPC_KEY);
    for (size_t i = 0; i < MR_COUNT(families); i++)
        for (size_t k = 0; k < MR_COUNT(protocols); k++)
            add(r, RANGE_SHOW, MR_SHELL_CMD,
                mr_arena_add_fmt(&r->a->arena, "netsh int %s show dynamicport %s", families[i],
                                 protocols[k]));
}

static void add_undo(struct range *r) {
    const char *list = range_list(r->a, &r->wanted, ",");

    add(r, RANGE_UNDO, MR_SHELL_CMD, "reg delete " RPC_KEY " /f");
    add_netsh(r, RANGE_UNDO, MR_NETSH_START_DEFAULT, MR_NETSH_NUM_DEFAULT);
    add(r, RANGE_UNDO, MR_SHELL_CMD,
        mr_arena_add_fmt(&r->a->arena, "netsh advfirewall firewall delete rule name=\"RPC 135,%s\"",
                         list ? list : ""));
}

int range_plan(struct range *r) {
    uint32_t start, num;

    mr_netsh_encode(mr_ranges_get_widest(&r->wanted), &start, &num);
    add_rpc(r);
    add_netsh(r, RANGE_NETSH, start, num);
    add_firewall(r);
    add_show(r);
    add_undo(r);
    /* three for RPC, four, two, five, and six to undo */
    return r->command_count == 20 ? 0 : app_refuse(r->a, APP_BUG, "out of memory");
}

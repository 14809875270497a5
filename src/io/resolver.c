/*
 * The system's DNS configuration, as c-ares reads it (resolv.conf(5), the host's own domain), and
 * what its search list makes of a name. ares_library_init is left out: it has nothing to do but on
 * Windows, and counts its calls without a lock, while resolvers live on several threads.
 */
#include <msrpc/io/resolver.h>

#include <ares.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_CAP 16384 /* octets of search domains */
#define DNS_PORT 53

void mr_resolver_init(mr_resolver *resolver, mr_loop *loop) {
    *resolver = (mr_resolver){.loop = loop, .hosts_path = "/etc/hosts",
                              .nsswitch_path = "/etc/nsswitch.conf"};
    mr_arena_init(&resolver->arena, CONFIG_CAP);
}

void mr_resolver_deinit(mr_resolver *resolver) {
    mr_arena_deinit(&resolver->arena);
    resolver->loaded = false;
}

static void config_set_servers(mr_dns_config *config, const struct ares_addr_port_node *node) {
    for (; node && config->server_count < MR_DNS_SERVERS; node = node->next) {
        mr_addr addr = {.port = node->udp_port ? (uint16_t)node->udp_port : DNS_PORT};
        if (node->family == AF_INET) {
            addr.family = MR_FAMILY_IPV4;
            memcpy(addr.ip, &node->addr.addr4, 4);
        } else {
            addr.family = MR_FAMILY_IPV6;
            memcpy(addr.ip, &node->addr.addr6, 16);
        }
        config->servers[config->server_count++] = addr;
    }
}

static int config_set_search(mr_resolver *resolver, mr_dns_config *config,
                             const struct ares_options *options) {
    config->ndots = options->ndots > 0 ? (unsigned)options->ndots : 0;
    for (int i = 0; i < options->ndomains && config->search_count < MR_DNS_SEARCH; i++) {
        const char *domain = mr_arena_add_str(&resolver->arena,
                                              mr_slice_str(options->domains[i]));
        if (!domain)
            return MR_ERR_MEMORY;
        config->search[config->search_count++] = domain;
    }
    return 0;
}

/* Whether resolv.conf names a server: without one the only server is this machine itself. */
static bool names_server(const char *path) {
    char line[256];
    bool named = false;
    FILE *file = fopen(path, "re");

    while (file && !named && fgets(line, sizeof line, file))
        named = strncmp(line, "nameserver", 10) == 0 && (line[10] == ' ' || line[10] == '\t');
    if (file)
        fclose(file);
    return named;
}

static int resolver_load(mr_resolver *resolver) {
    struct ares_addr_port_node *servers = NULL;
    struct ares_options options = {0};
    mr_dns_config config = {0};
    ares_channel channel;
    int mask = 0, r = 0;

    int status = ares_init(&channel);
    if (status != ARES_SUCCESS)
        return status == ARES_ENOMEM ? MR_ERR_MEMORY : MR_ERR_SYSTEM;
    if (ares_get_servers_ports(channel, &servers) == ARES_SUCCESS)
        config_set_servers(&config, servers);
    if (ares_save_options(channel, &options, &mask) == ARES_SUCCESS)
        r = config_set_search(resolver, &config, &options);
    ares_destroy_options(&options);
    ares_free_data(servers);
    ares_destroy(channel);
    if (r != 0)
        return r;
    config.servers_default = !names_server("/etc/resolv.conf");
    resolver->config = config;
    resolver->loaded = true;
    return 0;
}

int mr_resolver_get_config(mr_resolver *resolver, const mr_dns_config **configp, mr_error *err) {
    int r = resolver->loaded ? 0 : resolver_load(resolver);

    if (r != 0)
        return mr_fail(err, r, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "the system's DNS configuration cannot be read");
    *configp = &resolver->config;
    return 0;
}

int mr_resolver_set_server(mr_resolver *resolver, const mr_addr *server, mr_error *err) {
    const mr_dns_config *config;
    int r = mr_resolver_get_config(resolver, &config, err);

    if (r != 0)
        return r;
    resolver->config.servers[0] = *server;
    if (server->port == 0)
        resolver->config.servers[0].port = DNS_PORT;
    resolver->config.server_count = 1;
    resolver->config.servers_default = false;
    return 0;
}

static unsigned count_dots(const char *name) {
    unsigned dots = 0;

    for (; *name; name++)
        dots += *name == '.';
    return dots;
}

int mr_dns_config_get_candidate(const mr_dns_config *config, const char *name, size_t index,
                                char out[MR_DNS_NAME_TEXT]) {
    size_t len = strlen(name);
    bool absolute = len > 0 && name[len - 1] == '.';
    size_t own = count_dots(name) >= config->ndots ? 0 : config->search_count;

    if (index > (absolute ? 0 : config->search_count))
        return MR_ERR_NOT_FOUND;
    int n;
    /* the search domain "." is the root: the name as it stands */
    const char *domain = index == own || absolute ? NULL
                                                  : config->search[index < own ? index : index - 1];
    if (!domain || strcmp(domain, ".") == 0)
        n = snprintf(out, MR_DNS_NAME_TEXT, "%.*s", (int)(absolute && len > 1 ? len - 1 : len),
                     name);
    else
        n = snprintf(out, MR_DNS_NAME_TEXT, "%s.%s", name, domain);
    return n < MR_DNS_NAME_TEXT ? 0 : MR_ERR_NOT_FOUND;
}

/*
 * One call in an account's name, sealed: log_on ADDRESS PORT DOMAIN\USER NUMBER; the password is a
 * line on standard input. By NTLM, which needs nothing but the password. With the server's name in
 * logon.host and MR_LOGON_NEGOTIATE in place of NTLM there would be a Kerberos ticket, where one is
 * to be had.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/ifaces/rpcecho_client.h>
#include <msrpc/rpc.h>

/* Who he is: his name, and what proves it. */
static int read_identity(mr_identity *id, const char *name, mr_error *err) {
    char password[256] = "";

    if (fgets(password, sizeof password, stdin))
        password[strcspn(password, "\r\n")] = '\0';
    int r = mr_identity_set_name(id, mr_slice_str(name), err);
    if (r == 0)
        r = mr_identity_set_password(id, mr_slice_str(password), err);
    explicit_bzero(password, sizeof password);
    return r;
}

int main(int argc, char **argv) {
    mr_identity identity = {0};
    const mr_logon_options wish = {.identity = &identity, .mechanism = MR_LOGON_NTLM,
                                   .level = MR_AUTH_LEVEL_PRIVACY};
    mr_client_options options = {0};
    struct mr_rpcecho_echo_AddOne args = {0};
    mr_error err = MR_ERROR_INIT;
    mr_client *client = NULL;
    mr_logon *logon = NULL;
    mr_loop loop = {0};

    if (argc != 5 || mr_addr_decode(mr_slice_str(argv[1]), (uint16_t)strtoul(argv[2], NULL, 10),
                                    &options.connect.remote) != 0)
        return 64;
    args.in_data = (uint32_t)strtoul(argv[4], NULL, 10);
    int r = mr_loop_init(&loop, &err);
    if (r == 0)
        r = mr_identity_init(&identity, &err);
    if (r == 0)
        r = read_identity(&identity, argv[3], &err);
    if (r == 0)
        r = mr_logon_new(&loop, NULL, &wish, &logon, &err);
    if (r == 0)
        r = mr_logon_run(logon, &err);
    options.security = (mr_client_security){.make = mr_logon_make, .give = mr_logon_give,
                                            .user = logon, .level = wish.level};
    if (r == 0)
        r = mr_client_new(&loop, &options, &client, &err);
    if (r == 0)
        r = mr_client_open(client, &mr_rpcecho_iface.syntax, &err);
    if (r == 0)
        r = mr_rpcecho_echo_AddOne(client, &args, &err); /* a wrong password fails here */
    if (r == 0)
        printf("%u\n", args.out_data);
    else
        fprintf(stderr, "log_on: %s\n", err.text);
    mr_client_free(client); /* before the logon, whose provider it has */
    mr_logon_free(logon);
    mr_identity_deinit(&identity);
    mr_loop_deinit(&loop);
    return r == 0 ? 0 : 1;
}

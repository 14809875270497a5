/*
 * The two typed faces of an interface. Client: one inline function per method that hands its
 * parameters to the one callee every generated call has, mr_client_call. Server: a structure of
 * typed handlers and one dispatch row per method, mr_server_row. Both are declared in
 * msrpc/rpc.h:
 *
 *   int mr_client_call(mr_client *client, const mr_iface *iface, uint32_t opnum, void *args,
 *                      mr_error *err);
 *   typedef struct mr_server_row {
 *       uint16_t opnum;
 *       int (*serve)(const void *bodies, mr_server_call *call, void *args);
 *   } mr_server_row;
 *
 * A row's function answers MR_ERR_NOT_FOUND where the server has no body for the method.
 */
#include "ast.h"

/* The one place where generated code calls the client. */
#define CLIENT_CALL "mr_client_call(client, &%s, %u, args, err)"

static void emit_includes(mr_idl_unit *unit, mr_buf *out, const char *suffix) {
    mr_idl_emit_preamble(unit, out, suffix);
    mr_buf_write_fmt(out, "#include <msrpc/rpc.h>\n#include \"%s.h\"\n", unit->sources->file_stem);
}

static bool served(const mr_idl_iface *iface) {
    if (!iface->defined || !iface->has_uuid || !iface->loc.source->main)
        return false;
    for (const mr_idl_method *m = iface->methods; m; m = m->next)
        if (m->args)
            return true;
    return false;
}

void mr_idl_emit_client(mr_idl_unit *unit, mr_buf *out) {
    emit_includes(unit, out, "client_");
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next) {
        if (!served(i))
            continue;
        for (const mr_idl_method *m = i->methods; m; m = m->next)
            if (m->args)
                mr_buf_write_fmt(out, "\nstatic inline int %s(mr_client *client, struct %s *args,\n"
                                 "    mr_error *err) {\n    return " CLIENT_CALL ";\n}\n",
                                 m->cname, m->cname, i->cname, m->opnum);
    }
    mr_buf_write_str(out, "\n#endif\n");
}

static void emit_server_iface(const mr_idl_iface *iface, mr_buf *out) {
    mr_buf_write_fmt(out, "\n/* The bodies of interface %s; NULL where there is none. */\n"
                     "struct %s_server {\n", iface->name, iface->cname);
    for (const mr_idl_method *m = iface->methods; m; m = m->next)
        if (m->args)
            mr_buf_write_fmt(out, "    int (*%s)(mr_server_call *call, struct %s *args);\n",
                             m->name, m->cname);
    mr_buf_write_str(out, "};\n");
    for (const mr_idl_method *m = iface->methods; m; m = m->next)
        if (m->args)
            mr_buf_write_fmt(out, "\nstatic inline int %s_serve(const void *bodies, "
                             "mr_server_call *call,\n    void *args) {\n"
                             "    const struct %s_server *server = bodies;\n"
                             "    return server->%s ?\n        server->%s(call, args) : "
                             "MR_ERR_NOT_FOUND;\n}\n",
                             m->cname, iface->cname, m->name, m->name);
    mr_buf_write_fmt(out, "\n/* By operation number. */\nstatic const mr_server_row %s_rows[] = "
                     "{\n", iface->cname);
    for (const mr_idl_method *m = iface->methods; m; m = m->next)
        if (m->args)
            mr_buf_write_fmt(out, "    {%u, %s_serve},\n", m->opnum, m->cname);
    mr_buf_write_str(out, "};\n");
}

void mr_idl_emit_server(mr_idl_unit *unit, mr_buf *out) {
    emit_includes(unit, out, "server_");
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
        if (served(i))
            emit_server_iface(i, out);
    mr_buf_write_str(out, "\n#endif\n");
}

/* Names of interfaces and operations: complete, sorted, findable, and right for the famous ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <msrpc/base/result.h>
#include <msrpc/ifaces/names.h>

static const mr_iface_name *by_text(const char *text) {
    mr_uuid uuid;
    assert_int_equal(mr_uuid_decode(mr_slice_of(text, strlen(text)), &uuid), 0);
    return mr_name_find(&uuid);
}

static void test_famous(void **state) {
    (void)state;
    static const struct {
        const char *uuid, *name, *doc;
        uint16_t major, minor;
    } rows[] = {
        {"e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper", "C706/MS-RPCE", 3, 0},
        {"afa8bd80-7d8a-11c9-bef4-08002b102989", "mgmt", "C706", 1, 0},
        {"12345778-1234-abcd-ef00-0123456789ac", "samr", "MS-SAMR", 1, 0},
        {"12345778-1234-abcd-ef00-0123456789ab", "lsarpc", "MS-LSAD", 0, 0},
        {"12345678-1234-abcd-ef00-01234567cffb", "netlogon", "MS-NRPC", 1, 0},
        {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi", "MS-DRSR", 4, 0},
        {"367abb81-9844-35f1-ad32-98f038001003", "svcctl", "MS-SCMR", 2, 0},
        {"338cd001-2244-31f1-aaaa-900038001003", "winreg", "MS-RRP/MS-RSP", 1, 0},
        {"4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc", "MS-SRVS", 3, 0},
        {"6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc", "MS-WKST", 1, 0},
        {"12345678-1234-abcd-ef00-0123456789ab", "spoolss", "MS-RPRN", 1, 0},
        {"82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog", "MS-EVEN", 0, 0},
        {"1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc", "MS-TSCH", 1, 0},
        {"86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService", "MS-TSCH", 1, 0},
        {"50abc2a4-574d-40b3-9d66-ee4fd5fba076", "dnsserver", "MS-DNSP", 5, 0},
        {"99fcfec4-5260-101b-bbcb-00aa0021347a", "IObjectExporter", "MS-DCOM", 0, 0},
        {"000001a0-0000-0000-c000-000000000046", "IRemoteSCMActivator", "MS-DCOM", 0, 0},
        {"3919286a-b10c-11d0-9ba8-00c04fd92ef5", "dssetup", "MS-DSSP", 0, 0},
        {"c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc_lsa", "MS-EFSR", 1, 0},
        {"4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs", "MS-DFSNM", 3, 0},
        {"f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "IEventService", "MS-EVEN6", 1, 0},
        {"76f03f96-cdfd-44fc-a22c-64950a001209", "IRemoteWinspool", "MS-PAR", 1, 0},
        {"60a15ec5-4de8-11d7-a637-005056a20182", "rpcecho", "Samba", 1, 0},
        {"8a885d04-1ceb-11c9-9fe8-08002b104860", "NDR", "MS-RPCE", 2, 0},
        {"71710533-beba-4937-8319-b5dbef9ccc36", "NDR64", "MS-RPCE", 1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const mr_iface_name *iface = by_text(rows[i].uuid);
        assert_non_null(iface);
        assert_string_equal(mr_name_text(iface), rows[i].name);
        assert_string_equal(mr_name_doc(iface), rows[i].doc);
        assert_int_equal(iface->major, rows[i].major);
        assert_int_equal(iface->minor, rows[i].minor);
    }
    assert_string_equal(mr_name_restartable(by_text("12345678-1234-abcd-ef00-01234567cffb")),
                        "Netlogon");
    assert_null(mr_name_restartable(by_text("12345778-1234-abcd-ef00-0123456789ac"))); /* SamSs */
    assert_null(mr_name_restartable(by_text("12345778-1234-abcd-ef00-0123456789ab"))); /* lsass */
    /* every mask of bind-time features is one and the same transfer syntax */
    const mr_iface_name *features = by_text("6cb71c2c-9812-4540-0300-000000000000");
    assert_string_equal(mr_name_text(features), "bind_time_features");
    assert_ptr_equal(by_text("6cb71c2c-9812-4540-0100-000000000000"), features);
    assert_null(by_text("deadbeef-0000-0000-0000-000000000000"));
    assert_null(by_text("00000000-0000-0000-0000-000000000000"));
    assert_null(by_text("ffffffff-ffff-ffff-ffff-ffffffffffff"));
    const mr_iface_name *spoolss = mr_name_find_text("spoolss");
    assert_string_equal(mr_name_pipes(spoolss), "spoolss");
    assert_string_equal(mr_name_service(spoolss), "Spooler");
    assert_true(by_text("71710533-beba-4937-8319-b5dbef9ccc36")->flags & MR_IFACE_TRANSFER);
    assert_true(by_text("00000131-0000-0000-c000-000000000046")->flags & MR_IFACE_COM);
    assert_false(spoolss->flags & MR_IFACE_COM);
    /* unnamed, but the module and its service are known */
    const mr_iface_name *unnamed = by_text("41baa680-50ce-4967-a8fa-0596343a7ccf");
    assert_false(mr_name_is_known(unnamed));
    assert_string_equal(mr_name_text(unnamed), "lsasrv.dll");
    assert_string_equal(mr_name_service(unnamed), "lsass");
}

static void test_all(void **state) {
    (void)state;
    size_t count, ops = 0;
    const mr_iface_name *all = mr_name_all(&count);
    assert_true(count > 1050);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assert_true(mr_uuid_cmp(&all[i - 1].uuid, &all[i].uuid) < 0);
        assert_ptr_equal(mr_name_find(&all[i].uuid), &all[i]);
        if (mr_name_is_known(&all[i])) {
            assert_ptr_equal(mr_name_find_text(mr_name_text(&all[i])), &all[i]);
            assert_null(strpbrk(mr_name_text(&all[i]), " /()\t"));
        }
        assert_true(*mr_name_text(&all[i]));
        ops += mr_op_count(&all[i]);
    }
    assert_true(ops > 3400);
}

/* Numbers rise, every name is found by its number and the other way round, and a list whose
 * numbers leave out some carries the flag that says so. */
static void test_operations(void **state) {
    (void)state;
    size_t count;
    const mr_iface_name *all = mr_name_all(&count);
    for (size_t i = 0; i < count; i++) {
        uint16_t number = 0, first = 0, last = 0, found;
        size_t n = mr_op_count(&all[i]);
        for (size_t k = 0; k < n; k++) {
            const char *name = mr_op_get(&all[i], k, &number);
            assert_true(strlen(name) > 1);
            if (k == 0)
                first = number;
            else
                assert_true(number > last);
            last = number;
            assert_ptr_equal(mr_op_find(&all[i], number), name);
            assert_int_equal(mr_op_find_text(&all[i], name, &found), 0);
            assert_string_equal(mr_op_find(&all[i], found), name);
        }
        bool gaps = n > 0 && (size_t)(last - first) + 1 != n;
        assert_int_equal((all[i].flags & MR_IFACE_GAPS) != 0, gaps);
        assert_null(mr_op_find(&all[i], 0xfff));
    }
    static const struct {
        const char *iface, *name;
        uint16_t opnum;
    } known[] = {
        {"epmapper", "ept_lookup", 2},       {"epmapper", "ept_map", 3},
        {"mgmt", "rpc__mgmt_inq_if_ids", 0}, {"mgmt", "rpc__mgmt_stop_server_listening", 3},
        {"samr", "SamrConnect5", 64},        {"lsarpc", "LsarOpenPolicy2", 44},
        {"netlogon", "NetrServerReqChallenge", 4},
        {"netlogon", "DsrGetDcNameEx2", 34}, {"drsuapi", "IDL_DRSBind", 0},
        {"drsuapi", "IDL_DRSGetNCChanges", 3},
        {"svcctl", "ROpenSCManagerW", 15},   {"winreg", "OpenLocalMachine", 2},
        {"srvsvc", "NetrShareEnum", 15},     {"wkssvc", "NetrWkstaGetInfo", 0},
        {"IObjectExporter", "ServerAlive2", 5},
        {"IRemoteSCMActivator", "RemoteCreateInstance", 4},
        {"dssetup", "DsRolerGetPrimaryDomainInformation", 0},
        {"IPTransition", "IpTransitionProtocolApplyConfigChanges", 0},
        {"rpcecho", "echo_AddOne", 0},       {"efsrpc_lsa", "EfsRpcOpenFileRaw", 0},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const mr_iface_name *iface = mr_name_find_text(known[i].iface);
        assert_non_null(iface);
        const char *name = mr_op_find(iface, known[i].opnum);
        assert_non_null(name);
        assert_string_equal(name, known[i].name);
    }
    uint16_t opnum = 7;
    const mr_iface_name *mapper = mr_name_find_text("epmapper");
    assert_int_equal(mr_op_find_text(mapper, "EPT_MAP", &opnum), 0);
    assert_int_equal(opnum, 3);
    assert_int_equal(mr_op_find_text(mapper, "ept_mop", &opnum), MR_ERR_NOT_FOUND);
    assert_int_equal(opnum, 3); /* untouched on failure */
    static const char *const whole[] = {"epmapper", "mgmt", "atsvc", "sasec", "IObjectExporter",
                                        "ITaskSchedulerService", "drsuapi", "rpcecho"};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        assert_false(mr_name_find_text(whole[i])->flags & MR_IFACE_GAPS);
}

static void test_aliases(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"lsa", "lsarpc"}, {"NRPC", "netlogon"}, {"drsr", "drsuapi"}, {"epm", "epmapper"},
        {"winspool", "spoolss"}, {"IOXIDResolver", "IObjectExporter"}, {"dns", "dnsserver"},
        {"SAMR", "samr"}, {"scmr", "svcctl"}, {"echo", "rpcecho"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_ptr_equal(mr_name_find_text(pairs[i][0]), mr_name_find_text(pairs[i][1]));
    assert_null(mr_name_find_text(""));
    assert_null(mr_name_find_text("no such thing"));
    const mr_iface_name *lsarpc = mr_name_find_text("lsarpc");
    size_t iter = 0, count = 0;
    const char *alias;
    while ((alias = mr_name_alias_next(lsarpc, &iter))) {
        assert_ptr_equal(mr_name_find_text(alias), lsarpc);
        count++;
    }
    assert_int_equal(count, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_famous),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

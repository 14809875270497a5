/*
 * The audit against a host of ours: what leaks, what is denied and where, what is unknown because
 * nobody answers, what is not registered; and against a host whose answers are random.
 */
#include <stdio.h>

#include "audit_world.h"

#define PATIENCE (20 * MR_SEC)

static const mr_audit_fact *fact_is(const mr_audit *audit, const char *id,
                                    enum mr_audit_state state, enum mr_audit_rung rung) {
    const mr_audit_fact *fact = mr_audit_find(audit, id);

    assert_non_null(fact);
    if (fact->outcome.state != state || fact->outcome.rung != rung)
        fail_msg("%s: %s at %s (%s)", id, mr_audit_state_name(fact->outcome.state),
                 mr_audit_rung_name(fact->outcome.rung),
                 fact->outcome.why ? fact->outcome.why : "");
    return fact;
}

static enum mr_status hardening_of(const mr_audit *audit, const char *id) {
    for (size_t i = 0; i < audit->hardening_count; i++)
        if (!strcmp(audit->hardening[i].id, id))
            return audit->hardening[i].status;
    fail_msg("no %s", id);
    return MR_STATUS_UNKNOWN;
}

static const char *verdict_of(const mr_audit *audit, mr_arena *arena, mr_diag *diag) {
    assert_int_equal(mr_diag_init(diag, arena, "host", NULL), 0);
    assert_int_equal(mr_audit_add_facts(audit, diag), 0);
    assert_int_equal(mr_diag_run(diag), 0);
    const mr_finding *finding = mr_diag_get_verdict(diag)->finding;
    return finding ? finding->id : "";
}

/* A call with a rung below it says which; a value by its key. */
static const mr_audit_value *value_of(const mr_audit_fact *fact, const char *key) {
    for (size_t i = 0; i < fact->value_count; i++)
        if (!strcmp(fact->values[i].key, key))
            return &fact->values[i];
    fail_msg("%s has no %s", fact->id, key);
    return NULL;
}

static void test_everything_open(void **state) {
    struct audit_world w;
    mr_diag diag;
    static mr_audit audit;

    (void)state;
    assert_int_equal(world_open(&w), 0);
    assert_int_equal(WORLD_ADD(&w, samr, &samr_open_bodies), 0);
    assert_int_equal(WORLD_ADD(&w, lsarpc, &lsarpc_open_bodies), 0);
    assert_int_equal(WORLD_ADD(&w, dssetup, &dssetup_denied_bodies), 0);
    assert_int_equal(world_audit(&w, PATIENCE, 1005, 1300, &audit), 0);

    const mr_audit_fact *users = fact_is(&audit, "SAMR.USERS", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_string_equal(users->chain,
                        "SamrConnect5 > SamrOpenDomain > SamrEnumerateUsersInDomain");
    assert_int_equal(users->item_count, 3); /* three pages */
    assert_string_equal(users->items[2].name, "al\033ice");
    assert_int_equal(users->items[2].rid, 1104);
    const mr_audit_fact *details =
        fact_is(&audit, "SAMR.USER_DETAILS", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_string_equal(details->items[0].description, "pw: Secret1");
    assert_int_equal(details->items[0].flags, 0x210);
    const mr_audit_fact *domains = fact_is(&audit, "SAMR.DOMAINS", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_null(domains->items[0].sid);
    assert_string_equal(domains->items[1].sid, "S-1-5-21-1-2-3");
    const mr_audit_fact *policy =
        fact_is(&audit, "SAMR.PASSWORD_POLICY", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_int_equal(value_of(policy, "min_password_length")->number, 7);
    assert_true(value_of(policy, "max_password_age_s")->number == MR_AUDIT_NEVER);
    const mr_audit_fact *lockout = fact_is(&audit, "SAMR.LOCKOUT", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_int_equal(value_of(lockout, "lockout_duration_s")->number, 1800);
    const mr_audit_fact *open = fact_is(&audit, "SAMR.PREW2K", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_int_equal(open->item_count, 2);
    assert_string_equal(open->items[0].sid, "S-1-1-0");
    assert_string_equal(open->items[1].name, "name500"); /* lsarpc's name for it */

    /* the call is not there: nobody said no */
    const mr_audit_fact *hint =
        fact_is(&audit, "SAMR.PASSWORD_HINT", MR_AUDIT_UNKNOWN, MR_AUDIT_CALL);
    assert_int_equal(hint->outcome.code, MR_FAULT_OP_RNG_ERROR);
    fact_is(&audit, "SAMR.LOGOFF", MR_AUDIT_DENIED, MR_AUDIT_CALL);
    const mr_audit_fact *role = fact_is(&audit, "DSSETUP.ROLE", MR_AUDIT_DENIED, MR_AUDIT_CALL);
    assert_int_equal(role->outcome.code_kind, MR_PEER_FAULT);
    assert_int_equal(role->outcome.code, 5);
    fact_is(&audit, "NETLOGON.DC", MR_AUDIT_NOT_REACHABLE, MR_AUDIT_MAP);

    /* 500 of the well-known, 1005 to 1009 of those asked for */
    const mr_audit_fact *rids = fact_is(&audit, "LSA.RID_CYCLING", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
    assert_int_equal(rids->item_count, 6);
    assert_string_equal(rids->items[5].sid, "S-1-5-21-1-2-3-1009");
    assert_string_equal(rids->items[5].domain, "LAB");

    assert_int_equal(hardening_of(&audit, "RESTRICT_ANONYMOUS_SAM"), MR_STATUS_FAIL);
    assert_int_equal(hardening_of(&audit, "PREW2K_GROUP"), MR_STATUS_FAIL);
    assert_int_equal(hardening_of(&audit, "SID_NAME_TRANSLATION"), MR_STATUS_FAIL);
    assert_string_equal(verdict_of(&audit, &w.arena, &diag), "AUDIT.PREW2K_ANONYMOUS");
    world_close(&w);
}

static int samr_refuses(mr_server_call *call, struct mr_samr_SamrConnect5 *args) {
    (void)call;
    args->OutVersion = 1; /* a union has an arm, refused or not */
    args->result = DENIED;
    return 0;
}

static void test_denied_and_silent(void **state) {
    static const struct mr_samr_iface_server refuses = {.SamrConnect5 = samr_refuses};
    struct audit_world w;
    mr_diag diag;
    static mr_audit audit;

    (void)state;
    assert_int_equal(world_open(&w), 0);
    assert_int_equal(WORLD_ADD(&w, samr, &refuses), 0);
    assert_int_equal(WORLD_ADD(&w, dssetup, &dssetup_silent_bodies), 0);
    assert_int_equal(world_audit(&w, 200 * MR_MSEC, 0, 0, &audit), 0);

    const mr_audit_fact *users = fact_is(&audit, "SAMR.USERS", MR_AUDIT_DENIED, MR_AUDIT_CALL);
    assert_string_equal(users->outcome.call, "SamrConnect5");
    assert_int_equal(users->outcome.code_kind, MR_PEER_NTSTATUS);
    assert_int_equal(users->outcome.code, DENIED);
    /* silence is no denial, and a silent door is asked once */
    fact_is(&audit, "DSSETUP.ROLE", MR_AUDIT_UNKNOWN, MR_AUDIT_CALL);
    fact_is(&audit, "DSSETUP.STATE", MR_AUDIT_UNKNOWN, MR_AUDIT_CALL);
    fact_is(&audit, "LSA.WHOAMI", MR_AUDIT_NOT_REACHABLE, MR_AUDIT_MAP);
    assert_int_equal(hardening_of(&audit, "RESTRICT_ANONYMOUS_SAM"), MR_STATUS_PASS);
    assert_int_equal(hardening_of(&audit, "SID_NAME_TRANSLATION"), MR_STATUS_UNKNOWN);
    assert_int_equal(hardening_of(&audit, "PREW2K_GROUP"), MR_STATUS_UNKNOWN);
    assert_string_equal(verdict_of(&audit, &w.arena, &diag), "");
    assert_int_equal(mr_diag_finding_count(&diag), 0);
    world_close(&w);
}

static void test_nobody_there(void **state) {
    const mr_addr loopback = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    const mr_audit_options options = {.addrs = &loopback, .addr_count = 1, .host = "127.0.0.1",
                                      .mapper_port = 1};
    struct audit_world w;
    static mr_audit audit;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    assert_int_equal(world_open(&w), 0);
    assert_int_equal(mr_audit_run(&w.loop, &options, &w.arena, &audit, &err), 0);
    assert_int_equal(audit.reach, MR_ERR_REFUSED);
    fact_is(&audit, "EPM.ENDPOINTS", MR_AUDIT_NOT_REACHABLE, MR_AUDIT_CONNECT);
    fact_is(&audit, "SAMR.USERS", MR_AUDIT_NOT_REACHABLE, MR_AUDIT_MAP);
    assert_int_equal(mr_audit_count(&audit, MR_AUDIT_NOT_REACHABLE), audit.fact_count);
    world_close(&w);
}

/* ---- answers that make no sense ---- */

static mr_random dice;

static int random_body(const void *bodies, mr_server_call *call, void *args) {
    (void)bodies;
    uint64_t what = mr_random_get(&dice);
    if (what % 23 == 0)
        return mr_server_fault(call, (uint32_t)(what >> 32));
    mr_error err = MR_ERROR_INIT;
    if (mr_ndr_generate(call->proc, MR_NDR_RESPONSE, &dice, call->arena, args, &err) != 0)
        return mr_server_fault(call, MR_FAULT_UNSPEC);
    /* mostly a status that lets the audit go on; it is the last member of every reply */
    static const uint32_t statuses[] = {0, 0, 0, 0, MORE_ENTRIES, DENIED};
    uint32_t *status = (uint32_t *)(void *)((uint8_t *)args + call->proc->args->csize) - 1;
    if (call->served->iface != &mr_dssetup_iface)
        *status = statuses[what / 23 % MR_COUNT(statuses)];
    return 0;
}

static size_t random_rows(const mr_iface *iface, mr_server_row rows[128]) {
    size_t count = 0;
    for (uint32_t op = 0; op < 128; op++) {
        if (mr_iface_get_proc(iface, op))
            rows[count++] = (mr_server_row){(uint16_t)op, random_body};
    }
    return count;
}

static void test_random_answers(void **state) {
    static mr_server_row rows[3][128];
    static mr_audit audit;
    struct audit_world w;
    mr_diag diag;

    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        dice = (mr_random){.state = seed};
        assert_int_equal(world_open(&w), 0);
        world_add(&w, &mr_samr_iface, rows[0], random_rows(&mr_samr_iface, rows[0]), NULL);
        world_add(&w, &mr_lsarpc_iface, rows[1], random_rows(&mr_lsarpc_iface, rows[1]), NULL);
        world_add(&w, &mr_dssetup_iface, rows[2], random_rows(&mr_dssetup_iface, rows[2]), NULL);
        assert_int_equal(world_audit(&w, PATIENCE, 1000, 1010, &audit), 0);
        assert_true(audit.calls < 30000);
        fact_is(&audit, "EPM.ENDPOINTS", MR_AUDIT_LEAKS, MR_AUDIT_CALL);
        verdict_of(&audit, &w.arena, &diag);
        world_close(&w);
    }
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(mr_audit_state_name(MR_AUDIT_NOT_REACHABLE), "not reachable");
    assert_string_equal(mr_audit_rung_name(MR_AUDIT_BIND), "bind");
    for (int i = 0; i < MR_AUDIT_CATEGORIES; i++)
        assert_true(mr_audit_category_name((enum mr_audit_category)i)[0] != '\0');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_open), cmocka_unit_test(test_denied_and_silent),
        cmocka_unit_test(test_nobody_there),    cmocka_unit_test(test_random_answers),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

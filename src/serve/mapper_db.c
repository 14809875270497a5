/*
 * The registry of the endpoint mapper (C706 appendix O, MS-RPCE 3.1.1.5). A row is one allocation:
 * what a question may be about, and its tower once for each transfer syntax it can be told with. A
 * question remembers the last serial number it was given, so that a page boundary moves nothing, a
 * row that came in between is neither lost nor told twice, and one that is gone is not missed. Rows
 * are matched before they are counted.
 */
#include "mapper_private.h"

#include <stdlib.h>

#define SYNTAX_SIZE 18 /* UUID and major version in the left-hand side of a tower's floor */

/* Rows by serial, by interface and serial, by object and serial; the rows are the registry's. */
struct mr_mapper_snapshot {
    size_t count;
    mr_mapper_db_row **by_iface, **by_object;
    mr_mapper_db_row *rows[]; /* three times count */
};

int mr_mapper_db_init(mr_mapper_db *db) {
    *db = (mr_mapper_db){0};
    return mr_entropy_get(&db->object, sizeof db->object);
}

static void make_stale(mr_mapper_db *db) {
    free(db->snapshot);
    db->snapshot = NULL;
    mr_mapper_memo_free(db->memo);
    db->memo = NULL;
}

void mr_mapper_db_deinit(mr_mapper_db *db) {
    make_stale(db);
    mr_mapper_db_forget_registrations(db);
    for (size_t i = 0; i < db->count; i++)
        free(db->rows[i]);
    free(db->rows);
    *db = (mr_mapper_db){0};
}

static int fail(mr_error *err, int code, const char *text) {
    return mr_fail(err, code, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "%s", text);
}

/* ---- rows ---- */

/* Copies @tower to @to with transfer syntax NDR64 in its second floor. */
static void write_ndr64(mr_slice octets, const mr_tower *tower, uint8_t *to) {
    mr_cursor floors = tower->floors;
    mr_tower_floor floor;
    mr_buf buf;

    mr_tower_read_floor(&floors, &floor);
    mr_tower_read_floor(&floors, &floor);
    memcpy(to, octets.data, octets.len);
    mr_buf_init(&buf, to + (floor.lhs.data - octets.data), SYNTAX_SIZE, SYNTAX_SIZE);
    mr_buf_write_uuid(&buf, &mr_syntax_ndr64.uuid);
    mr_buf_write_u16(&buf, mr_syntax_ndr64.major);
    mr_buf_init(&buf, to + (floor.rhs.data - octets.data), 2, 2);
    mr_buf_write_u16(&buf, mr_syntax_ndr64.minor);
}

static uint16_t find_host(mr_slice octets, const mr_tower *tower) {
    static const uint8_t any[4];

    if (tower->host_kind != MR_TOWER_HOST_IPV4 || memcmp(tower->host.data, any, 4) != 0)
        return 0;
    return (uint16_t)(tower->host.data - octets.data);
}

/* A new row without a number. 0, MR_ERR_ARGUMENT or MR_ERR_MEMORY. */
static int new_row(const mr_mapper_owner *owner, const mr_mapper_db_tower *from,
                   mr_mapper_db_row **rowp) {
    mr_tower tower;

    /* a tower is its floors and nothing else (C706 appendix L): what follows would be told on */
    if (from->tower.len > MR_MAPPER_TOWER_MAX ||
        mr_tower_decode(from->tower, &tower, NULL) != 0 || tower.rest.len ||
        tower.protseq == MR_PROTSEQ_UNKNOWN)
        return MR_ERR_ARGUMENT;
    bool both = mr_syntax_eq(&tower.transfer, &mr_syntax_ndr20);
    size_t len = from->tower.len;
    mr_slice note = mr_slice_sub(from->annotation, 0, MR_MAPPER_ANNOTATION_MAX);
    mr_mapper_db_row *row = calloc(1, sizeof *row + len * (both ? 2 : 1) + note.len + 1);
    if (!row)
        return MR_ERR_MEMORY;
    uint8_t *to = (uint8_t *)(row + 1);
    *row = (mr_mapper_db_row){
        .owner = owner,
        .object = from->object,
        .interface = tower.interface,
        .transfer = tower.transfer,
        .protseq = tower.protseq,
        .port = tower.port,
        .tower = mr_slice_of(to, len),
        .host_at = find_host(from->tower, &tower),
    };
    memcpy(to, from->tower.data, len);
    to += len;
    if (both) {
        write_ndr64(from->tower, &tower, to);
        row->ndr64 = mr_slice_of(to, len);
        to += len;
    }
    if (note.len)
        memcpy(to, note.data, note.len);
    row->annotation = (const char *)to;
    *rowp = row;
    return 0;
}

static bool is_own(const mr_mapper_db_row *row, const mr_mapper_owner *who) {
    if (!row->owner || !who)
        return row->owner == who;
    return row->owner->pid == who->pid && row->owner->uid == who->uid;
}

/* Whether @fresh of the same process takes the place of @row. */
static bool replaces(const mr_mapper_db_row *fresh, const mr_mapper_db_row *row, bool replace) {
    if (!mr_uuid_eq(&fresh->object, &row->object) || !is_own(row, fresh->owner))
        return false;
    if (mr_slice_eq(fresh->tower, row->tower))
        return true;
    return replace && mr_uuid_eq(&fresh->interface.uuid, &row->interface.uuid) &&
           fresh->interface.major == row->interface.major &&
           mr_syntax_eq(&fresh->transfer, &row->transfer) && fresh->protseq == row->protseq;
}

/* Closes the gaps that removing left. */
static void compact(mr_mapper_db *db) {
    size_t kept = 0;

    for (size_t i = 0; i < db->count; i++)
        if (db->rows[i])
            db->rows[kept++] = db->rows[i];
    db->count = kept;
}

static void drop_row(mr_mapper_db *db, size_t i) {
    free(db->rows[i]);
    db->rows[i] = NULL;
}

static int grow(mr_mapper_db *db, size_t more, mr_error *err) {
    size_t size = db->size ? db->size : 64;

    if (more > MR_MAPPER_DB_MAX - db->count)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "%d endpoints are registered, which is the limit", MR_MAPPER_DB_MAX);
    while (size < db->count + more)
        size *= 2;
    if (size <= db->size)
        return 0;
    mr_mapper_db_row **rows = realloc(db->rows, size * sizeof(*rows));
    if (!rows)
        return fail(err, MR_ERR_MEMORY, "out of memory");
    db->rows = rows;
    db->size = size;
    return 0;
}

int mr_mapper_db_insert(mr_mapper_db *db, const mr_mapper_owner *owner,
                        const mr_mapper_db_tower *towers, size_t count, bool replace,
                        mr_error *err) {
    int r = grow(db, count, err);
    size_t n = 0;

    if (r)
        return r;
    for (; !r && n < count; n++)
        r = new_row(owner, &towers[n], &db->rows[db->count + n]);
    if (r) {
        for (n--; n-- > 0;)
            free(db->rows[db->count + n]);
        return fail(err, r, r == MR_ERR_MEMORY ? "out of memory"
                                               : "this endpoint cannot be registered");
    }
    make_stale(db);
    size_t old = db->count;
    for (size_t f = 0; f < count; f++) {
        mr_mapper_db_row *fresh = db->rows[old + f];
        fresh->serial = ++db->serial;
        for (size_t i = 0; i < old; i++)
            if (db->rows[i] && replaces(fresh, db->rows[i], replace))
                drop_row(db, i);
        for (size_t i = old; i < old + f; i++) /* said twice in one breath */
            if (db->rows[i] && replaces(fresh, db->rows[i], false))
                drop_row(db, i);
    }
    db->count += count;
    compact(db);
    return 0;
}

int mr_mapper_db_add(mr_mapper_db *db, const mr_mapper_db_entry *entry, mr_error *err) {
    uint8_t array[MR_MAPPER_TOWER_MAX];
    mr_buf buf;
    mr_slice note = mr_slice_str(entry->annotation);
    const mr_tower tower = {
        .interface = entry->interface,
        .transfer = mr_syntax_ndr20,
        .protseq = entry->protseq,
        .port = entry->port,
        .endpoint = mr_slice_str(entry->endpoint),
        .host_kind = entry->host.family == MR_FAMILY_IPV4 ? MR_TOWER_HOST_IPV4
                                                          : MR_TOWER_HOST_NONE,
        .host = mr_slice_of(entry->host.ip, entry->host.family == MR_FAMILY_IPV4 ? 4 : 0),
    };

    mr_buf_init(&buf, array, sizeof array, sizeof array);
    if (entry->host.family == MR_FAMILY_IPV6 || note.len > MR_MAPPER_ANNOTATION_MAX ||
        mr_tower_encode(&tower, &buf) != 0)
        return fail(err, MR_ERR_ARGUMENT, "this endpoint cannot be registered");
    const mr_mapper_db_tower one = {entry->object, mr_buf_slice(&buf), note};
    return mr_mapper_db_insert(db, NULL, &one, 1, false, err);
}

size_t mr_mapper_db_remove(mr_mapper_db *db, const mr_mapper_owner *who, bool any,
                           const mr_uuid *object, mr_slice tower) {
    size_t count = db->count;

    for (size_t i = 0; i < count; i++) {
        const mr_mapper_db_row *row = db->rows[i];
        if ((any ? row->owner != NULL : is_own(row, who)) && mr_slice_eq(row->tower, tower) &&
            (!object || mr_uuid_eq(&row->object, object)))
            drop_row(db, i);
    }
    compact(db);
    if (db->count != count)
        make_stale(db);
    return count - db->count;
}

void mr_mapper_db_remove_owner(mr_mapper_db *db, const mr_mapper_owner *owner) {
    size_t count = db->count;

    for (size_t i = 0; i < count; i++)
        if (db->rows[i]->owner == owner)
            drop_row(db, i);
    compact(db);
    if (db->count != count)
        make_stale(db);
}

/* ---- the snapshot ---- */

static int serial_order(const mr_mapper_db_row *a, const mr_mapper_db_row *b) {
    return (a->serial > b->serial) - (a->serial < b->serial);
}

static int iface_order(const void *a, const void *b) {
    const mr_mapper_db_row *x = *(mr_mapper_db_row *const *)a, *y = *(mr_mapper_db_row *const *)b;
    int order = memcmp(&x->interface.uuid, &y->interface.uuid, sizeof(mr_uuid));
    return order ? order : serial_order(x, y);
}

static int object_order(const void *a, const void *b) {
    const mr_mapper_db_row *x = *(mr_mapper_db_row *const *)a, *y = *(mr_mapper_db_row *const *)b;
    int order = memcmp(&x->object, &y->object, sizeof(mr_uuid));
    return order ? order : serial_order(x, y);
}

int mr_mapper_db_publish(mr_mapper_db *db) {
    struct mr_mapper_snapshot *snapshot;
    size_t size = db->count * sizeof *db->rows;

    if (db->snapshot)
        return 0;
    snapshot = malloc(sizeof *snapshot + 3 * size);
    if (!snapshot)
        return MR_ERR_MEMORY;
    snapshot->count = db->count;
    snapshot->by_iface = snapshot->rows + db->count;
    snapshot->by_object = snapshot->rows + 2 * db->count;
    if (db->count) {
        memcpy(snapshot->rows, db->rows, size);
        memcpy(snapshot->by_iface, db->rows, size);
        memcpy(snapshot->by_object, db->rows, size);
        qsort(snapshot->by_iface, db->count, sizeof *db->rows, iface_order);
        qsort(snapshot->by_object, db->count, sizeof *db->rows, object_order);
    }
    db->snapshot = snapshot;
    return 0;
}

/* ---- questions ---- */

/* The version options of ept_lookup (C706, rpc_mgmt_ep_elt_inq_begin). */
static bool version_matches(const mr_syntax *have, const mr_syntax *asked,
                            enum mr_vers_option option) {
    switch (option) {
    case MR_VERS_ALL:
        return true;
    case MR_VERS_COMPATIBLE:
        return have->major == asked->major && have->minor >= asked->minor;
    case MR_VERS_EXACT:
        return have->major == asked->major && have->minor == asked->minor;
    case MR_VERS_MAJOR_ONLY:
        return have->major == asked->major;
    case MR_VERS_UPTO:
        return have->major < asked->major ||
               (have->major == asked->major && have->minor <= asked->minor);
    }
    return option == 0;
}

static bool is_by_iface(const mr_mapper_db_query *query) {
    return query->inquiry == MR_INQUIRY_IFACE || query->inquiry == MR_INQUIRY_BOTH;
}

static bool is_by_object(const mr_mapper_db_query *query) {
    return query->inquiry == MR_INQUIRY_OBJECT || query->inquiry == MR_INQUIRY_BOTH;
}

static bool matches(const mr_mapper_db_row *row, const mr_mapper_db_query *query) {
    if (query->protseq != MR_PROTSEQ_UNKNOWN && query->protseq != row->protseq)
        return false;
    if (query->ndr20 && !mr_syntax_eq(&row->transfer, &mr_syntax_ndr20))
        return false;
    if (query->ndr64 && !row->ndr64.len && !mr_syntax_eq(&row->transfer, &mr_syntax_ndr64))
        return false;
    if (is_by_object(query) && !mr_uuid_eq(&row->object, &query->object))
        return false;
    return !is_by_iface(query) || version_matches(&row->interface, &query->interface, query->vers);
}

/* The rows a question can be about: a list in an order, and where it begins to be interesting. */
static size_t first_of(const struct mr_mapper_snapshot *snapshot, const mr_mapper_db_query *query,
                       mr_mapper_db_row *const **listp) {
    size_t low = 0, high = snapshot->count;
    bool iface = is_by_iface(query), object = !iface && is_by_object(query);
    const mr_mapper_db_row probe = {.serial = query->serial, .object = query->object,
                                    .interface = query->interface};
    const mr_mapper_db_row *asked = &probe;

    *listp = iface ? snapshot->by_iface : object ? snapshot->by_object : snapshot->rows;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const mr_mapper_db_row *row = (*listp)[mid];
        int order = iface    ? iface_order(&row, &asked)
                    : object ? object_order(&row, &asked)
                             : serial_order(row, asked);
        if (order > 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

const mr_mapper_db_row *mr_mapper_db_find(mr_mapper_db *db, mr_mapper_db_query *query) {
    mr_mapper_db_row *const *list;
    bool iface = is_by_iface(query), object = !iface && is_by_object(query);

    if (mr_mapper_db_publish(db) != 0)
        return NULL;
    for (size_t i = first_of(db->snapshot, query, &list); i < db->snapshot->count; i++) {
        const mr_mapper_db_row *row = list[i];
        if ((iface && !mr_uuid_eq(&row->interface.uuid, &query->interface.uuid)) ||
            (object && !mr_uuid_eq(&row->object, &query->object)))
            break;
        if (matches(row, query)) {
            query->serial = row->serial;
            return row;
        }
    }
    query->serial = db->serial;
    return NULL;
}

/*
 * The registry of the endpoint mapper (C706 appendix O, MS-RPCE 3.1.1.5). Rows stand in the order
 * of their serial numbers; a question remembers the last number it was given, so that a page
 * boundary moves nothing and a row that came in between is neither lost nor told twice. Entries
 * are matched before they are counted.
 */
#include <msrpc/serve.h>

#include <stdlib.h>

#define TEXT_CAP ((size_t)16 << 20)

struct mr_mapper_db_row {
    uint64_t serial;
    mr_mapper_db_entry entry;
};

int mr_mapper_db_init(mr_mapper_db *db) {
    *db = (mr_mapper_db){0};
    mr_arena_init(&db->arena, TEXT_CAP);
    return mr_entropy_get(&db->object, sizeof db->object);
}

void mr_mapper_db_deinit(mr_mapper_db *db) {
    free(db->rows);
    mr_arena_deinit(&db->arena);
    *db = (mr_mapper_db){0};
}

/* Whether a tower can say it. */
static bool is_sayable(const mr_mapper_db_entry *entry) {
    uint8_t array[512];
    mr_buf buf;
    const mr_tower tower = {
        .interface = entry->interface,
        .transfer = mr_syntax_ndr20,
        .protseq = entry->protseq,
        .port = entry->port,
        .endpoint = mr_slice_str(entry->endpoint),
    };

    mr_buf_init(&buf, array, sizeof array, sizeof array);
    bool sayable = mr_tower_encode(&tower, &buf) == 0;
    mr_buf_deinit(&buf);
    return sayable && entry->host.family != MR_FAMILY_IPV6 &&
           (!entry->annotation || strlen(entry->annotation) <= MR_MAPPER_ANNOTATION_MAX);
}

static bool grow(mr_mapper_db *db) {
    size_t size = db->size ? db->size * 2 : 64;

    if (db->count < db->size)
        return true;
    struct mr_mapper_db_row *rows = realloc(db->rows, size * sizeof *rows);
    if (!rows)
        return false;
    db->rows = rows;
    db->size = size;
    return true;
}

/* A copy of @text in the registry; false without memory. */
static bool keep(mr_mapper_db *db, const char **text) {
    if (*text)
        *text = mr_arena_add_str(&db->arena, mr_slice_str(*text));
    else
        return true;
    return *text != NULL;
}

int mr_mapper_db_add(mr_mapper_db *db, const mr_mapper_db_entry *entry, mr_error *err) {
    mr_mapper_db_entry copy = *entry;

    if (!is_sayable(entry))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "this endpoint cannot be registered");
    if (db->count >= MR_MAPPER_DB_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "%d endpoints are registered, which is the limit", MR_MAPPER_DB_MAX);
    if (!grow(db) || !keep(db, &copy.endpoint) || !keep(db, &copy.annotation))
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    db->rows[db->count++] = (struct mr_mapper_db_row){++db->serial, copy};
    return 0;
}

/* The version options of ept_lookup (C706 appendix O). */
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

static bool matches(const mr_mapper_db_entry *entry, const mr_mapper_db_query *query) {
    bool by_iface = query->inquiry == MR_INQUIRY_IFACE || query->inquiry == MR_INQUIRY_BOTH;
    bool by_object = query->inquiry == MR_INQUIRY_OBJECT || query->inquiry == MR_INQUIRY_BOTH;

    if (query->protseq != MR_PROTSEQ_UNKNOWN && query->protseq != entry->protseq)
        return false;
    if (by_object && !mr_uuid_eq(&entry->object, &query->object))
        return false;
    return !by_iface || (mr_uuid_eq(&entry->interface.uuid, &query->interface.uuid) &&
                         version_matches(&entry->interface, &query->interface, query->vers));
}

/* The first row with a higher serial number. */
static size_t first_after(const mr_mapper_db *db, uint64_t serial) {
    size_t low = 0, high = db->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (db->rows[mid].serial > serial)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

const mr_mapper_db_entry *mr_mapper_db_find(const mr_mapper_db *db, mr_mapper_db_query *query) {
    for (size_t i = first_after(db, query->serial); i < db->count; i++)
        if (matches(&db->rows[i].entry, query)) {
            query->serial = db->rows[i].serial;
            return &db->rows[i].entry;
        }
    query->serial = db->serial;
    return NULL;
}

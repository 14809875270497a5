/*
 * What an SMB connection has open: requests that wait for an answer, shares, and pipes. Small
 * arrays searched from the front; removal moves the rest up, so that the front is the oldest.
 */
#include "smb_state.h"

#include <stdlib.h>

#define NAME_MAX_OCTETS 512

/* Room for one more of @size octets in an array of *@sizep; false when memory is out. */
static bool grow(mr_smb_state *s, void **arrayp, size_t count, size_t *sizep, size_t size) {
    size_t more = *sizep ? *sizep * 2 : 8;

    if (count < *sizep)
        return true;
    void *array = realloc(*arrayp, more * size);
    if (!array) {
        s->error = MR_ERR_MEMORY;
        return false;
    }
    *arrayp = array;
    *sizep = more;
    return true;
}

/* ---- names ---- */

char *mr_smb_name(mr_smb_state *s, mr_slice text, bool unicode) {
    uint8_t room[NAME_MAX_OCTETS];
    mr_buf buf;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    if (unicode) {
        mr_utf16le_decode(text, &buf);
    } else {
        for (size_t i = 0; i < text.len; i++) /* an unknown code page: as Latin-1 */
            mr_utf16le_decode(mr_slice_of((uint8_t[]){text.data[i], 0}, 2), &buf);
    }
    char *name = malloc(buf.len + 1);
    if (!name) {
        s->error = MR_ERR_MEMORY;
        return NULL;
    }
    memcpy(name, room, buf.len);
    name[buf.len] = 0;
    return name;
}

void mr_smb_free_spent(mr_smb_state *s) {
    while (s->spent_count)
        free(s->spent[--s->spent_count]);
}

void mr_smb_spend(mr_smb_state *s, char *name) {
    if (!name)
        return;
    if (s->spent_count == SMB_SPENT)
        free(name);
    else
        s->spent[s->spent_count++] = name;
}

const char *mr_smb_pipe_name(const char *name) {
    if (!name)
        return "";
    while (*name == '\\')
        name++;
    if (strlen(name) > 5 && name[4] == '\\' &&
        mr_slice_eq_nocase(mr_slice_of(name, 4), MR_SLICE_LIT("pipe")))
        name += 5;
    return name;
}

/* ---- requests ---- */

smb_pending *mr_smb_pending_find(mr_smb_state *s, uint64_t id, uint16_t command) {
    for (size_t i = 0; i < s->pending_count; i++)
        if (s->pending[i].id == id && (command == 0xffff || s->pending[i].command == command))
            return &s->pending[i];
    return NULL;
}

void mr_smb_pending_drop(mr_smb_state *s, smb_pending *p) {
    size_t i = (size_t)(p - s->pending);

    mr_smb_spend(s, p->name);
    s->pending_count--;
    memmove(p, p + 1, (s->pending_count - i) * sizeof *p);
}

smb_pending *mr_smb_pending_add(mr_smb_state *s, uint64_t id, uint16_t command) {
    smb_pending *old = mr_smb_pending_find(s, id, command);

    if (old) /* sent again, or its answer was lost */
        mr_smb_pending_drop(s, old);
    else if (s->pending_count == MR_SMB_PENDING_MAX)
        mr_smb_pending_drop(s, s->pending);
    if (!grow(s, (void **)&s->pending, s->pending_count, &s->pending_size, sizeof *s->pending))
        return NULL;
    smb_pending *p = &s->pending[s->pending_count++];
    *p = (smb_pending){.id = id, .command = command};
    return p;
}

/* ---- shares ---- */

const smb_tree *mr_smb_tree_find(const mr_smb_state *s, uint64_t session, uint32_t id) {
    for (size_t i = 0; i < s->tree_count; i++)
        if (s->trees[i].id == id && s->trees[i].session == session)
            return &s->trees[i];
    return NULL;
}

void mr_smb_tree_drop(mr_smb_state *s, uint64_t session, uint32_t id) {
    for (size_t i = 0; i < s->tree_count; i++)
        if (s->trees[i].id == id && s->trees[i].session == session) {
            s->tree_count--;
            memmove(&s->trees[i], &s->trees[i + 1], (s->tree_count - i) * sizeof *s->trees);
            return;
        }
}

void mr_smb_tree_set(mr_smb_state *s, uint64_t session, uint32_t id, bool pipes) {
    mr_smb_tree_drop(s, session, id);
    if (s->tree_count == MR_SMB_TREES_MAX)
        mr_smb_tree_drop(s, s->trees[0].session, s->trees[0].id);
    if (!grow(s, (void **)&s->trees, s->tree_count, &s->tree_size, sizeof *s->trees))
        return;
    s->trees[s->tree_count++] = (smb_tree){.session = session, .id = id, .pipes = pipes};
}

/* ---- pipes ---- */

smb_pipe *mr_smb_pipe_find(mr_smb_state *s, uint32_t key) {
    for (size_t i = 0; key && i < s->pipe_count; i++)
        if (s->pipes[i].key == key)
            return &s->pipes[i];
    return NULL;
}

static smb_pipe *find_fid(mr_smb_state *s, mr_smb2_fid fid) {
    for (size_t i = 0; i < s->pipe_count; i++)
        if (s->pipes[i].fid.persistent == fid.persistent &&
            s->pipes[i].fid.volatil == fid.volatil)
            return &s->pipes[i];
    return NULL;
}

void mr_smb_pipe_drop(mr_smb_state *s, smb_pipe *pipe) {
    size_t i = (size_t)(pipe - s->pipes);

    mr_smb_spend(s, pipe->name);
    s->pipe_count--;
    memmove(pipe, pipe + 1, (s->pipe_count - i) * sizeof *pipe);
}

smb_pipe *mr_smb_pipe_add(mr_smb_state *s, mr_smb2_fid fid, uint32_t key, enum smb_sure sure,
                          char *name) {
    smb_pipe *old = find_fid(s, fid);

    if (old) /* its CLOSE was lost, or came in another way */
        mr_smb_pipe_drop(s, old);
    if (s->pipe_count == MR_SMB_PIPES_MAX ||
        !grow(s, (void **)&s->pipes, s->pipe_count, &s->pipe_size, sizeof *s->pipes)) {
        mr_smb_spend(s, name);
        return NULL;
    }
    smb_pipe *p = &s->pipes[s->pipe_count++];
    *p = (smb_pipe){.fid = fid, .key = key ? key : ++s->last_key, .sure = sure, .name = name};
    return p;
}

uint32_t mr_smb_pipe_key(mr_smb_state *s, mr_smb2_fid fid, uint64_t session, uint32_t tree) {
    smb_pipe *pipe = find_fid(s, fid);

    if (!pipe) {
        const smb_tree *t = mr_smb_tree_find(s, session, tree);
        if (t && !t->pipes)
            return 0;
        pipe = mr_smb_pipe_add(s, fid, 0, SMB_UNSURE, NULL);
    }
    return pipe && pipe->sure != SMB_FILE ? pipe->key : 0;
}

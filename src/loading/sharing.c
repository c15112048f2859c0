// SPDX-License-Identifier: Apache-2.0
#include "loading/sharing.h"

#include <pthread.h>
#include <stdlib.h>

#include "loading/internal.h"

enum { ROW_BYTES_MAX = 1 << 20 };

struct entry { /* a version that is loaded */
    struct entry *next;
    struct arena arena;
    struct version version; /* model, number and digest */
    struct servable *servable;
    size_t users;
};

struct user { /* what is given out */
    struct servable base;
    struct sharing *sharing;
    struct entry *entry;
};

struct sharing {
    pthread_mutex_t lock;
    struct entry *first;
    sharing_changed *changed;
    void *context;
};

struct sharing *sharing_new(sharing_changed *changed, void *context)
{
    struct sharing *sharing = calloc(1, sizeof *sharing);

    if (!sharing)
        return NULL;
    pthread_mutex_init(&sharing->lock, NULL);
    sharing->changed = changed;
    sharing->context = context;
    return sharing;
}

void sharing_free(struct sharing *sharing)
{
    if (!sharing)
        return;
    pthread_mutex_destroy(&sharing->lock);
    free(sharing);
}

size_t sharing_count(struct sharing *sharing)
{
    size_t count = 0;

    pthread_mutex_lock(&sharing->lock);
    for (const struct entry *entry = sharing->first; entry; entry = entry->next)
        count++;
    pthread_mutex_unlock(&sharing->lock);
    return count;
}

/* --- what is loaded --- */

/* The lock is held. The digest is of all that a servable is made of. */
static struct entry *entry_find(const struct sharing *sharing, const char *digest)
{
    struct entry *entry = sharing->first;

    while (entry && strcmp(entry->version.digest, digest))
        entry = entry->next;
    return entry;
}

static void say(const struct sharing *sharing, const struct entry *entry,
                struct servable_account account)
{
    if (sharing->changed)
        sharing->changed(sharing->context, &entry->version, &account);
}

static void entry_free(struct entry *entry)
{
    servable_free(entry->servable);
    arena_release(&entry->arena);
    free(entry);
}

static struct entry *entry_new(const struct version *version)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    arena_init(&entry->arena, ROW_BYTES_MAX);
    entry->version.number = version->number;
    entry->version.model = arena_text(&entry->arena, bytes_of(version->model));
    entry->version.digest = arena_text(&entry->arena, bytes_of(version->digest));
    if (entry->version.model && entry->version.digest)
        return entry;
    entry_free(entry);
    return NULL;
}

/* One user less; the last one unloads it, when nobody else can find it any more. */
static void entry_leave(struct sharing *sharing, struct entry *entry)
{
    struct entry **link = &sharing->first;
    bool last;

    pthread_mutex_lock(&sharing->lock);
    last = --entry->users == 0;
    if (last) {
        while (*link != entry)
            link = &(*link)->next;
        *link = entry->next;
        say(sharing, entry, (struct servable_account){0});
    }
    pthread_mutex_unlock(&sharing->lock);
    if (last)
        entry_free(entry);
}

/* --- its users --- */

static void user_free(struct servable *servable)
{
    struct user *user = (struct user *)servable;

    entry_leave(user->sharing, user->entry);
    free(user);
}

static struct session *user_session_new(struct servable *servable)
{
    return servable_session(((struct user *)servable)->entry->servable);
}

static struct servable_account user_account(const struct servable *servable)
{
    return servable_account(((const struct user *)servable)->entry->servable);
}

/* Its sessions are of the class of what is loaded, so the rest is never called. */
static const struct servable_class USER = {
    .name = "shared",
    .free = user_free,
    .session_new = user_session_new,
    .account = user_account,
};

/* --- loading --- */

/* Loads without the lock: who loads the same at the same time finds out when he is done. */
static enum status entry_load(struct sharing *sharing, struct registry *registry,
                              const struct version *version, const struct load_options *options,
                              struct entry **entry, struct error *err)
{
    struct entry *made = entry_new(version);

    if (!made)
        return error_no_memory(err, "a model");
    if (load_alone(registry, version, options, &made->servable, err)) {
        made->servable = NULL;
        entry_free(made);
        return err->status;
    }
    pthread_mutex_lock(&sharing->lock);
    *entry = entry_find(sharing, version->digest);
    if (!*entry) {
        *entry = made;
        made->next = sharing->first;
        sharing->first = made;
        say(sharing, made, servable_account(made->servable));
        made = NULL;
    }
    (*entry)->users++;
    pthread_mutex_unlock(&sharing->lock);
    if (made)
        entry_free(made);
    return STATUS_OK;
}

enum status sharing_load(struct sharing *sharing, struct registry *registry,
                         const struct version *version, const struct load_options *options,
                         struct servable **servable, struct error *err)
{
    struct user *user = calloc(1, sizeof *user);
    struct entry *entry;

    if (!user)
        return error_no_memory(err, "a model");
    pthread_mutex_lock(&sharing->lock);
    entry = entry_find(sharing, version->digest);
    if (entry)
        entry->users++;
    pthread_mutex_unlock(&sharing->lock);
    if (!entry && entry_load(sharing, registry, version, options, &entry, err)) {
        free(user);
        return err->status;
    }
    *user = (struct user){.base = {.class = &USER,
                                   .contract = entry->servable->contract,
                                   .waits = entry->servable->waits},
                          .sharing = sharing,
                          .entry = entry};
    *servable = &user->base;
    return STATUS_OK;
}

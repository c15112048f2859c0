// SPDX-License-Identifier: Apache-2.0
/* The feeds of an I/O thread: asked by a timer, and when a model changed. */
#include "server/internal.h"

static void link_in(struct feeding **list, struct feeding *feeding)
{
    feeding->next = *list;
    feeding->link = list;
    if (feeding->next)
        feeding->next->link = &feeding->next;
    *list = feeding;
}

static void unlink(struct feeding *feeding)
{
    *feeding->link = feeding->next;
    if (feeding->next)
        feeding->next->link = feeding->link;
}

/* Waking one may end others: each goes back to the thread's list before it is woken. */
static void wake_all(struct io *io)
{
    struct feeding *list = io->feeds;

    io->feeds = NULL;
    if (list)
        list->link = &list;
    while (list) {
        struct feeding *feeding = list;

        unlink(feeding);
        link_in(&io->feeds, feeding);
        feeding->wake(feeding);
    }
}

static void poll_feeds(struct timer *timer)
{
    struct io *io = (struct io *)((char *)timer - offsetof(struct io, feed_timer));

    wake_all(io);
    if (io->feeds)
        loop_timer_set(&io->loop, timer,
                       io->loop.now_ms + (uint64_t)io->server->settings.feed_poll_ms);
}

static void changed(struct task *task)
{
    struct io *io = (struct io *)((char *)task - offsetof(struct io, feed_task));

    atomic_store(&io->feeds_woken, false);
    wake_all(io);
}

void feeds_init(struct io *io)
{
    io->feed_timer.fire = poll_feeds;
    io->feed_task.run = changed;
}

void feeds_wake(struct server *server)
{
    for (unsigned i = 0; i < server->io_count; i++) {
        struct io *io = &server->ios[i];

        if (atomic_load_explicit(&io->feed_count, memory_order_relaxed) &&
            !atomic_exchange(&io->feeds_woken, true))
            loop_post(&io->loop, &io->feed_task);
    }
}

void feeding_start(struct io *io, struct feeding *feeding, struct feed *feed,
                   void (*wake)(struct feeding *feeding))
{
    *feeding = (struct feeding){.feed = feed, .wake = wake};
    if (!io->feeds)
        loop_timer_set(&io->loop, &io->feed_timer,
                       io->loop.now_ms + (uint64_t)io->server->settings.feed_poll_ms);
    link_in(&io->feeds, feeding);
    atomic_fetch_add_explicit(&io->feed_count, 1, memory_order_relaxed);
    series_change(io->server->feeds, 1);
    series_add(io->server->feeds_total, 1);
}

void feeding_stop(struct io *io, struct feeding *feeding)
{
    if (!feeding->feed)
        return;
    feeding->feed->class->free(feeding->feed);
    feeding->feed = NULL;
    unlink(feeding);
    atomic_fetch_sub_explicit(&io->feed_count, 1, memory_order_relaxed);
    series_change(io->server->feeds, -1);
}

enum feed_state feeding_next(struct io *io, struct feeding *feeding, struct text *piece)
{
    enum feed_state state;

    if (piece->capacity > READ_BYTES)
        text_release(piece);
    text_clear(piece);
    piece->limit = (size_t)io->server->settings.answer_bytes_max;
    if (io->draining)
        return FEED_END;
    state = feeding->feed->class->next(feeding->feed, &io->executor, piece);
    executor_reset(&io->executor);
    return state;
}

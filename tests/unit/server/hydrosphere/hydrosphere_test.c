// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/hydrosphere.h"

#include "base/text.h"
#include "server/grpc/messages.h"
#include "server/models/models.h"
#include "test.h"

TEST(names_of_servables)
{
    char one[SERVABLE_NAME_SIZE], again[SERVABLE_NAME_SIZE], other[SERVABLE_NAME_SIZE];

    servable_name("my_model", 12, 0, one);
    CHECK(strncmp(one, "my-model-12-", 12) == 0);
    CHECK_TEXT(servable_name("my_model", 12, 0, again), one);
    servable_name("my_model", 13, 0, other);
    CHECK(strcmp(one, other) != 0);
    CHECK(strlen(one) < SERVABLE_NAME_SIZE - 1);
}

TEST(messages_one_at_a_time)
{
    struct messages *messages = messages_new();
    struct text out = {0};
    struct feed *feed;
    struct error err;

    text_append(messages_begin(messages), "first");
    CHECK_OK(messages_end(messages, &err), err);
    messages_begin(messages); /* an empty message is one */
    CHECK_OK(messages_end(messages, &err), err);
    text_append(messages_begin(messages), "third");
    CHECK_OK(messages_end(messages, &err), err);
    feed = messages_feed(messages);
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_MORE);
    CHECK(bytes_is(text_bytes(&out), "first"));
    text_clear(&out);
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_MORE);
    CHECK_INT(out.size, 0);
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_MORE);
    CHECK(bytes_is(text_bytes(&out), "third"));
    CHECK_INT(feed->class->next(feed, NULL, &out), FEED_END);
    feed->class->free(feed);
    text_release(&out);
}

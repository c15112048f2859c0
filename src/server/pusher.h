// SPDX-License-Identifier: Apache-2.0
/* Pusher: a thread that keeps a registry as complete as the store. Whatever version is not there
 * yet is pushed, whoever stored it and when; what fails for a time is tried again. */
#pragma once

#include "images/hosts.h"
#include "registry/registry.h"

struct pusher;

/* `hosts->registry` is given; both are borrowed. */
enum status pusher_new(struct registry *registry, const struct image_hosts *hosts,
                       struct pusher **pusher, struct error *err) must_check;
void pusher_free(struct pusher *pusher); /* ends a push that is under way; NULL is fine */

// SPDX-License-Identifier: Apache-2.0
/* Server: listener, I/O threads, pools, models. Started by `firn serve` and by tests. */
#pragma once

#include "images/hosts.h"
#include "server/models/models.h"
#include "server/route.h"
#include "server/settings.h"

struct server;
struct zeromind_pool;

struct server_options {
    const char *http;                      /* "HOST:PORT"; port 0 picks one; NULL: not plain */
    const char *https;                     /* the same with TLS; NULL: none */
    const char *certificate, *key;         /* of https: PEM files */
    const struct settings *settings;       /* copied */
    struct model_source source;            /* borrowed while the server lives */
    struct registry *registry;             /* borrowed; NULL: the management routes answer 503 */
    const struct worker_policy *workers;   /* what uploads may install; borrowed; NULL: nothing */
    const struct image_hosts *hosts;       /* of registries; borrowed; NULL: none */
    const struct zeromind_pool *zeromind;  /* of 0Mind's configuration; borrowed; NULL: none */
    const char *store;                     /* folder of the registry, for jobs; NULL: none */
    const char *temporary;                 /* folder for uploads that are being received */
    const struct route_set *const *routes; /* NULL: routes_all() */
};

enum status server_new(const struct server_options *options, struct server **server,
                       struct error *err) must_check;
int server_port(const struct server *server);
int server_secure_port(const struct server *server);

/* Read certificate and key again, for connections to come. From any thread; when it fails the old
 * ones stay. */
enum status server_reload_certificate(struct server *server, struct error *err) must_check;
struct models *server_models(struct server *server);

/* Accept no more, finish what was begun, close. From any thread, also twice. */
void server_drain(struct server *server);
bool server_draining(const struct server *server);

/* Returns when the I/O threads have ended after server_drain. */
void server_wait(struct server *server);
void server_free(struct server *server); /* drains and waits first */

// SPDX-License-Identifier: Apache-2.0
/* What the user says of registries: credentials, certificates, and where uploads are pushed.
 *
 *     # registries.yaml
 *     registry: registry.example.com/models   # push every upload here; "local" (default): nowhere
 *     hosts:
 *       registry.example.com:
 *         username: ci
 *         password: ...            # or password-file: PATH, or token: a bearer token as it is
 *         ca: /etc/ssl/own.pem     # trust these authorities, instead of the system's
 *         plain-http: true         # no TLS; loopback addresses have none anyway
 *         token-host: auth.example.com   # may have the password, too
 *     stall-seconds: 30            # a transfer below 1 kB a second for so long is given up
 *     attempts: 4
 *
 * Hosts that are not there are looked up in docker's config.json and podman's auth.json. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct image_host {
    const char *host;                /* "registry.example.com:5000" */
    const char *username, *password; /* NULL: anonymous */
    const char *token;               /* a bearer token, or NULL */
    const char *ca;                  /* a file; NULL: the system's */
    const char *token_host;          /* or NULL */
    const char *helper; /* docker's program for its credentials, which is not run; or NULL */
    bool plain_http;
};

struct image_hosts {
    struct image_host *items; /* (count,): the first of a host counts */
    size_t count, capacity;
    const char *registry; /* "registry.example.com/models"; NULL: local */
    int64_t stall_seconds, attempts;
    const _Atomic bool *cancelled; /* becomes true: end what is under way; NULL: never */
};

/* `path` NULL: FIRN_REGISTRIES, or registries.yaml in firn's folder of the user's configuration
 * when there is one; then docker's and podman's files, which may be missing. `registry`, when
 * given, says where uploads go instead of the file. */
enum status image_hosts_read(const char *path, const char *registry, struct image_hosts *hosts,
                             struct arena *keep, struct error *err) must_check;
const struct image_host *image_hosts_find(const struct image_hosts *hosts, const char *host);

// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/readable.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/store.h"
#include "server/models/image_root.h"
#include "server/models/policy.h"
#include "server/models/source.h"
#include "server/pusher.h"
#include "server/server.h"
#include "server/zeromind/pool.h"

enum {
    FIRST_LOAD_MS = 1000, /* how long "ready" waits for models to be loaded */
    MEMORY_MAX = 16 << 20,
};

struct serve {
    const char *store, *image_root, *registry, *registries, *http, *grpc, *zeromind;
    const char *https, *certificate, *key;
    bool workers;
    struct option_list set, readable;
};

static const struct option OPTIONS[] = {
    {"store", OPTION_TEXT, offsetof(struct serve, store), "DIR",
     "folder of the models; made when it is not there"},
    {"image-root", OPTION_TEXT, offsetof(struct serve, image_root), "DIR",
     "serve the one version in this folder of an image, without a store, at 0.0.0.0:8080"},
    {"http", OPTION_TEXT, offsetof(struct serve, http), "HOST:PORT",
     "where to listen (127.0.0.1:8080); port 0 picks one"},
    {"grpc", OPTION_TEXT, offsetof(struct serve, grpc), "HOST:PORT",
     "not needed: gRPC is served where --http listens"},
    {"https", OPTION_TEXT, offsetof(struct serve, https), "HOST:PORT",
     "listen there with TLS (HTTP/1.1, HTTP/2 and gRPC), and nowhere else unless --http is given"},
    {"certificate", OPTION_TEXT, offsetof(struct serve, certificate), "FILE",
     "of --https: PEM, with its chain; read again on SIGHUP"},
    {"key", OPTION_TEXT, offsetof(struct serve, key), "FILE",
     "of the certificate: PEM, without a password (the file of the certificate)"},
    {"workers", OPTION_SWITCH, offsetof(struct serve, workers), "on|off",
     "let processes with the framework, in sandboxes, run what firn does not: code of the models "
     "(off)"},
    {"zeromind-config", OPTION_TEXT, offsetof(struct serve, zeromind), "FILE",
     "load the tasks of a configuration file of 0Mind; without --store into a folder that goes "
     "with the server"},
    {"registry", OPTION_TEXT, offsetof(struct serve, registry), "REF",
     "push every version to this registry: HOST/PREFIX (registries.yaml; \"local\": nowhere)"},
    REGISTRIES_OPTION(struct serve, registries),
    {"readable", OPTION_LIST, offsetof(struct serve, readable), "DIR",
     "let clients name files below this folder, for models with the filter `file` (nowhere)"},
    {"set", OPTION_LIST, offsetof(struct serve, set), "NAME=VALUE",
     "a setting; `firn help settings` lists them"},
    {0},
};

static enum status read_settings(const struct serve *serve, struct settings *settings,
                                 struct error *err)
{
    settings_init(settings);
    TRY(settings_from_environment(settings, err));
    for (size_t i = 0; i < serve->set.count; i++) {
        const char *item = serve->set.items[i], *equal = strchr(item, '=');
        char name[64];

        if (!equal || (size_t)(equal - item) >= sizeof name)
            return error_set(err, STATUS_INVALID_INPUT, "--set wants NAME=VALUE");
        memcpy(name, item, (size_t)(equal - item));
        name[equal - item] = 0;
        TRY(settings_set(settings, name, equal + 1, err));
    }
    return STATUS_OK;
}

static enum status check(const struct serve *serve, struct error *err)
{
    if (serve->zeromind && serve->image_root)
        return error_set(err, STATUS_INVALID_INPUT, "--image-root takes no tasks");
    if (!serve->store == !serve->image_root && !(serve->zeromind && !serve->store))
        return error_set(err, STATUS_INVALID_INPUT,
                         serve->store ? "both --store and --image-root are given"
                                      : "--store DIR is not given");
    if (serve->image_root && (serve->registry || serve->registries))
        return error_set(err, STATUS_INVALID_INPUT, "--image-root knows no registries");
    if (serve->https && !serve->certificate)
        return error_set(err, STATUS_INVALID_INPUT, "--https needs --certificate FILE");
    if (!serve->https && (serve->certificate || serve->key))
        return error_set(err, STATUS_INVALID_INPUT, "%s is of use with --https only",
                         serve->certificate ? "--certificate" : "--key");
    if (serve->grpc)
        return error_set(err, STATUS_UNSUPPORTED,
                         "gRPC is served where --http listens; --grpc is not needed");
    return STATUS_OK;
}

/* "127.0.0.1:0" with the port that was picked. */
static void say_address(const char *scheme, const char *address, int port)
{
    const char *colon = strrchr(address, ':');
    int size = colon > address ? (int)(colon - address) : 0;

    printf(" %s://%.*s:%d", scheme, size ? size : 7, size ? address : "0.0.0.0", port);
}

static void say_ready(const struct server_options *options, const struct server *server,
                      const char *what, const char *folder)
{
    printf("ready");
    if (options->http)
        say_address("http", options->http, server_port(server));
    if (options->https)
        say_address("https", options->https, server_secure_port(server));
    printf(" %s %s\n", what, folder);
    fflush(stdout);
}

/* Until a signal comes that is no SIGHUP. */
static void wait_for_end(struct server *server, const sigset_t *signals)
{
    struct error err;
    int signal;

    while (!sigwait(signals, &signal) && signal == SIGHUP)
        if (server_reload_certificate(server, &err))
            fprintf(stderr, "the old certificate stays: %s\n", err.text);
        else
            fprintf(stderr, "read the certificate again\n");
}

static enum status serve_with(const struct serve *serve, const struct server_options *options,
                              const sigset_t *signals, struct error *err)
{
    struct server *server;

    TRY(server_new(options, &server, err));
    for (int i = 0; i < FIRST_LOAD_MS && !models_settled(server_models(server)); i++)
        usleep(1000);
    say_ready(options, server, serve->store ? "store" : "image",
              serve->store ? serve->store : serve->image_root);
    wait_for_end(server, signals);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second one ends us at once */
    server_drain(server);
    server_wait(server);
    server_free(server);
    return STATUS_OK;
}

static struct native_options native_of(const struct settings *settings)
{
    return (struct native_options){.memory_max = (size_t)settings->run_memory_max,
                                   .model_max = (size_t)settings->model_memory_max};
}

/* What keeps workers in, and what does not: nothing is missing silently. */
static enum status say_sandbox(const struct worker_policy *workers, struct error *err)
{
    struct text layers = {0};

    if (!workers->sandbox) {
        fprintf(stderr, "workers run WITHOUT a sandbox, with all rights of this server\n");
        return STATUS_OK;
    }
    TRY(worker_sandbox_check(err));
    worker_sandbox_describe(&layers);
    fprintf(stderr, "sandbox of workers:\n%s", layers.data ? layers.data : "");
    text_release(&layers);
    if (workers->limits.cpu_percent && !worker_sandbox_bounds_cpu())
        fprintf(stderr, "worker_cpu_percent has no effect: there is no control group with cpu\n");
    return STATUS_OK;
}

static enum status serve_store(const struct serve *serve, const struct settings *settings,
                               const struct zeromind_pool *pool, struct registry *registry,
                               const sigset_t *signals, struct error *err)
{
    char temporary[4096];
    struct registry_source source = {registry, native_of(settings)};
    struct server_options options = {
        .http = serve->http || serve->https ? serve->http
                : pool                      ? pool->address
                                            : "127.0.0.1:8080",
        .https = serve->https,
        .certificate = serve->certificate,
        .key = serve->key,
        .zeromind = pool,
        .settings = settings,
        .source = source_of_registry(&source),
        .registry = registry,
        .store = serve->store,
        .temporary = temporary,
    };
    struct worker_policy workers;
    struct pusher *pusher = NULL;
    struct image_hosts hosts;
    struct arena keep;
    enum status status;

    arena_init(&keep, MEMORY_MAX);
    status = image_hosts_read(serve->registries, serve->registry, &hosts, &keep, err);
    options.hosts = &hosts;
    if (!status && serve->workers) {
        status = worker_policy_of(settings, serve->store, &workers, &keep, err);
        options.workers = source.workers = &workers;
        if (!status)
            status = say_sandbox(&workers, err);
        options.source = source_of_registry(&source);
    }
    snprintf(temporary, sizeof temporary, "%s/tmp", serve->store);
    if (!status)
        status = file_make_folders(temporary, err);
    if (!status && hosts.registry)
        status = pusher_new(registry, &hosts, &pusher, err);
    if (!status && pool)
        zeromind_pool_start(pool, registry, options.workers);
    if (!status)
        status = serve_with(serve, &options, signals, err);
    pusher_free(pusher);
    arena_release(&keep);
    return status;
}

static enum status serve_image(const struct serve *serve, const struct settings *settings,
                               const sigset_t *signals, struct error *err)
{
    const struct native_options native = native_of(settings);
    struct image_root root;
    struct server_options options = {
        .http = serve->http || serve->https ? serve->http : "0.0.0.0:8080",
        .https = serve->https,
        .certificate = serve->certificate,
        .key = serve->key,
        .settings = settings,
        .source = source_of_image_root(&root),
    };
    const char *temporary = getenv("TMPDIR");
    struct worker_policy workers;
    struct arena keep;
    enum status status = image_root_open(serve->image_root, &native, &root, err);

    arena_init(&keep, MEMORY_MAX);
    options.registry = root.registry;
    if (!status && serve->workers && !root.registry)
        status = error_set(err, STATUS_UNSUPPORTED, "--workers on needs a store");
    if (!status && serve->workers) {
        status = worker_policy_of(settings, temporary ? temporary : "/tmp", &workers, &keep, err);
        options.workers = root.workers = &workers;
        options.source = source_of_image_root(&root);
        if (!status)
            status = say_sandbox(&workers, err);
    }
    if (!status)
        status = serve_with(serve, &options, signals, err);
    image_root_close(&root);
    arena_release(&keep);
    return status;
}

static enum status serve_registry(const struct serve *serve, const struct settings *settings,
                                  const struct zeromind_pool *pool, const sigset_t *signals,
                                  struct error *err)
{
    struct registry *registry;
    enum status status;

    TRY(registry_open(serve->store, &registry, err));
    status = serve_store(serve, settings, pool, registry, signals, err);
    registry_close(registry);
    return status;
}

/* Like a signal, which is what the main thread waits for. */
static void stop(void *context)
{
    (void)context;
    kill(getpid(), SIGTERM);
}

/* As 0Mind's pool: its models live as long as the server, when no store is named. */
static enum status serve_pool(struct serve serve, const struct settings *settings,
                              const sigset_t *signals, struct error *err)
{
    const char *parent = getenv("TMPDIR");
    struct zeromind_pool pool = {0};
    struct error ignored;
    char folder[1024] = "";
    enum status status = zeromind_pool_read(serve.zeromind, &pool, err);

    pool.stop = stop;
    if (!status && !serve.store) {
        snprintf(folder, sizeof folder, "%.900s/firn-pool-XXXXXX", parent ? parent : "/tmp");
        if (!mkdtemp(folder)) {
            status = error_set(err, STATUS_UNAVAILABLE, "cannot make the folder %s", folder);
            folder[0] = 0;
        }
        serve.store = folder;
    }
    if (!status)
        status = serve_registry(&serve, settings, &pool, signals, err);
    if (*folder)
        (void)!file_remove_tree(folder, &ignored);
    zeromind_pool_release(&pool);
    return status;
}

static enum status work(const struct serve *serve, struct error *err)
{
    struct settings settings;
    sigset_t signals;

    TRY(check(serve, err));
    TRY(read_settings(serve, &settings, err));
    for (size_t i = 0; i < serve->readable.count; i++)
        TRY(readable_allow(serve->readable.items[i], err));
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (serve->https)
        sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads, which inherit it */
    if (serve->image_root)
        return serve_image(serve, &settings, &signals, err);
    if (serve->zeromind)
        return serve_pool(*serve, &settings, &signals, err);
    return serve_registry(serve, &settings, NULL, &signals, err);
}

static int run(int argc, char **argv)
{
    struct serve serve = {0};
    struct arguments arguments = {0};
    struct error err = {0};
    enum status status = options_parse(OPTIONS, argc, argv, 0, 0, &serve, &arguments, &err);

    if (!status)
        status = work(&serve, &err);
    arguments_release(&arguments);
    return status ? output_error(&err, "serve") : 0;
}

const struct command command_serve = {
    .name = "serve",
    .usage = "serve --store DIR | --image-root DIR [--http HOST:PORT] [--https HOST:PORT "
             "--certificate FILE --key FILE] [--workers on] [--registry REF] "
             "[--zeromind-config FILE] [--set NAME=VALUE]...",
    .summary = "answer requests for the models of a store",
    .help =
        "Prints a line that begins with \"ready\" when it accepts requests. SIGTERM and SIGINT\n"
        "let it finish what it has begun; it exits 0 then. A setting may also come from the\n"
        "environment: FIRN_QUEUE_MAX=100.\n"
        "\n"
        "  firn serve --store store --http 127.0.0.1:8080\n"
        "  curl -s http://127.0.0.1:8080/v2/models\n",
    .group = "server",
    .options = OPTIONS,
    .run = run,
};

// SPDX-License-Identifier: Apache-2.0
/* Workers that behave and workers that do not: tests/workers/firn_worker does what the name of the
 * signature says. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "workers/pool.h"
#include "workers/worker.h"

#include "test.h"
#include "unit/workers/fixture.h"

/* --- what works --- */

TEST(answers)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;
    float y = 0;

    CHECK_TEXT(worker_ready_text(f.servable), "{\"signatures\":[]}");
    CHECK(f.servable->waits);
    check_serves(f.session);
    CHECK_OK(run(f.session, "double", 0, &y, &err), err);
    CHECK_OK(run(f.session, "threads", 1, &y, &err), err);
    CHECK_NEAR(y, 1, 0);
    CHECK_OK(run(f.session, "run_program", 1, &y, &err), err);
    CHECK_NEAR(y, 1, 0);
    fixture_close(&f);
}

TEST(grows_its_arena)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;
    float y = 0;

    for (size_t count = 1000; count < 8000000; count *= 10) {
        CHECK_OK(run(f.session, "echo", count, &y, &err), err);
        CHECK_NEAR(y, (float)(count - 1), 0);
    }
    CHECK_FAILS(run(f.session, "echo", 10 * MIB, NULL, &err), err, STATUS_TOO_LARGE, "exceed");
    CHECK_FAILS(run(f.session, "echo", 17 * MIB, NULL, &err), err, STATUS_TOO_LARGE, "exceed");
    CHECK_FAILS(run(f.session, "grow_too_much", 4, NULL, &err), err, STATUS_TOO_LARGE, "exceed");
    check_serves(f.session);
    fixture_close(&f);
    f = fixture_open(&options);
    CHECK_FAILS(run(f.session, "grow_for_ever", 4, NULL, &err), err, STATUS_INTERNAL, "GROW");
    check_serves(f.session);
    fixture_close(&f);
}

TEST(strings_go_both_ways)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    const struct bytes words[] = {bytes_of("one"), bytes_of(""), {0}, bytes_of("two")};
    struct tensor input = {DTYPE_STRING, SHAPE(4), (void *)(uintptr_t)words, NULL}, output;
    struct error err;
    const struct bytes *got;

    CHECK_OK(session_run(f.session, index_of("text"), &input, &output, &err), err);
    got = output.data;
    CHECK(output.dtype == DTYPE_STRING && output.shape.dims[0] == 4);
    CHECK(bytes_is(got[0], "ONE") && got[1].data && !got[1].size && !got[2].data);
    CHECK(bytes_is(got[3], "TWO"));
    fixture_close(&f);
}

TEST(errors_of_the_model)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;

    CHECK_FAILS(run(f.session, "refuse", 4, NULL, &err), err, STATUS_INVALID_INPUT,
                "model \"test:1\": x must be positive");
    CHECK_FAILS(run(f.session, "raise", 4, NULL, &err), err, STATUS_INTERNAL, "ValueError");
    CHECK_FAILS(run(f.session, "dtype", 4, NULL, &err), err, STATUS_INTERNAL,
                "output \"y\" came as double, but the contract says float");
    CHECK_FAILS(run(f.session, "shape", 4, NULL, &err), err, STATUS_INTERNAL,
                "output \"y\" came with shape [2,2], but the contract says [?]");
    CHECK_FAILS(run(f.session, "length", 4, NULL, &err), err, STATUS_INTERNAL,
                "came with shape [3], but \"n\" is 4");
    CHECK_FAILS(run(f.session, "fewer", 4, NULL, &err), err, STATUS_INTERNAL, "0 outputs came");
    check_serves(f.session);
    fixture_close(&f);
}

/* --- what comes from a stranger --- */

TEST(malformed_frames)
{
    static const char *const cases[][2] = {
        {"garbage", "a packet of 7 bytes is no frame"},
        {"oversize", "a packet of 100000 bytes"},
        {"stale", "an answer to what nobody asked"},
        {"unasked", "a frame that is no answer"},
        {"outside", "lies outside its space"},
        {"before", "lies outside its space"},
        {"overflow", "dimension 1 is 1099511627776"},
        {"negative", "dimension 0 is -4"},
        {"strings", "string 0 ends at"},
        {"bools", "element 2 of a bool tensor is 2"},
    };
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        CHECK_FAILS(run(f.session, cases[i][0], 4, NULL, &err), err, STATUS_INTERNAL, cases[i][1]);
        check_serves(f.session);
    }
    CHECK(log_has("a packet of 7 bytes is no frame"));
    fixture_close(&f);
}

TEST(deaths)
{
    static const char *const cases[][2] = {
        {"exit", "ended with exit status 3; it printed last: going away"},
        {"die", "was killed by signal 11"},
        {"close", "closed its socket"},
        {"empty", "closed its socket"},
    };
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        CHECK_FAILS(run(f.session, cases[i][0], 4, NULL, &err), err, STATUS_UNAVAILABLE,
                    cases[i][1]);
        check_serves(f.session);
    }
    fixture_close(&f);
}

TEST(hangs_are_ended)
{
    struct worker_options options = options_make("test");
    struct fixture f;
    struct error err;

    options.limits.request_ms = 2000;
    f = fixture_open(&options);
    CHECK_FAILS(run(f.session, "hang", 4, NULL, &err), err, STATUS_DEADLINE,
                "did not answer within 2000 ms and was ended");
    check_serves(f.session);
    fixture_close(&f);
}

TEST(deadlines_abandon)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    _Atomic bool cancelled = true;
    struct error err;

    f.session->deadline_ns = worker_now_ns() + 50000000;
    CHECK_FAILS(run(f.session, "slow", 4, NULL, &err), err, STATUS_DEADLINE, "in time");
    f.session->deadline_ns = 0;
    f.session->cancelled = &cancelled;
    CHECK_FAILS(run(f.session, "slow", 4, NULL, &err), err, STATUS_UNAVAILABLE, "given up");
    f.session->cancelled = NULL;
    check_serves(f.session); /* by the same process, once it has finished */
    CHECK(!log_has("killed"));
    fixture_close(&f);
}

TEST(abandoned_ones_make_way)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;

    f.session->deadline_ns = worker_now_ns() + 50000000;
    CHECK_FAILS(run(f.session, "hang", 4, NULL, &err), err, STATUS_DEADLINE, "in time");
    f.session->deadline_ns = 0;
    check_serves(f.session); /* long before request_ms */
    CHECK(log_has("while other requests waited"));
    fixture_close(&f);
}

TEST(prints_are_bounded)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;

    CHECK_OK(run(f.session, "print", 4, NULL, &err), err);
    CHECK_OK(run(f.session, "echo", 4, NULL, &err), err);
    check_serves(f.session);
    pthread_mutex_lock(&log_lock);
    CHECK(log_text.size > 50000 && log_text.size < 200000);
    pthread_mutex_unlock(&log_lock);
    fixture_close(&f);
}

/* --- what a sandbox keeps it from --- */

struct attempt {
    const char *name;
    bool allowed, tested;
};

static void check_attempts(const struct worker_options *options, const struct attempt *attempts,
                           size_t count)
{
    struct fixture f = fixture_open(options);
    struct error err;

    for (size_t i = 0; i < count; i++) {
        float y = -1;

        CHECK_OK(run(f.session, attempts[i].name, 4, &y, &err), err);
        if (attempts[i].tested && (y != 0) != attempts[i].allowed)
            fail_msg("%s: %g", attempts[i].name, (double)y);
    }
    check_serves(f.session);
    fixture_close(&f);
}

TEST(sandbox_holds)
{
    const struct sandbox_ability *ability = sandbox_ability();
    const struct attempt attempts[] = {
        {"socket", false, true},
        {"unix_socket", false, true},
        {"read_model", true, true},
        {"write_model", false, true},
        {"write_temporary", true, true},
        {"read_other", false, ability->has[LAYER_FILES] || ability->has[LAYER_LANDLOCK]},
        {"see_processes", false, ability->has[LAYER_PROCESSES]},
        {"kill_parent", false, true},
        {"fork", true, true},
        {"talk", false, true},
        {"datagrams", false, true},
        {"run_unpacked", false, ability->has[LAYER_FILES]},
    };
    struct worker_options options = options_make("test");
    struct error err;

    if (sandbox_check(ability, &err))
        printf("SKIPPED sandbox: %s\n", err.text);
    else
        check_attempts(&options, attempts, ARRAY_COUNT(attempts));
}

/* A Java machine talks to itself, and to nobody else. */
TEST(sandbox_of_java)
{
    static const struct attempt attempts[] = {
        {"talk", true, true},          {"datagrams", true, true},
        {"talk_outside", false, true}, {"unix_socket", false, true},
        {"socket_ipv6", false, true},  {"socket_icmp", false, true},
        {"socket_mptcp", false, true}, {"socket_netlink", false, true},
        {"read_other", false, true},   {"write_model", false, true},
        {"run_unpacked", true, true},
    };
    struct worker_options options = options_make("test");
    const struct sandbox_ability *ability = sandbox_ability();

    options.java = true;
    if (!ability->has[LAYER_NETWORK] || !ability->has[LAYER_FILES])
        printf("SKIPPED the sandbox of Java: no network or files of its own\n");
    else
        check_attempts(&options, attempts, ARRAY_COUNT(attempts));
}

TEST(layers_are_described)
{
    struct text text = {0};

    worker_sandbox_describe(&text);
    CHECK(strstr(text.data, "system calls "));
    CHECK(strstr(text.data, "network "));
    printf("%s", text.data);
    text_release(&text);
}

/* --- starting --- */

TEST(models_that_do_not_load)
{
    static const char *const cases[][2] = {
        {"unloadable", "could not load the model: ImportError: no module named 'x'"},
        {"exits", "ended with exit status 7; it printed last: cannot go on"},
        {"never", "was not ready within 700 ms"},
        {"babbles", "sent a packet of 6 bytes is no frame"},
    };
    struct servable *servable;
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct worker_options options = options_make(cases[i][0]);

        if (!strcmp(cases[i][0], "never"))
            options.limits.start_ms = 700;
        CHECK(worker_servable(&options, &CONTRACT, &servable, &err) != STATUS_OK);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("\"%s\" is not in \"%s\"", cases[i][1], err.text);
    }
}

TEST(options_that_are_wrong)
{
    struct worker_options options = options_make("test");
    struct servable *servable;
    struct error err;

    options.environment = "/nowhere";
    CHECK_FAILS(worker_servable(&options, &CONTRACT, &servable, &err), err, STATUS_UNAVAILABLE,
                "the environment has no \"/nowhere/bin/python3\"");
    options.environment = NULL;
    options.files = "/nowhere";
    CHECK_FAILS(worker_servable(&options, &CONTRACT, &servable, &err), err, STATUS_UNAVAILABLE,
                "no folder \"/nowhere\"");
}

TEST(dies_again_and_again)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;
    unsigned refused = 0;

    for (int i = 0; i < 12 && !refused; i++) {
        CHECK_INT(run(f.session, "exit", 4, NULL, &err), STATUS_UNAVAILABLE);
        refused += strstr(err.text, "times in a row") != NULL;
    }
    CHECK(refused);
    CHECK(strstr(err.text, "exit status 3"));
    for (int i = 0; i < 100 && run(f.session, "double", 4, NULL, &err); i++)
        usleep(50000);
    check_serves(f.session);
    fixture_close(&f);
}

/* --- many --- */

struct client {
    struct session *session;
    pthread_t thread;
    unsigned good, bad;
};

static void *client_main(void *context)
{
    struct client *client = context;
    struct error err;

    for (int i = 0; i < 100; i++) {
        float y = 0;

        if (run(client->session, "double", 100, &y, &err))
            client->bad++;
        else
            client->good += y == 198;
    }
    return NULL;
}

TEST(many_sessions)
{
    struct worker_options options = options_make("test");
    struct client clients[6] = {0};
    struct fixture f;

    options.limits.processes = 3;
    options.warm_up = true;
    f = fixture_open(&options);
    for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
        clients[i].session = servable_session(f.servable);
        CHECK(!pthread_create(&clients[i].thread, NULL, client_main, &clients[i]));
    }
    for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
        pthread_join(clients[i].thread, NULL);
        session_free(clients[i].session);
        CHECK_INT(clients[i].good, 100);
    }
    fixture_close(&f);
}

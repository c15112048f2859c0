// SPDX-License-Identifier: Apache-2.0
/* TensorFlow Serving's REST API over real sockets, on models that need no files. */
#include "../fixture.h"

#include "test.h"

static struct fixture FIXTURE;

static void check(const char *request, int status, const char *want)
{
    struct reply *reply = ask(&FIXTURE, request);

    if (reply->status != status || !strstr(reply->body, want))
        fail_msg("%d %s, not %d with %s, to %.80s", reply->status, reply->body, status, want,
                 request);
    CHECK(strstr(reply->head, "Content-Type: application/json\r\n"));
}

#define ROWS "{\"instances\":[1.5,-2]}"

TEST(rest_predicts)
{
    fixture_init(&FIXTURE);
    fixture_start(&FIXTURE);
    int fd = client_open(&FIXTURE);

    for (int i = 0; i < 50; i++) { /* on another thread, then on this one */
        client_say(fd, post("/v1/models/twice:predict", "", ROWS));
        struct reply *reply = client_hear(fd);
        CHECK_INT(reply->status, 200);
        CHECK_TEXT(reply->body, "{\"predictions\":[3.0,-4.0]}");
    }
    close(fd);
    check(post("/v1/models/twice/versions/1:predict", "", ROWS), 200,
          "{\"predictions\":[3.0,-4.0]}");
    check(post("/v1/models/twice:PREDICT", "", "{\"inputs\":[2]}"), 200, "{\"outputs\":[4.0]}");
    check(post("/v1/models/tw%69ce:predict", "", "{\"inputs\":{\"x\":[NaN]}}"), 200,
          "{\"outputs\":[NaN]}");
    check(post("/v1/models/twice:predict", "", "{\"signature_name\":\"predict\",\"inputs\":[1]}"),
          200, "{\"outputs\":[2.0]}");
    check(post("/v1/models/twice:predict", "",
               "{\"inputs\":[1],\"signature_name\":\"serving_default\"}"),
          200, "{\"outputs\":[2.0]}");
    check(post("/v1/models/twice:regress", "", "{\"examples\":[{\"x\":1.5},{\"x\":2}]}"), 400,
          "example 1 has");
    check(post("/v1/models/twice:regress", "", "{\"examples\":[{\"x\":1.5},{\"x\":2.0}]}"), 200,
          "{\"results\":[3.0,4.0]}");
    check(post("/v1/models/twice:regress", "", "{\"examples\":[{}],\"context\":{\"x\":3}}"), 200,
          "{\"results\":[6.0]}");
    check(post("/v1/models/twice:classify", "", "{\"examples\":[{\"x\":1.5}]}"), 400,
          "is no classification");
    fixture_stop(&FIXTURE);
}

TEST(rest_refuses)
{
    fixture_init(&FIXTURE);
    fixture_start(&FIXTURE);
    check(post("/v1/models/half:predict", "", ROWS), 404,
          "{\"error\":\"Servable not found for request: Latest(half)");
    check(post("/v1/models/twice/versions/7:predict", "", ROWS), 404,
          "Servable not found for request: Specific(twice, 7)");
    check(post("/v1/models/twice/labels/canary:predict", "", ROWS), 400,
          "Unrecognized servable version label: canary");
    check(post("/v1/models/twice:predict", "", "{\"signature_name\":\"a\",\"inputs\":[1]}"), 400,
          "Serving signature name: \\\"a\\\" not found in signature def");
    check(post("/v1/models/twice:explain", "", ROWS), 400,
          "Malformed request: POST /v1/models/twice:explain");
    check(post("/v1/models/twice", "", ROWS), 400, "Malformed request: POST");
    check(post("/v1/models/:predict", "", ROWS), 400, "Malformed request: POST");
    check(post("/v1/models/twice:predict:predict", "", ROWS), 400, "Malformed request: POST");
    check(post("/v1/models/twice/versions/one:predict", "", ROWS), 400, "Malformed request: POST");
    check(post("/v1/models/twice/versions/@a:predict", "", ROWS), 400, "Malformed request: POST");
    check(post("/v1/models/a/b/c/d:predict", "", ROWS), 400, "Malformed request: POST");
    check(post("/v1/models/twice:predict", "", "{\"instances\":[[1],[2,3]]}"), 400, "ragged");
    check(post("/v1/models/twice:predict", "", "{\"instances\":[\"a\"]}"), 400,
          "is a string, not double");
    check(GET("/v1/models"), 400, "{\"error\":\"Missing model name in request.\"}");
    check(GET("/v1/models/twice/versions"), 400, "Malformed request: GET");
    check(GET("/v1/models/twice:predict"), 400, "Malformed request: GET");
    check(GET("/v1/models/nobody"), 404, "nobody");
    fixture_stop(&FIXTURE);
}

static void wait_state(const char *request, const char *want)
{
    for (int i = 0; i < 200; i++) {
        if (strstr(ask(&FIXTURE, request)->body, want))
            return;
        usleep(10000);
    }
    fail_msg("%s never says %s", request, want);
}

#define OK_STATUS "\"status\":{\"error_code\":\"OK\",\"error_message\":\"\"}"

TEST(rest_tells_states)
{
    fixture_init(&FIXTURE);
    fake_add(&FIXTURE.source, "bad", 1, "broken");
    fake_add(&FIXTURE.source, "twice", 2, "fake");
    fixture_start(&FIXTURE);
    check(GET("/v1/models/slow"), 200,
          "{\"model_version_status\":[{\"version\":\"1\",\"state\":\"AVAILABLE\"," OK_STATUS "}]}");
    check(GET("/v1/models/twice"), 200,
          "{\"model_version_status\":[{\"version\":\"2\",\"state\":\"AVAILABLE\"," OK_STATUS "}]}");
    check(GET("/v1/models/bad"), 200,
          "{\"version\":\"1\",\"state\":\"END\",\"status\":{\"error_code\":\"INVALID_ARGUMENT\","
          "\"error_message\":\"the weights are missing\"}}");
    /* asked for, it is loaded */
    wait_state(GET("/v1/models/twice/versions/1"),
               "{\"model_version_status\":[{\"version\":\"1\",\"state\":\"AVAILABLE\"," OK_STATUS
               "}]}");
    check(GET("/v1/models/twice/versions/3"), 404, "Specific(twice, 3)");
    check(GET("/v1/models/twice/metadata"), 200,
          "{\"model_spec\":{\"name\":\"twice\",\"signature_name\":\"\",\"version\":\"2\"},"
          "\"metadata\":{\"signature_def\":{\"signature_def\":{\"predict\":{\"inputs\":{\"x\":{"
          "\"dtype\":\"DT_DOUBLE\",\"tensor_shape\":{\"dim\":[{\"size\":\"-1\",\"name\":\"\"}],"
          "\"unknown_rank\":false},\"name\":\"x\"}},\"outputs\":{\"y\":");
    check(GET("/v1/models/twice/versions/1/metadata"), 200, "\"version\":\"1\"");
    fixture_stop(&FIXTURE);
}

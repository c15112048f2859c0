// SPDX-License-Identifier: Apache-2.0
/* Credentials: Basic (RFC 7617), and tokens as registries give them (distribution's token
 * specification). A password goes to the registry, and to the host that gives its tokens when that
 * is known to belong to it; anonymous tokens are fetched from anywhere. */
#include "images/remote.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "formats/json/json.h"

enum { TOKEN_BYTES_MAX = 64 << 10, PARAMETER_MAX = 2048 };

struct challenge {
    bool bearer, basic;
    char realm[PARAMETER_MAX], service[PARAMETER_MAX];
};

void remote_encode(struct text *text, const char *value)
{
    for (; *value; value++) {
        if (isalnum((unsigned char)*value) || strchr("-._~", *value))
            text_append_char(text, *value);
        else
            text_printf(text, "%%%02X", (unsigned char)*value);
    }
}

/* name=value or name="value" into its place; returns what follows, NULL when it is none. */
static const char *parameter_read(const char *text, struct challenge *challenge)
{
    const char *name = text;
    size_t name_size = strcspn(text, "=, "), size = 0;
    char value[PARAMETER_MAX];
    bool quoted;

    text += name_size;
    if (name_size == 0 || *text++ != '=')
        return NULL;
    quoted = *text == '"';
    text += quoted;
    for (; *text && (quoted ? *text != '"' : !strchr(", ", *text)); text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        if (size + 1 >= sizeof value)
            return NULL;
        value[size++] = *text;
    }
    value[size] = 0;
    if (quoted && *text++ != '"')
        return NULL;
    if (name_size == 5 && strncasecmp(name, "realm", 5) == 0)
        memcpy(challenge->realm, value, size + 1);
    if (name_size == 7 && strncasecmp(name, "service", 7) == 0)
        memcpy(challenge->service, value, size + 1);
    return text;
}

static bool challenge_parse(const char *text, struct challenge *challenge)
{
    *challenge = (struct challenge){.bearer = strncasecmp(text, "Bearer ", 7) == 0,
                                    .basic = strncasecmp(text, "Basic", 5) == 0};
    if (!challenge->bearer)
        return challenge->basic;
    text += 7;
    for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
        text = parameter_read(text, challenge);
        if (!text)
            return false;
    }
    return challenge->realm[0] != 0;
}

static void basic_write(const struct image_host *host, struct text *text)
{
    struct text plain = {0};
    char *room;

    text_printf(&plain, "%s:%s", host->username, host->password ? host->password : "");
    text_append(text, "Basic ");
    room = plain.failed ? NULL : text_reserve(text, plain.size / 3 * 4 + 8);
    if (room)
        text->size += (size_t)EVP_EncodeBlock((unsigned char *)room,
                                              (const unsigned char *)plain.data, (int)plain.size);
    else
        text->failed = true;
    text_release(&plain);
}

/* May this host have the registry's password? Itself, a parent domain of two names or more, what
 * the user says, and the one that Docker Hub is known for. */
static bool host_is_trusted(const struct remote *remote, const char *origin)
{
    const char *mine = remote->reference.host, *host = strstr(origin, "://") + 3;
    size_t size = strlen(host), length = strlen(mine);

    if (strcmp(origin, remote->origin) == 0)
        return true;
    if (remote->host && remote->host->token_host && strcmp(remote->host->token_host, host) == 0)
        return true;
    if (strcmp(mine, "registry-1.docker.io") == 0)
        return strcmp(host, "auth.docker.io") == 0;
    return strchr(host, '.') && !strchr(host, ':') && !isdigit((unsigned char)host[size - 1]) &&
           length > size && mine[length - size - 1] == '.' &&
           strcmp(mine + length - size, host) == 0;
}

static enum status token_url(const struct remote *remote, const struct challenge *challenge,
                             struct text *url, struct error *err)
{
    text_append(url, challenge->realm);
    text_append_char(url, strchr(challenge->realm, '?') ? '&' : '?');
    if (challenge->service[0]) {
        text_append(url, "service=");
        remote_encode(url, challenge->service);
        text_append_char(url, '&');
    }
    text_append(url, "scope=repository%3A");
    remote_encode(url, remote->reference.name);
    text_append(url, remote->write ? "%3Apull%2Cpush" : "%3Apull");
    return text_check(url, err);
}

static enum status token_read(struct remote *remote, struct error *err)
{
    struct arena scratch;
    struct json value;
    struct bytes token;
    enum status status;

    arena_init(&scratch, 8 << 20);
    status = json_parse(remote->answer->body, 0, &value, &scratch, err);
    if (!status && !json_string(json_get(&value, "token"), &token) &&
        !json_string(json_get(&value, "access_token"), &token))
        status = error_set(err, STATUS_UNAVAILABLE, "the answer holds no token");
    for (size_t i = 0; !status && i < token.size; i++)
        if (token.data[i] <= ' ' || token.data[i] > '~')
            status = error_set(err, STATUS_UNAVAILABLE, "the token has characters that none has");
    if (!status) {
        text_append(&remote->authorization, "Bearer ");
        text_append_bytes(&remote->authorization, token);
        status = text_check(&remote->authorization, err);
    }
    arena_release(&scratch);
    return status;
}

static enum status token_fetch(struct remote *remote, const char *url, const char *basic,
                               struct error *err)
{
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .authorization = basic,
                                   .body_fd = -1,
                                   .answer_max = TOKEN_BYTES_MAX};
    enum status status;
    bool again;

    for (int64_t attempt = 1;; attempt++) {
        status = http_send(remote->http, &request, remote->answer, &again, err);
        if (!(status ? again : remote_passing(remote->answer->status)) ||
            attempt >= remote->hosts->attempts || !remote_wait(remote, attempt))
            break;
    }
    TRY(status);
    if (remote->answer->status != 200)
        return remote_refused(remote, "get a token", err);
    return token_read(remote, err);
}

static enum status bearer(struct remote *remote, const struct challenge *challenge,
                          struct error *err)
{
    const struct image_host *host = remote->host;
    struct text url = {0}, basic = {0};
    char origin[300], quoted[TEXT_QUOTE_SIZE];
    enum status status;

    text_quote(bytes_of(challenge->realm), quoted, sizeof quoted);
    if (!http_origin(challenge->realm, origin))
        return error_set(err, STATUS_UNAVAILABLE,
                         "it says to get tokens at \"%s\", which is no URL", quoted);
    if (strncmp(remote->origin, "https:", 6) == 0 && strncmp(origin, "https:", 6) != 0)
        return error_set(err, STATUS_INVALID_INPUT,
                         "refused: it says to get tokens without TLS at \"%s\"", quoted);
    if (host && host->username && !host_is_trusted(remote, origin)) {
        status = error_set(err, STATUS_INVALID_INPUT,
                           "refused: its tokens are at \"%s\", another host, which would get the "
                           "password",
                           quoted);
        error_fix(err, "when that is right, say token-host: %s of the host in registries.yaml",
                  strstr(origin, "://") + 3);
        return status;
    }
    status = token_url(remote, challenge, &url, err);
    if (!status && host && host->username)
        basic_write(host, &basic);
    if (!status)
        status = basic.size ? text_check(&basic, err) : STATUS_OK;
    if (!status && token_fetch(remote, url.data, basic.size ? basic.data : NULL, err))
        status = error_within(err, "token of \"%s\"", quoted);
    text_release(&url);
    text_release(&basic);
    return status;
}

static enum status no_credentials(const struct remote *remote, struct error *err)
{
    const char *helper = remote->host ? remote->host->helper : NULL;
    enum status status =
        error_set(err, STATUS_INVALID_INPUT, "it wants credentials, and there are none for %s",
                  remote->reference.host);

    if (helper)
        error_fix(err,
                  "docker keeps them in the helper \"%.60s\", which firn does not run: write them "
                  "into registries.yaml",
                  helper);
    else
        error_fix(err, "write username and password into registries.yaml, or log in with docker or "
                       "podman");
    return status;
}

enum status remote_authorize(struct remote *remote, struct error *err)
{
    const struct image_host *host = remote->host;
    struct challenge *challenge = arena_new(&remote->memory, struct challenge, 1);
    char quoted[TEXT_QUOTE_SIZE];

    if (!challenge)
        return error_no_memory(err, "credentials");
    if (remote->authorization.size && !remote->accepted) {
        enum status status = error_set(err, STATUS_INVALID_INPUT, "it refuses the credentials");
        error_fix(err, "check username and password of %s", remote->reference.host);
        return status;
    }
    text_clear(&remote->authorization);
    remote->accepted = false;
    if (!challenge_parse(remote->answer->authenticate, challenge))
        return error_set(err, STATUS_UNAVAILABLE, "it wants credentials, but says \"%s\"",
                         text_quote(bytes_of(remote->answer->authenticate), quoted, sizeof quoted));
    if (host && host->token) {
        text_printf(&remote->authorization, "Bearer %s", host->token);
    } else if (challenge->bearer) {
        TRY(bearer(remote, challenge, err));
    } else if (host && host->username) {
        basic_write(host, &remote->authorization);
    } else {
        return no_credentials(remote, err);
    }
    return text_check(&remote->authorization, err);
}

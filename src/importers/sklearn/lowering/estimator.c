// SPDX-License-Identifier: Apache-2.0
/* Which estimator an object is, and lowering its methods once each. */
#include "importers/sklearn/internal.h"

#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "gen/estimators.h"

enum {
    DEPTH_MAX = 32,     /* of estimators in estimators: a cycle never ends */
    STEPS_MAX = 200000, /* calls: a pickle can name one object many times in a few bytes */
};

const char *method_name(enum method method)
{
    static const char *const NAMES[] = {"predict", "predict_proba", "decision_function",
                                        "transform", "score_samples"};

    return NAMES[method];
}

const struct estimator_class *estimator_find(const struct pickle_object *object)
{
    const char *name = pickle_name(object);

    if (!object || object->kind != PICKLE_OBJECT)
        return NULL;
    for (size_t s = 0; ESTIMATORS[s]; s++)
        for (size_t i = 0; i < ESTIMATORS[s]->count; i++) {
            const struct estimator_class *class = &ESTIMATORS[s]->classes[i];

            if (strcmp(class->name, name) == 0 &&
                pickle_is(object, class->package ? class->package : "sklearn", name))
                return class;
        }
    return NULL;
}

static lower_function *method_of(const struct estimator_class *class, enum method method)
{
    switch (method) {
    case METHOD_PREDICT:
        return class->predict;
    case METHOD_PREDICT_PROBA:
        return class->predict_proba;
    case METHOD_DECISION_FUNCTION:
        return class->decision_function;
    case METHOD_TRANSFORM:
        return class->transform;
    case METHOD_SCORE_SAMPLES:
        return class->score_samples;
    case METHOD_COUNT:
        break;
    }
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* What an estimator of a class that we do not know has, as far as its object tells: it refuses to
 * be lowered, but its contract has signatures. */
static bool stranger_has(const struct pickle_object *object, enum method method)
{
    const struct pickle_object *type =
        pickle_get(pickle_get(object, "_sklearn_tags"), "estimator_type");
    const char *name = pickle_name(object);
    bool classifier, regressor;

    if (!object || object->kind != PICKLE_OBJECT)
        return false;
    if (!type)
        type = pickle_get(object, "_estimator_type");
    classifier = pickle_text_is(type, "classifier") || ends_with(name, "Classifier") ||
                 pickle_get(object, "classes_");
    regressor = pickle_text_is(type, "regressor") || ends_with(name, "Regressor");
    return (method == METHOD_PREDICT && (classifier || regressor)) ||
           (method == METHOD_PREDICT_PROBA && classifier);
}

bool estimator_has(const struct pickle_object *object, enum method method)
{
    static _Thread_local int depth; /* `has` asks the estimators inside: a cycle would not end */
    const struct estimator_class *class = estimator_find(object);
    bool answer;

    if (depth >= DEPTH_MAX)
        return false;
    if (!class)
        return stranger_has(object, method);
    depth++;
    if (method_of(class, method))
        answer = !class->has || class->has(object, method);
    else
        answer = class->inner && estimator_has(pickle_get(object, class->inner), method);
    depth--;
    return answer;
}

enum status lower_unsupported(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    (void)l;
    (void)in;
    (void)out;
    return error_set(err, STATUS_UNSUPPORTED, "%s is not served natively yet", pickle_name(self));
}

int version_parse(struct bytes text)
{
    int parts[3] = {0};
    size_t at = 0;

    for (int p = 0; p < 3; p++) {
        if (at >= text.size || text.data[at] < '0' || text.data[at] > '9')
            break;
        for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
            if (parts[p] < 100)
                parts[p] = parts[p] * 10 + (text.data[at] - '0');
        if (at < text.size && text.data[at] == '.')
            at++;
        else
            break;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

int estimator_version(const struct lowering *l, const struct pickle_object *self)
{
    const struct pickle_object *version = pickle_get(self, "_sklearn_version");
    int number = version && version->kind == PICKLE_TEXT ? version_parse(version->bytes) : 0;

    return number ? number : l->version;
}

struct question { /* key of the memo */
    const void *object, *columns;
    size_t count, method;
};

static const struct table *memo_find(struct lowering *l, const struct question *question)
{
    return map_find(l->memo, (struct bytes){(const uint8_t *)question, sizeof *question});
}

static enum status memo_set(struct lowering *l, const struct question *question,
                            const struct table *answer, struct error *err)
{
    struct question *key = arena_new(l->keep, struct question, 1);
    struct table *value = arena_new(l->keep, struct table, 1);

    if (!key || !value)
        return error_no_memory(err, "the model's steps");
    *key = *question;
    *value = *answer;
    if (!map_set(l->memo, (struct bytes){(const uint8_t *)key, sizeof *key}, value))
        return error_no_memory(err, "the model's steps");
    return STATUS_OK;
}

static enum status lower(struct lowering *l, const struct pickle_object *object, enum method method,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct estimator_class *class = estimator_find(object);
    char quoted[TEXT_QUOTE_SIZE];

    if (!object || object->kind != PICKLE_OBJECT)
        return error_set(err, STATUS_UNSUPPORTED, "is no estimator");
    if (!class)
        return error_set(err, STATUS_UNSUPPORTED,
                         "class %s.%s is not one that firn serves, at byte %zu",
                         text_quote(bytes_of(pickle_module(object)), quoted, sizeof quoted),
                         pickle_name(object), object->offset);
    if (!method_of(class, method) ? !class->inner : class->has && !class->has(object, method))
        return error_set(err, STATUS_UNSUPPORTED, "%s has no %s", class->name, method_name(method));
    if (l->depth >= DEPTH_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "estimators are nested more than %d deep",
                         DEPTH_MAX);
    if (++l->steps > STEPS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "more than %d estimators", STEPS_MAX);
    l->depth++;
    if (method_of(class, method))
        TRY(method_of(class, method)(l, object, in, out, err));
    else
        TRY(estimator_lower(l, class->inner, pickle_get(object, class->inner), method, in, out,
                            err));
    l->depth--;
    return STATUS_OK;
}

enum status estimator_identity(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    (void)l;
    (void)self;
    (void)err;
    *out = *in;
    return STATUS_OK;
}

enum status estimator_lower(struct lowering *l, const char *role,
                            const struct pickle_object *object, enum method method,
                            const struct table *in, struct table *out, struct error *err)
{
    struct question question = {object, in->columns, in->count, (size_t)method};
    const struct table *known = memo_find(l, &question);
    const char *where = l->e.where, *name = pickle_name(object);

    *out = (struct table){0};
    if (known) {
        *out = *known;
        return STATUS_OK;
    }
    if (role) {
        bool below = *where && where != l->root; /* the root's own name says nothing */

        l->e.where =
            arena_printf(l->keep, "%s%s%s (%s)", below ? where : "", below ? ": " : "", role, name);
        if (!l->e.where)
            return error_no_memory(err, "the model's steps");
    } else if (!*where) {
        l->root = l->e.where = name;
    }
    if (lower(l, object, method, in, out, err)) {
        if (role)
            return error_within(err, "%s (%s)", role, name);
        return err->status;
    }
    l->e.where = where;
    return memo_set(l, &question, out, err);
}

enum status lower_item(struct lowering *l, const char *what, size_t index,
                       const struct pickle_object *item, enum method method, const struct table *in,
                       struct table *out, struct error *err)
{
    const char *role = arena_printf(l->keep, "%s %zu", what, index);

    if (!role)
        return error_no_memory(err, "a name");
    return estimator_lower(l, role, item, method, in, out, err);
}

/* Without the first column: of two probabilities the second says it all. */
enum status second_column(struct lowering *l, struct table *table, struct error *err)
{
    size_t second = 1;

    TRY(table_expect(table, 2, err));
    return table_pick(l, table, &second, 1, table, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/post_transform.h"

#include <math.h>

#include "base/text.h"

enum status post_transform_read(const struct op_call *call, enum post_transform *transform,
                                struct error *err)
{
    static const char *const NAMES[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    struct bytes name = attribute_string(call->attributes, "post_transform", "NONE");
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (bytes_is(name, NAMES[i])) {
            *transform = (enum post_transform)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "post_transform '%s' is unknown",
                    text_quote(name, quoted, sizeof quoted));
}

static void softmax(double *scores, size_t count, bool skip_zero)
{
    double largest = -INFINITY, sum = 0;

    for (size_t i = 0; i < count; i++)
        largest = scores[i] > largest ? scores[i] : largest;
    for (size_t i = 0; i < count; i++) {
        scores[i] = skip_zero && scores[i] == 0 ? 0 : exp(scores[i] - largest);
        sum += scores[i];
    }
    for (size_t i = 0; i < count; i++)
        scores[i] = sum == 0 ? scores[i] : scores[i] / sum;
}

static double logistic(double x)
{
    double e = exp(-fabs(x));

    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* The approximation that the standard's runtimes share: Winitzki, "A handy approximation for the
 * error function and its inverse", 2008, with a = 0.147. */
static double probit(double p)
{
    double x = 2 * p - 1, l = log((1 - x) * (1 + x)),
           t = 2 / (3.14159265358979323846 * 0.147) + 0.5 * l;
    double root = sqrt(sqrt(t * t - l / 0.147) - t);

    return 1.41421356237309504880 * (x < 0 ? -root : root);
}

void post_transform_row(enum post_transform transform, double *scores, size_t count)
{
    switch (transform) {
    case POST_SOFTMAX:
    case POST_SOFTMAX_ZERO:
        softmax(scores, count, transform == POST_SOFTMAX_ZERO);
        break;
    case POST_LOGISTIC:
        for (size_t i = 0; i < count; i++)
            scores[i] = logistic(scores[i]);
        break;
    case POST_PROBIT:
        for (size_t i = 0; i < count; i++)
            scores[i] = probit(scores[i]);
        break;
    case POST_NONE:
        break;
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/ml/coupling.h"

#include <math.h>

/* Wu, Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling",
 * 2004, as libsvm's multiclass_probability. */
static void couple(size_t k, const double *r, double *p, double *q, double *qp)
{
    size_t rounds = k > 100 ? k : 100;

    for (size_t t = 0; t < k; t++) {
        p[t] = 1.0 / (double)k;
        q[t * k + t] = 0;
        for (size_t j = 0; j < k; j++) {
            if (j == t)
                continue;
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = -r[j * k + t] * r[t * k + j];
        }
    }
    while (rounds--) {
        double pqp = 0, worst = 0;

        for (size_t t = 0; t < k; t++) {
            qp[t] = 0;
            for (size_t j = 0; j < k; j++)
                qp[t] += q[t * k + j] * p[j];
            pqp += p[t] * qp[t];
        }
        for (size_t t = 0; t < k; t++)
            worst = fmax(worst, fabs(qp[t] - pqp));
        if (worst < 0.005 / (double)k)
            return;
        for (size_t t = 0; t < k; t++) {
            double diff = (pqp - qp[t]) / q[t * k + t];

            p[t] += diff;
            pqp = (pqp + diff * (diff * q[t * k + t] + 2 * qp[t])) / (1 + diff) / (1 + diff);
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1 + diff);
                p[j] /= 1 + diff;
            }
        }
    }
}

size_t coupling_room(size_t classes)
{
    return 2 * classes * classes + classes;
}

void coupling_probabilities(size_t classes, const double *scores, const double *a, const double *b,
                            double *p, double *room)
{
    double *r = room, *q = room + classes * classes, *qp = q + classes * classes;
    size_t pair = 0;

    for (size_t i = 0; i < classes; i++)
        for (size_t j = i + 1; j < classes; j++, pair++) {
            double value = 1 / (1 + exp(scores[pair] * a[pair] + b[pair]));

            value = fmin(fmax(value, 1e-7), 1 - 1e-7);
            r[i * classes + j] = value;
            r[j * classes + i] = 1 - value;
        }
    couple(classes, r, p, q, qp);
}

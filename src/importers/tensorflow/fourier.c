// SPDX-License-Identifier: Apache-2.0
/* Fourier transforms. */
#include "importers/tensorflow/internal.h"

/* "IRFFT2D": inverse, real, of rank 2 */
static enum status fourier(struct tf_call *c, struct error *err)
{
    const char *op = c->node->op, *fft = strstr(op, "FFT");
    bool inverse = strstr(op, "IFFT") || strstr(op, "IRFFT"), real = strstr(op, "RFFT") != NULL;
    int64_t rank = fft && fft[3] >= '1' && fft[3] <= '3' ? fft[3] - '0' : 1;
    value_id y;

    TRY(emit(c->e, "firn", "Fourier", c->in, c->in_count,
             (struct attribute[]){attribute_of_int("rank", rank),
                                  attribute_of_int("inverse", inverse),
                                  attribute_of_int("real", real)},
             3, &y, 1, err));
    return tf_give(c, y);
}

#define ROW(op, n)                                                                                 \
    {                                                                                              \
        .name = op, .lower = fourier, .inputs = n                                                  \
    }
const struct tf_op_set tf_ops_fourier = TF_OP_SET(
    ROW("FFT", 1), ROW("FFT2D", 1), ROW("FFT3D", 1), ROW("IFFT", 1), ROW("IFFT2D", 1),
    ROW("IFFT3D", 1), ROW("BatchFFT", 1), ROW("BatchFFT2D", 1), ROW("BatchFFT3D", 1),
    ROW("BatchIFFT", 1), ROW("BatchIFFT2D", 1), ROW("BatchIFFT3D", 1), ROW("RFFT", 2),
    ROW("RFFT2D", 2), ROW("RFFT3D", 2), ROW("IRFFT", 2), ROW("IRFFT2D", 2), ROW("IRFFT3D", 2), );

// SPDX-License-Identifier: Apache-2.0
/* Windows (Hann, Hamming, Blackman) and MelWeightMatrix. */
#include <math.h>

#include "ops/kernels/call.h"

#define PI 3.14159265358979323846

static enum status output_dtype(const struct op_call *call, enum dtype *dtype, struct error *err)
{
    int64_t code = attribute_int(call->attributes, "output_datatype", 1);

    *dtype = dtype_from_onnx(code);
    if (!(DTYPES_NUMBER & DTYPE_BIT(*dtype)))
        return op_error(call, err, STATUS_UNSUPPORTED, "output_datatype %lld", (long long)code);
    return STATUS_OK;
}

/* A known count, of 0 to 2^30; DIM_UNKNOWN when it is not known. */
static enum status read_count(const struct op_call *call, size_t input, int64_t *count,
                              struct error *err)
{
    *count = DIM_UNKNOWN;
    TRY(op_wants(call, input, DTYPES_INDEX, err));
    if (!op_is_known(call, input))
        return STATUS_OK;
    TRY(op_input_i64(call, input, count, err));
    if (*count < 0 || *count > (1 << 30))
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is %lld", input,
                        (long long)*count);
    return STATUS_OK;
}

static enum status infer_window(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1};
    enum dtype dtype;

    TRY(read_count(call, 0, &out.dims[0], err));
    TRY(output_dtype(call, &dtype, err));
    op_give(call, 0, dtype, &out);
    return STATUS_OK;
}

/* a - b cos(2 pi n / N) + c cos(4 pi n / N) */
static enum status run_window(const struct op_call *call, double a, double b, double c)
{
    struct tensor *y = &call->out[0];
    size_t count = tensor_count(y);
    double n = (double)count - (attribute_int(call->attributes, "periodic", 1) ? 0 : 1);

    for (size_t i = 0; i < count; i++) {
        double angle = 2 * PI * (double)i / n;
        tensor_set_f64(y, i, a - b * cos(angle) + c * cos(2 * angle));
    }
    return STATUS_OK;
}

static enum status run_hann(const struct op_call *call, struct error *err)
{
    (void)err;
    return run_window(call, 0.5, 0.5, 0);
}

static enum status run_hamming(const struct op_call *call, struct error *err)
{
    (void)err;
    return run_window(call, 25.0 / 46, 21.0 / 46, 0);
}

static enum status run_blackman(const struct op_call *call, struct error *err)
{
    (void)err;
    return run_window(call, 0.42, 0.5, 0.08);
}

/* --- MelWeightMatrix: triangles over (dft_length / 2 + 1) frequencies, one per bin --- */

enum { BINS, LENGTH, RATE, LOW, HIGH };

static enum status infer_mel(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}};
    enum dtype dtype;

    TRY(read_count(call, BINS, &out.dims[1], err));
    TRY(read_count(call, LENGTH, &out.dims[0], err));
    TRY(op_wants(call, RATE, DTYPES_INDEX, err));
    TRY(op_wants(call, LOW, DTYPES_FLOAT, err));
    TRY(op_wants(call, HIGH, DTYPES_FLOAT, err));
    TRY(output_dtype(call, &dtype, err));
    if (dim_is_known(out.dims[0]))
        out.dims[0] = out.dims[0] / 2 + 1;
    op_give(call, 0, dtype, &out);
    return STATUS_OK;
}

/* The frequency where triangle corner k lies. */
static int64_t mel_corner(const struct op_call *call, int64_t k, int64_t bins)
{
    double low = 2595 * log10(1 + tensor_f64(&call->in[LOW], 0) / 700);
    double high = 2595 * log10(1 + tensor_f64(&call->in[HIGH], 0) / 700);
    double mel = low + (double)k * (high - low) / (double)(bins + 2);
    double hertz = 700 * (pow(10, mel / 2595) - 1);

    hertz = floor((double)(tensor_i64(&call->in[LENGTH], 0) + 1) * hertz /
                  (double)tensor_i64(&call->in[RATE], 0));
    return hertz >= 0 && hertz < 1e9 ? (int64_t)hertz : -1;
}

static enum status run_mel(const struct op_call *call, struct error *err)
{
    struct tensor *y = &call->out[0];
    int64_t rows = y->shape.dims[0], bins = y->shape.dims[1];

    for (size_t i = RATE; i <= HIGH; i++)
        if (tensor_count(&call->in[i]) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is not one number", i);
    if (tensor_i64(&call->in[RATE], 0) < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "sample_rate is not positive");
    if (tensor_count(y))
        memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < bins; i++) {
        int64_t left = mel_corner(call, i, bins), centre = mel_corner(call, i + 1, bins);
        int64_t right = mel_corner(call, i + 2, bins);

        if (left < 0 || centre < left || right < centre || right > rows)
            return op_error(call, err, STATUS_INVALID_INPUT, "bin %lld is beyond the frequencies",
                            (long long)i);
        if (centre == left && centre < rows)
            tensor_set_f64(y, (size_t)(centre * bins + i), 1);
        for (int64_t j = left; centre > left && j <= centre && j < rows; j++)
            tensor_set_f64(y, (size_t)(j * bins + i), (double)(j - left) / (double)(centre - left));
        for (int64_t j = centre; j < right; j++)
            tensor_set_f64(y, (size_t)(j * bins + i),
                           (double)(right - j) / (double)(right - centre));
    }
    return STATUS_OK;
}

#define ROW(op, ins, text, infer_it, run_it)                                                       \
    {                                                                                              \
        .name = op, .summary = text, .in_min = ins, .in_max = ins, .out_min = 1, .out_max = 1,     \
        .infer = infer_it, .run = run_it                                                           \
    }

const struct op_set ops_onnx_signal = OP_SET(
    ROW("HannWindow", 1, "Hann window", infer_window, run_hann),
    ROW("HammingWindow", 1, "Hamming window", infer_window, run_hamming),
    ROW("BlackmanWindow", 1, "Blackman window", infer_window, run_blackman),
    ROW("MelWeightMatrix", 5, "from frequencies to bins of the mel scale", infer_mel, run_mel));

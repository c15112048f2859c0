"""Products, convolutions, pooling, normalisation, losses of neural networks."""

import numpy as np

from .operators import K, free, normal, one, positive, sweep, whole


def products():
    a, b = normal(2, 3), normal(3, 4)
    yield from sweep("MatMul", a=a * 3, b=b * 3)
    for ta in (False, True):
        for tb in (False, True):
            yield from one("MatMul", a=a.T if ta else a, b=b.T if tb else b, transpose_a=ta, transpose_b=tb)
            for op in ("BatchMatMul", "BatchMatMulV2"):
                x, y = normal(2, 3, 3, 5), normal(2, 3, 5, 2)
                yield from one(op, x=x.swapaxes(2, 3) if ta else x, y=y.swapaxes(2, 3) if tb else y, adj_x=ta, adj_y=tb)
    yield from one("MatMul", "empty", a=normal(2, 0), b=normal(0, 3))
    yield from one("MatMul", "norows", a=normal(0, 2), b=normal(2, 3))
    yield from one("MatMul", "special", a=np.array([[np.inf, 1], [np.nan, 0]], np.float32), b=normal(2, 2))
    for op in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        yield from sweep(op, x=normal(2, 2, 3) * 3, y=normal(2, 3, 2) * 3, **({"Tout": np.float32} if op.endswith("3") else {}))
    yield from one("BatchMatMulV2", "broadcast", x=normal(2, 1, 2, 3), y=normal(4, 3, 2))
    yield from one("BatchMatMulV2", "matrix", x=normal(2, 3), y=normal(4, 3, 2))
    z = (normal(2, 2, 3) + 1j * normal(2, 2, 3)).astype(np.complex64)
    yield from one("BatchMatMulV2", "adjoint", x=z, y=z, adj_y=True)
    yield from one("SparseMatMul", a=a, b=b, a_is_sparse=True)
    yield from one("SparseMatMul", "transposed", a=a.T, b=b.T, transpose_a=True, transpose_b=True)
    for equation, shapes in (
        ("ij,jk->ik", ((2, 3), (3, 4))), ("bij,bjk->bik", ((2, 2, 3), (2, 3, 4))), ("...ij,jk->...ik", ((2, 2, 3), (3, 4))), ("ij->ji", ((2, 3),)), ("ii->i", ((3, 3),)),
        ("ij->", ((2, 3),)), ("i,j->ij", ((2,), (3,))), ("abc,cd->abd", ((2, 3, 4), (4, 2))), ("bhqd,bhkd->bhqk", ((2, 2, 3, 4), (2, 2, 5, 4))), ("ij,ij->i", ((2, 3), (2, 3))), ("ii->", ((3, 3),)),
    ):
        yield from one("Einsum", equation, inputs=[normal(*s) for s in shapes], equation=equation)
    yield from sweep("Einsum", inputs=[normal(2, 3), normal(3, 2)], equation="ij,jk->ik")
    for layout, x in (("NHWC", normal(2, 3, 4)), ("NHWC", normal(2, 3)), ("NCHW", normal(2, 4, 3)), ("NCHW", normal(2, 4, 3, 2)), ("NHWC", normal(2, 2, 2, 3, 4))):
        yield from one("BiasAdd", value=x, bias=normal(x.shape[-1] if layout == "NHWC" else x.shape[1]), data_format=layout)
    yield from sweep("BiasAdd", value=normal(2, 3), bias=normal(3))
    yield from sweep("BiasAddV1", value=normal(2, 3), bias=normal(3))
    yield from sweep("Cross", a=normal(2, 3), b=normal(2, 3))


def convolutions():
    x, w = normal(2, 7, 6, 4), normal(3, 2, 4, 5)
    for strides in ([1, 1, 1, 1], [1, 2, 2, 1], [1, 2, 1, 1]):
        for padding in ("SAME", "VALID"):
            for dilations in ([1, 1, 1, 1], [1, 2, 2, 1]):
                yield from one("Conv2D", input=x, filter=K(w), strides=strides, padding=padding, dilations=dilations)
                yield from one("DepthwiseConv2dNative", input=x, filter=K(normal(3, 2, 4, 2)), strides=[1, strides[1], strides[1], 1], padding=padding, dilations=dilations)
            yield from one("Conv3D", input=normal(1, 4, 5, 6, 2), filter=K(normal(2, 3, 2, 2, 3)), strides=[1, *strides[1:3], 1, 1], padding=padding)
    for op, kernel in (("Conv2D", w), ("DepthwiseConv2dNative", normal(3, 2, 4, 2))):
        yield from sweep(op, input=x, filter=K(kernel), strides=[1, 1, 1, 1], padding="SAME")
        yield from one(op, "explicit", input=x, filter=K(kernel), strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0])
        yield from one(op, "NCHW", input=x.transpose(0, 3, 1, 2), filter=K(kernel), strides=[1, 1, 1, 1], padding="SAME", data_format="NCHW")
        yield from one(op, "NCHW2", input=x.transpose(0, 3, 1, 2), filter=K(kernel), strides=[1, 1, 2, 2], padding="VALID", data_format="NCHW")
    yield from one("Conv2D", "groups", input=x, filter=K(normal(3, 3, 2, 6)), strides=[1, 1, 1, 1], padding="SAME")
    yield from one("Conv2D", "empty", input=x[:0], filter=K(w), strides=[1, 1, 1, 1], padding="SAME")
    yield from sweep("Conv3D", input=normal(1, 4, 4, 4, 2), filter=K(normal(2, 2, 2, 2, 3)), strides=[1, 1, 1, 1, 1], padding="SAME")
    yield from one("Conv3D", "dilated", input=normal(1, 6, 6, 6, 2), filter=K(normal(2, 2, 2, 2, 3)), strides=[1] * 5, padding="SAME", dilations=[1, 2, 2, 2, 1])
    for ranks in (1, 2, 3):
        yield from one("Conv", f"{ranks}d", input=normal(2, *[6] * ranks, 3), filter=K(normal(*[2] * ranks, 3, 4)), strides=[1] * (ranks + 2), padding="SAME")
    for strides in ([1, 1, 1, 1], [1, 2, 2, 1]):
        for padding in ("SAME", "VALID"):
            grad = normal(2, *[{"SAME": -(-n // strides[1]), "VALID": -(-(n - k + 1) // strides[1])}[padding] for n, k in ((7, 3), (6, 2))], 5)
            yield from one("Conv2DBackpropInput", input_sizes=K([2, 7, 6, 4]), filter=K(w), out_backprop=grad, strides=strides, padding=padding)
            yield from one("Conv2DBackpropFilter", input=x, filter_sizes=K(list(w.shape)), out_backprop=grad, strides=strides, padding=padding)
            deep = normal(2, *grad.shape[1:3], 8)
            yield from one("DepthwiseConv2dNativeBackpropInput", input_sizes=K([2, 7, 6, 4]), filter=K(normal(3, 2, 4, 2)), out_backprop=deep, strides=strides, padding=padding)
            yield from one("DepthwiseConv2dNativeBackpropFilter", input=x, filter_sizes=K([3, 2, 4, 2]), out_backprop=deep, strides=strides, padding=padding)
    yield from sweep("Conv2DBackpropInput", _only=("T",), input_sizes=K([2, 7, 6, 4]), filter=K(w), out_backprop=normal(2, 7, 6, 5), strides=[1, 1, 1, 1], padding="SAME")
    yield from one("Conv2DBackpropInput", "NCHW", input_sizes=K([2, 4, 7, 6]), filter=K(w), out_backprop=normal(2, 5, 7, 6), strides=[1, 1, 1, 1], padding="SAME", data_format="NCHW")
    yield from one("Conv2DBackpropInput", "dilated", input_sizes=K([2, 7, 6, 4]), filter=K(w), out_backprop=normal(2, 7, 6, 5), strides=[1, 1, 1, 1], padding="SAME", dilations=[1, 2, 2, 1])
    yield from one("Conv2DBackpropInput", "explicit", input_sizes=K([2, 7, 6, 4]), filter=K(w), out_backprop=normal(2, 7, 6, 5), strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 1, 1, 0, 0, 0])
    yield from sweep("Conv3DBackpropInputV2", input_sizes=K([1, 4, 4, 4, 2]), filter=K(normal(2, 2, 2, 2, 3)), out_backprop=normal(1, 4, 4, 4, 3), strides=[1] * 5, padding="SAME")
    yield from one("Conv3DBackpropInputV2", "strided", input_sizes=K([1, 4, 4, 4, 2]), filter=K(normal(2, 2, 2, 2, 3)), out_backprop=normal(1, 2, 2, 2, 3), strides=[1, 2, 2, 2, 1], padding="SAME")
    yield from one("Conv3DBackpropFilterV2", input=normal(1, 4, 4, 4, 2), filter_sizes=K([2, 2, 2, 2, 3]), out_backprop=normal(1, 4, 4, 4, 3), strides=[1] * 5, padding="SAME")
    for padding in ("SAME", "VALID"):
        for strides, rates in (([1, 1, 1, 1], [1, 1, 1, 1]), ([1, 2, 2, 1], [1, 1, 1, 1]), ([1, 1, 1, 1], [1, 2, 2, 1])):
            yield from one("Dilation2D", input=x, filter=K(normal(3, 2, 4)), strides=strides, rates=rates, padding=padding)
    yield from sweep("Dilation2D", input=x, filter=K(normal(3, 2, 4)), strides=[1, 1, 1, 1], rates=[1, 1, 1, 1], padding="SAME")
    yield from one("FusedPadConv2D", input=x, paddings=K([[0, 0], [1, 1], [1, 1], [0, 0]]), filter=K(w), mode="REFLECT", strides=[1, 1, 1, 1], padding="VALID")
    yield from one("FusedResizeAndPadConv2D", input=x, size=K([9, 8]), paddings=K([[0, 0], [1, 1], [1, 1], [0, 0]]), filter=K(w), mode="SYMMETRIC", strides=[1, 1, 1, 1], padding="VALID")


def pooling():
    x = normal(2, 7, 6, 3)
    for padding in ("SAME", "VALID"):
        for ksize, strides in (([1, 2, 2, 1], [1, 2, 2, 1]), ([1, 3, 2, 1], [1, 1, 2, 1]), ([1, 3, 3, 1], [1, 3, 3, 1])):
            yield from one("MaxPool", input=x, ksize=ksize, strides=strides, padding=padding)
            yield from one("AvgPool", value=x, ksize=ksize, strides=strides, padding=padding)
            yield from one("MaxPoolV2", input=x, ksize=K(ksize), strides=K(strides), padding=padding)
            for batch in (False, True):
                yield from one("MaxPoolWithArgmax", input=x, ksize=ksize, strides=strides, padding=padding, include_batch_in_index=batch)
        for ksize, strides in (([1, 2, 2, 2, 1], [1, 2, 2, 2, 1]), ([1, 3, 2, 2, 1], [1, 1, 2, 1, 1])):
            yield from one("MaxPool3D", input=normal(1, 5, 6, 4, 2), ksize=ksize, strides=strides, padding=padding)
            yield from one("AvgPool3D", input=normal(1, 5, 6, 4, 2), ksize=ksize, strides=strides, padding=padding)
    pool = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}
    yield from sweep("MaxPool", input=x * 3, **pool)
    yield from sweep("AvgPool", value=x, **pool)
    yield from sweep("MaxPoolWithArgmax", input=x, **pool)
    yield from one("MaxPool", "depth", input=normal(2, 3, 3, 6), ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding="VALID")
    yield from one("MaxPool", "special", input=np.array([np.inf, 1, -np.inf, 2] * 4, np.float32).reshape(1, 4, 4, 1), **pool)
    yield from one("MaxPool", "explicit", input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 1, 0, 1, 0, 0])
    yield from one("MaxPool", "NCHW", input=normal(2, 3, 6, 6), ksize=[1, 1, 2, 2], strides=[1, 1, 2, 2], padding="VALID", data_format="NCHW")
    yield from one("AvgPool", "NCHW", value=normal(2, 3, 6, 6), ksize=[1, 1, 2, 2], strides=[1, 1, 2, 2], padding="VALID", data_format="NCHW")
    yield from one("MaxPoolWithArgmax", "ties", input=np.ones((1, 4, 4, 2), np.float32), **pool)
    cube = {"ksize": [1, 2, 2, 2, 1], "strides": [1, 2, 2, 2, 1], "padding": "VALID"}
    yield from sweep("MaxPool3D", input=normal(1, 4, 4, 4, 2), **cube)
    yield from sweep("AvgPool3D", input=normal(1, 4, 4, 4, 2), **cube)
    for op in ("FractionalMaxPool", "FractionalAvgPool"):
        for height, width, ratios in ((7, 7, (1.44, 1.73)), (40, 23, (1.5, 2.6)), (12, 9, (2.0, 3.0)), (5, 31, (1.0, 9.5))):
            for more in ({}, {"overlapping": True}, {"pseudo_random": True}, {"pseudo_random": True, "overlapping": True}):
                label = f"{height}.{width}." + ".".join(more)
                yield from one(op, label, value=normal(2, height, width, 3), pooling_ratio=[1.0, *ratios, 1.0], deterministic=True, seed=3, seed2=height, **more)
        infinite = np.full((1, 6, 7, 2), -np.inf, np.float32)
        infinite[0, :2, :, 0] = np.inf
        infinite[0, 3, 2:5, 1] = np.nan
        yield from one(op, "infinite", value=infinite, pooling_ratio=[1.0, 1.5, 1.5, 1.0], deterministic=True, seed=1, seed2=2)
        for dtype in (np.float64, np.int32, np.int64):
            yield from one(op, dtype.__name__, value=(normal(1, 11, 10, 2) * 90).astype(dtype), pooling_ratio=[1.0, 1.4, 1.7, 1.0], deterministic=True, seed=-3, seed2=1 << 40)


def normalisation():
    x, c = normal(2, 3, 4, 5), lambda: K(normal(5))
    for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        yield from sweep(op, x=x, scale=c(), offset=c(), mean=c(), variance=K(positive(5)), is_training=False)
        yield from one(op, "NCHW", x=normal(2, 5, 3, 4), scale=c(), offset=c(), mean=c(), variance=K(positive(5)), is_training=False, data_format="NCHW", epsilon=0.01)
        yield from one(op, "training", x=x, scale=c(), offset=c(), mean=K(np.zeros(0, np.float32)), variance=K(np.zeros(0, np.float32)), is_training=True)
    yield from one("FusedBatchNormV3", "5d", x=normal(2, 2, 3, 4, 5), scale=c(), offset=c(), mean=c(), variance=K(positive(5)), is_training=False, data_format="NDHWC")
    for radius, bias, alpha, beta in ((5, 1, 1, 0.5), (2, 2, 1e-2, 0.75), (1, 0.5, 0.3, 1.0), (0, 1, 1, 0.5)):
        yield from one("LRN", input=normal(1, 2, 2, 7), depth_radius=radius, bias=bias, alpha=alpha, beta=beta)
    yield from sweep("LRN", input=normal(1, 2, 2, 4))
    for op in ("Softmax", "LogSoftmax"):
        yield from sweep(op, logits=normal(2, 3))
        for shape in ((5,), (2, 3, 4), (0, 3), (2, 0), (3, 1)):
            yield from one(op, logits=normal(*shape))
        yield from one(op, "large", logits=np.array([[1000, 0, -1000], [88, 89, 90], [-np.inf, 0, 1], [np.inf, 0, 1], [np.nan, 0, 1]], np.float32))
    labels = positive(3, 4)
    yield from sweep("SoftmaxCrossEntropyWithLogits", features=normal(3, 4), labels=labels / labels.sum(1, keepdims=True))
    yield from one("SoftmaxCrossEntropyWithLogits", "broadcast", features=normal(3, 4), labels=labels[:1])
    yield from sweep("SparseSoftmaxCrossEntropyWithLogits", features=normal(3, 4), labels=np.array([0, 3, 2], np.int32))
    times, batch, classes = 5, 2, 4
    logits = normal(times, batch, classes)
    loss = {"labels_indices": np.array([[0, 0], [0, 1], [1, 0]], np.int64), "labels_values": np.array([1, 2, 0], np.int32), "sequence_length": np.array([5, 4], np.int32)}
    yield from one("CTCLoss", inputs=logits, **loss)
    for merge in (False, True):
        yield from one("CTCGreedyDecoder", inputs=logits, sequence_length=np.array([5, 3], np.int32), merge_repeated=merge)
    yield from one("CTCGreedyDecoder", "blank", inputs=logits, sequence_length=np.array([5, 3], np.int32), blank_index=0)
    for paths in (1, 2):
        yield from one("CTCBeamSearchDecoder", inputs=logits, sequence_length=np.array([5, 3], np.int32), beam_width=4, top_paths=paths, merge_repeated=False)


def recurrent():
    x, h, c, units = normal(2, 3), normal(2, 4), normal(2, 4), 4
    block = {"wci": normal(units), "wcf": normal(units), "wco": normal(units)}
    for peephole in (False, True):
        for clip, forget in ((3.0, 1.0), (0.5, 0.0), (-1.0, 1.0), (0.0, 1.0)):
            yield from one("LSTMBlockCell", f"{peephole}{clip}{forget}", x=x, cs_prev=c, h_prev=h, w=K(normal(7, 16)), b=K(normal(16)), forget_bias=forget, cell_clip=clip, use_peephole=peephole, **{k: K(v) for k, v in block.items()})
        for op, attributes in (("BlockLSTM", {"forget_bias": 0.5}), ("BlockLSTM", {"cell_clip": 0.3}), ("BlockLSTMV2", {}), ("BlockLSTMV2", {"cell_clip": 0.3})):
            yield from one(op, f"{peephole}{attributes}", seq_len_max=K(5, np.int64), x=normal(5, 2, 3), cs_prev=c, h_prev=h, w=K(normal(7, 16)), b=K(normal(16)), use_peephole=peephole, **attributes, **{k: K(v) for k, v in block.items()})
    yield from one("GRUBlockCell", x=x, h_prev=h, w_ru=K(normal(7, 8)), w_c=K(normal(7, 4)), b_ru=K(normal(8)), b_c=K(normal(4)))
    yield from free("GRUBlockCell", x=x, h_prev=h, w_ru=K(normal(7, 8)), w_c=K(normal(7, 4)), b_ru=K(normal(8)), b_c=K(normal(4)))


def gradients():
    y, dy = positive(2, 3) / 2, normal(2, 3)
    for op in ("InvGrad", "ReciprocalGrad", "RsqrtGrad", "SigmoidGrad", "SqrtGrad", "TanhGrad"):
        yield from sweep(op, y=y, dy=dy)
    for op in ("ReluGrad", "Relu6Grad", "LeakyReluGrad", "SoftplusGrad", "SoftsignGrad"):
        yield from sweep(op, gradients=dy, features=normal(2, 3) * 4)
    for op in ("EluGrad", "SeluGrad"):
        yield from sweep(op, gradients=dy, outputs=normal(2, 3))
    yield from sweep("BiasAddGrad", out_backprop=normal(2, 3, 4))
    yield from one("BiasAddGrad", "NCHW", out_backprop=normal(2, 3, 4, 2), data_format="NCHW")
    x = normal(2, 6, 6, 3)
    pool = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}
    best = x.reshape(2, 3, 2, 3, 2, 3).max((2, 4))
    yield from one("MaxPoolGrad", orig_input=x, orig_output=best, grad=normal(2, 3, 3, 3), **pool)
    yield from one("AvgPoolGrad", orig_input_shape=K([2, 6, 6, 3]), grad=normal(2, 3, 3, 3), **pool)
    yield from one("LRNGrad", input_grads=normal(1, 2, 2, 4), input_image=normal(1, 2, 2, 4), output_image=normal(1, 2, 2, 4))
    yield from one("ResizeBilinearGrad", grads=normal(1, 4, 4, 2), original_image=normal(1, 2, 3, 2))
    yield from one("ResizeNearestNeighborGrad", grads=normal(1, 4, 4, 2), size=K([2, 3]))
    c = {"scale": normal(5), "reserve_space_1": normal(5), "reserve_space_2": positive(5)}
    for op in ("FusedBatchNormGrad", "FusedBatchNormGradV2"):
        yield from one(op, "inference", y_backprop=normal(2, 3, 4, 5), x=normal(2, 3, 4, 5), is_training=False, **c)
        yield from one(op, "training", y_backprop=normal(2, 3, 4, 5), x=normal(2, 3, 4, 5), is_training=True, **c)


def cases():
    for family in (products, convolutions, pooling, normalisation, recurrent, gradients):
        yield from family()

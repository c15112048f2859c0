"""Sparse matrices in rows, as variants: made, read, turned, multiplied; batches of them too."""

import numpy as np
import tensorflow as tf

from .operators import GraphCase, normal
from .savedmodel import function_case

raw = tf.raw_ops
DTYPES = (np.float32, np.float64, np.complex64, np.complex128)
I = np.array([[0, 1], [0, 3], [2, 0], [2, 2]], np.int64)
S = np.array([3, 4], np.int64)
J = np.array([[0, 1], [1, 0], [1, 1], [3, 1], [3, 2]], np.int64)
T = np.array([4, 3], np.int64)
I3 = np.array([[0, 0, 1], [0, 2, 3], [2, 0, 0], [2, 1, 2], [2, 1, 3]], np.int64)
S3 = np.array([3, 3, 4], np.int64)
J3 = np.array([[0, 1, 1], [0, 3, 0], [1, 0, 0], [2, 2, 2], [2, 3, 2], [2, 3, 0]], np.int64)
T3 = np.array([3, 4, 3], np.int64)


def numbers(count, dtype):
    return (normal(count) + 1j * normal(count)).astype(dtype) if np.dtype(dtype).kind == "c" else normal(count).astype(dtype)


def matrix(i, v, s):
    return raw.SparseTensorToCSRSparseMatrix(indices=i, values=v, dense_shape=tf.ensure_shape(s, [i.shape[1]]))


def parts(m, dtype):
    return list(raw.CSRSparseMatrixToSparseTensor(sparse_matrix=m, type=dtype))


def case(name, operator, build, dynamic=None, **arguments):
    return GraphCase(f"{operator}.{name}" + (f".{dynamic}" if dynamic else ""), build, arguments, operator=operator, dynamic=dynamic)


def made():
    order = {"sorted": (I, S), "columns": (I[[1, 0, 3, 2]], S), "rows": (I[[2, 0, 3, 1]], S), "twice": (I[[0, 0, 2, 2]], S), "none": (I[:0], S), "batch": (I3, S3), "batch.rows": (I3[[1, 0, 4, 2, 3]], S3), "batch.none": (I3[:0], S3), "no.rows": (I[:0], np.array([0, 4], np.int64))}
    for dtype in DTYPES:
        for name, (i, s) in order.items():
            for dynamic in (None, "batch"):
                given = {"dynamic": dynamic, "i": i, "v": numbers(len(i), dtype), "s": s}
                label = f"{name}.{np.dtype(dtype).name}"
                yield case(label, "CSRSparseMatrixToSparseTensor", lambda i, v, s: parts(matrix(i, v, s), v.dtype), **given)
                yield case(label, "CSRSparseMatrixToDense", lambda i, v, s: raw.CSRSparseMatrixToDense(sparse_input=matrix(i, v, s), type=v.dtype), **given)
                yield case(label, "SparseMatrixNNZ", lambda i, v, s: raw.SparseMatrixNNZ(sparse_matrix=matrix(i, v, s)), **given)
                for conj in (False, True):
                    yield case(f"{label}.{conj}", "SparseMatrixTranspose", lambda i, v, s, conj=conj: parts(raw.SparseMatrixTranspose(input=matrix(i, v, s), conjugate=conj, type=v.dtype), v.dtype), **given)
                for index in range(len(s) > 2 and 3 or 1):
                    yield case(f"{label}.{index}", "CSRSparseMatrixComponents", lambda i, v, s, index=index: list(raw.CSRSparseMatrixComponents(csr_sparse_matrix=matrix(i, v, s), index=index, type=v.dtype)), **given)
        for i, s in ((I, S), (I3, S3), (I[[2, 0]], S)):
            yield case(f"{len(s)}.{len(i)}.{np.dtype(dtype).name}", "DenseToCSRSparseMatrix", lambda x, i: parts(raw.DenseToCSRSparseMatrix(dense_input=x, indices=i), x.dtype), x=numbers(int(np.prod(s)), dtype).reshape(s), i=i)
    specs = [tf.TensorSpec([None, 3], tf.int64), tf.TensorSpec([None], tf.float32), tf.TensorSpec([3], tf.int64)]
    yield function_case("components.called", lambda i, v, s: dict(zip("abc", raw.CSRSparseMatrixComponents(csr_sparse_matrix=matrix(i, v, s), index=2, type=v.dtype))), specs, {"i": I3, "v": normal(5), "s": S3})
    yield case("index", "CSRSparseMatrixComponents", lambda i, v, s, k: list(raw.CSRSparseMatrixComponents(csr_sparse_matrix=matrix(i, v, s), index=k, type=v.dtype)), i=I3, v=normal(5), s=S3, k=np.int32(2))


def turns():
    return [(ta, tb) for ta in ("", "transpose", "adjoint") for tb in ("", "transpose", "adjoint")]


def flags(ta, tb):
    return {f"{t}_{x}": True for t, x in ((ta, "a"), (tb, "b")) if t}


def products():
    for dtype in DTYPES:
        name = np.dtype(dtype).name
        for rank, i, s in ((2, I, S), (3, I3, S3), (2, I[[1, 0, 0, 3]], S), (2, I[:0], S)):
            for ta, tb in turns():
                shape = [*s[:-2], int(s[-2 if ta else -1]), 2]
                b = numbers(int(np.prod(shape)), dtype).reshape(shape)
                b = np.ascontiguousarray(np.swapaxes(b, -1, -2)) if tb else b
                for out in ({}, {"transpose_output": True}, {"conjugate_output": True}) if rank == 2 or not ta else ({},):
                    for dynamic in (None, "batch"):
                        how = {**flags(ta, tb), **out}
                        yield case(f"{rank}.{len(i)}.{i[0, -1] if len(i) else ''}.{name}.{ta}.{tb}.{''.join(out)}", "SparseMatrixMatMul", lambda i, v, s, b, how=how: raw.SparseMatrixMatMul(a=matrix(i, v, s), b=b, **how), dynamic, i=i, v=numbers(len(i), dtype), s=s, b=b)
        for rank, i, s, j, t in ((2, I, S, J, T), (3, I3, S3, J3, T3)):
            for ta, tb in turns():
                def way(i, v, s, j, w, t, ta=ta, tb=tb):
                    a, b = matrix(i, v, s), matrix(j, w, t)
                    a = raw.SparseMatrixTranspose(input=a, type=v.dtype) if ta else a
                    b = raw.SparseMatrixTranspose(input=b, type=v.dtype) if tb else b
                    m = raw.SparseMatrixSparseMatMul(a=a, b=b, type=v.dtype, **flags(ta, tb))
                    return [*parts(m, v.dtype), raw.SparseMatrixNNZ(sparse_matrix=m)]

                for dynamic in (None, "batch"):
                    yield case(f"{rank}.{name}.{ta}.{tb}", "SparseMatrixSparseMatMul", way, dynamic, i=i, v=numbers(len(i), dtype), s=s, j=j, w=numbers(len(j), dtype), t=t)
    zero = {"i": np.array([[0, 0], [0, 1], [1, 2]], np.int64), "v": np.ones(3, np.float32), "s": np.array([3, 3]), "j": np.array([[0, 1], [1, 1], [2, 2]], np.int64), "w": np.array([1, -1, 3], np.float32), "t": np.array([3, 3])}
    yield case("cancelled", "SparseMatrixSparseMatMul", lambda i, v, s, j, w, t: parts(raw.SparseMatrixSparseMatMul(a=matrix(i, v, s), b=matrix(j, w, t), type=v.dtype), v.dtype), **zero)
    yield case("branch", "SparseMatrixMatMul", lambda i, v, s, b, p: tf.cond(p, lambda: raw.SparseMatrixMatMul(a=matrix(i, v, s), b=b), lambda: b), i=np.array([[0, 1], [1, 1]], np.int64), v=normal(2), s=np.array([2, 2]), b=normal(2, 2), p=np.bool_(True))


def cases():
    yield from made()
    yield from products()

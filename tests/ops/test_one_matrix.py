"""Products of stacked matrices with one matrix: batching, derivatives and layouts of the primitive."""

import numpy as np
import pytest

import mlx.core as mx


@pytest.fixture
def operands():
    mx.random.seed(3)
    return mx.random.normal((3, 4, 5)), mx.random.normal((6, 5, 7))


def close(result, expected):
    assert result.shape == expected.shape
    np.testing.assert_allclose(np.array(result), np.array(expected), atol=1e-4)


def test_vmap_over_the_one_matrix(operands):
    a, bs = operands
    close(mx.vmap(lambda b: a @ b)(bs), mx.stack([a @ bs[i] for i in range(6)]))
    moved = bs.transpose(1, 0, 2)
    result = mx.vmap(lambda b: a @ b, in_axes=1, out_axes=2)(moved)
    close(result, mx.stack([a @ bs[i] for i in range(6)], axis=2))


def test_vmap_over_both(operands):
    a, bs = operands
    stacked = mx.random.normal((6, *a.shape))
    close(
        mx.vmap(lambda a, b: a @ b)(stacked, bs), mx.stack([stacked[i] @ bs[i] for i in range(6)])
    )
    close(mx.vmap(lambda a: a @ bs[0])(stacked), mx.stack([stacked[i] @ bs[0] for i in range(6)]))


def test_derivatives(operands):
    a, bs = operands
    b, rows = bs[0], a.reshape(-1, 5)
    grads = mx.grad(lambda a, b: (a @ b).square().sum(), argnums=(0, 1))(a, b)
    close(grads[0], 2 * (a @ b) @ b.T)
    close(grads[1], 2 * rows.T @ (rows @ b))


def test_layouts_give_the_same_bits(operands):
    a, bs = operands
    for view in (a.transpose(1, 0, 2), a[:, ::2], mx.broadcast_to(a[:1], a.shape), a[..., ::-1]):
        assert mx.array_equal(view @ bs[0], mx.contiguous(view) @ bs[0])


def test_constants_transposed_at_once_follow_derivatives(operands):
    w = operands[1][0]
    mx.eval(w)
    x = mx.ones((2, 7))
    close(mx.grad(lambda w: (x @ w.T).sum())(w), mx.full((5, 7), 2.0))
    close(w.T.T, w)

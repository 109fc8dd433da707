"""Random numbers: pinned values, the state of the default sequence, transformations, moments."""

import threading

import numpy as np
import pytest

import mlx.core as mx


def test_pinned_numbers():
    key = mx.random.key(42)
    assert mx.random.split(key, 3).tolist() == [
        [3134548294, 3733159049],
        [3746501087, 894150801],
        [801545058, 2363201431],
    ]
    assert mx.random.randint(-5, 100, (6,), key=key).tolist() == [71, 86, 86, 16, 14, 52]
    mx.random.seed(3)
    assert [round(mx.random.uniform().item(), 6) for _ in range(4)] == [
        0.476526,
        0.843591,
        0.196829,
        0.352862,
    ]


def test_state_is_the_key_of_the_sequence():
    mx.random.seed(3)
    assert mx.random.state[0].tolist() == [0, 3]
    mx.random.uniform()
    assert mx.random.state[0].tolist() == [1024511538, 47757680]
    saved = mx.array(mx.random.state[0])
    first = mx.random.normal((5,))
    mx.random.state[0] = saved
    assert mx.array_equal(first, mx.random.normal((5,)))


def test_threads_have_sequences_of_their_own():
    mx.random.seed(5)
    before = mx.random.state[0].tolist()
    seen = []

    def draw():
        mx.random.seed(3)
        seen.append(mx.random.uniform().item())

    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert round(seen[0], 6) == 0.476526
    assert mx.random.state[0].tolist() == before


def test_compile_captures_the_state():
    step = mx.compile(lambda: mx.random.uniform(), inputs=mx.random.state, outputs=mx.random.state)
    mx.random.seed(3)
    compiled = [step().item() for _ in range(3)]
    mx.random.seed(3)
    assert compiled == [mx.random.uniform().item() for _ in range(3)]


def test_vmap_over_keys_is_a_loop():
    keys = mx.random.split(mx.random.key(1), 6).reshape(2, 3, 2)
    for draw in (
        lambda k: mx.random.uniform(shape=(5,), key=k),
        lambda k: mx.random.normal((2, 3), dtype=mx.float16, key=k),
        lambda k: mx.random.split(k, 3),
    ):
        rows = mx.vmap(mx.vmap(draw))(keys)
        for i in range(2):
            for j in range(3):
                assert mx.array_equal(rows[i, j], draw(keys[i, j]))


def test_gradient_flows_to_the_parameters():
    key = mx.random.key(4)
    loss = lambda loc, scale: mx.random.normal((1000,), loc=loc, scale=scale, key=key).sum()  # noqa: E731
    by_loc, by_scale = mx.grad(loss, argnums=(0, 1))(mx.array(1.0), mx.array(2.0))
    assert by_loc.item() == 1000
    assert by_scale.item() == pytest.approx(
        mx.random.normal((1000,), key=key).sum().item(), rel=1e-4
    )


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
def test_ranges_and_moments(dtype):
    key = mx.random.key(9)
    uniform = np.array(mx.random.uniform(shape=(1 << 18,), dtype=dtype, key=key).astype(mx.float32))
    assert uniform.min() >= 0 and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 5e-3
    normal = np.array(mx.random.normal((1 << 18,), dtype=dtype, key=key).astype(mx.float32))
    assert abs(normal.mean()) < 1e-2 and abs(normal.std() - 1) < 1e-2
    bounded = np.array(
        mx.random.truncated_normal(-0.5, 1.5, (10000,), dtype=dtype, key=key).astype(mx.float32)
    )
    assert bounded.min() >= -0.5 and bounded.max() <= 1.5


def test_categorical_follows_the_probabilities():
    logits = mx.log(mx.array([0.1, 0.2, 0.7]))
    draws = np.array(mx.random.categorical(logits, num_samples=100000, key=mx.random.key(0)))
    assert np.allclose(np.bincount(draws, minlength=3) / 1e5, [0.1, 0.2, 0.7], atol=1e-2)


def test_permutation_is_one():
    order = mx.random.permutation(1000, key=mx.random.key(8))
    assert mx.sort(order).tolist() == list(range(1000))
    x = mx.arange(24).reshape(4, 6)
    columns = mx.random.permutation(x, axis=1, key=mx.random.key(8))
    assert sorted(columns[0].tolist()) == list(range(6))
    assert mx.array_equal(columns[1] - columns[0], mx.full((6,), 6))


@pytest.mark.parametrize(
    "text",
    [
        "random.uniform(shape=(3,), key=mx.array([1, 2]))",
        "random.uniform(shape=(-1,))",
        "random.uniform(shape=(3,), dtype=mx.int32)",
        "random.uniform(mx.zeros((3,)), 1, shape=(2,))",
        "random.normal((3,), dtype=mx.int32)",
        "random.bernoulli(mx.array([0, 1]))",
        "random.randint(0, 3, (2,), dtype=mx.float32)",
        "random.categorical(mx.zeros((3, 4)), shape=(2,), num_samples=3)",
        "random.laplace((2,), dtype=mx.int32)",
    ],
)
def test_bad_arguments(text):
    with pytest.raises(ValueError):
        eval(text, {"mx": mx, "random": mx.random})

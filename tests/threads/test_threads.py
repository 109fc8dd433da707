"""Many threads share arrays, lazy graphs and streams; results are those of one thread."""

import threading

import numpy as np
import pytest

THREADS = 8


def run_threads(work):
    """Runs work(i) in THREADS threads at once and re-raises the first exception."""
    errors, barrier = [], threading.Barrier(THREADS)

    def body(i):
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def test_own_graphs(mx):
    results = [None] * THREADS

    def work(i):
        x = mx.full((33, 17), float(i))
        for _ in range(50):
            x = mx.sin(x) + mx.sum(x, axis=0) * 0.01
        results[i] = np.array(x)

    run_threads(work)
    parallel = list(results)
    for i in range(THREADS):
        work(i)
        np.testing.assert_array_equal(results[i], parallel[i])


def test_shared_lazy_graph(mx):
    """All threads evaluate the same unevaluated array."""
    for _ in range(20):
        x = mx.random.normal((64, 64), key=mx.random.key(1))
        y = mx.exp(x) @ x + mx.softmax(x, axis=-1)
        expected = np.array(mx.exp(x) @ x + mx.softmax(x, axis=-1))
        results = [None] * THREADS

        def work(i, y=y, results=results):
            mx.eval(y)
            results[i] = np.array(y)

        run_threads(work)
        for result in results:
            np.testing.assert_array_equal(result, expected)


def test_shared_subgraph(mx):
    """Threads extend one common unevaluated array, each in its own way."""
    for _ in range(10):
        base = mx.cumsum(mx.ones((500,))) * 0.5
        results = [None] * THREADS

        def work(i, base=base, results=results):
            results[i] = mx.sum(base * i).item()

        run_threads(work)
        assert results == [500 * 501 / 4 * i for i in range(THREADS)]


def test_streams_of_other_threads(mx):
    """A stream made by one thread is used by all."""
    streams = [mx.new_stream(mx.cpu) for _ in range(3)]
    shared = mx.arange(1000.0)

    def work(i):
        x = shared
        for k in range(30):
            x = mx.add(x, 1.0, stream=streams[(i + k) % 3])
        assert x[0].item() == 30.0
        assert x[-1].item() == 1029.0

    run_threads(work)
    mx.synchronize()


def test_default_stream_is_per_thread(mx):
    def work(i):
        with mx.stream(mx.new_stream(mx.cpu)):
            assert mx.sum(mx.ones((100,)) * i).item() == 100 * i

    run_threads(work)


def test_gradients_and_compile(mx):
    f = mx.compile(lambda w, x: mx.sum(mx.tanh(x @ w) ** 2))
    g = mx.grad(lambda w, x: mx.sum(mx.tanh(x @ w) ** 2))
    x = mx.random.normal((16, 8), key=mx.random.key(0))
    weights = [mx.random.normal((8, 4), key=mx.random.key(i)) for i in range(THREADS)]
    mx.eval(x, weights)
    expected = [(f(w, x).item(), np.array(g(w, x))) for w in weights]

    def work(i):
        for _ in range(20):
            assert f(weights[i], x).item() == expected[i][0]
            np.testing.assert_array_equal(np.array(g(weights[i], x)), expected[i][1])

    run_threads(work)


def test_creation_and_destruction(mx):
    """Buffers come and go through the shared allocator."""

    def work(i):
        for k in range(200):
            x = mx.ones((1 + (i * 37 + k * 101) % 5000,)) * i
            assert x[-1].item() == i

    run_threads(work)


def test_errors_stay_in_their_thread(mx):
    def work(i):
        for _ in range(50):
            if i % 2:
                with pytest.raises(ValueError):
                    mx.ones((2, 3)) @ mx.ones((2, 3))
            else:
                assert mx.sum(mx.ones((2, 3))).item() == 6

    run_threads(work)


def test_indexed_updates(mx):
    def work(i):
        x = mx.zeros((100,))
        for k in range(50):
            x[k] = i
            x = x.at[mx.array([k, k])].add(1.0)
        assert mx.sum(x).item() == 50 * (i + 2)

    run_threads(work)


def test_in_place_updates_of_one_array(mx):
    """Updates of one array object may overtake each other, but each is whole and nothing breaks."""
    x = mx.zeros((1000,))

    def work(i):
        nonlocal x
        for k in range(100):
            if i % 4 == 0:
                x += 1
            elif i % 4 == 1:
                x[k : k + 10] = 5.0
            elif i % 4 == 2:
                mx.eval(x)
                assert np.array(x).shape == (1000,)
            else:
                x[mx.array([k])] = x[k + 1]
                assert x.sum().item() >= 0

    run_threads(work)
    values = np.array(x)
    assert values.shape == (1000,) and np.isfinite(values).all() and (values >= 0).all()


def test_the_random_state_is_the_calling_threads(mx):
    """A function compiled with random.state draws from the keys of the thread that calls it."""
    draw = mx.compile(
        lambda: mx.random.uniform(shape=(3,)), inputs=mx.random.state, outputs=mx.random.state
    )
    draw()

    def work(i):
        mx.random.seed(i)
        drawn = [draw().tolist() for _ in range(4)]
        mx.random.seed(i)
        assert drawn == [mx.random.uniform(shape=(3,)).tolist() for _ in range(4)]

    run_threads(work)

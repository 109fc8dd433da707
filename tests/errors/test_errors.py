"""Each bad use raises the right type and says which op was misused."""

import pytest

# (program, exception, words the message must have)
BAD = [
    ("mx.reshape(mx.ones((2, 3)), (4, 2))", ValueError, ["[reshape]"]),
    ("mx.ones((2, 3)) + mx.ones((4,))", ValueError, ["[add]", "broadcast", "(2,3)", "(4,)"]),
    ("mx.array([1, 2]) & mx.array([1, 2, 3])", ValueError, ["[bitwise_and]", "(2,)", "(3,)"]),
    ("mx.where(mx.ones(2), mx.ones(3), 1)", ValueError, ["[where]", "(2,)", "(3,)"]),
    ("mx.broadcast_arrays(mx.ones(2), mx.ones(3))", ValueError, ["[broadcast_arrays]"]),
    (
        "mx.ones((3, 3))[mx.array([1, 2]), mx.array([0, 1, 2])]",
        ValueError,
        ["[gather]", "(2,)", "(3,)"],
    ),
    ("mx.ones((2, 3)) @ mx.ones((2, 3))", ValueError, ["[matmul]"]),
    ("mx.array(1.0) @ mx.array(1.0)", ValueError, ["[matmul]"]),
    ("mx.concatenate([mx.ones((2, 3)), mx.ones((3, 2))], axis=0)", ValueError, ["[concatenate]"]),
    ("mx.concatenate([])", ValueError, ["[concatenate]"]),
    ("mx.stack([mx.ones(2), mx.ones(3)])", ValueError, ["[stack]"]),
    ("mx.split(mx.ones((5,)), 2)", ValueError, ["[split]"]),
    ("mx.sum(mx.ones((2, 3)), axis=2)", IndexError, ["[sum]", "2"]),
    ("mx.max(mx.ones((2, 3)), axis=(0, 0))", ValueError, ["[max]", "(0,0)"]),
    ("mx.argmin(mx.ones((2, 3)), axis=2)", IndexError, ["[argmin]", "2"]),
    ("mx.var(mx.ones((2, 3)), axis=2)", IndexError, ["[var]", "2"]),
    ("mx.median(mx.ones((2, 3)), axis=(1, -1))", ValueError, ["[median]", "(1,-1)"]),
    ("mx.softmax(mx.ones((2, 3)), axis=2)", IndexError, ["[softmax]", "2"]),
    ("mx.cumsum(mx.ones((2, 3)), axis=-3)", IndexError, ["[cumsum]", "-3"]),
    ("mx.diff(mx.ones((2, 3)), axis=2)", IndexError, ["[diff]", "2"]),
    ("mx.random.categorical(mx.ones((2, 3)), axis=2)", IndexError, ["[categorical]", "2"]),
    ("mx.as_strided(mx.arange(4), (5,), (2**62,))", ValueError, ["[as_strided]"]),
    ("mx.as_strided(mx.arange(4), (3, 3), (-(2**62), 2**62))", ValueError, ["[as_strided]"]),
    ("mx.as_strided(mx.arange(4), (-1,), (1,))", ValueError, ["[as_strided]"]),
    (
        "mx.put_along_axis(mx.ones((1, 2)), mx.zeros((4, 2), mx.int32), mx.array(1.0), 1)",
        ValueError,
        ["[put_along_axis]", "(4,2)", "(1,2)"],
    ),
    (
        "mx.take_along_axis(mx.ones((3, 2)), mx.zeros((4, 2), mx.int32), 1)",
        ValueError,
        ["[take_along_axis]"],
    ),
    ("mx.transpose(mx.ones((2, 3)), (0, 0))", ValueError, ["[transpose]"]),
    ("mx.squeeze(mx.ones((2, 3)), 0)", ValueError, ["[squeeze]"]),
    ("mx.expand_dims(mx.ones((2,)), 5)", IndexError, ["[expand_dims]"]),
    ("mx.broadcast_to(mx.ones((2, 3)), (2, 4))", ValueError, ["[broadcast"]),
    ("mx.max(mx.zeros((0,)))", ValueError, ["[max]"]),
    ("mx.argmax(mx.zeros((0, 3)), axis=0)", ValueError, ["[argmax]"]),
    ("mx.arange(0, float('nan'))", ValueError, ["[arange]"]),
    ("mx.zeros((-1,))", ValueError, []),
    ("mx.take(mx.ones((3,)), mx.array([0.5]))", ValueError, ["ind"]),
    ("mx.ones((3, 4))[5]", IndexError, ["out of bounds", "5"]),
    ("mx.ones((3, 4))[-4]", IndexError, ["out of bounds"]),
    ("mx.ones((3, 4))[0, 4]", IndexError, ["out of bounds"]),
    ("mx.ones((3, 4)).at[7].add(1)", IndexError, ["out of bounds"]),
    ("mx.ones((3, 4)).__setitem__(3, 1)", IndexError, ["out of bounds"]),
    ("mx.ones((3, 4))[::0]", ValueError, []),
    ("mx.ones((3, 4))[0, 0, 0]", ValueError, []),
    ("mx.ones((3, 4)).at[0].add(mx.ones((7,)))", ValueError, ["broadcast"]),
    ("mx.einsum('ij,jk->iz', mx.ones((2, 2)), mx.ones((2, 2)))", ValueError, ["[einsum]"]),
    ("mx.quantize(mx.ones((4, 100)))", ValueError, ["[quantize]"]),
    ("mx.quantize(mx.ones((4, 128)), bits=7)", ValueError, ["[quantize]"]),
    (
        "mx.quantized_matmul(mx.ones((2, 64)), *mx.quantize(mx.ones((64, 128))))",
        ValueError,
        ["[quantized_matmul]"],
    ),
    ("mx.fast.rms_norm(mx.ones((2, 8)), mx.ones((7,)), 1e-5)", ValueError, ["[rms_norm]"]),
    (
        "mx.fast.layer_norm(mx.ones((2, 8)), mx.ones((8,)), mx.ones((7,)), 1e-5)",
        ValueError,
        ["[layer_norm]"],
    ),
    (
        "mx.fast.rope(mx.ones((2, 8)), 8, traditional=False, base=None, scale=1.0, offset=0)",
        ValueError,
        ["[rope]"],
    ),
    (
        "mx.fast.scaled_dot_product_attention(*[mx.ones((1, 2, 3, 8))] * 3, scale=1.0, mask='diagonal')",
        ValueError,
        ["[scaled_dot_product_attention]"],
    ),
    ("mx.random.randint(0, 5, (2,), mx.float32)", ValueError, ["[randint]"]),
    ("mx.random.uniform(shape=(2,), dtype=mx.int32)", ValueError, ["[uniform]"]),
    ("mx.random.uniform(shape=(2,), key=mx.ones((2,)))", ValueError, ["key"]),
    ("mx.array([[1, 2], [3]])", ValueError, []),
    ("mx.array('text')", (TypeError, ValueError), []),
    ("mx.ones((2,)).item()", ValueError, ["item"]),
    ("mx.grad(lambda x: x * 2)(mx.ones((2,)))", ValueError, []),
    ("mx.grad(lambda x: 3.0)(mx.ones((2,)))", ValueError, ["[grad]", "scalar"]),
    ("mx.grad(lambda x: x.sum(), argnums=3)(mx.ones((2,)))", ValueError, ["[grad]"]),
    ("mx.vmap(lambda x, y: x + y)(mx.ones((2, 3)), mx.ones((4, 3)))", ValueError, ["[vmap]"]),
    ("mx.vjp(lambda x: x, [mx.ones(2)], [mx.ones(2), mx.ones(2)])", ValueError, ["[vjp]"]),
    ("mx.load('/nonexistent.npy')", (RuntimeError, ValueError), ["[load", "/nonexistent.npy"]),
    (
        "mx.save_safetensors('/nonexistent/folder/x.safetensors', {'a': mx.ones(2)})",
        RuntimeError,
        ["[save"],
    ),
    ("mx.add(mx.ones(2))", TypeError, ["add"]),
    ("mx.sum(mx.ones(2), axes=1)", TypeError, ["sum"]),
    ("mx.ones((2,)) + 'a'", (TypeError, ValueError), []),
    ("mx.finfo(mx.int32)", ValueError, []),
    ("mx.as_strided(mx.ones((4,)), (9,), (1,))", ValueError, ["[as_strided]"]),
    ("mx.pad(mx.ones((2,)), (-1, 0))", ValueError, ["[pad]"]),
    ("mx.ones((2,)).astype('float32')", TypeError, []),
    ("mx.conj('a')", (TypeError, ValueError), []),
    ("mx.eval(mx.ones((1 << 40, 1 << 20)))", OverflowError, ["[shape]"]),
    ("mx.tile(mx.ones((2,)), (-1,))", ValueError, []),
    ("mx.repeat(mx.ones((2,)), -1)", ValueError, ["[repeat]"]),
    ("mx.topk(mx.ones((2,)), 3)", ValueError, []),
    ("mx.linspace(0, 1, -1)", ValueError, ["[linspace]"]),
    ("mx.set_default_device('gpu')", TypeError, []),
]


@pytest.mark.parametrize("program, exception, words", BAD, ids=[row[0][:60] for row in BAD])
def test_bad_use(mx, program, exception, words):
    with pytest.raises(exception) as caught:
        mx.eval(eval(program, {"mx": mx}))
    message = str(caught.value).replace(" ", "")
    for word in words:
        assert word.replace(" ", "") in message, f"{message!r} does not say {word!r}"


# What this version leaves out says so, instead of giving wrong results.
OUT_OF_SCOPE = [
    "mx.linalg.svd(mx.ones((2, 2)))",
    "mx.linalg.inv(mx.ones((2, 2)))",
    "mx.fft.fft(mx.ones((4,)))",
    "mx.conv1d(mx.ones((1, 8, 2)), mx.ones((4, 3, 2)))",
    "mx.conv2d(mx.ones((1, 8, 8, 2)), mx.ones((4, 3, 3, 2)))",
    "mx.conv_general(mx.ones((1, 8, 2)), mx.ones((4, 3, 2)))",
    "mx.conv_transpose2d(mx.ones((1, 8, 8, 2)), mx.ones((4, 3, 3, 2)))",
    "mx.export_function('/tmp/never-written', lambda x: x, mx.ones(2))",
    "mx.import_function('/tmp/never-written')",
    "mx.save_gguf('/tmp/never-written.gguf', {'a': mx.ones(2)})",
    "mx.hadamard_transform(mx.ones((4,)))",
    "mx.to_fp8(mx.ones((4,)))",
    "mx.gather_mm(mx.ones((2, 2, 2)), mx.ones((2, 2, 2)))",
    "mx.block_masked_mm(mx.ones((32, 32)), mx.ones((32, 32)))",
    "mx.segmented_mm(mx.ones((4, 4)), mx.ones((4, 4)), mx.array([[0, 2]]))",
    "mx.quantize(mx.ones((4, 128)), mode='mxfp4')",
    "mx.quantize(mx.ones((4, 128)), mode='nvfp4')",
    "mx.fast.metal_kernel('k', ['a'], ['b'], '')",
    "mx.fast.cuda_kernel('k', ['a'], ['b'], '')",
]


@pytest.mark.parametrize("program", OUT_OF_SCOPE)
def test_missing_features_say_so(mx, program):
    with pytest.raises((RuntimeError, ValueError, NotImplementedError)) as caught:
        mx.eval(eval(program, {"mx": mx}))
    name = program.split("(")[0].removeprefix("mx.").split(".")[-1]
    assert name in str(caught.value) or "mode" in str(caught.value)
    assert len(str(caught.value)) > 15


def test_error_in_evaluation_leaves_the_process_usable(mx):
    with pytest.raises((RuntimeError, ValueError, MemoryError)):
        mx.eval(mx.zeros((1 << 30, 1 << 20)) + 1)
    assert (mx.ones((2,)) + 1).tolist() == [2.0, 2.0]


def test_out_of_range_index_array_stays_inside(mx):
    """An index array reads the nearest element and writes nothing where it is out of range."""
    a = mx.arange(5.0)
    assert a[mx.array([7, -9, 2])].tolist() == [4.0, 0.0, 2.0]
    a[mx.array([100, 1])] = mx.array([9.0, 8.0])
    assert a.tolist() == [0.0, 8.0, 2.0, 3.0, 4.0]
    assert mx.arange(5.0).at[mx.array([50, -60, 2])].add(1.0).tolist() == [0.0, 1.0, 3.0, 3.0, 4.0]

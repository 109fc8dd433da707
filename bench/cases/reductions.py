"""Reductions, softmax and norms over 4096 x 4096."""

from bench.case import SIZES, Case, normal

N = 4096


def reduce_case(
    name,
    mlx,
    torch,
    numpy=None,
    dtype="float32",
    written=0,
    torch_out=None,
    tolerance=1e-3,
    **inputs,
):
    size = SIZES[dtype] * N * N
    return Case(
        f"{name} 4096² {dtype}",
        {"x": normal(N, N, dtype=dtype), **inputs},
        mlx,
        torch,
        torch_out,
        numpy if dtype == "float32" else None,
        read=size,
        written=written * size,
        tolerance=tolerance if dtype == "float32" else 3e-2,
    )


CASES = [
    reduce_case("sum all", "mx.sum(x)", "torch.sum(x)", "np.sum(x)", tolerance=0.1),
    reduce_case("sum axis 0", "mx.sum(x, axis=0)", "torch.sum(x, 0)", "np.sum(x, axis=0)"),
    reduce_case("sum axis 1", "mx.sum(x, axis=1)", "torch.sum(x, 1)", "np.sum(x, axis=1)"),
    reduce_case("sum axis 1", "mx.sum(x, axis=1)", "torch.sum(x, 1)", dtype="bfloat16"),
    reduce_case("max axis 0", "mx.max(x, axis=0)", "torch.amax(x, 0)", "np.max(x, axis=0)"),
    reduce_case("max axis 1", "mx.max(x, axis=1)", "torch.amax(x, 1)", "np.max(x, axis=1)"),
    reduce_case(
        "argmax axis 0", "mx.argmax(x, axis=0)", "torch.argmax(x, 0)", "np.argmax(x, axis=0)"
    ),
    reduce_case(
        "argmax axis 1", "mx.argmax(x, axis=1)", "torch.argmax(x, 1)", "np.argmax(x, axis=1)"
    ),
    reduce_case("max axis 1", "mx.max(x, axis=1)", "torch.amax(x, 1)", dtype="bfloat16"),
    reduce_case("argmax axis 1", "mx.argmax(x, axis=1)", "torch.argmax(x, 1)", dtype="float16"),
    reduce_case("var axis 1", "mx.var(x, axis=1)", "torch.var(x, 1, correction=0)"),
    reduce_case("prod axis 1", "mx.prod(x * 0.001 + 1, axis=1)", "torch.prod(x * 0.001 + 1, 1)"),
    reduce_case("logsumexp axis 1", "mx.logsumexp(x, axis=1)", "torch.logsumexp(x, 1)"),
    *[
        reduce_case(
            "softmax axis 1",
            "mx.softmax(x, axis=1)",
            "torch.softmax(x, 1)",
            dtype=d,
            written=1,
            torch_out="torch.softmax(x, 1, out=out)",
        )
        for d in ("float32", "float16", "bfloat16")
    ],
    *[
        reduce_case(
            "rms_norm",
            "mx.fast.rms_norm(x, w, 1e-5)",
            "F.rms_norm(x, (4096,), w, 1e-5)",
            dtype=d,
            written=1,
            w=normal(N, dtype=d),
        )
        for d in ("float32", "bfloat16")
    ],
    *[
        reduce_case(
            "layer_norm",
            "mx.fast.layer_norm(x, w, w, 1e-5)",
            "F.layer_norm(x, (4096,), w, w, 1e-5)",
            dtype=d,
            written=1,
            w=normal(N, dtype=d),
        )
        for d in ("float32", "bfloat16")
    ],
]

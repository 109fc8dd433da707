"""Reductions of other layouts: transposed, strided, many short rows, three dimensions, small integers."""

from bench.case import Case, integers, normal

N = 4096
BYTES = 4 * N * N
ROWS = 1 << 20
WIDE = 4 * 8 * ROWS


def of_matrix(name, mlx, torch=None, numpy=None):
    return Case(
        f"{name} 4096²", {"x": normal(N, N)}, mlx, torch, None, numpy, read=BYTES, tolerance=1e-3
    )


def of_thin(name, mlx, torch, numpy=None, shape=(ROWS, 8), written=0, torch_out=None):
    size = f"{shape[0]}×{shape[1]}"
    return Case(
        f"{name} {size}",
        {"x": normal(*shape)},
        mlx,
        torch,
        torch_out,
        numpy,
        read=WIDE,
        written=written,
    )


def of_cube(axes, axis):
    return Case(
        f"sum axis {axis} of 256³ transposed {axes}",
        {"x": normal(256, 256, 256)},
        f"mx.sum(mx.transpose(x, {axes}), axis={axis})",
        f"torch.sum(x.permute{axes}, {axis})",
        None,
        f"np.sum(x.transpose{axes}, axis={axis})",
        read=BYTES,
    )


CASES = [
    *[
        of_matrix(
            f"{op} axis {axis} of x.T",
            f"mx.{op}(x.T, axis={axis})",
            f"torch.{torch}(x.t(), {axis})",
            f"np.{op}(x.T, axis={axis})",
        )
        for op, torch in (("sum", "sum"), ("max", "amax"), ("argmax", "argmax"))
        for axis in (0, 1)
    ],
    *[
        of_matrix(
            f"sum axis {axis} of x[:, ::-1]",
            f"mx.sum(x[:, ::-1], axis={axis})",
            numpy=f"np.sum(x[:, ::-1], axis={axis})",
        )
        for axis in (0, 1)
    ],
    of_matrix(
        "sum axis 1 of x[:, ::2]",
        "mx.sum(x[:, ::2], axis=1)",
        "torch.sum(x[:, ::2], 1)",
        "np.sum(x[:, ::2], axis=1)",
    ),
    *[
        of_thin(
            f"{op} axis {axis}",
            f"mx.{op}(x, axis={axis})",
            f"torch.{torch}(x, {axis})",
            f"np.{op}(x, axis={axis})",
            shape,
        )
        for op, torch in (("sum", "sum"), ("max", "amax"), ("argmax", "argmax"))
        for shape, axis in (((ROWS, 8), 0), ((ROWS, 8), 1), ((8, ROWS), 0))
    ],
    of_thin("logsumexp axis 1", "mx.logsumexp(x, axis=1)", "torch.logsumexp(x, 1)"),
    of_thin(
        "softmax axis 1",
        "mx.softmax(x, axis=1)",
        "torch.softmax(x, 1)",
        torch_out="torch.softmax(x, 1, out=out)",
        written=WIDE,
    ),
    *[
        of_cube(axes, axis)
        for axes, axis in (((0, 1, 2), 1), ((1, 0, 2), 2), ((2, 0, 1), 1), ((2, 0, 1), 2))
    ],
    Case(
        "max axis 1 4096² int8",
        {"x": integers(100, N, N, dtype="int8")},
        "mx.max(x, axis=1)",
        "torch.amax(x, 1)",
        None,
        "np.max(x, axis=1)",
        read=N * N,
    ),
    Case(
        "all(x > -9) 4096²",
        {"x": normal(N, N)},
        "mx.all(x > -9)",
        "torch.all(x > -9)",
        None,
        "np.all(x > -9)",
        read=BYTES,
    ),
    Case(
        "array_equal 4096²",
        {"x": normal(N, N)},
        "mx.array_equal(x, x)",
        "torch.tensor(torch.equal(x, x))",
        None,
        "np.array_equal(x, x)",
        read=BYTES,
    ),
]

"""Moving data: transposes, gathers, scatters, joins."""

from bench.case import Case, integers, normal

N = 4096
ROWS = 1_000_000
BYTES = 4 * N * N

CASES = [
    Case(
        "transposed copy 4096² float32",
        {"x": normal(N, N)},
        "mx.contiguous(x.T)",
        "x.t().contiguous()",
        "out.copy_(x.t())",
        "np.ascontiguousarray(x.T)",
        read=BYTES,
        written=BYTES,
    ),
    Case(
        "m + m.T 4096² float32",
        {"x": normal(N, N)},
        "x + x.T",
        "x + x.t()",
        "torch.add(x, x.t(), out=out)",
        "x + x.T",
        "np.add(x, x.T, out=out)",
        read=BYTES,
        written=BYTES,
    ),
    Case(
        "concatenate 2 × 4096² float32",
        {"x": normal(N, N), "y": normal(N, N)},
        "mx.concatenate([x, y])",
        "torch.cat([x, y])",
        "torch.cat([x, y], out=out)",
        "np.concatenate([x, y])",
        read=2 * BYTES,
        written=2 * BYTES,
    ),
    Case(
        "take 1M rows × 16 float32",
        {"x": normal(ROWS, 16), "i": integers(ROWS, ROWS)},
        "mx.take(x, i, axis=0)",
        "torch.index_select(x, 0, i)",
        "torch.index_select(x, 0, i, out=out)",
        "np.take(x, i, axis=0)",
        "np.take(x, i, axis=0, out=out, mode='clip')",
        read=ROWS * (64 + 4),
        written=ROWS * 64,
    ),
    Case(
        "scatter-add 1M rows × 16 float32",
        {"x": normal(ROWS, 16), "y": normal(ROWS, 16), "i": integers(ROWS, ROWS)},
        "x.at[i].add(y)",
        "torch.index_add(x, 0, i, y)",
        "torch.index_add(x, 0, i, y, out=out)",
        read=ROWS * (2 * 64 + 4),
        written=ROWS * 64,
    ),
    Case(
        "slice copy 4096² float32, every second column",
        {"x": normal(N, N)},
        "mx.contiguous(x[:, ::2])",
        "x[:, ::2].contiguous()",
        "out.copy_(x[:, ::2])",
        "np.ascontiguousarray(x[:, ::2])",
        read=BYTES,
        written=BYTES // 2,
    ),
    Case(
        "take 1M of 1M float32",
        {"x": normal(ROWS), "i": integers(ROWS, ROWS)},
        "mx.take(x, i)",
        "torch.index_select(x, 0, i)",
        "torch.index_select(x, 0, i, out=out)",
        "np.take(x, i)",
        read=8 * ROWS,
        written=4 * ROWS,
    ),
    Case(
        "take_along_axis 4096² float32",
        {"x": normal(N, N), "i": integers(N, N, N, dtype="int32")},
        "mx.take_along_axis(x, i, axis=1)",
        "torch.gather(x, 1, j)",
        "torch.gather(x, 1, j, out=out)",
        "np.take_along_axis(x, i, axis=1)",
        setup_torch="j = i.long()",
        read=2 * BYTES,
        written=BYTES,
    ),
]

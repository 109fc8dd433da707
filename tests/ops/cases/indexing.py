"""Reading, writing and updating by index; take, gather and scatter."""

from ..case import ALL, D, I, N, row

S = (4, 5, 6)
SOME = ("float32", "float16", "int32", "bool", "complex64", "uint8", "float64", "int64")

READS = [
    "a[1]", "a[-1]", "a[1, 2]", "a[1, 2, 3]", "a[1:3]", "a[:, 1:4:2]", "a[::-1]", "a[..., 0]", "a[..., ::-2]",
    "a[None]", "a[:, None, 2]", "a[1:1]", "a[3:1]", "a[-3:-1, ..., -2]", "a[10:]", "a[:10]", "a[()]", "a[...]",
    "a[..., None]", "a[2:0:-1, 1:5:3]", "a[:, -1:, 4:0:-2]", "a[None, ..., None]",
]  # fmt: skip
ARRAY_READS = [
    "a[i]", "a[:, i]", "a[..., i]", "a[i, j]", "a[i, :, j]", "a[i, 1:3]", "a[1:3, i]", "a[i][:, None]",
    "a[i, None]", "a[None, i]", "a[i, j, j]", "a[i, ..., 0]", "a[0, i]", "a[i, 0]", "a[i, 0, j]", "a[-1, :, i]",
    "a[i[:, None], j]", "a[i[:0]]", "a[i[0]]", "a[mx.array(2)]", "a[:, i, j]", "a[mx.array([-1, -2])]",
    "a[[0, 2]]", "a[[0, 2], [1, 1]]", "a[i.astype(mx.uint8)]", "a[i.astype(mx.int64), 1]",
]  # fmt: skip
WRITES = [
    "a[1] = 7", "a[-1] = b[0]", "a[1, 2] = 3", "a[1:3] = b[:2]", "a[:, 1:4:2] = 0", "a[::-1] = b", "a[..., 0] = 5",
    "a[...] = b", "a[:] = 1", "a[None] = b", "a[i] = b[i]", "a[i] = 2", "a[:, j] = b[:, j]", "a[i, j] = b[i, j]",
    "a[i, :, j] = 1", "a[i, 1:3] = 4", "a[1:1] = 3", "a[2, ::-1] = b[0]", "a[1:3, i] = 2", "a[i[:0]] = 1",
    "a[:2, None] = 9", "a[a > 0] = 0", "a[[0, 1]] = b[2:]", "a[1] = b[0, 0]",
    "a[i, j] = b[0, 0]", "a[..., i] = b[..., i]", "a[2, 3, 4] = b[0, 0, 0]", "a[::2, ::2, ::2] = b[1::2, ::2, 1::2]",
]  # fmt: skip
UPDATES = [
    f"a.at[{index}].{op}({value})"
    for index, value in [
        ("i", "b[i]"),
        ("1:3", "b[:2]"),
        ("i, j", "b[i, j]"),
        ("..., 0", "2"),
        ("d", "b[d]"),
    ]
    for op in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
]
# Integers out of range are left to tests/errors: the wheel reads and writes outside the array there.
BAD = [
    "a[0, 0, 0, 0]", "a['x']", "a[1.5]", "a[mx.array([0.5])]", "a[..., ..., 0]",
    "a.at[0].add(b)", "a[0:2, 1.0]", "mx.take(a, i, axis=3)", "mx.take_along_axis(a, i, axis=0)",
]  # fmt: skip
BAD_WRITES = ["a[0] = b", "a[i] = b", "a['x'] = 1", "a[0, 0, 0, 0] = 1", "a[a > 0] = b"]


def inputs():
    return {"a": D(*S), "b": N(*S), "i": I(4, 3), "j": I(4, 3), "d": I(2, 6)}


CASES = [
    *[row(f"read {text}", text, text, grad="a", a=D(*S), dtypes=SOME, tolerance=1) for text in READS],
    *[
        row(
            f"read {text}",
            text,
            text if "mx" not in text else None,
            grad="a" if "mx" not in text else "",
            a=D(*S),
            i=I(4, 3),
            j=I(4, 3),
            dtypes=SOME,
            vmap="[[" not in text,
        )
        for text in ARRAY_READS
    ],
    *[
        row(f"write {text}", f"c = mx.array(a); c[0, 0, 0] = 1; {text}; out = a, c", **inputs(), dtypes=SOME, vmap=False)
        for text in WRITES
    ],
    *[row(f"update {text}", text, **inputs(), dtypes=("float32", "int32", "float16", "int8"), vmap=False) for text in UPDATES],
    *[row(f"bad {text}", text, **inputs(), dtypes=("float32",), vmap=False, compile=False) for text in BAD],
    *[row(f"bad {text}", text + "; out = a", **inputs(), dtypes=("float32",), vmap=False, compile=False) for text in BAD_WRITES],
    row("mask_read", "a[a > 0]", a=D(4, 5), dtypes=("float32",), vmap=False, compile=False),
    row("augmented", "a[i] += 1; a[1:3] *= 2; a[0, 0] -= 1; out = a", a=N(*S), i=I(4, 3), dtypes=("float32", "int32"), vmap=False),
    row("scatter_add_duplicates", "a.at[i].add(b)", grad="ab", a=N(4, 3), b=N(50, 3), i=I(4, 50), vmap=False, tolerance=4),
    row("write_grad", "mx.where(a > 0.03, a, 0).at[1].add(a[0])", grad="a", a=D(4, 3), vmap=False),
    row("take", "mx.take(a, i, axis=1)", "np.take(a, i, axis=1)", grad="a", a=D(*S), i=I(5, 3, 2), dtypes=ALL),
    row("take_flat", "mx.take(a, i)", "np.take(a, i)", grad="a", a=D(*S), i=I(100, 3, 2), dtypes=ALL),
    row("take_int", "mx.take(a, 2, axis=0), mx.take(a, 1)", a=D(*S), dtypes=ALL),
    row("take_negative", "mx.take(a, -i - 1, axis=0)", "np.take(a, -i - 1, axis=0)", a=D(*S), i=I(4, 7)),
    row("take_empty", "mx.take(a, i, axis=0)", a=D(*S), i=I(4, 0), dtypes=("float32",), vmap=False),
    row("take_along_axis", "mx.take_along_axis(a, i, axis=1)", "np.take_along_axis(a, i.astype(int), axis=1)", grad="a", a=D(*S), i=I(5, 4, 2, 6), dtypes=ALL),
    row("take_along_broadcast", "mx.take_along_axis(a, i, axis=-1)", a=D(*S), i=I(6, 4, 1, 2)),
    row("take_along_flat", "mx.take_along_axis(a, i, axis=None)", a=D(*S), i=I(100, 9)),
    row("put_along_axis", "mx.put_along_axis(a, i, b, axis=1)", a=D(*S), b=N(4, 1, 6), i=I(5, 4, 1, 6), dtypes=ALL),
    row("put_along_axis_grad", "mx.put_along_axis(a, i, b, axis=1)", grad="ab", a=D(*S), b=N(4, 1, 6), i=I(5, 4, 1, 6)),
    row("dynamic_slice", "mx.slice(a, i, (0, 2), (2, 5, 3))", grad="a", a=D(*S), i=I(2, 2), dtypes=SOME),
    row("dynamic_slice_update", "mx.slice_update(a, b, i, (0, 2))", grad="ab", a=D(*S), b=N(2, 5, 3), i=I(2, 2), dtypes=SOME),
    row("index_grad_duplicates", "a[i] * b", grad="ab", a=D(4, 3), b=N(9, 3), i=I(4, 9)),
    row("nested_views", "a[1:][::-1][:, 1:4][..., ::2][0]", "a[1:][::-1][:, 1:4][..., ::2][0]", grad="a", a=D(*S), dtypes=ALL),
]  # fmt: skip

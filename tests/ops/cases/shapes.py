"""Shape ops: views, joins, splits, pads, repeats."""

from ..case import ALL, D, N, row

S = (2, 3, 4)


def shape(name, text, ref="", **options):
    """By default the NumPy reference is the same text with np for mx."""
    arg = options.pop("a", N(*S))
    reference = text.replace("mx.", "np.") if ref == "" else ref
    return row(name, text, reference, a=arg, dtypes=options.pop("dtypes", ALL), **options)


CASES = [
    shape("reshape", "mx.reshape(a, (4, 6))", grad="a"),
    shape("reshape_infer", "mx.reshape(a, (2, -1)), a.reshape(-1), a.reshape(3, 8)", None),
    shape("reshape_bad", "mx.reshape(a, (5, 5))", None, vmap=False),
    shape("reshape_bad_infer", "mx.reshape(a, (-1, 7))", None, vmap=False),
    shape(
        "reshape_empty",
        "mx.reshape(a, (0, 5)), mx.reshape(a, (-1, 3))",
        None,
        a=N(0, 3),
        vmap=False,
    ),
    shape("flatten", "mx.flatten(a), mx.flatten(a, start_axis=1), a.flatten(0, 1)", None),
    shape("unflatten", "mx.unflatten(a, 2, (2, -1)), mx.unflatten(a, -1, (2, 2))", None),
    shape("transpose", "mx.transpose(a)", grad="a"),
    shape("transpose_axes", "mx.transpose(a, (2, 0, 1))", grad="a"),
    shape("transpose_negative", "mx.transpose(a, (-1, 0, 1)), a.transpose(0, 2, 1), a.T", None),
    shape("transpose_bad", "mx.transpose(a, (0, 0, 1))", None, vmap=False),
    shape("permute_dims", "mx.permute_dims(a, (1, 2, 0))", "np.transpose(a, (1, 2, 0))"),
    shape("matrix_transpose", "mx.matrix_transpose(a), a.mT", None),
    shape("swapaxes", "mx.swapaxes(a, 0, 2)", grad="a"),
    shape("moveaxis", "mx.moveaxis(a, 0, -1)", grad="a"),
    shape("squeeze", "mx.squeeze(a), mx.squeeze(a, 1), a.squeeze((1, 3))", None, a=N(2, 1, 3, 1)),
    shape("squeeze_bad", "mx.squeeze(a, 0)", None, vmap=False),
    shape("expand_dims", "mx.expand_dims(a, 1)", grad="a"),
    shape("expand_dims_many", "mx.expand_dims(a, (0, -1))"),
    shape(
        "atleast", "mx.atleast_1d(a), mx.atleast_2d(a), mx.atleast_3d(a)", None, a=N(), vmap=False
    ),
    shape(
        "atleast_vector",
        "mx.atleast_1d(a), mx.atleast_2d(a), mx.atleast_3d(a)",
        None,
        a=N(4),
        vmap=False,
    ),
    shape("broadcast_to", "mx.broadcast_to(a, (5, 2, 3, 4))", grad="a"),
    shape("broadcast_to_bad", "mx.broadcast_to(a, (2, 3, 5))", None, vmap=False),
    shape("broadcast_arrays", "mx.broadcast_arrays(a, a[0:1], a[:, :1])", None),
    shape(
        "broadcast_shapes",
        "mx.broadcast_shapes((3, 1), (1, 4), (4,))",
        None,
        dtypes=("float32",),
        vmap=False,
    ),
    shape("concatenate", "mx.concatenate([a, a * 2], axis=1)", grad="a"),
    shape("concatenate_first", "mx.concatenate([a, a[:1], a])", grad="a"),
    shape("concatenate_flat", "mx.concatenate([a, a], axis=None)", None),
    shape("concatenate_last", "mx.concatenate([a, a[..., :1]], axis=-1)", grad="a"),
    shape("concatenate_bad", "mx.concatenate([a, a[0]])", None, vmap=False),
    shape("concatenate_empty", "mx.concatenate([a, a[:0]]), mx.concatenate([a[:0], a[:0]])", None),
    shape("concat", "mx.concat([a, a], axis=2)", "np.concatenate([a, a], axis=2)"),
    shape("stack", "mx.stack([a, a + 1], axis=1)", dtypes=("float32", "int32"), grad="a"),
    shape("stack_last", "mx.stack([a, a], axis=-1), mx.stack([a, a])", None),
    shape("unstack", "mx.unstack(a), mx.unstack(a, axis=2)", None),
    shape("split", "mx.split(a, 2, axis=2), a.split(3, axis=1)", None),
    shape("split_at", "mx.split(a, [1, 3], axis=-1), mx.split(a, [1], axis=0)", None),
    shape("split_grad", "mx.split(a, 2, axis=2)[1]", grad="a"),
    shape("split_bad", "mx.split(a, 3, axis=2)", None, vmap=False),
    shape("pad", "mx.pad(a, ((1, 2), (0, 0), (3, 1)))", grad="a"),
    shape(
        "pad_all",
        "mx.pad(a, 2), mx.pad(a, (1, 2)), mx.pad(a, [(0, 1), (1, 0), (0, 0)], constant_values=3)",
        None,
    ),
    shape("pad_edge", "mx.pad(a, ((1, 2), (0, 0), (3, 1)), mode='edge')", grad="a"),
    shape("pad_reflect", "mx.pad(a, ((1, 1), (2, 1), (3, 1)), mode='reflect')", grad="a"),
    shape("pad_symmetric", "mx.pad(a, ((1, 1), (2, 1), (3, 1)), mode='symmetric')", grad="a"),
    shape("pad_bad", "mx.pad(a, ((-1, 0), (0, 0), (0, 0)))", None, vmap=False),
    shape("tile", "mx.tile(a, (2, 1, 3))", grad="a"),
    shape("tile_more", "mx.tile(a, 2), mx.tile(a, (2, 2, 1, 1)), mx.tile(a, (2, 1))", None),
    shape("repeat", "mx.repeat(a, 3, axis=1)", grad="a"),
    shape("repeat_flat", "mx.repeat(a, 2), mx.repeat(a, 0, axis=0)", None),
    shape("flip", "mx.flip(a, axis=1)", grad="a"),
    shape("flip_many", "mx.flip(a), mx.flip(a, (0, 2)), mx.flip(a, -1)", None),
    shape("roll", "mx.roll(a, 2, 1)", grad="a"),
    shape("roll_flat", "mx.roll(a, 5), mx.roll(a, -1, (0, 2)), mx.roll(a, (1, 2), (0, 1))", None),
    shape("diagonal", "mx.diagonal(a)", grad="a"),
    shape(
        "diagonal_offset", "mx.diagonal(a, 1, 1, 2), mx.diagonal(a, -1, 2, 0), a.diagonal()", None
    ),
    shape("diag", "mx.diag(a), mx.diag(a, 2), mx.diag(a, -1)", None, a=N(3)),
    shape("diag_extract", "mx.diag(a), mx.diag(a, 1), a.diag(-1)", None, a=N(3, 4), vmap=False),
    shape("tril", "mx.tril(a)", grad="a"),
    shape("triu", "mx.triu(a, k=1)", grad="a"),
    shape("tril_more", "mx.tril(a, k=-1), mx.triu(a, k=-2)", None),
    shape(
        "meshgrid",
        "mx.meshgrid(a, a[:2]), mx.meshgrid(a, a[:2], indexing='ij')",
        None,
        a=N(3),
        vmap=False,
    ),
    shape("meshgrid_sparse", "mx.meshgrid(a, a[:2], sparse=True)", None, a=N(3), vmap=False),
    shape("contiguous", "mx.contiguous(a.T), mx.contiguous(a[:, ::2], allow_col_major=True)", None),
    shape("as_strided", "mx.as_strided(a, (3, 2), (2, 1), 1)", None, vmap=False),
    shape("as_strided_overlap", "mx.as_strided(a, (6, 4), (1, 2))", None, vmap=False),
    shape("as_strided_grad", "mx.sum(mx.as_strided(a, (6, 4), (1, 2)))", None, vmap=False),
    shape("view_chain", "a.transpose(2, 0, 1).reshape(4, 6)[::-1, 1::2].T", None),
    shape(
        "view_chain_grad",
        "a.transpose(2, 0, 1).reshape(4, 6)[::-1, 1::2].T",
        "a.transpose(2, 0, 1).reshape(4, 6)[::-1, 1::2].T",
        grad="a",
    ),
    shape("broadcast_reshape", "mx.broadcast_to(a[:, None], (2, 5, 3, 4)).reshape(10, 12).T", None),
    shape(
        "kron",
        "mx.kron(a, a[:, :2])",
        a=N(3, 4),
        grad="a",
        dtypes=("float32", "float64", "int32", "complex64"),
    ),
    shape("depends", "mx.depends([a, a + 1], [a * 2])", None, vmap=False),
    shape(
        "attributes",
        "a.shape, a.ndim, a.size, a.nbytes, a.itemsize, a.dtype, len(a)",
        None,
        vmap=False,
    ),
    shape(
        "attributes_0d",
        "a.shape, a.ndim, a.size, a.nbytes, a.item(), a.tolist()",
        None,
        a=N(),
        vmap=False,
    ),
    shape("item_bad", "a.item()", None, vmap=False, compile=False),
    shape("len_bad", "len(a)", None, a=N(), vmap=False),
    shape("tolist", "a.tolist()", None, vmap=False, compile=False),
    shape("iterate", "[x for x in a]", None, vmap=False),
    shape("iterate_bad", "[x for x in a]", None, a=N(), vmap=False),
    shape(
        "bool_value",
        "bool(a[0, 0, 0]), float(a[0, 0, 1].real), int(a[0, 0, 2].real)",
        None,
        vmap=False,
        compile=False,
    ),
    shape("bool_bad", "bool(a)", None, vmap=False, compile=False),
    shape("repr", "repr(a), str(a[0, 0, 0]), str(a[:0])", None, vmap=False, compile=False),
    shape(
        "repr_long", "repr(a), str(a.reshape(20, 50))", None, a=N(1000), vmap=False, compile=False
    ),
    shape(
        "repr_distinct",
        "repr(a), str(a * 1000), str(a / 1000)",
        None,
        a=D(5, 7),
        vmap=False,
        compile=False,
    ),
]

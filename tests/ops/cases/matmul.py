"""Products: matmul, addmm, einsum, tensordot, outer, inner."""

from ..case import ALL, COMPLEX, FLOATS, INTS, N, row

SHAPES = {
    "square": ((4, 4), (4, 4)),
    "rectangular": ((3, 5), (5, 7)),
    "vector_matrix": ((5,), (5, 7)),
    "matrix_vector": ((3, 5), (5,)),
    "dot": ((5,), (5,)),
    "batched": ((2, 3, 5), (2, 5, 4)),
    "batched_broadcast": ((2, 1, 3, 5), (4, 5, 2)),
    "batched_left": ((2, 3, 5), (5, 4)),
    "batched_right": ((3, 5), (2, 5, 4)),
    "one_row": ((1, 130), (130, 67)),
    "one_column": ((67, 130), (130, 1)),
    "tails": ((33, 65), (65, 49)),
    "long_inner": ((5, 700), (700, 6)),
    "blocks": ((130, 200), (200, 150)),
}

CASES = [
    *[
        row(
            f"matmul_{name}",
            "a @ b",
            "a @ b",
            grad="ab" if max(x + y) < 100 else "",
            a=N(*x),
            b=N(*y),
            dtypes=FLOATS + COMPLEX,
            tolerance=6,
        )
        for name, (x, y) in SHAPES.items()
    ],
    row("matmul_function", "mx.matmul(a, b)", "a @ b", a=N(3, 4), b=N(4, 2)),
    row("matmul_integers", "a @ b", a=N(3, 4), b=N(4, 2), dtypes=INTS + ("bool",)),
    row("matmul_mixed", "a @ b.astype(mx.float16), a.astype(mx.bfloat16) @ b", a=N(3, 4), b=N(4, 2), dtypes=("float32",), tolerance=600),
    row("matmul_bad", "a @ b", a=N(3, 4), b=N(3, 2), vmap=False, dtypes=("float32",)),
    row("matmul_scalar_bad", "a @ b", a=N(), b=N(3, 2), vmap=False, dtypes=("float32",)),
    row("matmul_empty", "a @ b, b.T @ a.T, (a[:0] @ b)", a=N(3, 0), b=N(0, 2), vmap=False),
    row("matmul_empty_inner", "a @ b", "a @ b", a=N(3, 0), b=N(0, 2), vmap=False),
    row("matmul_transposed", "a.T @ b, a.T @ b.T[:4].T", a=N(40, 30), b=N(40, 20), tolerance=6),
    row("matmul_strided", "a[::2, ::3] @ b[1::2]", "a[::2, ::3] @ b[1::2]", grad="ab", a=N(6, 15), b=N(10, 4), tolerance=4),
    row("matmul_nn_nt_tn_tt", "a @ b, a @ b.T.reshape(b.shape), a.T @ b.reshape(a.shape[0], -1)", a=N(24, 24), b=N(24, 24), tolerance=6),
    row("matmul_chain", "a @ b @ a", "a @ b @ a", grad="ab", a=N(6, 7), b=N(7, 6), tolerance=6),
    row("addmm", "mx.addmm(c, a, b, alpha=0.5, beta=2.0)", "2 * c + 0.5 * (a @ b)", grad="abc", a=N(3, 4), b=N(4, 5), c=N(3, 5), tolerance=4),
    row("addmm_broadcast", "mx.addmm(c, a, b)", "c + a @ b", grad="abc", a=N(2, 3, 4), b=N(4, 5), c=N(5), tolerance=4),
    row("addmm_vector", "mx.addmm(c, a, b), mx.addmm(c, a[0], b)", a=N(3, 4), b=N(4, 5), c=N(5), tolerance=4),
    row("inner", "mx.inner(a, b)", "np.inner(a, b)", grad="ab", a=N(3, 4), b=N(5, 4), tolerance=4),
    row("outer", "mx.outer(a, b)", "np.outer(a, b)", grad="ab", a=N(3), b=N(5), dtypes=ALL),
    row("outer_flat", "mx.outer(a, b)", "np.outer(a, b)", a=N(3, 2), b=N(5, 2), vmap=False),
    row("vecdot", "mx.vecdot(a, b), mx.vecdot(a, b, axis=0)", a=N(3, 4), b=N(3, 4), dtypes=FLOATS + COMPLEX, tolerance=3),
    row("tensordot", "mx.tensordot(a, b, 2)", "np.tensordot(a, b, 2)", grad="ab", a=N(2, 3, 4), b=N(3, 4, 5), tolerance=4),
    row("tensordot_axes", "mx.tensordot(a, b, [[1], [0]])", "np.tensordot(a, b, [[1], [0]])", grad="ab", a=N(2, 3, 4), b=N(3, 5), tolerance=4),
    row("tensordot_outer", "mx.tensordot(a, b, 0)", "np.tensordot(a, b, 0)", a=N(2, 3), b=N(4)),
    *[
        row(f"einsum {spec}", f"mx.einsum('{spec}', a, b)", f"np.einsum('{spec}', a, b)", grad="ab", a=N(*x), b=N(*y), tolerance=6, vmap=True)
        for spec, x, y in [
            ("ij,jk->ik", (3, 4), (4, 5)),
            ("ij,jk", (3, 4), (4, 5)),
            ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
            ("i,j->ij", (3,), (4,)),
            ("ij,ij->", (3, 4), (3, 4)),
            ("ij,ij->j", (3, 4), (3, 4)),
            ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
            ("ijk,lk->lij", (2, 3, 4), (5, 4)),
            ("...ij,jk->...ik", (2, 3, 4), (4, 5)),
        ]
    ],
    row("einsum_one", "mx.einsum('ij->ji', a), mx.einsum('ii', b), mx.einsum('ii->i', b), mx.einsum('ij->', a)", a=N(3, 4), b=N(4, 4)),
    row("einsum_three", "mx.einsum('ij,jk,kl->il', a, b, c)", "np.einsum('ij,jk,kl->il', a, b, c)", grad="abc", a=N(3, 4), b=N(4, 5), c=N(5, 2), tolerance=6),
    row("einsum_bad", "mx.einsum('ij,jk->iz', a, b)", a=N(3, 4), b=N(4, 5), vmap=False, dtypes=("float32",)),
    row("einsum_path", "mx.einsum_path('ij,jk,kl->il', a, b, b.T)[0]", a=N(3, 4), b=N(4, 5), vmap=False, dtypes=("float32",)),
]  # fmt: skip

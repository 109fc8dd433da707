"""Function transformations as programs: grad, vjp, jvp, vmap, compile, checkpoint, custom_function."""

from ..case import I, N, P, row


def program(name, text, **options):
    return row(f"transform_{name}", text, dtypes=("float32",), vmap=False, compile=False, **options)


F = "f = lambda x, y: mx.sum(mx.sin(x) * y + x @ y.T)"

CASES = [
    program("grad", f"{F}; out = mx.grad(f)(a, b), mx.grad(f, argnums=1)(a, b), mx.grad(f, argnums=(0, 1))(a, b)", a=N(3, 3), b=N(3, 3)),
    program("value_and_grad", f"{F}; out = mx.value_and_grad(f, argnums=[0, 1])(a, b)", a=N(3, 3), b=N(3, 3)),
    program("grad_names", "f = lambda x, *, y: mx.sum(x * y); out = mx.grad(f, argnames='y')(a, y=b), mx.grad(f, argnums=0, argnames=['y'])(a, y=b)", a=N(3), b=N(3)),
    program("grad_tree", "f = lambda p: (p['w'][0] * p['b']).sum() + p['w'][1].sum(); out = mx.grad(f)({'w': [a, b], 'b': b})", a=N(3), b=N(3)),
    program("grad_aux", "f = lambda x: (x.sum(), x * 2, 'text'); out = mx.value_and_grad(f)(a)", a=N(3)),
    program("grad_second", "out = mx.grad(lambda x: mx.grad(lambda y: (y ** 3).sum())(x).sum())(a)", a=N(3)),
    program("grad_third", "g = mx.grad; out = g(g(g(lambda x: x ** 4 + mx.sin(x))))(a)", a=N()),
    program("grad_stop", "out = mx.grad(lambda x: (mx.stop_gradient(x) * x).sum())(a)", a=N(3)),
    program("grad_unused", "out = mx.grad(lambda x, y: y.sum())(a, b)", a=N(3), b=N(3)),
    program("grad_not_scalar", "out = mx.grad(lambda x: x * 2)(a)", a=N(3)),
    program("grad_integer", "out = mx.grad(lambda x: (x * x).sum())(i)", i=I(4, 3)),
    program("grad_bad_argnums", "out = mx.grad(lambda x: x.sum(), argnums=2)(a)", a=N(3)),
    program("grad_not_array", "out = mx.grad(lambda x: 3.0)(a)", a=N(3)),
    program("vjp", "out = mx.vjp(lambda x, y: (x * y, mx.exp(x)), [a, b], [a, b])", a=N(3), b=N(3)),
    program("jvp", "out = mx.jvp(lambda x, y: (x * y, mx.exp(x)), [a, b], [b, a])", a=N(3), b=N(3)),
    program("jvp_of_vjp", "out = mx.jvp(lambda x: mx.grad(lambda y: mx.sum(mx.tanh(y) * y))(x), [a], [b])", a=N(3), b=N(3)),
    program("vmap", "out = mx.vmap(lambda x, y: x @ y)(a, b), mx.vmap(lambda x, y: x @ y, in_axes=(0, None))(a, b[0])", a=N(3, 4), b=N(3, 4)),
    program("vmap_axes", "out = mx.vmap(lambda x: x * 2, in_axes=1, out_axes=1)(a), mx.vmap(lambda x: x.sum(), in_axes=-1)(a)", a=N(3, 4)),
    program("vmap_nested", "out = mx.vmap(mx.vmap(lambda x, y: x * y, in_axes=(None, 0)), in_axes=(0, None))(a, b)", a=N(3), b=N(4)),
    program("vmap_grad", "out = mx.vmap(mx.grad(lambda x: (x ** 3).sum()))(a)", a=N(3, 4)),
    program("grad_vmap", "out = mx.grad(lambda x: mx.vmap(lambda r: mx.softmax(r)[0])(x).sum())(a)", a=N(3, 4)),
    program("vmap_tree", "out = mx.vmap(lambda d: {'s': d['x'] + d['y']})({'x': a, 'y': b})", a=N(3, 4), b=N(3, 4)),
    program("vmap_bad", "out = mx.vmap(lambda x, y: x + y)(a, b)", a=N(3, 4), b=N(4, 4)),
    program("vmap_bad_axis", "out = mx.vmap(lambda x: x, in_axes=5)(a)", a=N(3, 4)),
    program("checkpoint", "f = mx.checkpoint(lambda x: mx.exp(mx.sin(x))); out = f(a), mx.grad(lambda x: f(x).sum())(a)", a=N(3)),
    program("custom_vjp", "f = mx.custom_function(lambda x, y: x * y)\nf.vjp(lambda p, c, o: (c * 2, c * 3))\nout = f(a, b), mx.grad(lambda x, y: f(x, y).sum(), argnums=(0, 1))(a, b)", a=N(3), b=N(3)),
    program("custom_jvp", "f = mx.custom_function(lambda x: x * x)\nf.jvp(lambda p, t: t * 5)\nout = mx.jvp(f, [a], [a])", a=N(3)),
    program("custom_vmap", "f = mx.custom_function(lambda x: x * x)\nf.vmap(lambda i, ax: (i * 7, ax))\nout = mx.vmap(f)(a)", a=N(3)),
    program("training_loop", "w = b\nfor _ in range(5):\n    loss, g = mx.value_and_grad(lambda w: ((a @ w - 1) ** 2).mean())(w)\n    w = w - 0.1 * g\nout = loss, w", a=N(8, 3), b=N(3, 2), tolerance=4),
    program("mlp_gradients", "f = lambda p, x: mx.sum(mx.logsumexp(mx.maximum(x @ p[0], 0) @ p[1], axis=-1))\nout = mx.value_and_grad(f)([b, c], a)", a=N(8, 6), b=N(6, 9), c=N(9, 4), tolerance=6),
    program("grad_max_ties", "out = mx.grad(lambda x: x.max())(mx.array([1.0, 2.0, 2.0])), mx.grad(lambda x: mx.maximum(x, 0).sum())(mx.array([0.0, 1.0]))"),
    program("grad_abs_zero", "out = [mx.grad(lambda x: f(x).sum())(mx.array([0.0, 1.0])) for f in (mx.abs, mx.sqrt, mx.square, mx.sign)]"),
    program("grad_complex", "z = a + 1j * b; out = mx.vjp(lambda x: mx.exp(x) * x, [z], [z]), mx.jvp(lambda x: x * x / (x + 2), [z], [z])", a=P(3), b=N(3), tolerance=4),
    program("grad_where_nan", "out = mx.grad(lambda x: mx.where(x > 0, mx.log(x), 0).sum())(mx.array([1.0, 2.0]))"),
    program("grad_broadcast", "out = mx.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(a, b)", a=N(3, 1), b=N(1, 4)),
    program("grad_prod_zero", "out = mx.grad(lambda x: mx.prod(x))(mx.array([1.0, 0.0, 3.0]))"),
    program("grad_cumprod", "out = mx.grad(lambda x: mx.cumprod(x).sum())(a)", a=P(5), tolerance=4),
    program("grad_sort", "out = mx.grad(lambda x: (mx.sort(x) * mx.arange(5)).sum())(a)", a=N(5)),
    program("grad_power", "out = mx.grad(lambda x, y: (x ** y).sum(), argnums=(0, 1))(a, b)", a=P(5), b=N(5), tolerance=4),
    program("grad_erfinv", "out = mx.grad(lambda x: mx.erfinv(x / 3).sum())(a)", a=N(5), tolerance=6),
    program("jvp_many", "out = [mx.jvp(f, [a], [b]) for f in (mx.sin, mx.exp, mx.log, mx.sqrt, mx.rsqrt, mx.tanh, mx.erf, mx.sigmoid, mx.square, mx.reciprocal, mx.expm1, mx.log1p)]", a=P(4), b=N(4), tolerance=6),
    program("jvp_shapes", "out = [mx.jvp(f, [a], [b]) for f in (mx.transpose, mx.flatten, lambda x: x[1:], lambda x: mx.pad(x, 1), lambda x: mx.concatenate([x, x]), mx.sort, mx.cumsum, mx.softmax, lambda x: x @ x.T, lambda x: mx.max(x, axis=0), mx.logsumexp, lambda x: x[mx.array([0, 0])])]", a=N(4, 3), b=N(4, 3), tolerance=6),
]  # fmt: skip

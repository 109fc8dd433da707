"""Runs every layer, loss and initializer once and writes all results to an .npz file.

The same program runs on this package and on the released one; `test_nn_oracle.py` compares.
"""

import sys
from functools import partial

import numpy as np

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map

RESULTS = {}


def sample(*shape, dtype=np.float32, seed=0, scale=1.0):
    rng = np.random.default_rng([seed, *shape])
    return mx.array((rng.standard_normal(shape) * scale).astype(dtype))


def put(name, value):
    for path, a in tree_flatten(value):
        key = f"{name}.{path}" if path else name
        if key in RESULTS:
            raise KeyError(key)
        a = mx.array(a)
        RESULTS[key] = np.array(a.astype(mx.float32) if a.dtype == mx.bfloat16 else a)


def fill(module):
    """Give all float parameters values that do not depend on the random generator."""
    params = tree_flatten(module.parameters())
    for idx, (name, p) in enumerate(params):
        if mx.issubdtype(p.dtype, mx.floating) and "scales" not in name and "biases" not in name:
            values = sample(*p.shape, seed=100 + idx, scale=0.3)
            values = mx.abs(values) + 0.1 if "running_var" in name else values
            module.load_weights([(name, values.astype(p.dtype))], strict=False)
    return module


def run(name, module, *inputs, grad=True, train=True, seed=None, **kwargs):
    """Initial parameters, values, changed state and gradients of one layer."""
    put(f"{name}.init", module.parameters())
    fill(module)
    module.train(train)
    if seed is not None:
        mx.random.seed(seed)
    put(f"{name}.y", module(*inputs, **kwargs))
    put(f"{name}.state", module.parameters())
    if not grad:
        return

    def loss(*args):
        out = module(*args, **kwargs)
        outs = out if isinstance(out, tuple) else (out,)
        return sum((o * mx.cos(mx.arange(o.size).reshape(o.shape))).sum() for o in outs)

    if seed is not None:
        mx.random.seed(seed)
    float_inputs = [i for i, x in enumerate(inputs) if x.dtype == mx.float32]
    if float_inputs:
        put(f"{name}.dx", list(mx.grad(loss, argnums=float_inputs)(*inputs)))
    if tree_flatten(module.trainable_parameters()):
        put(f"{name}.dp", nn.value_and_grad(module, loss)(*inputs)[1])


def layers():
    mx.random.seed(7)
    x = sample(2, 5, 8)
    run("linear", nn.Linear(8, 6), x)
    run("linear_nobias", nn.Linear(8, 6, bias=False), x)
    run("bilinear", nn.Bilinear(8, 3, 4), sample(2, 5, 8), sample(2, 5, 3))
    run("bilinear_nobias", nn.Bilinear(8, 3, 4, bias=False), sample(5, 8), sample(5, 3))
    run("embedding", nn.Embedding(9, 8), mx.array([[0, 3], [8, 3]]))
    run("identity", nn.Identity(), x)
    run("sequential", nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)), x)
    run("layer_norm", nn.LayerNorm(8), x)
    run("layer_norm_nobias", nn.LayerNorm(8, bias=False), x)
    run("layer_norm_plain", nn.LayerNorm(8, affine=False), x)
    run("rms_norm", nn.RMSNorm(8, eps=1e-3), x)
    for compatible in (False, True):
        run(f"group_norm_{compatible}", nn.GroupNorm(4, 8, pytorch_compatible=compatible), x)
        y = sample(2, 3, 5, 8)
        run(f"group_norm_2d_{compatible}", nn.GroupNorm(2, 8, 1e-5, False, compatible), y)
    run("instance_norm", nn.InstanceNorm(8), x)
    run("instance_norm_affine", nn.InstanceNorm(8, affine=True), sample(2, 3, 4, 8))
    for train in (True, False):
        run(f"batch_norm_{train}", nn.BatchNorm(8), x, train=train)
        run(f"batch_norm_2_{train}", nn.BatchNorm(8, affine=False), sample(6, 8), train=train)
        untracked = nn.BatchNorm(8, track_running_stats=False)
        run(f"batch_norm_4_{train}", untracked, sample(2, 3, 4, 8), train=train)
    run("dropout", nn.Dropout(0.3), x, seed=3)
    run("dropout_eval", nn.Dropout(0.3), x, train=False)
    run("dropout2d", nn.Dropout2d(0.3), sample(2, 3, 4, 8), seed=3)
    run("dropout3d", nn.Dropout3d(0.3), sample(2, 3, 4, 2, 8), seed=3)


def sequences():
    mx.random.seed(8)
    x = sample(2, 5, 8)
    heads = sample(2, 4, 5, 8)
    run("rope", nn.RoPE(8), heads)
    run("rope_part", nn.RoPE(4, traditional=True, base=500.0, scale=0.5), heads, offset=3)
    for options in ({}, {"cos_first": True, "full_turns": True}, {"scale": 2.0, "min_freq": 0.1}):
        name = "sinusoidal_" + "_".join(options)
        run(name, nn.SinusoidalPositionalEncoding(8, **options), sample(3, 4))
    scores = sample(2, 6, 3, 5)
    run("alibi", nn.ALiBi(), scores)
    run("alibi_offset", nn.ALiBi(), scores, offset=2, mask=sample(3, 5))
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        for bias in (True, False):
            name = f"{kind.__name__}_{bias}"
            run(name, kind(8, 4, bias=bias), x)
            run(name + "_2d", kind(8, 4, bias=bias), sample(5, 8))
            run(name + "_hidden", kind(8, 4, bias=bias), x, hidden=sample(2, 4, seed=5))
    run("lstm_cell", nn.LSTM(8, 4), x, hidden=sample(2, 4), cell=sample(2, 4, seed=2))
    run("rnn_relu", nn.RNN(8, 4, nonlinearity=nn.relu), x)
    mask = nn.MultiHeadAttention.create_additive_causal_mask(5)
    put("causal_mask", mask)
    run("attention", nn.MultiHeadAttention(8, 2), x, x, x)
    run("attention_mask", nn.MultiHeadAttention(8, 2, bias=True), x, x, x, mask=mask)
    wide = nn.MultiHeadAttention(8, 2, 6, 4, 3, 12, 10)
    run("attention_dims", wide, sample(2, 5, 6), sample(2, 7, 4), sample(2, 7, 3))
    for first in (True, False):
        options = {"norm_first": first, "activation": nn.gelu}
        layer = nn.TransformerEncoderLayer(8, 2, **options)
        run(f"encoder_layer_{first}", layer, x, mask=mask)
        model = nn.Transformer(8, 2, 1, 2, mlp_dims=16, checkpoint=not first, **options)
        masks = {"src_mask": mask, "tgt_mask": mask, "memory_mask": None}
        run(f"transformer_{first}", model, x, sample(2, 5, 8, seed=4), **masks)
    dropping = nn.TransformerEncoder(1, 8, 2, dropout=0.2)
    run("encoder_dropout", dropping, x, mask=None, seed=5)
    decoder = nn.TransformerDecoderLayer(8, 2, dropout=0.2, norm_first=False)
    run("decoder_dropout", decoder, x, x, x_mask=None, memory_mask=None, seed=5)


def grids():
    mx.random.seed(9)
    line, image, volume = sample(2, 9, 3), sample(2, 6, 8, 3), sample(1, 4, 6, 5, 2)
    for kind in ("Max", "Avg"):
        for size, stride, padding in ((3, None, 0), (2, 1, 1), (4, 3, 2)):
            options = {"kernel_size": size, "stride": stride, "padding": padding}
            tag = f"{kind}_{size}_{stride}_{padding}"
            run(f"pool1d_{tag}", getattr(nn, f"{kind}Pool1d")(**options), line)
            run(f"pool2d_{tag}", getattr(nn, f"{kind}Pool2d")(**options), image)
            run(f"pool3d_{tag}", getattr(nn, f"{kind}Pool3d")(**options), volume)
        pool = getattr(nn, f"{kind}Pool2d")((3, 2), (2, 2), (1, 0))
        run(f"pool2d_{kind}_pairs", pool, image)
    for mode in ("nearest", "linear", "cubic"):
        for scale in (2, 3, 1.5, 2.5, 0.5, 0.7, 0.3):
            for corners in (False, True):
                up = nn.Upsample(scale, mode, align_corners=corners)
                run(f"up1d_{mode}_{scale}_{corners}", up, line)
            if mode != "nearest":
                up = nn.Upsample(scale, mode, antialias=True)
                run(f"up1d_{mode}_{scale}_antialias", up, sample(2, 11, 2))
        run(f"up2d_{mode}", nn.Upsample((2.0, 1.3), mode), image)
        run(f"up3d_{mode}", nn.Upsample(1.5, mode, align_corners=True), volume)


def convolutions():
    mx.random.seed(10)
    line, image, volume = sample(2, 9, 4), sample(2, 6, 7, 4), sample(1, 4, 6, 5, 4)
    run("conv1d", nn.Conv1d(4, 6, 3), line)
    run("conv1d_all", nn.Conv1d(4, 6, 3, 2, 1, 2, 2, False), line)
    run("conv2d", nn.Conv2d(4, 6, 3), image)
    run("conv2d_all", nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2, False), image)
    run("conv3d", nn.Conv3d(4, 6, 3), volume)
    run("conv3d_all", nn.Conv3d(4, 6, (2, 3, 2), (1, 2, 1), 1, 1, False), volume)
    run("conv_t1d", nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1), line)
    run("conv_t2d", nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=(1, 0)), image)
    run("conv_t3d", nn.ConvTranspose3d(4, 6, 3, stride=2, bias=False), volume)


def quantized_mode(mode, x):
    linear = fill(nn.Linear(64, 32))
    run(f"qlinear_{mode}", linear.to_quantized(mode=mode), x)
    embedding = fill(nn.Embedding(9, 64)).to_quantized(mode=mode)
    run(f"qembedding_{mode}", embedding, mx.array([1, 5, 8]))
    put(f"qembedding_{mode}.as_linear", embedding.as_linear(x))


def float_quantized():
    mx.random.seed(11)
    for mode in ("mxfp4", "nvfp4", "mxfp8"):
        quantized_mode(mode, sample(3, 64))


def quantized():
    mx.random.seed(11)
    x = sample(3, 64)
    quantized_mode("affine", x)
    for bits in (2, 3, 6, 8):
        linear = fill(nn.Linear(64, 32, bias=False))
        run(f"qlinear_{bits}", linear.to_quantized(32, bits), x)
    model = nn.Sequential(nn.Linear(64, 64), nn.RMSNorm(64), nn.Linear(64, 64))
    fill(model)
    nn.quantize(
        model, class_predicate=lambda p, m: {"bits": 8} if p == "layers.2" else p[-1] == "0"
    )
    put("quantize_model", model.parameters())
    put("quantize_model_y", model(x))


def activations():
    x = mx.concatenate([sample(40, scale=3.0), mx.array([0.0, 0.5, -0.5, 1.0, -1.0, 6.0, -3.0])])
    names = """celu elu gelu gelu_approx gelu_fast_approx hard_shrink hard_tanh hardswish
        leaky_relu log_sigmoid log_softmax mish relu relu2 relu6 selu sigmoid silu softmax
        softmin softplus softshrink softsign step tanh""".split()
    for name in names:
        fn = getattr(nn, name)
        put(f"act.{name}", fn(x))
        put(f"act.{name}.int", fn(x.astype(mx.int32)))
        put(f"act.{name}.half", fn(x.astype(mx.float16)))
        if name != "step":
            put(f"act.{name}.grad", mx.grad(lambda v, fn=fn: (fn(v) * mx.cos(v)).sum())(x))
    for name in """ReLU ReLU2 ReLU6 SELU SiLU Sigmoid Softmax Softmin Softplus Softsign Tanh
        LogSigmoid LogSoftmax Mish HardTanh Hardswish""".split():
        put(f"act_layer.{name}", getattr(nn, name)()(x))
    put("act.glu", nn.glu(sample(3, 8)))
    put("act.glu_axis", nn.GLU(axis=0)(sample(4, 3)))
    for args in ({"approx": "tanh"}, {"approx": "fast"}, {"approx": "precise"}, {}):
        put(f"act_layer.GELU.{args}", nn.GELU(**args)(x))
    for kind, value in (("CELU", 2.0), ("ELU", 2.0), ("LeakyReLU", 0.3), ("Softshrink", 0.2)):
        put(f"act_layer.{kind}", getattr(nn, kind)(value)(x))
    put("act_layer.HardShrink", nn.HardShrink(0.2)(x))
    put("act_layer.Step", nn.Step(0.3)(x))
    run("prelu", nn.PReLU(5), sample(3, 5))


def losses():
    a, b, c = (sample(4, 6, seed=s) for s in (1, 2, 3))
    classes = mx.array([0, 5, 2, 2])
    signs = mx.sign(c)
    probs = mx.softmax(b, axis=-1)
    unit = mx.sigmoid(a)
    rows = mx.abs(sample(4))
    cases = {
        "cross_entropy": [
            ((a, classes), {}),
            ((a, probs), {}),
            ((a, classes), {"weights": rows, "label_smoothing": 0.2}),
            ((a, probs), {"label_smoothing": 0.3}),
            ((a, mx.array([0, 1, 2, 3, 0, 1])), {"axis": 0}),
        ],
        "binary_cross_entropy": [
            ((a, unit), {}),
            ((unit, mx.sigmoid(b)), {"with_logits": False, "weights": mx.abs(c)}),
            ((mx.array([0.0, 1.0]), mx.array([1.0, 1.0])), {"with_logits": False}),
        ],
        "l1_loss": [((a, b), {})],
        "mse_loss": [((a, b), {})],
        "nll_loss": [((a, classes), {}), ((a, mx.array([0, 1, 2, 3, 0, 1])), {"axis": 0})],
        "gaussian_nll_loss": [((a, b, c * c), {"full": True}), ((a, b, c), {})],
        "kl_div_loss": [((a, b), {}), ((a, b), {"axis": 0})],
        "smooth_l1_loss": [((a, b), {}), ((a, b), {"beta": 0.3})],
        "triplet_loss": [
            ((a, b, c), {}),
            ((a, b, c), {"p": 1, "eps": 0.5}),
            ((a, a, c), {"eps": 0.1}),
        ],
        "hinge_loss": [((a, signs), {})],
        "huber_loss": [((a, b), {"delta": 0.7})],
        "log_cosh_loss": [((a, b), {})],
        "cosine_similarity_loss": [((a, b), {}), ((a, b), {"axis": 0, "eps": 10.0})],
        "margin_ranking_loss": [((a, b, signs), {"margin": 0.1})],
    }
    for name, calls in cases.items():
        fn = getattr(nn.losses, name)
        for idx, (args, options) in enumerate(calls):
            for how in ("none", "mean", "sum"):
                put(f"loss.{name}.{idx}.{how}", fn(*args, reduction=how, **options))
            total = partial(fn, reduction="sum", **options)
            put(f"loss.{name}.{idx}.grad", mx.grad(total)(*args))


def initializers():
    mx.random.seed(12)
    a = mx.zeros((6, 5))
    init = nn.init
    put("init.constant", init.constant(3)(a))
    put("init.normal", init.normal(1.0, 0.5)(a))
    put("init.normal_half", init.normal(dtype=mx.float16)(a))
    put("init.uniform", init.uniform(-1, 2)(a))
    put("init.identity", init.identity()(mx.zeros((4, 4))))
    put("init.glorot_normal", init.glorot_normal()(a))
    put("init.glorot_uniform", init.glorot_uniform()(mx.zeros((3, 2, 2, 4)), gain=2.0))
    put("init.he_normal", init.he_normal()(a))
    put("init.he_normal_out", init.he_normal()(a, mode="fan_out", gain=2.0))
    put("init.he_uniform", init.he_uniform()(a))
    put("init.sparse", init.sparse(0.3)(a))


def orthogonal():
    mx.random.seed(13)
    put("init.orthogonal", mx.abs(nn.init.orthogonal()(mx.zeros((6, 5)))))


def trees_and_clipping():
    model = fill(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)))
    put("map", tree_map(lambda p: p * 2, model.parameters()))
    model.freeze(keys="bias")
    put("trainable", model.trainable_parameters())
    model.set_dtype(mx.float16)
    put("half", model.parameters())


def main(path, sections):
    table = [layers, sequences, grids, convolutions, quantized, float_quantized]
    table += [activations, losses, initializers, orthogonal]
    table += [trees_and_clipping]
    for section in table:
        if not sections or section.__name__ in sections:
            section()
    np.savez(path, **RESULTS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

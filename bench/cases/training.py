"""Whole models: training steps and generation, as a user writes them with nn and optimizers."""

from bench.case import Case, integers, normal

# The model of examples/char_lm.py and its twin in PyTorch, with the default sizes.
FIND_EXAMPLES = """
import sys, bench, pathlib
sys.path.insert(0, str(pathlib.Path(bench.__file__).parents[1] / "examples"))
"""
CHAR_LM_MLX = (
    FIND_EXAMPLES
    + """
import char_lm
config = char_lm.Config()
model = char_lm.build_model(config)
train = char_lm.build_step(model, config)[1]
decoder = char_lm.build_model(config)

def decode(prompt):
    return mx.array(list(char_lm.generate(decoder, bytes(prompt.tolist()), config, 32, 1.0)))
"""
)
CHAR_LM_TORCH = (
    FIND_EXAMPLES
    + """
import char_lm_torch
config = char_lm_torch.Config()
model = char_lm_torch.build_model(config)
step = char_lm_torch.build_step(model, config)[1]

def train(inputs, targets):
    with torch.enable_grad():
        return step(inputs, targets)
"""
)
CHAR_LM_MATRICES = 4 * (4 * 128 * 128 + 3 * 128 * 384) + 256 * 128

MLP_MLX = """
import mlx.nn as nn, mlx.optimizers as optim
from functools import partial
mx.random.seed(0)
mlp = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.SGD(0.01)
optimizer.init(mlp.trainable_parameters())
state = [mlp.state, optimizer.state]
def loss_fn(x, y):
    return nn.losses.cross_entropy(mlp(x), y, reduction="mean")
loss_and_grad = nn.value_and_grad(mlp, loss_fn)
def eager(x, y):
    loss, grads = loss_and_grad(x, y)
    optimizer.update(mlp, grads)
    mx.eval(loss, state)
    return loss
@partial(mx.compile, inputs=state, outputs=state)
def traced(x, y):
    loss, grads = loss_and_grad(x, y)
    optimizer.update(mlp, grads)
    return loss
def compiled(x, y):
    loss = traced(x, y)
    mx.eval(loss, state)
    return loss
"""
MLP_TORCH = """
mlp = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
for p in mlp.parameters():
    p.requires_grad_(True)
optimizer = torch.optim.SGD(mlp.parameters(), 0.01)
def eager(x, y):
    with torch.enable_grad():
        optimizer.zero_grad()
        loss = F.cross_entropy(mlp(x), y.long())
        loss.backward()
        optimizer.step()
        return loss.detach()
"""
MLP_INPUTS = {"x": normal(256, 784), "y": integers(10, 256)}
MLP_FLOPS = 2 * 256 * (784 * 128 * 2 + 128 * 10 * 3)

CASES = [
    Case(
        "MLP 784-128-10, batch 256, training step",
        MLP_INPUTS,
        "eager(x, y)",
        "eager(x, y)",
        setup_mlx=MLP_MLX,
        setup_torch=MLP_TORCH,
        flops=MLP_FLOPS,
        tolerance=None,
    ),
    Case(
        "the same, compiled",
        MLP_INPUTS,
        "compiled(x, y)",
        "eager(x, y)",
        setup_mlx=MLP_MLX,
        setup_torch=MLP_TORCH,
        flops=MLP_FLOPS,
        tolerance=None,
    ),
    Case(
        "character transformer, 8 x 128 tokens, training step",
        {"x": integers(256, 8, 128), "y": integers(256, 8, 128)},
        "train(x, y)",
        "train(x.long(), y.long())",
        setup_mlx=CHAR_LM_MLX,
        setup_torch=CHAR_LM_TORCH,
        flops=6 * CHAR_LM_MATRICES * 8 * 128,
        tolerance=None,
    ),
    Case(
        "character transformer, 8 x 128 tokens, forward",
        {"x": integers(256, 8, 128)},
        "model(x)",
        "model(x.long())",
        setup_mlx=CHAR_LM_MLX,
        setup_torch=CHAR_LM_TORCH,
        flops=2 * CHAR_LM_MATRICES * 8 * 128,
        tolerance=None,
    ),
    Case(
        "character transformer, one generated token",
        {"prompt": integers(256, 16)},
        "decode(prompt)",
        setup_mlx=CHAR_LM_MLX,
        per=32,
        read=4 * CHAR_LM_MATRICES * 32,
        tolerance=None,
    ),
]

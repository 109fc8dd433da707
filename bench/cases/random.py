"""Random numbers."""

from bench.case import Case

N = 1 << 24


def draw(name, mlx, torch, torch_out=None, itemsize=4, count=N):
    return Case(
        f"random.{name}", {}, mlx, torch, torch_out, written=itemsize * count, tolerance=None
    )


CASES = [
    draw(
        "normal 16M float32",
        f"mx.random.normal(({N},))",
        f"torch.randn({N})",
        f"torch.randn({N}, out=out)",
    ),
    draw(
        "uniform 16M float32",
        f"mx.random.uniform(shape=({N},))",
        f"torch.rand({N})",
        f"torch.rand({N}, out=out)",
    ),
    draw(
        "randint 16M int32",
        f"mx.random.randint(0, 100, ({N},))",
        f"torch.randint(0, 100, ({N},), dtype=torch.int32)",
    ),
    draw(
        "bernoulli 16M",
        f"mx.random.bernoulli(0.5, ({N},))",
        f"torch.empty({N}).bernoulli_(0.5)",
        itemsize=1,
    ),
    draw("gumbel 16M float32", f"mx.random.gumbel(({N},))", None),
    draw(
        "permutation 1M",
        "mx.random.permutation(1000000)",
        "torch.randperm(1000000)",
        count=1_000_000,
    ),
]

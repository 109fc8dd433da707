"""pytest plugin for runs on a GPU: cases of ops that have no GPU kernel yet are skipped, and a summary is written.

``python -m pytest -p tests.gpu.suite_plugin --gpu-summary tests/results/gpu-suite.md tests/ops``; with
``--gpu-share 2/8`` the third of eight processes runs its share, and leaves what it has seen in SUMMARY.2.json;
``python -m tests.gpu.suite_plugin SUMMARY`` then writes the summary of all shares.
"""

import collections
import json
import os
import pathlib
import re
import sys

import pytest

# The cases compare with float32 products.
os.environ["MLX_ENABLE_TF32"] = "0"
NO_KERNEL = re.compile(r"\[(\w+)\] No kernel for the GPU")


def pytest_addoption(parser):
    parser.addoption("--gpu-summary", type=pathlib.Path, help="where the summary goes")
    parser.addoption("--gpu-share", default="0/1", help="which share of the cases, of how many")


def share_of(config):
    return tuple(int(part) for part in config.getoption("--gpu-share").split("/"))


def pytest_collection_modifyitems(config, items):
    mine, shares = share_of(config)
    items[:] = [item for number, item in enumerate(items) if number % shares == mine]


def pytest_configure(config):
    config.gpu_missing = collections.Counter()
    config.gpu_skips = collections.Counter()
    config.gpu_failed = []
    config.gpu_counts = collections.Counter()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.excinfo is not None and report.failed:
        missing = NO_KERNEL.search(str(call.excinfo.value))
        if missing:
            item.config.gpu_missing[missing.group(1)] += 1
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, f"no GPU kernel for {missing.group(1)}")
        else:
            first_line = (str(call.excinfo.value).splitlines() or [""])[0]
            item.config.gpu_failed.append(
                (item.nodeid, f"{call.excinfo.typename}: {first_line[:200]}")
            )
    elif report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        item.config.gpu_skips[re.sub(r"^Skipped: ", "", reason).split(":")[0]] += 1
    if report.when == "call" or (report.when == "setup" and not report.passed):
        item.config.gpu_counts[report.outcome] += 1


def pytest_sessionfinish(session):
    config = session.config
    path = config.getoption("--gpu-summary")
    if path is None:
        return
    mine, shares = share_of(config)
    seen = {
        "counts": config.gpu_counts,
        "missing": config.gpu_missing,
        "skips": config.gpu_skips,
        "failed": config.gpu_failed,
    }
    if shares > 1:
        path.with_suffix(f".{mine}.json").write_text(json.dumps(seen))
    else:
        write_summary(path, [seen])


def write_summary(path, shares):
    import mlx.core as mx

    counts, missing, skips = (collections.Counter() for _ in range(3))
    failed = []
    for seen in shares:
        counts.update(seen["counts"])
        missing.update(seen["missing"])
        skips.update(seen["skips"])
        failed += seen["failed"]
    lines = [
        f"# The op suite with {mx.default_device()} as the default device",
        "",
        f"{mx.device_info().get('device_name', 'CPU')}: {counts['passed']} passed, "
        f"{len(failed)} failed, {counts['skipped']} skipped, "
        f"of these {sum(missing.values())} because a primitive has no GPU kernel.",
    ]
    if skips:
        lines += ["", "| skipped because | cases |", "|---|---|"]
        lines += [f"| {reason} | {count} |" for reason, count in skips.most_common()]
    if missing:
        lines += ["", "| primitive without a GPU kernel | cases |", "|---|---|"]
        lines += [f"| {name} | {count} |" for name, count in missing.most_common()]
    if failed:
        lines += ["", "| failed | why |", "|---|---|"]
        lines += [f"| {name} | {why.replace('|', '/')} |" for name, why in failed]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    summary = pathlib.Path(sys.argv[1])
    found = sorted(summary.parent.glob(f"{summary.stem}.*.json"))
    write_summary(summary, [json.loads(path.read_text()) for path in found])
    for path in found:
        path.unlink()

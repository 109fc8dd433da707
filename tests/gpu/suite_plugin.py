"""pytest plugin for runs on a GPU: cases of ops that have no GPU kernel yet are skipped, and a summary is written.

``python -m pytest -p tests.gpu.suite_plugin --gpu-summary tests/results/gpu-suite.md tests/ops``
"""

import collections
import pathlib
import re

import pytest

NO_KERNEL = re.compile(r"\[(\w+)\] No kernel for the GPU")


def pytest_addoption(parser):
    parser.addoption("--gpu-summary", type=pathlib.Path, help="where the summary goes")


def pytest_configure(config):
    config.gpu_missing = collections.Counter()
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
    if report.when == "call" or (report.when == "setup" and not report.passed):
        item.config.gpu_counts[report.outcome] += 1


def pytest_sessionfinish(session):
    config = session.config
    path = config.getoption("--gpu-summary")
    if path is None:
        return
    import mlx.core as mx

    lines = [
        f"# The op suite with {mx.default_device()} as the default device",
        "",
        f"{mx.device_info().get('device_name', 'CPU')}: {config.gpu_counts['passed']} passed, "
        f"{len(config.gpu_failed)} failed, {config.gpu_counts['skipped']} skipped, "
        f"of these {sum(config.gpu_missing.values())} because a primitive has no GPU kernel.",
    ]
    if config.gpu_missing:
        lines += ["", "| primitive without a GPU kernel | cases |", "|---|---|"]
        lines += [f"| {name} | {count} |" for name, count in config.gpu_missing.most_common()]
    if config.gpu_failed:
        lines += ["", "| failed | why |", "|---|---|"]
        lines += [f"| {name} | {why.replace('|', '/')} |" for name, why in config.gpu_failed]
    path.write_text("\n".join(lines) + "\n")

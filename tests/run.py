#!/usr/bin/env python3
"""Builds the tests and runs several test programs side by side.

With --lint, clippy compiles what is ours, and its warnings are errors: dependencies are then compiled once, and not once
more for the lints.

Most of them spend their time waiting for other processes, so two cores carry more than one at a time. The output of a
program is shown when it fails, or with --verbose; at the end stands how long each took.

    tests/run.py [--jobs N] [--verbose] [--lint] -- <arguments of cargo test that choose what is built>
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

# These take longest: they start first, so that the last one to end is a short one.
LONGEST_FIRST = ["conformance", "operators", "faults", "crash", "chaos", "drills", "webhooks", "cluster", "cli_jobs", "api"]


def linting():
    """The environment in which cargo has our crates compiled by clippy, as `cargo clippy` sets it."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    separator = "__CLIPPY_HACKERY__"
    return {"RUSTC_WORKSPACE_WRAPPER": f"{sysroot}/bin/clippy-driver", "CLIPPY_ARGS": f"-D{separator}warnings{separator}"}


def build(arguments, environment):
    """Builds the tests; name, program and folder of each."""
    command = [os.environ.get("CARGO", "cargo"), "test", "--no-run", "--message-format=json-render-diagnostics", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    programs = []
    for line in process.stdout:
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["profile"]["test"] and message.get("executable"):
            package = pathlib.Path(message["manifest_path"]).parent
            name = f'{package.name}/{message["target"]["name"]}'
            programs.append((name, message["executable"], package))
    if process.wait() != 0:
        sys.exit(process.returncode)
    return programs


def rank(program):
    target = program[0].split("/")[-1]
    return LONGEST_FIRST.index(target) if target in LONGEST_FIRST else len(LONGEST_FIRST)


def run(program):
    name, executable, folder = program
    began = time.monotonic()
    environment = {**os.environ, "CARGO_MANIFEST_DIR": str(folder)}
    done = subprocess.run([executable], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return name, done.returncode, time.monotonic() - began, done.stdout


def count(output):
    """How many tests passed, by what the programs themselves report."""
    return sum(int(passed) for passed in re.findall(r"^test result: .*?(\d+) passed", output, re.MULTILINE))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("HUEMILL_TEST_JOBS", "3")), help="programs at a time (default: 3)")
    parser.add_argument("--verbose", action="store_true", help="show the output of programs that pass, too")
    parser.add_argument("--lint", action="store_true", help="compile with clippy; warnings are errors")
    parser.add_argument("cargo", nargs="*", help="arguments of cargo test")
    arguments = parser.parse_args()

    programs = sorted(build(arguments.cargo, linting() if arguments.lint else {}), key=rank)
    began, failed, passed = time.monotonic(), [], 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run, program) for program in programs]):
            name, code, seconds, output = done.result()
            passed += count(output)
            print(f'{"ok    " if code == 0 else "FAILED"} {seconds:6.1f} s  {name}', flush=True)
            if code != 0:
                failed.append(name)
            if code != 0 or arguments.verbose:
                print(output, flush=True)
            for line in re.findall(r"^skipped: .*", output, re.MULTILINE):
                print(line, flush=True)
    print(f"{passed} tests passed in {len(programs)} programs, {time.monotonic() - began:.0f} s")
    if failed:
        print(f'failed: {", ".join(failed)}')
        sys.exit(1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Builds the tests and runs several test programs side by side.

With --lint, clippy compiles what is ours, and rustdoc runs beside the tests; their warnings are errors. Dependencies are
then compiled once, and not once more for each of the two.

Most of them spend their time waiting for other processes, so two cores carry more than one at a time. Each program has a
line with its time and its own `test result: …`; its output is shown when it fails, or with --verbose. The last line has
the sums in cargo's format, for tools that count tests by it.

    tests/run.py [--jobs N] [--verbose] [--lint] [--meanwhile COMMAND] -- <arguments of cargo test that choose what is built>
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

# These take longest: they start first, so that the last one to end is a short one.
LONGEST_FIRST = ["api", "page", "faults", "imaging", "cluster", "chaos", "crash", "conformance", "drills", "cli_jobs", "operators", "engine_memory",
                 "baselines", "openapi", "packages", "doc", "webhooks"]
# What cargo's result line counts, in its order.
OUTCOMES = ["passed", "failed", "ignored", "measured", "filtered out"]
# Columns for `package/target`, so that the results stand below each other.
NAME_WIDTH = 36


def linting():
    """The environment in which cargo has our crates compiled by clippy, as `cargo clippy` sets it."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    separator = "__CLIPPY_HACKERY__"
    return {"RUSTC_WORKSPACE_WRAPPER": f"{sysroot}/bin/clippy-driver", "CLIPPY_ARGS": f"-D{separator}warnings{separator}"}


def documentation(arguments, environment):
    """The program that checks the documentation of the libraries, from what the tests were built with."""
    # Cargo takes no other targets beside the documentation.
    kept = re.sub(r"--(lib|bins|tests|benches|test \S+)( |$)", "", " ".join(arguments)).split()
    variables = {**environment, "RUSTDOC": pathlib.Path("tests/rustdoc.sh").absolute()}
    cargo = [os.environ.get("CARGO", "cargo"), "test", "--quiet", "--doc", *kept]
    # Build scripts of others run again where this variable, which `run` sets, is another than before.
    return "doc", ["env", "--unset=CARGO_MANIFEST_DIR", *(f"{name}={value}" for name, value in variables.items()), *cargo], pathlib.Path.cwd()


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
            programs.append((name, [message["executable"]], package))
    if process.wait() != 0:
        sys.exit(process.returncode)
    return programs


class Meanwhile:
    """A command that runs while the tests are built, such as the installation of what they need."""

    def __init__(self, command):
        self.command, self.output = command, tempfile.TemporaryFile()
        self.process = subprocess.Popen(command.split(), stdout=self.output, stderr=subprocess.STDOUT)

    def wait(self):
        """Waits for its end and prints what it said; where it failed, the tests are over."""
        code = self.process.wait()
        self.output.seek(0)
        print(self.output.read().decode(errors="replace"), end="", flush=True)
        if code != 0:
            sys.exit(f"failed: {self.command}")


def rank(program):
    target = program[0].split("/")[-1]
    return LONGEST_FIRST.index(target) if target in LONGEST_FIRST else len(LONGEST_FIRST)


# What a program was, with its seconds, and the processor time of it and of all that it started and waited for.
Done = collections.namedtuple("Done", ["name", "code", "seconds", "cpu", "output"])


def run(program):
    name, command, folder = program
    began = time.monotonic()
    environment = {**os.environ, "CARGO_MANIFEST_DIR": str(folder)}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    return Done(name, process.returncode, time.monotonic() - began, usage.ru_utime + usage.ru_stime, said)


def result(output):
    """The last line in which a program reports its result, or nothing if it died before or has no tests."""
    return "".join(re.findall(r"^test result: .*", output, re.MULTILINE)[-1:])


def counts(line, code):
    """What a result line counts. A program that fails without such a line counts as one failed test."""
    figures = {outcome: re.search(rf"(\d+) {outcome}", line) for outcome in OUTCOMES}
    found = collections.Counter({outcome: int(figure[1]) for outcome, figure in figures.items() if figure})
    if code != 0 and not found["failed"]:
        found["failed"] = 1
    return found


def report(done, verbose):
    """Prints what there is to say about a program that ended."""
    name, code, seconds, cpu, output = done
    print(f'{"ok    " if code == 0 else "FAILED"} {seconds:6.1f} s {cpu:6.1f} CPU  {name:{NAME_WIDTH}}  {result(output)}'.rstrip(), flush=True)
    if code != 0 or verbose:
        # The line above has the result; a second one would be counted twice.
        print(re.sub(r"^test result: .*\n?", "", output, flags=re.MULTILINE), flush=True)
    for line in re.findall(r"^skipped: .*", output, re.MULTILINE):
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("HUEMILL_TEST_JOBS", "3")), help="programs at a time (default: 3)")
    parser.add_argument("--verbose", action="store_true", help="show the output of programs that pass, too")
    parser.add_argument("--lint", action="store_true", help="compile with clippy; warnings are errors")
    parser.add_argument("--meanwhile", metavar="COMMAND", help="run this while the tests are built, and start them when it has ended")
    parser.add_argument("cargo", nargs="*", help="arguments of cargo test")
    arguments = parser.parse_args()

    meanwhile = arguments.meanwhile and Meanwhile(arguments.meanwhile)
    lints = linting() if arguments.lint else {}
    programs = build(arguments.cargo, lints)
    if meanwhile:
        meanwhile.wait()
    if arguments.lint:
        programs.append(documentation(arguments.cargo, lints))
    programs.sort(key=rank)
    began, failed, total = time.monotonic(), [], collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run, program) for program in programs]):
            done = done.result()
            report(done, arguments.verbose)
            total += counts(result(done.output), done.code)
            if done.code != 0:
                failed.append(done.name)
    if failed:
        print(f'failed: {", ".join(failed)}')
    print(f'test result: {"FAILED" if failed else "ok"}. {"; ".join(f"{total[outcome]} {outcome}" for outcome in OUTCOMES)}; '
          f"finished in {time.monotonic() - began:.2f}s", flush=True)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Python's ProcessPoolExecutor and multiprocessing.Pool.

The same arguments, work and line as the other programs, after the name of the
library: see `work/`. Of the number behind `mapped`: `mapped-100` sends chunks of
100 tasks, `mapped` those that the library makes itself.

Two processes, started as is the default. Larger chunks are what the documentation
of `Executor.map` and `Pool.imap` advises for long inputs; a chunk of one is what
gives each task an outcome of its own there, since a chunk has one in common.
"""

import concurrent.futures
import json
import multiprocessing
import sys
import time

WORKERS = 2
LARGE = 1 << 20
SAME = b"x" * (LARGE - 8)


def plus_one(number):
    return number + 1


def echo(payload):
    return payload


def payload(number):
    return number.to_bytes(8, "little") + SAME


def came_back(number, answer):
    same = answer.startswith(number.to_bytes(8, "little")) and answer.endswith(SAME)
    assert same and len(answer) == LARGE, "another payload came back"
    return number + len(answer)


class ProcessPoolExecutor:
    def __init__(self, workers):
        self.pool = concurrent.futures.ProcessPoolExecutor(workers)

    def call(self, task, argument):
        return self.pool.submit(task, argument).result()

    def mapped(self, n, chunk):
        return sum(self.pool.map(plus_one, range(n), chunksize=chunk))

    def end(self):
        self.pool.shutdown()


class Pool:
    def __init__(self, workers):
        self.pool = multiprocessing.Pool(workers)

    def call(self, task, argument):
        return self.pool.apply(task, (argument,))

    def mapped(self, n, chunk):
        if chunk:
            return sum(self.pool.imap(plus_one, range(n), chunksize=chunk))
        return sum(self.pool.map(plus_one, range(n)))

    def end(self):
        self.pool.close()
        self.pool.join()


def calls(library, kind, number, n):
    pool = library(WORKERS)

    def sequential(n):
        return sum(pool.call(plus_one, i) for i in range(n))

    def large(n):
        return sum(came_back(i, pool.call(echo, payload(i))) for i in range(n))

    def mapped(n):
        return pool.mapped(n, number)

    once = {"sequential": sequential, "large": large, "mapped": mapped}[kind]
    once(-(-n // 10))
    start = time.perf_counter_ns()
    total = once(n)
    elapsed = time.perf_counter_ns() - start
    pool.end()
    return elapsed / n, total


def starts(library, n):
    def timed(i):
        start = time.perf_counter_ns()
        pool = library(1)
        answer = pool.call(plus_one, i)
        elapsed = time.perf_counter_ns() - start
        pool.end()
        return elapsed, answer

    timed(0)
    elapsed, answers = zip(*map(timed, range(n)))
    return sum(elapsed) / n, sum(answers)


def main():
    """Warms up, works, and prints."""
    name, workload, n = sys.argv[1:]
    library = {"ProcessPoolExecutor": ProcessPoolExecutor, "multiprocessing": Pool}[name]
    kind, _, number = workload.partition("-")
    n = int(n)
    each, total = starts(library, n) if kind == "first" else calls(library, kind, int(number or 0), n)
    print(json.dumps({"ns": each, "sum": total, "count": 0}))


if __name__ == "__main__":
    main()

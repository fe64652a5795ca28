"""Python's ThreadPoolExecutor as a peer: prints the jobs a second.

    thread_pool.py items COUNT           a function that returns its argument
    thread_pool.py exec COUNT PROGRAM    a command, its output captured
"""
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def echo(item):
    return item


def run(_):
    subprocess.run([sys.argv[3], "1"], capture_output=True, check=True)


count = int(sys.argv[2])
work = echo if sys.argv[1] == "items" else run
with ThreadPoolExecutor(max_workers=8) as pool:
    start = time.monotonic()
    results = list(pool.map(work, range(count)))
    print(round(count / (time.monotonic() - start)))
if work is echo and results != list(range(count)):
    sys.exit("the results are wrong")

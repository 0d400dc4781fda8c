"""Times calls of password() from Python, the key being derived and the connection kept.

Arguments: the safe's address, and how many calls. The credentials are in PASSSAFE_PASSPHRASE
and PASSSAFE_TOKEN. Prints the same figures as the programs beside it.
"""

import json
import os
import sys
from time import perf_counter_ns

from passsafe import Client


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    safe = Client(os.environ["PASSSAFE_PASSPHRASE"], os.environ["PASSSAFE_TOKEN"], url)
    for _ in range(count // 10 + 1):
        safe.password()
    times = []
    for _ in range(count):
        start = perf_counter_ns()
        safe.password()
        times.append(perf_counter_ns() - start)
    times.sort()
    figures = {f"p{percent}": times[(count - 1) * percent // 100] for percent in (50, 95, 99)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

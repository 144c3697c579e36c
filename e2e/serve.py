"""Serve moto on a free loopback port until standard input ends.

Whoever starts this holds the other end of standard input, so the server never
outlives it, however it ends.
"""

import os
import sys
import threading

from moto.server import main


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
main(["-H", "127.0.0.1", "-p", "0"])

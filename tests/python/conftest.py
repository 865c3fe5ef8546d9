"""Ctrl-C works whatever started the tests: a shell's background jobs ignore it, and so would theirs."""

import signal

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#!/usr/bin/env python3
"""The plugin count_unrecognized_commands: the session ends at the Nth unknown command."""
from postrider import Instance, run_cases
from building import greeted, load_error


def counts():
    for argument, most in (("", 4), ("2", 2)):
        with Instance(plugins=f"count_unrecognized_commands {argument}\n", listen=("smtp",), auth=False, cert=False) as p, greeted(p) as c:
            for _ in range(most - 1):
                c.expect("BLAH blah", 500)
                c.expect("NOOP", 250)
            assert "RFC 5321" in c.expect("BLAH", 521)
            assert c.line() is None


def load_errors():
    for argument in ("0", "x", "-1", "1001", "4x"):
        load_error(f"count_unrecognized_commands {argument}\n", f'found the argument "{argument}", expected a number')
    load_error("count_unrecognized_commands 4 5\n", 'found the argument "5"')


run_cases(counts, load_errors)

"""The demo: the fictional register, a clock that stands still until it is moved, mail that is only read.

Nothing outside this folder and `api/commands/demo.py` offers it: a service that serves has none of its routes.
"""

"""Reloading a policy under load: nothing is lost, and nobody is judged by half of a policy.

Two workers stand in front of an nginx that answers with the labels it was sent. Each version of the policy gives a
label of its own in its first and in its last of 200 rules, so an answer shows whether one whole policy has judged it.
A generator (`steady`) first finds what it and the proxy reach together, then sends at a share of that: once with the
policy left alone, and once while it is reloaded again and again (`driver`), by file watch, SIGHUP and admin listener
in turn, with one broken file among them. `command` runs it all and says what is missed.
"""

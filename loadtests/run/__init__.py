"""Scenarios: a crowd of people and waves of crawlers against the guard in virtual time, or a proxy over real sockets.

    scenario    a file, checked: who comes, when, how many
    cast        the actors of a scenario, drawn from a seed and one half of the parameters
    record      what happened to every request, as its sender saw it
    virtual     the guard, its paces and its challenges under a manual clock
    sockets     a proxy on loopback, real connections, one sender for each address (`wire`, `scene`)
    metrics     every figure, defined once
    report      terminal, JSON, Markdown (`plots`: SVG)
    ceiling     what the generator can send, and what it and a proxy reach together
    nightly     all scenarios, one report

Both runners take the same actors (`loadtests.actors`), and neither tells them what judges them. Never: sends a byte
beyond loopback.
"""

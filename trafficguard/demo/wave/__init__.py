"""The wave of `trafficguard demo --wave`: a small mixed crowd that visits the demo's own shop through the proxy.

It promises that whoever watches for half a minute sees people pass and crawlers slow down, get challenged and stop. All
visitors are programs of ours. Those that claim a browser send what a recorded browser sent for that kind of request, so
that what they do gives them away, not a slip of ours. They come over a Unix socket with the PROXY protocol, each from a
public-looking address of its own, and never go anywhere else.

    heads       what recorded browsers and a program send, by kind of request
    life        what a visitor is: a life that asks, is answered, and asks again
    people      shoppers, in a hurry
    crawlers    a loop, a scraper, a rotating one, a stuffer
    cast        who comes, from where, in which colour
    sockets     connections as the cast has them
    crowd       lets the cast loose, in a process of its own
    view        the live view with names, in a number of lines that one can read
    figures     what became of everybody, counted from what the proxy records
"""

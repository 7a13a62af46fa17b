"""The sample shop: a complete small web shop that stands behind the proxy in demos, tests and benchmarks.

It promises what a crawler or a visitor would meet in a real shop (listings, product pages, search, login,
cart, JSON API, images, live stock) with content that follows from the product number alone, so that two runs
answer alike. It never loads anything from a third party, never writes to disk, never keeps more than a fixed
number of sessions, and never knows that a proxy stands in front of it.

    words       the vocabulary: categories, makers, finishes, sentences
    catalogue   products made out of the words; categories, popularity, search, pagination
    shapes      outlines of things, by name
    drawing     a product's picture out of outline, finish and wall
    cart        a visitor's cart, kept in a cookie
    sessions    who is logged in
    frame       what every page shares
    pages       the pages one reads
    forms       the pages one fills in
    requests    what is read from a request, and how it is answered
    browse, account, checkout, api, assets, crawling, live, transfer
                the doors: aiohttp handlers, one noun each
    shop        builds the application out of the doors and serves it
    run, view   the demo: the shop behind the proxy, and what is shown of it
    wave        a crowd of people and crawlers that the demo lets loose

A door is a class that gets what it needs in its constructor and names its addresses in `routes()`.
"""
